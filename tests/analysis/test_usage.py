"""Codebook usage: perfect, useless and hand-computed cases."""

import numpy as np
import pytest

from explorer.analysis import usage


def test_even_use_is_perfect():
    found = usage.measure(np.full(8, 5), images=10)
    assert (found.codes, found.used, found.dead, found.tokens, found.images) == (8, 8, 0, 40, 10)
    assert found.perplexity == pytest.approx(8)
    assert found.entropy_bits == pytest.approx(3)
    assert found.entropy_corrected == pytest.approx(3), "the correction must not pass log2 K"


def test_one_code_for_everything_is_useless():
    found = usage.measure(np.array([0, 9, 0, 0]), images=3)
    assert (found.used, found.dead) == (1, 3)
    assert found.perplexity == 1 and found.entropy_bits == 0 and found.entropy_corrected == 0


def test_entropy_by_hand():
    # p = 1/2, 1/4, 1/4: 1.5 bits; Miller-Madow adds (3 - 1) / (2 × 4 ln 2) = 0.3607
    found = usage.measure(np.array([2, 1, 0, 1]), images=1)
    assert found.entropy_bits == pytest.approx(1.5)
    assert found.perplexity == pytest.approx(2**1.5)
    assert found.entropy_corrected == pytest.approx(1.5 + 0.36067, abs=1e-4)


def test_no_tokens():
    found = usage.measure(np.zeros(4, int), images=0)
    assert (found.used, found.dead, found.perplexity, found.entropy_bits) == (0, 4, 0, 0)
    assert usage.codes_covering(np.zeros(4, int)) == (0, 0, 0)
    assert np.array_equal(usage.cumulative_share(np.zeros(4, int)), np.zeros(4))


def test_uniform_ceiling_by_hand():
    # two draws from two codes: the same code half of the time, so 0 or 1 bit, 0.5 on average; 1.5 codes used
    assert usage.uniform_perplexity(2, 2) == pytest.approx(2**0.5)
    assert usage.measure(np.array([1, 1]), 1).uniform_used == pytest.approx(1.5)
    assert usage.uniform_perplexity(512, 10_000_000) == pytest.approx(512, rel=1e-4)
    assert usage.uniform_perplexity(1, 5) == 1


def test_uniform_ceiling_agrees_with_drawing():
    generator = np.random.default_rng(0)
    drawn = generator.integers(0, 1000, (200, 700))
    bits = [float(usage.entropy_bits(np.bincount(row, minlength=1000))) for row in drawn]
    assert np.log2(usage.uniform_perplexity(1000, 700)) == pytest.approx(np.mean(bits), abs=0.005)


def test_large_codebook():
    counts = np.zeros(262_144, int)
    counts[::2] = 1
    assert usage.measure(counts, 100).entropy_bits == pytest.approx(17)
    codes = np.arange(0, 262_144, 1024).reshape(4, 8, 8)
    assert usage.occurrences(codes, 262_144).nnz == 256


def test_covering_by_hand():
    counts = np.array([1, 5, 0, 4])
    assert usage.codes_covering(counts, (0.5, 0.9, 0.99, 1.0)) == (1, 2, 3, 3)
    assert usage.cumulative_share(counts) == pytest.approx([0.5, 0.9, 1, 1])


def test_bits_per_pixel_by_hand():
    assert usage.bits_per_pixel((8, 8), 512, 32) == pytest.approx(64 * 9 / 1024)
    assert usage.bits_per_pixel((8, 8), 512, 32, entropy_bits=4) == pytest.approx(64 * 4 / 1024)


def test_counts_tokens_and_refuses_codes_outside():
    assert usage.count_tokens(np.array([[[0, 2], [2, 2]]], np.uint16), 4).tolist() == [1, 0, 3, 0]
    with pytest.raises(ValueError, match=r"\[0, 2\)"):
        usage.count_tokens(np.array([0, 2]), 2)
    with pytest.raises(ValueError, match=r"\[0, 2\)"):
        usage.occurrences(np.array([[[0, 2]]]), 2)
    with pytest.raises(ValueError, match="negative"):
        usage.measure(np.array([1, -1]), 1)


def test_interval_covers_the_truth_about_as_often_as_it_says():
    # each image uses one code for all its tokens: 60 images are 60 observations, not 960
    generator = np.random.default_rng(1)
    share = np.array([0.4, 0.3, 0.2, 0.1])
    truth = -(share * np.log2(share)).sum()
    hits, token_hits = 0, 0
    for trial in range(60):
        image_codes = generator.choice(4, 60, p=share)
        codes = np.repeat(image_codes, 16).reshape(60, 4, 4)
        low, high = usage.entropy_interval(codes, 4, seed=trial, repeats=100)
        hits += low <= truth <= high
        low, high = usage.entropy_interval(codes.reshape(-1, 1, 1), 4, seed=trial, repeats=100)
        token_hits += low <= truth <= high
    assert hits >= 51
    assert token_hits < 36, "treating tokens as independent must be seen to be wrong"


def test_interval_is_seeded_and_narrows_with_images():
    codes = np.random.default_rng(0).integers(0, 16, (2400, 2, 2))
    few, many = usage.entropy_interval(codes[:60], 16), usage.entropy_interval(codes, 16)
    assert few == usage.entropy_interval(codes[:60], 16)
    assert many[1] - many[0] < few[1] - few[0]
    assert np.isnan(usage.entropy_interval(codes[:1], 16)).all()
    same = usage.entropy_interval(np.zeros((5, 2, 2), int), 16)
    assert same == (0, 0)


def test_by_concept_by_hand():
    codes = np.array([[[0, 0]], [[0, 3]], [[3, 3]], [[5, 5]]])
    found = usage.by_concept(codes, np.array(["cat", "dog", "dog", None], object), 8)
    assert found.values == ["cat", "dog"] and found.missing == 1
    assert found.codes.tolist() == [0, 3, 5]
    assert found.counts.tolist() == [[2, 0, 0], [1, 3, 0]]
    assert found.share.tolist() == [[1, 0, 0], [0.25, 0.75, 0]]
    assert found.images.tolist() == [1, 2]


def test_levels_take_numbers_and_missing_values():
    index, values = usage.levels(np.array([3.0, np.nan, 1.0, 3.0]))
    assert values == [1, 3] and index.tolist() == [1, -1, 0, 1]


def test_information_of_a_code_that_is_the_concept():
    labels = np.repeat(["a", "b"], 50)
    codes = np.repeat([0, 1], 50).reshape(100, 1, 1) * np.ones((1, 2, 2), int)
    token = usage.token_information(codes, labels, 2)
    assert token.bits == pytest.approx(1) and token.concept_bits == pytest.approx(1)
    assert token.chance_high < 0.2 and token.images == 100
    present = usage.presence_information(codes, labels, 2)
    assert present.bits == pytest.approx([1, 1]) and present.codes.tolist() == [0, 1]
    assert (present.chance_high < 0.2).all()


def test_information_of_codes_without_the_concept():
    generator = np.random.default_rng(3)
    codes, labels = generator.integers(0, 32, (100, 2, 2)), generator.integers(0, 5, 100)
    token = usage.token_information(codes, labels, 32)
    assert token.bits > 0, "plug-in information is biased upwards; that is why chance is given"
    assert token.bits <= token.chance_high
    present = usage.presence_information(codes, labels, 32)
    assert (present.bits > present.chance_high).mean() < 0.15


def test_information_by_hand():
    # tokens: value a has codes 0, 0; value b has 0, 1. I = H(code) + H(value) - H(both) = 0.8113 + 1 - 1.5
    codes = np.array([[[0, 0]], [[0, 1]]])
    labels = np.array(["a", "b"])
    assert usage.token_information(codes, labels, 2).bits == pytest.approx(0.31128, abs=1e-5)
    # presence: code 0 is everywhere, code 1 only in b
    assert usage.presence_information(codes, labels, 2).bits == pytest.approx([0, 1])
    with pytest.raises(ValueError, match="no image has a value"):
        usage.token_information(codes, np.array([None, None]), 2)
