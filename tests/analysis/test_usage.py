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


def test_p_of_shuffled_labels_by_hand():
    # the code is the label in 6 of 6 images: of the 20 ways to deal three labels of each kind, 2 tell as much
    codes = np.repeat([0, 1], 3).reshape(6, 1, 1)
    found = usage.presence_information(codes, np.repeat(["a", "b"], 3), 2, permutations=4000)
    assert found.p == pytest.approx([0.1, 0.1], abs=0.02)
    few = usage.presence_information(np.repeat(codes, 20, 0), np.repeat(["a", "b"], 60), 2, permutations=19)
    assert few.p.tolist() == [1 / 20, 1 / 20], "none tells as much, and p is never 0"
    none = usage.presence_information(np.zeros((6, 1, 1), int), np.repeat(["a", "b"], 3), 1)
    assert none.p.tolist() == [1], "all shuffles tell as much as a code that is everywhere: nothing"


def test_of_codes_that_tell_nothing_hardly_ever_one_is_above_chance():
    from explorer.analysis.selection import adjust

    generator = np.random.default_rng(0)
    found, raw = [], []
    for _ in range(40):
        codes, labels = generator.integers(0, 40, (60, 4, 4)), generator.integers(0, 3, 60)
        p = usage.presence_information(codes, labels, 40, permutations=199).p
        found.append((adjust(p) < 0.05).any())
        raw.append((p < 0.05).mean())
    assert np.mean(found) <= 0.15 and np.mean(raw) == pytest.approx(0.05, abs=0.02)
