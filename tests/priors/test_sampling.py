"""Samples are the same whatever is drawn beside them, and as probable as the prior says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from explorer.errors import BadInput, Cancelled
from explorer.priors import PRIORS, Level, heads, picking
from explorer.priors.picking import choose
from explorer.priors.sampling import Choices, sample
from tests.priors.conftest import TWO

SQUARE = (Level("code", (2, 2), 3),)
PLAIN = Choices()
SHARP = Choices(temperature=0.7, top_k=4, top_p=0.95, guidance=2.5)


def all_codes(level: Level) -> torch.Tensor:
    """Every code map there can be: (K^places, H, W)."""
    grid = torch.cartesian_prod(*[torch.arange(level.codes)] * level.places)
    return grid.view(-1, *level.grid)


def index_of(codes: torch.Tensor, level: Level) -> np.ndarray:
    """Which of them each code map is, (n,)."""
    return (codes.flatten(1) * level.codes ** torch.arange(level.places - 1, -1, -1)).sum(1).numpy()


def likelihood(counts: np.ndarray, chances: np.ndarray) -> float:
    """How often draws fit these chances no better than `counts` do: rare outcomes are counted as one."""
    expected = chances / chances.sum() * counts.sum()
    often = expected > 5
    seen, wanted = np.append(counts[often], counts[~often].sum()), np.append(expected[often], expected[~often].sum())
    return float(chisquare(seen[wanted > 1e-6], wanted[wanted > 1e-6]).pvalue)


@pytest.mark.parametrize("kind", PRIORS)
@pytest.mark.parametrize("choices", [PLAIN, SHARP, Choices(temperature=0)], ids=["plain", "sharp", "greedy"])
def test_a_sample_is_the_same_whatever_is_drawn_beside_it(tiny_prior, kind, choices):
    prior = tiny_prior(kind, TWO)
    classes = np.arange(40) % 4 - 1
    whole = sample(prior, classes, choices)
    for rows in ([3], [0, 1, 2, 3, 4], list(range(16)), [39, 7, 20], list(range(17, 40))):
        part = sample(prior, classes[rows], choices, numbers=np.array(rows))
        for level in TWO:
            assert (part[level.name] == whole[level.name][rows]).all()


@pytest.mark.parametrize("choices", [PLAIN, SHARP], ids=["plain", "sharp"])
def test_what_float32_cannot_tell_is_decided_in_float64(tiny_prior, monkeypatch, choices):
    """Rounding that is a thousand times larger, and another one in each call, changes no sample."""
    exactly = heads.Whole.logits

    def shaken(self: heads.Whole, query: torch.Tensor) -> torch.Tensor:
        logits = exactly(self, query)
        return logits + (torch.rand_like(logits) - 0.5) * 0.02 if logits.dtype == torch.float32 else logits

    prior, classes = tiny_prior("transformer", TWO), np.zeros(64, int)
    monkeypatch.setattr(heads.Whole, "logits", shaken)
    monkeypatch.setattr(picking, "DOUBT", 0.02)
    first, again = (sample(prior, classes, choices)["bottom"] for _ in range(2))
    assert (first == again).all()
    monkeypatch.setattr(picking, "DOUBT", 0.0)
    assert (sample(prior, classes, choices)["bottom"] != first).any()


@pytest.mark.parametrize("kind", PRIORS)
def test_samples_are_as_probable_as_the_prior_says(tiny_prior, kind):
    prior = tiny_prior(kind, SQUARE)
    known = all_codes(SQUARE[0])
    expected = torch.exp(-prior.nats({"code": known}, torch.full((81,), 1))["code"].double().sum((1, 2)))
    assert expected.sum() == pytest.approx(1, abs=1e-5)
    found = sample(prior, np.full(6000, 1), Choices(seed=3))["code"]
    counts = np.bincount(index_of(found, SQUARE[0]), minlength=81)
    assert likelihood(counts, expected.numpy()) > 1e-3


def test_another_seed_draws_other_samples(tiny_prior):
    prior = tiny_prior("transformer", TWO)
    first, again, other = (sample(prior, np.zeros(8, int), Choices(seed=seed))["bottom"] for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any((1, 2)).all()


def test_temperature_0_takes_the_likeliest_code_everywhere(tiny_prior):
    prior = tiny_prior("transformer", SQUARE)
    found = sample(prior, np.full(3, 2), Choices(temperature=0, seed=5))["code"]
    assert (found == found[:1]).all()
    for place in range(4):
        others = found[:1].repeat(3, 1, 1)
        others.view(3, 4)[:, place] = torch.arange(3)
        nats = prior.nats({"code": others}, torch.full((3,), 2))["code"].flatten(1)[:, place]
        assert int(nats.argmin()) == int(found.view(3, 4)[0, place])
    narrow = sample(prior, np.full(3, 2), Choices(top_k=1))["code"]
    assert (narrow == found).all()


def drawn(logits: list[float], choices: Choices, count: int = 4000) -> set[int]:
    """The codes that are ever drawn."""
    noise = torch.distributions.Gumbel(0.0, 1.0)
    torch.manual_seed(0)
    codes, _ = choose(torch.tensor([logits]).repeat(count, 1), choices, lambda size: noise.sample((count, size)))
    return set(codes.tolist())


def test_top_k_and_top_p_leave_out_what_they_should():
    logits = np.log([0.5, 0.3, 0.15, 0.05]).tolist()
    assert drawn(logits, PLAIN) == {0, 1, 2, 3}
    assert drawn(logits, Choices(top_k=2)) == {0, 1}
    assert drawn(logits, Choices(top_p=0.6)) == {0, 1}
    assert drawn(logits, Choices(top_p=0.45)) == {0}
    assert drawn(logits, Choices(top_k=3, top_p=0.85)) == {0, 1, 2}  # 0.5 + 0.3 of 0.95 are less than 0.85
    assert drawn(logits, Choices(top_p=0)) == {0}
    assert drawn([0.0, 0.0, 0.0], Choices(top_k=1)) == {0, 1, 2}  # none of the three is likelier


def test_temperature_makes_likely_codes_likelier():
    logits = torch.log(torch.tensor([[0.7, 0.3]])).repeat(20_000, 1)
    torch.manual_seed(0)
    noise = torch.distributions.Gumbel(0.0, 1.0).sample((20_000, 2))
    for temperature, share in ((1.0, 0.7), (0.5, 0.49 / 0.58), (2.0, 0.7**0.5 / (0.7**0.5 + 0.3**0.5))):
        codes, _ = choose(logits, Choices(temperature=temperature), lambda _: noise)
        assert (codes == 0).float().mean() == pytest.approx(share, abs=0.012)


def test_guidance_moves_logits_from_no_class_through_the_class(tiny_prior):
    """0 is no class, 1 the class; in between, and beyond, the codes that the formula makes likeliest."""
    prior = tiny_prior("transformer", SQUARE)
    greedy = {g: sample(prior, np.array([1]), Choices(temperature=0, guidance=g))["code"] for g in (0.0, 1.0, 3.0)}
    assert (greedy[0.0] == sample(prior, np.array([-1]), Choices(temperature=0))["code"]).all()
    assert (greedy[1.0] == sample(prior, np.array([1]), Choices(temperature=0))["code"]).all()
    known = all_codes(Level("code", (1, 1), 3)).expand(3, 2, 2).contiguous()
    of_class, of_none = (
        -prior.nats({"code": known}, torch.full((3,), one))["code"][:, 0, 0].double() for one in (1, -1)
    )
    assert int((of_none + 3 * (of_class - of_none)).argmax()) == int(greedy[3.0][0, 0, 0])


def test_two_factors_draw_every_code_as_often_as_it_is_probable(tiny_prior):
    prior = tiny_prior("transformer", (Level("code", (1, 1), 17),), 0)
    stage = prior.stages[0]
    torch.manual_seed(1)
    stage.head = heads.head(17, prior.config.dim, whole=4)
    expected = torch.exp(-prior.nats({"code": torch.arange(17).view(17, 1, 1)})["code"].double().flatten())
    found = sample(prior, np.full(8000, -1))["code"].flatten().numpy()
    assert likelihood(np.bincount(found, minlength=17), expected.numpy()) > 1e-3


def test_a_single_place_and_a_single_code_are_drawn(tiny_prior):
    found = sample(tiny_prior("transformer", (Level("code", (1, 1), 1),), 0), np.full(3, -1), SHARP_WITHOUT)["code"]
    assert found.shape == (3, 1, 1)
    assert not found.any()


SHARP_WITHOUT = Choices(temperature=0.7, top_k=4, top_p=0.95)


def test_rows_are_told_as_they_are_drawn_and_it_can_be_stopped(tiny_prior):
    prior, seen = tiny_prior("transformer", TWO), []

    def note(level: str, row: int, codes: dict[str, torch.Tensor]) -> None:
        seen.append((level, row, int((codes["bottom"] < 0).sum())))

    sample(prior, np.zeros(2, int), told=note)
    assert seen == [("top", 0, 32), ("top", 1, 32), *[("bottom", row, 24 - 8 * row) for row in range(4)]]

    def stop(level: str, row: int, codes: object) -> None:
        raise Cancelled("enough")

    with pytest.raises(Cancelled):
        sample(prior, np.zeros(2, int), told=stop)


def test_cells_that_are_kept_stay(tiny_prior):
    prior = tiny_prior("transformer", TWO)
    given = {"top": np.full((2, 2), 4), "bottom": np.full((3, 4, 4), 6)}
    keep = {"top": np.ones((2, 2), bool), "bottom": np.tile(np.arange(16).reshape(4, 4) < 8, (3, 1, 1))}
    found = sample(prior, np.zeros(3, int), given=given, keep=keep)
    assert (found["top"] == 4).all()
    assert (found["bottom"][:, :2] == 6).all()
    assert (found["bottom"] >= 0).all()


def test_bad_input_is_a_sentence(tiny_prior):
    prior, none = tiny_prior("transformer"), tiny_prior("transformer", classes=0)
    with pytest.raises(BadInput, match="no class 3; choose from 0 to 2"):
        sample(prior, np.array([3]))
    with pytest.raises(BadInput, match="trained without a class"):
        sample(none, np.array([0]))
    with pytest.raises(BadInput, match="trained without one"):
        sample(none, np.array([-1]), Choices(guidance=2))
    with pytest.raises(BadInput, match="class hidden"):
        sample(tiny_prior("transformer", class_dropout=0.0), np.array([0]), Choices(guidance=2))
    with pytest.raises(BadInput, match="give 3 × 5"):
        sample(prior, np.array([0]), given={"code": np.zeros((2, 2))}, keep={"code": np.zeros((2, 2), bool)})
    with pytest.raises(BadInput, match="code 9 of 'code' is out of range; choose from 0 to 6"):
        sample(prior, np.array([0]), given={"code": np.full((3, 5), 9)}, keep={"code": np.ones((3, 5), bool)})
