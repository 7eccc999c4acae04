"""Which codes come together: counted by hand, in an image and at an offset."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from explorer.analysis import cooccurrence


@pytest.fixture
def codes():
    return np.random.default_rng(1).integers(0, 7, (40, 3, 4))


def test_images_in_common_are_counted_as_by_hand(codes):
    kept = np.array([0, 2, 3, 6])
    counted = cooccurrence.together(codes, kept, 7)
    for (i, a), (j, b) in itertools.product(enumerate(kept), repeat=2):
        have = [(image == a).any() and (image == b).any() for image in codes]
        alone = [sum((image == one).any() for image in codes) for one in (a, b)]
        assert counted.found[i, j] == sum(have)
        assert counted.expected[i, j] == pytest.approx(alone[0] * alone[1] / 40)


def test_the_association_is_normalized_mutual_information_of_shrunken_counts():
    found, expected = np.array([[8.0, 6.0], [6.0, 9.0]]), np.array([[3.2, 3.6], [3.6, 4.05]])
    value = cooccurrence.association(cooccurrence.Counted(found, expected, 20.0))
    by_hand = np.log((6 + 2) / (3.6 + 2)) / -np.log((6 + 2) / (20 + 2))
    assert value[0, 1] == pytest.approx(by_hand, rel=1e-6) and value[0, 0] == 1


def test_codes_that_are_never_together_have_none_and_those_that_always_are_have_nearly_all():
    codes = np.zeros((400, 1, 2), int)
    codes[:100] = (1, 2)
    codes[100:200] = (3, 4)
    codes[200:, 0] = (5, 6)
    value = cooccurrence.association(cooccurrence.together(codes, np.arange(1, 7), 7))
    assert value[0, 1] > 0.95 and value[2, 3] > 0.95 and value[0, 2] == 0


@pytest.mark.parametrize("offset", cooccurrence.OFFSETS.values(), ids=cooccurrence.OFFSETS)
def test_neighbours_at_an_offset_are_counted_as_by_hand(codes, offset):
    kept, (down, across) = np.array([1, 2, 4]), offset
    counted = cooccurrence.beside(codes, kept, offset, 7)
    for (i, a), (j, b) in itertools.product(enumerate(kept), repeat=2):
        found = expected = 0.0
        for row, column in itertools.product(range(3), range(4)):
            to = row + down, column + across
            if 0 <= to[0] < 3 and 0 <= to[1] < 4:
                here, there = codes[:, row, column] == a, codes[:, to[0], to[1]] == b
                found, expected = found + (here & there).sum(), expected + here.sum() * there.sum() / 40
        assert counted.found[i, j] == found and counted.expected[i, j] == pytest.approx(expected)


def test_a_code_always_to_the_right_of_another_is_found_there_and_nowhere_else():
    rng = np.random.default_rng(0)
    codes = rng.integers(2, 12, (300, 6, 6))
    for image, row, column in zip(codes, rng.integers(0, 6, 300), rng.integers(0, 5, 300), strict=True):
        image[row, column : column + 2] = (0, 1)
    ratio = {}
    for name, offset in cooccurrence.OFFSETS.items():
        counted = cooccurrence.beside(codes, np.array([0, 1]), offset, 12)
        ratio[name] = counted.found[0, 1] / max(counted.expected[0, 1], 1)
        ratio[f"{name}, turned"] = counted.found[1, 0] / max(counted.expected[1, 0], 1)
    assert ratio.pop("right") > 15 and max(ratio.values()) < 2


def test_the_usual_places_of_codes_are_no_neighbourhood():
    """Two corners that always have the same two codes, but of other images."""
    rng = np.random.default_rng(3)
    codes = rng.integers(4, 9, (500, 4, 4))
    codes[:, 0, 0] = rng.integers(0, 2, 500)
    codes[:, 0, 1] = rng.integers(2, 4, 500)
    value = cooccurrence.association(cooccurrence.neighbours(codes, np.arange(4), 9))
    assert value[0, 2] < 0.05 and value[1, 3] < 0.05


def test_tokens_without_a_place_have_no_neighbours():
    assert cooccurrence.neighbours(np.zeros((5, 1, 9), int), np.arange(1), 1) is None
    assert cooccurrence.neighbours(np.zeros((5, 1, 1), int), np.arange(1), 1) is None


def test_shuffled_images_keep_the_codes_of_each_place(codes):
    mixed = cooccurrence.shuffled(codes, 1)
    assert (np.sort(mixed, 0) == np.sort(codes, 0)).all() and (mixed != codes).any()
