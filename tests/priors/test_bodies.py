"""Every kind of prior: what is computed place by place is what is computed at once, and nothing is known too early."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from explorer import glossary
from explorer.errors import BadInput
from explorer.priors import PRIORS, Level, build

GRIDS = ((1, 1), (1, 7), (7, 1), (3, 5), (8, 8))
TWO = (Level("top", (2, 3), 5), Level("bottom", (4, 6), 7))


def drawn(levels, count: int = 3) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {one.name: torch.randint(one.codes, (count, *one.grid), generator=generator) for one in levels}


def stepped(prior, name: str, codes, classes) -> torch.Tensor:
    """Features (N, places, C) of a level, place by place."""
    cursor, flat = prior.begin(name, codes, classes), codes[name].flatten(1)
    return torch.stack([cursor.step(flat[:, place - 1] if place else None) for place in range(flat.shape[1])], 1)


@pytest.mark.parametrize("kind", PRIORS)
@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("levels", [*((Level("code", grid, 7),) for grid in GRIDS), TWO], ids=lambda one: str(one[-1]))
def test_place_by_place_is_all_at_once(tiny_prior, kind, classes, levels):
    prior, codes = tiny_prior(kind, levels, classes).double(), drawn(levels)
    known = torch.tensor([2, -1, 0]) if classes else torch.full((3,), -1)
    for level in levels:
        with torch.no_grad():
            whole = prior.stage(level.name).features(codes, known).flatten(1, 2)
        assert whole.std() > 0.01
        torch.testing.assert_close(stepped(prior, level.name, codes, known), whole, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", PRIORS)
@pytest.mark.parametrize("settings", [{}, {"kernel": 5, "first_kernel": 9}, {"kernel": 7, "residuals": 3}])
def test_other_kernels_too(tiny_prior, kind, settings):
    fields = PRIORS[kind].config.__dataclass_fields__
    settings = {name: value for name, value in settings.items() if name in fields}
    levels = (Level("code", (4, 5), 7),)
    prior, codes = tiny_prior(kind, levels, 2, **settings).double(), drawn(levels)
    classes = torch.tensor([0, 1, -1])
    with torch.no_grad():
        whole = prior.stage("code").features(codes, classes).flatten(1, 2)
    torch.testing.assert_close(stepped(prior, "code", codes, classes), whole, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", PRIORS)
@pytest.mark.parametrize("at", [1, 5, 7, 14])
def test_images_can_be_chosen_again_on_the_way(tiny_prior, kind, at):
    prior, classes = tiny_prior(kind).double(), torch.tensor([0, 1, 2])
    codes, chosen = drawn(prior.levels), torch.tensor([2, 0, 0, 1])
    with torch.no_grad():
        whole = prior.stage("code").features(codes, classes).flatten(1, 2)
    cursor, flat = prior.begin("code", codes, classes), codes["code"].flatten(1)
    for place in range(at):
        cursor.step(flat[:, place - 1] if place else None)
    cursor.take(chosen)
    for place in range(at, flat.shape[1]):
        found = cursor.step(flat[chosen, place - 1])
        torch.testing.assert_close(found, whole[chosen, place], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", PRIORS)
@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("label", [-1, 2])
def test_no_gradient_of_a_code_reaches_what_predicts_it(tiny_prior, kind, level, label):
    """Of features at every place to embedded codes at every place: nothing at or above the diagonal, much below."""
    prior = tiny_prior(kind, TWO).double()
    codes, classes = drawn(TWO, 1), torch.tensor([label])
    stage = prior.stages[level]
    reached = jacobian(stage, stage.embed(codes[TWO[level].name]), stage.context(codes, classes))
    places = TWO[level].places
    above = torch.ones(places, places, dtype=torch.bool).triu()  # rows: where it is predicted; columns: what is read
    assert reached[above].abs().max() == 0
    columns = TWO[level].grid[1]
    assert all(reached[place, place - 1] > 0 for place in range(1, places) if place % columns)
    assert all(reached[place, place - columns] > 0 for place in range(columns, places))


@pytest.mark.parametrize("kind", PRIORS)
def test_nothing_is_overlooked(tiny_prior, kind):
    """Everything above and left is seen, the wedge above and right, too, which masked convolutions alone never see."""
    levels = (Level("code", (5, 5), 7),)
    prior = tiny_prior(kind, levels, 0, blocks=4).double()
    stage, codes = prior.stages[0], drawn(levels, 1)
    reached = jacobian(stage, stage.embed(codes["code"]), stage.context(codes, torch.tensor([-1])))
    assert (reached[12, :12] > 0).all()  # the place in the middle: two rows above, and two places left
    assert (reached[24, :24] > 0).all()
    assert (reached[20, :20] > 0).all()  # the first of the last row, for which all is above and right


@pytest.mark.parametrize("kind", PRIORS)
def test_class_and_levels_above_are_known_everywhere(tiny_prior, kind):
    prior, codes = tiny_prior(kind, TWO), drawn(TWO, 1)
    said = [prior.nats(codes, torch.tensor([label]))["bottom"] for label in (-1, 0, 1)]
    assert all((said[0] - other).abs().min() > 0 for other in said[1:])
    other = {**codes, "top": (codes["top"] + 1) % 5}
    assert (prior.nats(other, torch.tensor([0]))["bottom"] - said[1]).abs().min() > 0


def jacobian(stage, embedded: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
    """How strongly the features at a place depend on the embedded code at a place: (places, places)."""
    x = embedded.detach().permute(0, 3, 1, 2).clone().requires_grad_()
    features = stage.body(x, context).flatten(2)[0]  # (C, places)
    weights = torch.randn(len(features), generator=torch.Generator().manual_seed(2), dtype=features.dtype)
    rows = [torch.autograd.grad(weights @ one, x, retain_graph=True)[0] for one in features.T]
    return torch.stack([row.abs().sum(1).flatten() for row in rows]).detach()


@pytest.mark.parametrize("kind", PRIORS)
def test_half_precision_is_for_products_alone(tiny_prior, kind):
    """Under autocast the loss is taken in float32: bits are those of float32 but for the rounding of logits."""
    prior, codes, classes = tiny_prior(kind, TWO), drawn(TWO), torch.tensor([0, 1, -1])
    exact = prior(codes, classes)["loss"]
    with torch.autocast("cpu", torch.bfloat16):
        found = prior(codes, classes)["loss"]
    found.backward()
    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(exact.item(), rel=0.02)
    assert all(one.grad is not None and one.grad.isfinite().all() for one in prior.parameters())


@pytest.mark.parametrize("kind", PRIORS)
def test_one_code_costs_nothing(tiny_prior, kind):
    levels = (Level("code", (2, 2), 1),)
    prior = tiny_prior(kind, levels)
    assert (prior.nats(drawn(levels), torch.tensor([0, 1, -1]))["code"] == 0).all()


@pytest.mark.parametrize("kind", PRIORS)
def test_defaults_are_small_enough_to_ship(kind):
    with torch.device("meta"):
        prior = build(kind, {}, (Level("code", (8, 8), 1024),), 10)
    assert 350_000 < sum(one.numel() for one in prior.stages[0].body.parameters()) < 700_000
    assert sum(one.numel() for one in prior.parameters()) * 4 < 2.4e6


@pytest.mark.parametrize(
    ("kind", "settings", "said"),
    [
        ("pixelrnn", {}, "unknown prior 'pixelrnn'; choose from pixelcnn, pixelsnail, transformer"),
        ("transformer", {"heads": 5}, "5 heads do not divide a width of 96; choose a multiple of the heads"),
        ("pixelcnn", {"heads": 4}, "unknown setting 'heads'; choose from width"),
        ("pixelcnn", {"kernel": 4}, "unknown kernel 4; choose from 3, 5, 7"),
    ],
)
def test_what_cannot_be_built_is_said(kind, settings, said):
    with pytest.raises(BadInput, match=said):
        build(kind, settings, (Level("code", (8, 8), 16),), 0)


@pytest.mark.parametrize("kind", PRIORS)
def test_every_setting_has_a_name_and_a_help(kind):
    config = PRIORS[kind].config
    names = [glossary.label(config, one) for one in dataclasses.fields(config)]
    assert len(set(names)) == len(names)
    assert all(one.metadata["label"] and one.metadata["help"].endswith(".") for one in dataclasses.fields(config))
    assert glossary.label(config, config.__dataclass_fields__["blocks"]) == "Blocks"  # not those of a transformer
