"""Paired differences of two networks, by hand and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from explorer.analysis import pairs


def test_differences_by_hand():
    found = pairs.difference(np.array([3.0, 5, 4, np.nan]), np.array([1.0, 4, 4, 9]))
    assert (found["a"], found["b"], found["difference"], found["n"]) == (4, 3, 1, 3)
    # differences 2, 1, 0: deviation 1, t of two degrees of freedom 4.302653
    assert_allclose([found["low"], found["high"]], 1 + np.array([-1, 1]) * 4.302653 / np.sqrt(3), rtol=1e-6)


def test_identical_scores_differ_by_exactly_nothing():
    scores = np.random.default_rng(0).normal(30, 5, 200)
    found = pairs.difference(scores, scores)
    assert (found["difference"], found["low"], found["high"], found["n"]) == (0, 0, 0, 200)
    won = pairs.wins(scores, scores, "psnr")
    assert (won["a"], won["b"], won["ties"], won["share"]) == (0, 0, 200, 0.5)


def test_a_pair_tells_what_two_intervals_do_not():
    generator = np.random.default_rng(1)
    hard = generator.normal(30, 6, 400)  # some images are hard for both
    first, second = hard + 0.2 + generator.normal(0, 0.5, 400), hard + generator.normal(0, 0.5, 400)
    found = pairs.difference(first, second)
    assert 0 < found["low"] < 0.2 < found["high"] < 0.4


def test_the_interval_holds_as_often_as_it_says():
    generator, held = np.random.default_rng(2), 0
    for _ in range(400):
        found = pairs.difference(*generator.gamma(2, 1, (2, 60)))
        held += found["low"] <= 0 <= found["high"]
    assert 0.92 < held / 400 < 0.98


def test_who_wins_by_hand():
    won = pairs.wins(np.array([1.0, 2, 3, 4]), np.array([2.0, 1, 1, 4]), "psnr")
    assert (won["a"], won["b"], won["ties"], won["n"], won["share"]) == (2, 1, 1, 4, 0.625)
    less = pairs.wins(np.array([1.0, 2, 3, 4]), np.array([2.0, 1, 1, 4]), "mse")
    assert (less["a"], less["b"]) == (1, 2), "of an error, less is better"
    won = pairs.wins(np.ones(10), np.zeros(10), "ssim")
    assert_allclose([won["share"], won["low"], won["high"]], [1, 0.722467, 1], atol=1e-6)  # Wilson: 10 of 10


def test_nothing_and_one_image_have_no_interval():
    assert pairs.difference(np.array([np.nan]), np.array([1.0]))["n"] == 0
    assert pairs.wins(np.array([np.nan]), np.array([1.0]), "psnr")["share"] is None
    one = pairs.difference(np.array([3.0]), np.array([1.0]))
    assert (one["difference"], one["low"], one["high"], one["n"]) == (2, None, None, 1)


def test_use_of_codes_by_hand_and_of_the_same_codes():
    even = np.tile(np.arange(4).reshape(2, 2), (40, 1, 1))  # four codes, as often as one another
    half = even // 2
    found = pairs.use(even, half, (8, 8))
    assert_allclose([found["perplexity"][name] for name in ("a", "b", "difference")], [4, 2, 2])
    assert_allclose([found["used"][name] for name in ("a", "b", "difference", "low", "high")], [4, 2, 2, 2, 2])
    same = pairs.use(even, 7 - even, (8, 8))
    assert [same["perplexity"][name] for name in ("difference", "low", "high")] == [0, 0, 0]


def test_the_interval_of_perplexities_is_as_wide_as_other_images_would_move_them():
    generator, values, halves = np.random.default_rng(3), [], []
    shares = generator.dirichlet(np.ones(20), 2)
    for _ in range(60):
        codes = [generator.choice(20, (150, 4, 4), p=one) for one in shares]
        found = pairs.use(*codes, (20, 20))["perplexity"]
        values.append(found["difference"])
        halves.append((found["high"] - found["low"]) / 2)
    assert np.mean(halves) / (1.96 * np.std(values)) == pytest.approx(1, abs=0.3)


def test_codes_that_one_image_alone_has_have_no_interval():
    own = np.arange(40).reshape(40, 1, 1)
    found = pairs.use(own, own % 3, (40, 3))
    assert found["perplexity"]["low"] is None and found["used"]["difference"] == 37


@pytest.mark.parametrize("seed", range(6))
def test_every_interval_holds_the_difference_that_is_shown(seed):
    generator = np.random.default_rng(seed)
    rare = generator.dirichlet(np.full(120, 0.4))  # codes that few images have, so that more images would find others
    found = pairs.use(generator.choice(120, (60, 4, 4), p=rare), generator.integers(0, 30, (60, 4, 4)), (120, 30))
    for one in found.values():
        assert one["low"] is None or one["low"] <= one["difference"] <= one["high"]
