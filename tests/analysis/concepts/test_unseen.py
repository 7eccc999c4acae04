"""Dead, or unseen: known estimates, exact rarefaction, and intervals that hold what further images show."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from explorer.analysis.concepts import unseen


def drawn(seed, images=300, cells=16, size=512, dead=40, alike=20.0):
    """Codes (n, cells, 1) of which an image repeats its own, and the share of each code, `dead` of which are 0."""
    world = np.random.default_rng(7)
    shares = np.r_[np.exp(1.5 * world.standard_normal(size - dead)), np.zeros(dead)]
    shares /= shares.sum()
    generator = np.random.default_rng([seed, 5])
    gammas = generator.standard_gamma(np.maximum(shares * alike, 1e-9), (images, size)) * (shares > 0)
    edges = np.cumsum(gammas / gammas.sum(1, keepdims=True), 1)
    edges /= edges[:, -1:]
    codes = [np.searchsorted(one, generator.random(cells)) for one in edges]
    return np.array(codes).reshape(images, cells, 1), shares


def test_chao1_of_a_known_sample():
    assert unseen.chao(np.array([0, 1, 1, 4, 2, 5, 2, 4, 1, 2])) == pytest.approx(9.75)


def test_chao1_without_codes_that_have_two_tokens():
    assert unseen.chao(np.array([1, 1, 1, 5])) == pytest.approx(4 + 3 * 2 / 2)
    assert unseen.chao(np.array([3, 5, 0])) == 2, "nothing was seen once only: nothing is missing"


def test_chao2_of_few_images_is_a_little_less():
    images = np.array([1, 1, 1, 2, 4])
    assert unseen.chao(images, 4) == pytest.approx(5 + 3 / 4 * 3 * 2 / (2 * 2))


def test_coverage_of_a_known_sample():
    """Seventy-five codes with one token, six with two, and 3, 4, 4: Good's 1 - 75 / 98."""
    counts = np.array([1] * 75 + [2] * 6 + [3, 4, 4])
    assert unseen.coverage(counts) == pytest.approx(0.23469387755)
    assert unseen.coverage(np.array([5, 3])) == 1 and unseen.coverage(np.array([1, 1])) == 0
    assert unseen.coverage(np.zeros(3)) == 0


def test_rarefaction_is_the_mean_over_all_ways_to_draw():
    counts = np.array([4, 2, 1, 0])
    tokens = np.repeat(np.arange(4), counts)
    by_hand = [np.mean([len(set(tokens[list(some)])) for some in combinations(range(7), m)]) for m in range(1, 8)]
    assert unseen.rarefied(counts, 7, np.arange(1, 8)) == pytest.approx(by_hand)
    assert unseen.rarefied(counts, 7, np.array([0, 7])) == pytest.approx([0, 3])


def test_rarefaction_of_images_draws_whole_images():
    codes = np.array([[0, 0], [0, 1], [2, 2]]).reshape(3, 2, 1)
    found = unseen.count([codes], 4)
    assert list(found.images) == [2, 1, 1, 0] and list(found.tokens) == [3, 1, 2, 0]
    assert unseen.rarefied(found.images, 3, np.array([1, 2])) == pytest.approx([4 / 3, 7 / 3])


def test_rarefaction_of_very_many_tokens_stays_exact():
    counts = np.array([10**9, 10**9, 1])
    assert unseen.rarefied(counts, 2 * 10**9 + 1, np.array([10**9])) == pytest.approx([2.5], abs=1e-4)


def test_batches_do_not_change_what_is_counted():
    codes, _ = drawn(0, images=50)
    whole, parts = unseen.count([codes], 512), unseen.count(np.array_split(codes, 7), 512)
    assert (whole.tokens == parts.tokens).all() and (whole.images == parts.images).all() and parts.n == 50
    assert unseen.alone([codes], whole) == pytest.approx(unseen.alone(np.array_split(codes, 7), parts))
    assert parts.again_n.mean() == pytest.approx(50, abs=4)


def test_what_one_image_alone_has_by_hand():
    codes = np.array([[0, 0, 1], [0, 2, 2], [0, 0, 0]]).reshape(3, 3, 1)
    share, error = unseen.alone([codes], unseen.count([codes], 4))
    assert share == pytest.approx(3 / 9) and error == pytest.approx(np.sqrt(1 + 4 - 9 / 3) / 9)


def test_with_one_token_an_image_that_is_good_and_turing():
    codes = np.array([0, 0, 0, 1, 2, 3]).reshape(6, 1, 1)
    found = unseen.count([codes], 6)
    assert unseen.alone([codes], found)[0] == pytest.approx(1 - unseen.coverage(found.tokens)) == pytest.approx(0.5)


def test_rule_of_three():
    assert unseen.never(1000) == pytest.approx(3 / 1000, rel=0.01) and unseen.never(0) == 1


def test_further_images_by_hand():
    assert unseen.further(np.array([1, 1, 2, 3]), 0.5) == pytest.approx(0.5 + 0.5 - 0.25 + 0.125)
    assert unseen.further(np.array([40, 50, 0]), 0.5) == pytest.approx(0)


def test_capacity_counts_codes_that_are_not_mistaken():
    vectors = np.array([[0.0], [0.0], [100.0], [200.0]])
    even = np.ones((1, 4))
    assert unseen.capacity(even, vectors, 0) == pytest.approx(4), "without noise all four are different"
    assert unseen.capacity(even, vectors, 1) == pytest.approx(16 / 6), "two lie on one place: 6 of 16 pairs overlap"
    assert unseen.capacity(even, vectors, 1e9) == pytest.approx(1), "nothing can be told apart"
    assert unseen.capacity(np.array([[1, 0, 0, 0], [1, 0, 1, 0]]), vectors, 1) == pytest.approx([1, 2])


def test_capacity_of_two_codes_by_hand():
    overlap = 0.5 + 0.5 * np.exp(-4 / 8)
    assert unseen.capacity(np.ones((1, 2)), np.array([[0.0], [2.0]]), 1, block=1) == pytest.approx(1 / overlap)


def test_intervals_hold_what_a_new_image_and_further_images_show():
    """Images repeat their codes, so that Good's coverage of tokens is far too high."""
    mass, further, tokens, true = [], [], [], []
    for seed in range(40):
        codes, shares = drawn(seed, images=450)
        first, later = codes[:300], codes[300:]
        found = unseen.count([first], 512, seed=seed, resamples=50)
        share, error = unseen.alone([first], found)
        true.append(shares[found.tokens == 0].sum())
        mass.append(abs(share - true[-1]) <= unseen.SURE * error)
        tokens.append(1 - unseen.coverage(found.tokens))
        new = len(np.setdiff1d(later, first))
        value = float(unseen.further(found.images, 0.5))
        low, high = unseen.further_interval(value, unseen.further(found.again_images, 0.5), 200)
        further.append(low <= new <= high)
    assert np.mean(mass) >= 0.88 and np.mean(further) >= 0.85
    assert np.mean(tokens) < 0.7 * np.mean(true)


def test_the_bound_is_no_more_than_what_is_missing():
    above = 0
    for seed in range(20):
        codes, shares = drawn(seed)
        found = unseen.count([codes], 512, seed=seed, resamples=50)
        used = (found.images > 0).sum()
        lacking = unseen.chao(found.again_images, found.again_n) - (found.again_images > 0).sum(1)
        value = float(unseen.chao(found.images, found.n) - used)
        low, high = unseen.missing_interval(value, lacking, 512 - used)
        assert 0 < low < value < high
        above += low <= (shares > 0).sum() - used
    assert above == 20
