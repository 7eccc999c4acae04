"""Codes that stand near one another, and patches of codes, against what a loop over all cells finds."""

import itertools

import numpy as np
import pytest

from explorer.analysis.retrieval import patterns, wanted
from explorer.errors import BadInput


def slowly(codes, asked) -> int:
    """The least s such that a cell of each code can be chosen with no two further apart than s; -1 for none."""
    cells = [np.argwhere(codes == code) for code in asked]
    if any(not len(one) for one in cells):
        return -1
    return min(
        max((int(np.abs(one - two).max()) for one, two in itertools.combinations(chosen, 2)), default=0)
        for chosen in itertools.product(*cells)
    )


@pytest.mark.parametrize(("shape", "count"), [((4, 4), 2), ((3, 6), 3), ((6, 2), 2), ((1, 1), 1), ((5, 5), 1)])
def test_spreads_are_what_a_loop_finds(shape, count):
    generator = np.random.default_rng(count)
    codes = generator.integers(0, 9, (60, *shape))
    asked = generator.permutation(9)[:count].tolist()
    found, places = patterns.spreads(codes, asked)
    assert found.tolist() == [slowly(one, asked) for one in codes]
    for image, spread, place in zip(codes, found, places, strict=True):
        if spread >= 0:
            inside = patterns.square(place, int(spread), shape)
            assert set(asked) <= set(image[inside]), "the square holds them all"


def test_neighbours_are_one_cell_apart_and_corners_too():
    codes = np.array([[[1, 0, 0], [0, 2, 0], [0, 0, 0]], [[1, 0, 2], [0, 0, 0], [0, 0, 0]]])
    found, places = patterns.spreads(codes, [1, 2])
    assert found.tolist() == [1, 2] and places.tolist() == [[0, 0], [0, 0]]


def test_a_patch_is_found_where_it_was_moved():
    codes = np.zeros((2, 6, 6), np.int64)
    codes[0, 1:4, 1:4] = codes[1, 3:6, 2:5] = np.arange(1, 10).reshape(3, 3)
    steps = patterns.window((2, 2), 1, (6, 6))
    asked = codes[0][tuple((steps + np.array([2, 2])).T)]
    share, same = patterns.agreement(codes, np.array([1, 1]), np.array([[4, 3], [4, 4]]), (steps, asked), np.ones(10))
    assert share.tolist() == [1, 0] and same[0].all()


def test_rare_codes_of_a_patch_count_more_and_beyond_the_border_nothing_agrees():
    codes = np.array([[[1, 2], [3, 1]]])
    steps, asked = np.array([[0, 0], [0, 1], [1, 0]]), np.array([1, 2, 3])
    idf = np.array([1, 1, 2, 5.0])
    share, same = patterns.agreement(codes, np.array([0, 0]), np.array([[0, 0], [1, 1]]), (steps, asked), idf)
    assert share == pytest.approx([1, 1 / 8]) and same.tolist() == [[True] * 3, [True, False, False]]
    assert patterns.window((0, 1), 1, (2, 2)).tolist() == [[0, -1], [0, 0], [1, -1], [1, 0]]


@pytest.mark.parametrize(
    ("text", "codes", "unwanted", "near"),
    [
        ("17,203,-9", (17, 203), (9,), False),
        ("17, 203 near each other, -9", (17, 203), (9,), True),
        ("has 17 and 203 near each other, not 9", (17, 203), (9,), True),
        ("17 without 4, −5", (17,), (4, 5), False),
        ("17 17, 17", (17,), (), False),
    ],
)
def test_codes_are_read_from_text(text, codes, unwanted, near):
    found = wanted.read(text, 256)
    assert found == wanted.Wanted(codes, unwanted, near)
    assert wanted.read(wanted.written(found), 256) == found


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("17,-17", "code 17 is asked for and ruled out at once"),
        ("256", "there is no code 256 here; choose from 0 to 255"),
        ("-9", "at least one code"),
        ("", "at least one code"),
        ("red, 4", "'red' is no code"),
        ("4.5.", "'.' is no code"),
        (",".join(map(str, range(20))), "20 codes are too many"),
        ("9" * 400, "there is no code"),
    ],
)
def test_what_is_wrong_with_it_is_one_sentence(text, words):
    with pytest.raises(BadInput, match=words):
        wanted.read(text, 256)
