"""Groups of codes: planted ones are found, independent codes give none."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, silhouette_score

from explorer.analysis import grouping


def planted(groups: int = 6, each: int = 5, images: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Codes (N, 4, 4) whose images show one of some groups, all of its codes; and the group of each code."""
    rng = np.random.default_rng(seed)
    of = rng.permutation(np.repeat(np.arange(groups), each))
    members = [np.flatnonzero(of == group) for group in range(groups)]
    shown = rng.integers(0, groups, images)
    codes = [rng.permutation(np.concatenate([members[g], rng.choice(members[g], 16 - each)])) for g in shown]
    return np.stack(codes).reshape(-1, 4, 4), of


@pytest.mark.parametrize("groups", [3, 6, 9])
def test_planted_groups_are_found_exactly_and_so_is_their_number(groups):
    codes, of = planted(groups)
    vectors, kept = np.random.default_rng(0).standard_normal((len(of), 8)), np.arange(len(of))
    counts = grouping.several(len(of))
    stable = grouping.stability("together", codes, kept, vectors, counts)
    assert grouping.most_agreed(stable) == groups
    found = grouping.cut(grouping.tree(grouping.apart("together", codes, kept, vectors)), groups)
    assert adjusted_rand_score(of, found) == 1
    at = stable.at(groups)
    assert at["ami"] == pytest.approx(1) and at["low"] > at["null_high"]


@pytest.mark.parametrize("by", ["together", "beside"])
def test_independent_codes_agree_no_more_than_shuffled_images(by):
    codes = np.random.default_rng(2).integers(0, 40, (400, 4, 4))
    stable = grouping.stability(by, codes, np.arange(40), np.zeros((40, 2)), (4, 8))
    for count in stable.counts:
        at = stable.at(count)
        assert abs(at["ami"]) < 0.12 and at["low"] <= at["null_high"]


def test_codes_that_stand_side_by_side_are_a_group():
    rng = np.random.default_rng(5)
    codes = rng.integers(6, 26, (600, 6, 6))
    for image, pair, row, column in zip(
        codes, rng.integers(0, 3, 600), rng.integers(0, 6, 600), rng.integers(0, 5, 600), strict=True
    ):
        image[row, column : column + 2] = (2 * pair, 2 * pair + 1)
    merges = grouping.tree(grouping.apart("beside", codes, np.arange(26), np.zeros((26, 2))))
    first = {frozenset(map(int, merge[:2])) for merge in merges[:3]}
    assert first == {frozenset((0, 1)), frozenset((2, 3)), frozenset((4, 5))}


def test_near_vectors_are_a_group_whatever_the_images():
    vectors = np.repeat(np.eye(4), 3, 0) + 0.01 * np.random.default_rng(0).standard_normal((12, 4))
    codes = np.random.default_rng(0).integers(0, 12, (30, 2, 2))
    found = grouping.cut(grouping.tree(grouping.apart("vectors", codes, np.arange(12), vectors)), 4)
    assert found.tolist() == np.repeat(found[::3], 3).tolist() and len(set(found.tolist())) == 4


def test_groups_are_numbered_in_the_order_of_the_leaves():
    codes, of = planted()
    merges = grouping.tree(grouping.apart("together", codes, np.arange(len(of)), np.zeros((len(of), 2))))
    for groups in grouping.cuts(merges, [2, 6, 30]):
        along = groups[grouping.leaves(merges)]
        assert (np.diff(along) >= 0).all() and set(groups.tolist()) == set(range(int(groups.max()) + 1))


def test_rare_and_dead_codes_are_left_out_and_of_many_the_most_used_stay(monkeypatch):
    images, tokens = np.array([0, 4, 5, 9, 7]), np.array([0, 99, 5, 20, 7])
    assert grouping.kept(images, tokens).tolist() == [2, 3, 4]
    monkeypatch.setattr(grouping, "MOST", 2)
    assert grouping.kept(images, tokens).tolist() == [3, 4]


def test_the_silhouette_is_scikit_learns():
    rng = np.random.default_rng(0)
    points, groups = rng.standard_normal((30, 3)), rng.integers(0, 4, 30)
    distances = np.sqrt(np.square(points[:, None] - points).sum(-1))
    assert grouping.silhouette(distances, groups) == pytest.approx(silhouette_score(points, groups))


def test_ways_depend_on_the_grid():
    assert grouping.ways((1, 1)) == ["vectors"]
    assert "beside" not in grouping.ways((1, 16)) and list(grouping.ways((4, 4))) == list(grouping.BY)
