"""A prior that looks at what it predicts is found out."""

from __future__ import annotations

import pytest
import torch

from explorer.priors import PRIORS, Level
from explorer.priors.causality import leaks

TWO = (Level("top", (2, 3), 5), Level("bottom", (4, 6), 7))


def drawn(levels, count: int = 4) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return {one.name: torch.randint(one.codes, (count, *one.grid), generator=generator) for one in levels}


@pytest.mark.parametrize("kind", PRIORS)
@pytest.mark.parametrize("levels", [(Level("code", (8, 8), 70),), (Level("code", (1, 1), 7),), TWO], ids=str)
def test_priors_are_causal_to_the_bit(tiny_prior, kind, levels):
    assert leaks(tiny_prior(kind, levels), drawn(levels), torch.tensor([0, 1, 2, -1])) == 0


def test_two_factors_are_causal(tiny_prior):
    levels = (Level("code", (2, 3), 5000),)
    assert leaks(tiny_prior("pixelcnn", levels), drawn(levels)) == 0


@pytest.mark.parametrize("kind", PRIORS)
def test_a_body_that_sees_its_own_place_leaks(tiny_prior, kind):
    prior = tiny_prior(kind)
    whole = prior.stages[0].body.forward
    prior.stages[0].body.forward = lambda x, context: whole(x, context) + 1e-3 * x
    assert leaks(prior, drawn(prior.levels)) > 1e-5


def test_a_body_that_sees_the_last_place_leaks(tiny_prior):
    prior = tiny_prior("transformer")
    whole = prior.stages[0].body.forward
    prior.stages[0].body.forward = lambda x, context: whole(x, context) + x[:, :, -1:, -1:]
    assert leaks(prior, drawn(prior.levels), places=1) > 1e-5


def test_an_upper_level_that_sees_a_lower_one_leaks(tiny_prior):
    prior = tiny_prior("pixelcnn", TWO)
    top, bottom = prior.stages
    whole = top.context
    top.context = lambda codes, classes: (
        whole(codes, classes) + bottom.embed(codes["bottom"]).mean((1, 2))[..., None, None]
    )
    assert leaks(prior, drawn(TWO)) > 1e-5


def test_a_training_goes_on_as_it_was(tiny_prior):
    prior = tiny_prior("pixelcnn").train()
    leaks(prior, drawn(prior.levels))
    assert prior.training
