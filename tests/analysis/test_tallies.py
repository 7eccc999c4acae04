"""Counts of a block at a time: the same as of all codes at once, whatever the blocks."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from explorer.analysis import codes as tables
from explorer.analysis import jackknife, tallies, usage
from explorer.analysis.retrieval import bags

CODES = np.random.default_rng(0).integers(0, 40, (3000, 3, 3)) % 37  # some codes more often


def blocks(codes, each=700):
    return [(start, codes[start : start + each]) for start in range(0, len(codes), each)]


@pytest.mark.parametrize("size", [40, 4000])
def test_blocks_count_what_all_codes_at_once_count(size):
    found = tallies.tally(blocks(CODES), size, len(CODES))
    assert found.tokens.tolist() == usage.count_tokens(CODES, size).tolist()
    assert found.having.tolist() == tables.images_per_code(CODES, size).tolist()
    assert found.interval() == jackknife.entropy_interval(CODES, size)
    assert found.interval() == tallies.tally(blocks(CODES, 100), size, len(CODES)).interval()


def test_codes_that_one_image_has_leave_the_upper_end_open():
    drawn = np.arange(60).reshape(15, 2, 2)
    found = tallies.tally(blocks(drawn, 4), 64, 15)
    assert found.alone == jackknife.alone(drawn, 64) == 1 and not found.interval().enough
    with pytest.raises(ValueError, match="counted in place of"):
        tallies.tally(blocks(drawn), 64, 16)
    with pytest.raises(ValueError, match="codes must lie in"):
        tallies.tally(blocks(drawn), 50, 15)


@pytest.mark.parametrize(("size", "whole"), [(40, tallies.WHOLE), (4000, tallies.WHOLE), (40, 10)])
def test_codes_by_value_are_those_of_each_concept_alone(monkeypatch, size, whole):
    monkeypatch.setattr(tallies, "WHOLE", whole)
    generator = np.random.default_rng(1)
    first, second = generator.integers(-1, 3, 3000), generator.integers(0, 5, 3000)
    found = tallies.by_values(blocks(CODES), size, [(first, 3), (second, 5)])
    for one, index in zip(found, (first, second), strict=True):
        for value in range(len(one.images)):
            of = CODES[index == value]
            assert one.tokens[value].tolist() == usage.count_tokens(of, size).tolist()
            assert one.having[value].tolist() == tables.images_per_code(of, size).tolist()
            assert one.images[value] == len(of)
    assert tallies.by_values(blocks(CODES), size, []) == []


def test_drawn_chance_is_that_of_shuffled_labels():
    generator = np.random.default_rng(2)
    labels = np.array(["a", "b", "c"], object)[generator.integers(0, 3, 1000)]
    codes = generator.integers(0, 30, (1000, 2, 2))
    codes[labels == "a", 0, 0] = 5
    shuffled = usage.presence_information(codes, labels, 30, permutations=999)
    index, values = usage.levels(labels)
    counts = tallies.by_values(blocks(codes), 30, [(index, len(values))])[0]
    drawn = usage.drawn_information(counts.having, counts.images, np.arange(30), permutations=999)
    assert drawn.bits == pytest.approx(shuffled.bits) and drawn.concept_bits == pytest.approx(shuffled.concept_bits)
    assert drawn.chance == pytest.approx(shuffled.chance, rel=0.2)
    assert drawn.chance_high == pytest.approx(shuffled.chance_high, rel=0.25)
    assert drawn.p == pytest.approx(shuffled.p, abs=0.07) and drawn.p[5] == 0.001


@pytest.mark.parametrize("size", [40, 4000])
def test_lengths_are_those_that_rows_of_length_one_were_divided_by(size):
    idf = np.random.default_rng(4).random(size).astype(np.float32) + 1
    counts = bags.counted(CODES[:300], size)
    weighed = csr_array(((1 + np.log(counts.data)) * idf[counts.indices], counts.indices, counts.indptr), counts.shape)
    found = tallies.lengths(blocks(CODES[:300]), size, idf)
    assert found.dtype == np.float32 and found == pytest.approx(np.sqrt(weighed.multiply(weighed).sum(1)), rel=1e-5)
    rows = bags.Weights(idf).weigh(counts)
    assert np.allclose(weighed.toarray() / found[:, None], rows.toarray(), atol=1e-5)


def test_one_image_or_one_code_is_counted_without_a_warning(recwarn):
    alone = tallies.tally([(0, np.array([[[0, 0], [0, 1]]]))], 2, 1)
    assert alone.tokens.tolist() == [3, 1] and not alone.interval().enough and np.isnan(alone.interval().low)
    same = tallies.tally([(0, np.zeros((5, 2, 2), np.uint8))], 1, 5)
    assert same.entropy == 0 and same.interval().perplexity().ends("perplexity")["perplexity_high"] == 1
    assert not list(recwarn)


def test_codes_in_equally_many_images_have_one_chance_and_their_own_bits():
    having = np.array([[30, 10, 5], [0, 20, 5]])
    found = usage.drawn_information(having, np.array([100, 100]), np.arange(3), permutations=199)
    assert found.chance[0] == found.chance[1] != found.chance[2] and found.bits[0] > found.bits[1]
    assert found.p[0] < 0.01 < found.p[1] < found.p[2] == 1
