"""Bits: known entropies, perfect and useless codes, values, presence, strata, and intervals that hold the truth."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.analysis import usage
from explorer.analysis.concepts import information


def told(codes, labels, **options):
    options = {"shuffles": 49} | options
    codes = np.asarray(codes)
    return information.measure(usage.occurrences(codes, int(codes.max()) + 1), np.asarray(labels), **options)


def entropy(share):
    share = np.asarray(share)[np.asarray(share) > 0]
    return float(-(share * np.log2(share)).sum())


def clustered(seed, images=200, cells=16, size=32, values=4, strength=0.3, alike=5.0):
    """Codes (n, cells, 1) whose images differ more than by chance, labels, and the true bits."""
    world = np.random.default_rng(5)
    base = world.dirichlet(np.full(size, 0.7))
    shares = (1 - strength) * base + strength * world.dirichlet(np.full(size, 0.3), values)
    prior = world.dirichlet(np.full(values, 5.0))
    generator = np.random.default_rng([seed, 99])
    labels = generator.choice(values, images, p=prior)
    gammas = generator.standard_gamma(np.maximum(shares[labels] * alike, 1e-6)) + 1e-300
    edges = np.cumsum(gammas / gammas.sum(1, keepdims=True), 1)
    codes = (generator.random((images, cells, 1)) > edges[:, None, :-1]).sum(-1)
    truth = entropy(prior @ shares) - sum(p * entropy(one) for p, one in zip(prior, shares, strict=True))
    return codes[..., None], np.unique(labels, return_inverse=True)[1], truth


def test_miller_and_madow_of_five_symbols_seen_once():
    assert information.corrected_entropy(np.ones(5)) == pytest.approx(np.log2(5) + 4 / (10 * np.log(2)))


def test_the_correction_of_information_is_that_of_the_occupied_cells():
    table = np.array([[10, 0, 5], [3, 7, 0]])
    plugin = entropy([15 / 25, 10 / 25]) + entropy([13 / 25, 7 / 25, 5 / 25]) - entropy([0.4, 0.2, 0.12, 0.28])
    assert information.corrected_information(table) == pytest.approx(plugin + (3 + 2 - 4 - 1) / (50 * np.log(2)))
    full = table + 1
    assert information.corrected_information(full) < usage.entropy_bits(full.sum(0)) + usage.entropy_bits(
        full.sum(1)
    ) - usage.entropy_bits(full.reshape(-1)), "six cells are more than three columns and a row: less is told"


def test_images_of_one_token_have_miller_and_madows_bias():
    counts = np.array([10.0, 4, 6])
    assert information.image_bias(counts, counts, np.array(20)) == pytest.approx(2 / (40 * np.log(2)))


def test_images_of_one_code_each_are_worth_one_token_each():
    once, each = np.array([10.0, 4, 6]), 16
    assert information.image_bias(each * once, each**2 * once, np.array(20)) == pytest.approx(2 / (40 * np.log(2)))


def test_images_that_are_all_alike_have_no_bias():
    each = np.array([3.0, 5])
    assert information.image_bias(20 * each, 20 * each**2, np.array(20)) == pytest.approx(0)


def test_a_code_that_is_the_label_tells_all():
    labels = np.arange(120) % 4
    found = told(np.broadcast_to(labels[:, None, None], (120, 3, 3)), labels)
    assert found.tokens.plugin == pytest.approx(2) and found.adjusted == pytest.approx(1)
    assert found.tokens.low <= 2 <= found.tokens.high and found.tokens.bits == pytest.approx(2, abs=0.03)
    assert found.tokens.p == pytest.approx(0.02) and found.concept_bits == pytest.approx(2)
    assert found.values.plugin == pytest.approx(entropy([0.25, 0.75])), "each value against the rest"
    assert found.presence.plugin == pytest.approx(entropy([0.25, 0.75])) and list(found.found) == [30] * 4


def test_codes_that_have_nothing_to_do_with_the_label_tell_nothing():
    codes, generator = clustered(0)[0], np.random.default_rng(3)
    found = [told(codes, generator.integers(0, 4, 200)) for _ in range(20)]
    assert min(one.tokens.plugin for one in found) > 0.03, "which is why the bias matters"
    assert abs(np.mean([one.tokens.bits for one in found])) < 0.005
    assert sum(one.tokens.low < 0 < one.tokens.high for one in found) >= 18
    assert sum(one.tokens.p < 0.05 for one in found) <= 3
    assert abs(np.mean([one.adjusted for one in found])) < 0.003


def test_one_code_tells_nothing():
    found = told(np.zeros((20, 2, 2), int), np.arange(20) % 2)
    assert found.tokens.bits == found.tokens.plugin == found.adjusted == 0 and found.tokens.p == 1


def test_half_a_bit_by_hand():
    """A label of two values; half of the tokens are the label, half are code 2: I = 0.5 bits."""
    labels = np.arange(40) % 2
    codes = np.full((40, 2, 2), 2)
    codes[:, 0] = labels[:, None]
    assert told(codes, labels).tokens.plugin == pytest.approx(0.5)


def test_with_one_token_an_image_adjusted_is_that_of_scikit_learn():
    from sklearn.metrics import adjusted_mutual_info_score

    codes, labels, _ = clustered(1, images=400, cells=1)
    found = told(codes, labels, shuffles=400)
    assert found.adjusted == pytest.approx(adjusted_mutual_info_score(labels, codes.reshape(-1)), abs=0.01)


def test_tokens_that_repeat_within_an_image_are_not_more_images():
    codes, labels, _ = clustered(2, cells=1)
    once, often = told(codes, labels), told(np.repeat(codes, 9, 1), labels)
    assert often.tokens.bits == pytest.approx(once.tokens.bits) and often.tokens.high == pytest.approx(once.tokens.high)
    assert often.tokens.p == once.tokens.p and often.effective == pytest.approx(once.effective)
    assert often.count == 9 * once.count


def test_what_colour_tells_already_is_not_told_again():
    generator = np.random.default_rng(0)
    colour = generator.integers(0, 3, 300)
    labels = np.where(generator.random(300) < 0.9, colour, generator.integers(0, 3, 300))
    table = usage.occurrences(np.broadcast_to(colour[:, None, None], (300, 2, 2)), 3)
    assert information.measure(table, labels, shuffles=49).tokens.bits > 0.8
    given = information.given(table, labels, colour, shuffles=49)
    assert given.bits == pytest.approx(0, abs=1e-9) and given.p == 1


def test_what_codes_tell_beyond_colour_is_left():
    generator = np.random.default_rng(0)
    colour, labels = generator.integers(0, 3, 300), generator.integers(0, 2, 300)
    table = usage.occurrences(np.broadcast_to(labels[:, None, None], (300, 2, 2)), 2)
    given = information.given(table, labels, colour, shuffles=49)
    assert given.bits == pytest.approx(1, abs=0.05) and given.p == pytest.approx(0.02)


def test_shuffles_stay_within_strata():
    strata, labels = np.array([0, 1, 0, 1, 0, 1]), np.array([0, 5, 1, 6, 2, 7])
    for one in information.shuffled(labels, strata, 5, 0):
        assert sorted(one[strata == 0]) == [0, 1, 2] and sorted(one[strata == 1]) == [5, 6, 7]


def test_intervals_hold_the_truth_where_tokens_depend_on_one_another():
    """Of 100 sets."""
    held, bits, plugin, truth = [], [], [], 0.0
    for seed in range(100):
        codes, labels, truth = clustered(seed)
        tokens = told(codes, labels, shuffles=29, seed=seed).tokens
        held.append(tokens.low <= truth <= tokens.high)
        bits.append(tokens.bits)
        plugin.append(tokens.plugin)
    assert 0.88 <= np.mean(held) <= 0.99
    assert abs(np.mean(bits) - truth) < 0.008 < 0.05 < np.mean(plugin) - truth
