"""What a prior expected in each cell: the same probabilities as its own, ranked, in every kind, also of many codes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explorer.priors import PRIORS, Level
from explorer.study import expecting
from tests.priors.conftest import ONE, TWO, random_codes

MANY = (Level("code", (2, 3), 5_000),)


def expect(prior, codes, known: int, level: str):
    one = {name: values[0].numpy() for name, values in codes.items()}
    with torch.inference_mode():
        return expecting._expect.__wrapped__(prior, one, known, level)


@pytest.mark.parametrize("kind", PRIORS)
@pytest.mark.parametrize("levels", [ONE, TWO, MANY], ids=["one", "two", "many"])
def test_bits_are_those_of_the_prior_and_ranks_follow(tiny_prior, kind, levels):
    prior, codes = tiny_prior(kind, levels), random_codes(levels, 1)
    nats = prior.nats(codes, torch.tensor([1]))
    for level in levels:
        found = expect(prior, codes, 1, level.name)
        assert np.allclose(found.bits, nats[level.name][0].numpy() / np.log(2), atol=1e-4)
        stage = prior.stage(level.name)
        with torch.inference_mode():
            chances = stage.logits(stage.features(codes, torch.tensor([1])))[0].float().softmax(-1).numpy()
        assert np.allclose(np.sort(chances, -1)[..., ::-1][..., : found.chances.shape[-1]], found.chances, atol=1e-6)
        own = np.take_along_axis(chances, found.codes[..., None], -1)
        assert (np.abs(found.rank - 1 - (chances > own).sum(-1)) <= 1).all(), "ties may fall either way"
        best = np.take_along_axis(chances, found.likeliest[..., :1], -1)[..., 0]
        assert np.allclose(best, chances.max(-1))


def test_the_class_changes_what_is_expected(tiny_prior):
    prior, codes = tiny_prior("pixelcnn"), random_codes(ONE, 1)
    one, other, none = (expect(prior, codes, known, "code").bits for known in (0, 1, -1))
    assert not np.allclose(one, other) and not np.allclose(one, none)


def test_too_many_codes_to_rank_still_cost_what_they_cost(tiny_prior, monkeypatch):
    prior, codes = tiny_prior("pixelcnn"), random_codes(ONE, 1)
    ranked = expect(prior, codes, 1, "code")
    monkeypatch.setattr(expecting, "MOST", 10)
    found = expect(prior, codes, 1, "code")
    assert np.allclose(found.bits, ranked.bits, atol=1e-4)
    assert (found.rank == 0).all() and found.likeliest.shape == found.chances.shape == (3, 5, 0)


def test_one_cell_and_one_code(tiny_prior):
    level = (Level("code", (1, 1), 1),)
    found = expect(tiny_prior("transformer", level), random_codes(level, 1), -1, "code")
    assert found.bits.tolist() == [[0]] and found.rank.tolist() == [[1]] and found.likeliest.tolist() == [[[0]]]
