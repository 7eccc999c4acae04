"""Attention: a block with one head by hand, hidden patches, and how far a head looks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explorer.analysis.attention import attend
from explorer.autoencoder import Attends


class Hand:
    """One block with two heads on 2 × 2 patches of one pixel, and a class token: softmax of given scores, and even."""

    first_tokens, attention_blocks = 1, 1
    scores = torch.tensor([[0.0, 1, 2, 3, 4], [1, 0, 2, 0, 1], [2, 2, 0, 1, 0], [0, 0, 0, 0, 9], [1, 2, 3, 4, 5]])

    def attention(self, images, mask):
        keep = torch.cat([torch.tensor([True]), ~mask[0].reshape(-1)])
        scores = self.scores[keep][:, keep]
        yield torch.stack([scores.softmax(1), torch.full_like(scores, 1 / len(scores))])[None]


PIXELS = np.zeros((2, 2, 3), np.uint8)
NONE = np.zeros((2, 2), bool)


def test_weights_are_the_softmax_computed_by_hand():
    found = attend(Hand(), PIXELS, NONE, 0)
    powers = np.exp([1, 0, 2, 0, 1])
    assert found.weights[0, 0].reshape(-1) == pytest.approx(powers[1:] / powers.sum())
    assert found.first[0, 0] == pytest.approx(powers[0] / powers.sum()) and found.tokens == 5
    assert found.weights.shape == (1, 2, 2, 2) and isinstance(Hand(), Attends)
    assert found.weights.sum((2, 3)) + found.first == pytest.approx(np.ones((1, 2)))


def test_entropy_and_distance_by_hand():
    found = attend(Hand(), PIXELS, NONE, 0)
    weights = np.exp([1, 0, 2, 0, 1]) / np.exp([1, 0, 2, 0, 1]).sum()
    assert found.entropy[0] == pytest.approx([-(weights * np.log2(weights)).sum(), np.log2(5)], rel=1e-5)
    away = np.array([0, 1, 1, np.sqrt(2)])  # of the patches from the first one
    assert found.distance[0, 0] == pytest.approx((weights[1:] @ away) / weights[1:].sum(), rel=1e-5)
    assert found.distance[0, 1] == pytest.approx(away.mean(), rel=1e-5)
    assert found.even_distance == pytest.approx(away.mean()) and found.mean_distance[0, 1] == pytest.approx(away.mean())


def test_hidden_patches_get_nothing_and_cannot_ask():
    mask = np.array([[False, True], [False, False]])
    found = attend(Hand(), PIXELS, mask, 2)
    assert not found.weights[:, :, 0, 1].any() and found.tokens == 4
    powers = np.exp([0.0, 0, 0, 9])  # the row of the third patch, without the second one
    assert found.weights[0, 0][~mask] == pytest.approx(powers[1:] / powers.sum())
    with pytest.raises(ValueError, match="sees"):
        attend(Hand(), PIXELS, mask, 1)


def test_the_class_token_asks_from_nowhere():
    found = attend(Hand(), PIXELS, NONE, None)
    assert found.first[0, 0] == pytest.approx(float(Hand.scores[0].softmax(0)[0]))
    assert np.isnan(found.distance).all() and np.isfinite(found.entropy).all()


def test_everything_hidden_leaves_the_class_token_to_itself():
    found = attend(Hand(), PIXELS, ~NONE, None)
    assert found.first == pytest.approx(np.ones((1, 2))) and not found.weights.any()
