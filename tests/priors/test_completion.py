"""Completions keep what is kept, and are distributed as the prior says that they are given it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explorer.priors import PRIORS, Level
from explorer.priors.completion import complete
from explorer.priors.sampling import Choices, sample
from tests.priors.conftest import TWO
from tests.priors.test_sampling import SQUARE, all_codes, index_of, likelihood


def conditional(prior, given: torch.Tensor, keep: torch.Tensor, of_class: int) -> np.ndarray:
    """p(code map | what is kept of it, class) of every code map of SQUARE."""
    known = all_codes(SQUARE[0])
    chances = torch.exp(-prior.nats({"code": known}, torch.full((len(known),), of_class))["code"].double().sum((1, 2)))
    chances[((known != given) & keep).any((1, 2))] = 0
    return (chances / chances.sum()).numpy()


@pytest.mark.parametrize("kind", PRIORS)
def test_completions_are_distributed_as_the_prior_says(tiny_prior, kind):
    """The last cell is kept, and the first three are drawn: in raster order alone they would know nothing of it."""
    prior = tiny_prior(kind, SQUARE)
    torch.manual_seed(0)
    with torch.no_grad():  # so that cells depend on one another
        for parameter in prior.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    keep = torch.tensor([[False, False], [False, True]])
    known = [conditional(prior, torch.full((2, 2), code), keep, 1) for code in range(3)]
    last = int(np.argmin([known[code].max() for code in range(3)]))
    given = torch.full((2, 2), last)
    count = 400
    found = complete(prior, np.full(count, 1), {"code": given}, {"code": keep}, drafts=192)
    assert (found.codes["code"][:, 1, 1] == last).all()
    assert likelihood(np.bincount(index_of(found.codes["code"], SQUARE[0]), minlength=81), known[last]) > 1e-3
    # and in raster order alone they are distributed otherwise, so that the test can tell
    careless = sample(prior, np.full(count, 1), given={"code": given}, keep={"code": keep})["code"]
    assert likelihood(np.bincount(index_of(careless, SQUARE[0]), minlength=81), known[last]) < 1e-6


def test_the_upper_level_listens_to_what_is_kept_of_the_lower_one(tiny_prior):
    """Both levels one cell: p(top | bottom) by Bayes' rule."""
    levels = (Level("top", (1, 1), 3), Level("bottom", (1, 2), 3))
    prior = tiny_prior("transformer", levels)
    with torch.no_grad():
        prior.stages[1].head.table.weight.mul_(2.5)
    kept = torch.tensor([[1, 2]])
    tops = torch.arange(3).view(3, 1, 1)
    nats = prior.nats({"top": tops, "bottom": kept.expand(3, 1, 2)}, torch.zeros(3, dtype=torch.int64))
    expected = torch.softmax(-(nats["top"].sum((1, 2)) + nats["bottom"].sum((1, 2))).double(), 0)
    found = complete(
        prior, np.zeros(400, int), {"bottom": kept}, {"bottom": torch.ones(1, 2, dtype=torch.bool)}, drafts=48
    )
    counts = np.bincount(found.codes["top"].flatten(), minlength=3)
    assert likelihood(counts, expected.numpy()) > 1e-3
    assert (found.codes["bottom"] == kept).all()


def test_a_missing_lower_half_needs_no_drafts(tiny_prior):
    prior = tiny_prior("transformer", TWO)
    given = {"top": np.ones((2, 2), int), "bottom": np.ones((4, 4), int)}
    keep = {"top": np.ones((2, 2), bool), "bottom": np.arange(16).reshape(4, 4) < 8}
    found = complete(prior, np.zeros(3, int), given, keep, Choices(seed=2))
    plain = sample(prior, np.zeros(3, int), Choices(seed=2), given=given, keep=keep)
    assert found.drafts == 1
    assert found.effective.tolist() == [1, 1, 1]
    assert all((found.codes[name] == plain[name]).all() for name in plain)


@pytest.mark.parametrize("kind", PRIORS)
def test_a_completion_is_the_same_whatever_is_completed_beside_it(tiny_prior, kind):
    prior = tiny_prior(kind, TWO)
    given = {"bottom": torch.randint(7, (4, 4), generator=torch.Generator().manual_seed(0))}
    keep = {"bottom": torch.arange(16).view(4, 4) % 3 > 0}
    choices = Choices(guidance=1.5, temperature=0.9)
    whole = complete(prior, np.array([0, 1, 2, 0, -1]), given, keep, choices, drafts=16)
    part = complete(prior, np.array([2, -1]), given, keep, choices, drafts=16, numbers=np.array([2, 4]))
    for level in TWO:
        assert (part.codes[level.name] == whole.codes[level.name][[2, 4]]).all()
    assert (whole.codes["bottom"][:, keep["bottom"]] == given["bottom"][keep["bottom"]]).all()
    assert part.effective == pytest.approx(whole.effective[[2, 4]])
    assert (whole.effective >= 1).all()
    assert (whole.effective <= 16).all()


def test_everything_kept_is_given_back(tiny_prior):
    prior = tiny_prior("transformer", TWO)
    given = {"top": np.full((2, 2), 3), "bottom": np.full((4, 4), 2)}
    found = complete(prior, np.zeros(2, int), given, {name: np.ones_like(one, bool) for name, one in given.items()})
    assert all((found.codes[name].numpy() == one).all() for name, one in given.items())


def test_codes_in_two_factors_are_weighed_whole(tiny_prior):
    from explorer.priors import heads

    levels = (Level("code", (1, 2), 17),)
    prior = tiny_prior("transformer", levels, 0)
    torch.manual_seed(1)
    prior.stages[0].head = heads.head(17, prior.config.dim, whole=4)
    kept = torch.tensor([[0, 11]])
    codes = torch.stack([torch.arange(17), torch.full((17,), 11)], 1).view(17, 1, 2)
    expected = torch.softmax(-prior.nats({"code": codes})["code"].double().sum((1, 2)), 0)
    keep = {"code": torch.tensor([[False, True]])}
    found = complete(prior, np.full(400, -1), {"code": kept}, keep, drafts=64).codes["code"][:, 0, 0]
    assert likelihood(np.bincount(found, minlength=17), expected.numpy()) > 1e-3
