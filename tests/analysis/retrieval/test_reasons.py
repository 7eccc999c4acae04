"""Reasons of a likeness: the codes that both have, their shares of the cosine, and the cells where they stand."""

import numpy as np
import pytest

from explorer.analysis.retrieval import bags, reasons


@pytest.fixture
def codes():
    return np.random.default_rng(3).integers(0, 9, (30, 4, 4))


def rows_of(codes, size=9):
    counts = bags.counted(codes, size)
    return bags.weights(counts).weigh(counts)


def test_shares_of_a_bag_are_those_of_the_cosine(codes):
    rows = rows_of(codes)
    found = reasons.of_bags(rows[[0]], rows[[1]], (codes[0], codes[1]))
    one, other = rows[[0]].toarray()[0], rows[[1]].toarray()[0]
    cosine = float(one @ other)
    assert [reason.code for reason in found] == sorted(
        set(codes[0].flat) & set(codes[1].flat), key=lambda code: (-one[code] * other[code], code)
    )
    for reason in found:
        assert reason.share == pytest.approx(one[reason.code] * other[reason.code] / cosine, rel=1e-5)
        assert (codes[0].flat[reason.here] == reason.code).all() and (codes[1].flat[reason.there] == reason.code).all()
        assert len(reason.here) == (codes[0] == reason.code).sum()
        assert len(reason.there) == (codes[1] == reason.code).sum()
    assert sum(reason.share for reason in found) == pytest.approx(1)


def test_by_hand():
    """Two images share code 1, which all have, and code 2, which only they have: idf 1 and ln(4 / 3) + 1."""
    codes = np.array([[[1, 2]], [[2, 1]], [[1, 3]]])
    rows = rows_of(codes, 4)
    found = reasons.of_bags(rows[[0]], rows[[1]], (codes[0], codes[1]))
    rare = (np.log(4 / 3) + 1) ** 2
    assert [(one.code, one.here.tolist(), one.there.tolist()) for one in found] == [(2, [1], [0]), (1, [0], [1])]
    assert [one.share for one in found] == pytest.approx([rare / (rare + 1), 1 / (rare + 1)])


def test_images_without_a_code_in_common_have_no_reason():
    codes = np.array([[[0, 1]], [[2, 3]]])
    rows = rows_of(codes, 4)
    assert reasons.of_bags(rows[[0]], rows[[1]], (codes[0], codes[1])) == []


def test_a_part_marks_its_own_cells_alone(codes):
    inside = np.zeros((4, 4), bool)
    inside[:2, :2] = True
    counts = bags.counted(codes, 9)
    one = bags.weights(counts).weigh(bags.counted(codes[:1], 9, inside))
    found = reasons.of_bags(one, rows_of(codes)[[1]], (codes[0], codes[1]), inside)
    assert found and all(inside.flat[reason.here].all() and len(reason.here) for reason in found)
    assert {reason.code for reason in found} == set(codes[0][inside]) & set(codes[1].flat)


def test_places_are_the_cells_that_agree(codes):
    places = bags.places(codes, 9)
    counts = places.counted(codes)
    rows = bags.weights(counts).weigh(counts)
    for other in range(1, 6):
        found = reasons.of_places(rows[[0]], rows[[other]], codes[other])
        same = codes[0] == codes[other]
        assert {reason.code for reason in found} == set(codes[0][same])
        for reason in found:
            assert reason.here.tolist() == np.flatnonzero(same & (codes[0] == reason.code)).tolist()
            assert reason.there.tolist() == reason.here.tolist()
        assert sum(reason.share for reason in found) == pytest.approx(1 if found else 0)


def test_codes_of_one_list_have_different_colours_and_mostly_the_same_everywhere():
    lists = [[1, 2, 3], [3, 4, 5], [5, 1, 6], [2, 4, 6]]
    found = reasons.slots(lists, 4)
    assert [len(set(one)) for one in found] == [3, 3, 3, 3] and max(map(max, found)) < 4
    by_code = {}
    for codes, slots in zip(lists, found, strict=True):
        for code, slot in zip(codes, slots, strict=True):
            by_code.setdefault(code, set()).add(slot)
    assert all(len(one) == 1 for one in by_code.values()), "four colours are enough for these"


def test_where_colours_meet_the_later_code_gets_another_one_there():
    generator = np.random.default_rng(0)
    lists = [generator.permutation(40)[:6].tolist() for _ in range(64)]
    assert all(len(set(one)) == 6 for one in reasons.slots(lists, 7))


def test_more_codes_than_colours_still_have_one_each():
    (found,) = reasons.slots([list(range(10))], 3)
    assert sorted(np.bincount(found)) == [3, 3, 4] and reasons.slots([], 3) == []
