"""Every kind of prior learns what can be known, and nothing that cannot: entropies that are known beforehand."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from explorer.priors import PRIORS, Level, Prior, build

LN2 = math.log(2)
World = Callable[[int, torch.Generator], tuple[dict[str, Tensor], Tensor]]  # (images, generator) -> codes, classes


def learned(kind: str, levels, classes: int, world: World, *, steps: int = 160) -> Prior:
    """A small prior that was trained on images that it saw once."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(1)
    settings = {"width": 24, "blocks": 2, "dim": 16, "dropout": 0.0, "class_dropout": 0.4}
    fewer = {"blocks": 1, "residuals": 1} if kind == "pixelsnail" else {}  # so that this takes seconds
    prior = build(kind, settings | fewer, levels, classes)
    optimizer = torch.optim.AdamW(prior.parameters(), 6e-3, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, steps)
    for _ in range(steps):
        optimizer.zero_grad()
        prior(*world(64, generator))["loss"].backward()
        torch.nn.utils.clip_grad_norm_(prior.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return prior.eval()


def bits(prior: Prior, world: World, images: int = 2000, *, known: bool = True) -> dict[str, Tensor]:
    """Bits of each code of fresh images: (images, H, W) of each level."""
    codes, classes = world(images, torch.Generator().manual_seed(2))
    found = prior.nats(codes, classes if known else torch.full_like(classes, -1))
    return {name: nats / LN2 for name, nats in found.items()}


@pytest.mark.parametrize("kind", PRIORS)
def test_codes_without_a_rule_cost_log2_k_and_never_less(kind):
    def world(images, generator):
        return {"code": torch.randint(16, (images, 4, 4), generator=generator)}, torch.full((images,), -1)

    found = bits(learned(kind, (Level("code", (4, 4), 16),), 0, world, steps=60), world)["code"]
    error = found.mean((1, 2)).std() / len(found) ** 0.5
    assert 4 - 3 * error <= found.mean() < 4.04


@pytest.mark.parametrize("kind", PRIORS)
def test_rows_that_follow_from_the_class_cost_nothing(kind):
    def world(images, generator):
        classes = torch.randint(4, (images,), generator=generator)
        rows, columns = torch.arange(5)[:, None], torch.arange(6)
        return {"code": (2 * classes[:, None, None] + 3 * rows + columns) % 8}, classes

    prior = learned(kind, (Level("code", (5, 6), 8),), 4, world, steps=120)
    assert bits(prior, world)["code"].mean() < 0.02
    unknown = bits(prior, world, known=False)["code"].mean(0)
    assert 1.95 < unknown[0, 0] < 2.4  # one of four classes, and nothing after that
    assert unknown.flatten()[1:].mean() < 0.05


@pytest.mark.parametrize("kind", PRIORS)
def test_an_ising_field_costs_its_entropy(kind):
    """Every state of 4 × 4 spins is counted, so entropy and samples are exact; its conditionals know all spins."""
    spins = 2.0 * (torch.arange(2**16)[:, None] >> torch.arange(16) & 1) - 1
    field = spins.view(-1, 4, 4)
    energy = (field[:, 1:] * field[:, :-1]).sum((1, 2)) + (field[:, :, 1:] * field[:, :, :-1]).sum((1, 2))
    chances = (0.45 * energy).double().softmax(0)
    entropy = float(-(chances * chances.log2()).sum()) / 16
    assert 0.3 < entropy < 0.8

    def world(images, generator):
        states = torch.multinomial(chances, images, replacement=True, generator=generator)
        return {"code": (field[states] > 0).long()}, torch.full((images,), -1)

    found = bits(learned(kind, (Level("code", (4, 4), 2),), 0, world), world, 10_000)["code"]
    assert found.mean() == pytest.approx(entropy, rel=0.03)


@pytest.mark.parametrize("kind", PRIORS)
def test_a_markov_mesh_costs_its_entropy(kind):
    """p(code | left, up) of a random table; the bits of the table on the very same codes are what there is to reach."""
    pool, spent = meshes(20_000)

    def world(images, generator):
        rows = torch.randint(18_000, (images,), generator=generator)
        return {"code": pool[rows]}, torch.full((images,), -1)

    def unseen(images, generator):
        return {"code": pool[-images:]}, torch.full((images,), -1)

    steps = 500 if kind == "transformer" else 160  # it has to find out where above is
    found = bits(learned(kind, (Level("code", (4, 5), 4),), 0, world, steps=steps), unseen)["code"]
    truth = float(spent[-2000:].mean())
    assert 0.8 < truth < 1.8
    assert float(found.mean()) == pytest.approx(truth, rel=0.03)


@functools.cache
def meshes(images: int) -> tuple[Tensor, Tensor]:
    """Code maps (images, 4, 5) of a Markov mesh, and the bits of each code by the table that drew it."""
    generator = torch.Generator().manual_seed(3)
    table = (1.5 * torch.randn(5, 5, 4, generator=generator)).softmax(2)
    codes, spent = torch.full((images, 5, 6), 4), torch.zeros(images, 4, 5)  # 4: beyond the edge
    for row in range(1, 5):
        for column in range(1, 6):
            rows = table[codes[:, row, column - 1], codes[:, row - 1, column]]
            drawn = torch.multinomial(rows, 1, generator=generator)
            codes[:, row, column] = drawn[:, 0]
            spent[:, row - 1, column - 1] = -rows.gather(1, drawn)[:, 0].log2()
    return codes[:, 1:, 1:], spent


@pytest.mark.parametrize("kind", PRIORS)
def test_a_lower_level_costs_what_the_upper_one_leaves_open(kind):
    """The class leaves two codes for the top; a code of the bottom is the one above it, nine times in ten."""
    levels = (Level("top", (2, 2), 8), Level("bottom", (4, 4), 8))

    def world(images, generator):
        classes = torch.randint(4, (images,), generator=generator)
        top = 2 * classes[:, None, None] + torch.randint(2, (images, 2, 2), generator=generator)
        above = top.repeat_interleave(2, 1).repeat_interleave(2, 2)
        other = torch.randint(8, above.shape, generator=generator)
        kept = torch.rand(above.shape, generator=generator) < 0.9
        return {"top": top, "bottom": torch.where(kept, above, other)}, classes

    found = bits(learned(kind, levels, 4, world), world)
    chance = 0.9 + 0.1 / 8
    open_ = -chance * math.log2(chance) - 7 * (0.1 / 8) * math.log2(0.1 / 8)
    assert found["top"].mean() == pytest.approx(1, rel=0.03)
    assert found["bottom"].mean() == pytest.approx(open_, rel=0.05)
