"""Codes that mark values, and what takes their place."""

import numpy as np
import pytest

from explorer.analysis.concepts import markers
from explorer.analysis.concepts.markers import Swap
from explorer.analysis.concepts.values import Concept
from explorer.analysis.usage import occurrences

INDEX = np.repeat([0, 1, 2], 10)
COLOUR = Concept("colour", INDEX, ("red", "green", "blue"))


def counted(codes):
    return occurrences(np.asarray(codes)[:, None, :], 8)


def test_a_perfect_marker_has_an_average_precision_of_1():
    codes, precision, base = markers.markers(counted(np.stack([INDEX + 3, np.full(30, 7)], 1)), COLOUR)
    assert codes.tolist() == [3, 4, 5] and precision.tolist() == [1, 1, 1]
    assert base == pytest.approx([1 / 3] * 3)


def test_a_useless_code_has_the_share_of_the_value():
    codes, precision, base = markers.markers(counted(np.full((30, 1), 7)), COLOUR)
    assert codes.tolist() == [7, 7, 7] and precision == pytest.approx(base)


def test_average_precision_is_that_of_scikit_learn():
    from sklearn.metrics import average_precision_score

    rng = np.random.default_rng(0)
    table = counted(rng.integers(0, 8, (30, 2)))
    codes, precision, _ = markers.markers(table, COLOUR)
    present = table.toarray() > 0
    for value in range(3):
        each = [average_precision_score(value == INDEX, present[:, code]) for code in range(8)]
        enough = [code for code in range(8) if present[:, code].sum() >= markers.FEWEST]
        assert precision[value] == pytest.approx(max(each[code] for code in enough))
        assert each[codes[value]] == pytest.approx(precision[value])


def test_each_value_becomes_another_one_that_has_another_code():
    found = markers.swaps(counted((INDEX + 3)[:, None]), [COLOUR], 24)
    assert {(swap.code, swap.value) for swap in found} == {(3, 0), (4, 1), (5, 2)}
    assert all(swap.to != swap.code and swap.to_value != swap.value for swap in found)
    assert all(swap.to == 3 + swap.to_value for swap in found)
    assert not markers.swaps(counted(np.full((30, 1), 7)), [COLOUR], 24), "one code cannot be swapped for itself"


def test_concepts_take_turns_and_computed_ones_come_last():
    other = Concept("size", INDEX[::-1].copy(), ("a", "b", "c"))
    computed = Concept("hue", INDEX, ("x", "y", "z"), computed=True)
    found = markers.swaps(counted((INDEX + 3)[:, None]), [computed, COLOUR, other], 7)
    assert [swap.concept for swap in found] == [1, 2, 1, 2, 1, 2, 0]


def test_unknown_and_rare_do_not_mark():
    index = INDEX.copy()
    index[:10] = -1
    codes, precision, _ = markers.markers(counted((INDEX + 3)[:, None]), Concept("colour", index, COLOUR.values))
    assert codes.tolist() == [-1, 4, 5] and np.isnan(precision[0])
    few = markers.markers(counted(np.arange(30)[:, None] % 8), COLOUR)[0]
    assert (few == -1).all(), "a code in three images is no marker"


def test_without_concepts_the_commonest_codes_are_swapped():
    assert [(swap.code, swap.to) for swap in markers.usual(counted([[1, 2], [1, 2], [1, 5]]), 2)] == [(1, 2), (2, 5)]
    assert markers.usual(counted([[1, 1]]), 2) == []


def test_the_null_is_as_far_away_and_in_use():
    vectors = np.array([[0.0], [3], [3.5], [-3], [50], [2.9]])
    used = np.array([True, True, True, True, True, False])
    assert markers.matched(vectors, Swap(0, 1), used, 2).tolist() == [3, 2]
