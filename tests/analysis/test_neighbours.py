"""Exact neighbours and near-duplicate codes."""

import numpy as np
import pytest

from explorer.analysis import neighbours


def test_agrees_with_scikit_learn_over_several_blocks(monkeypatch):
    from sklearn.neighbors import NearestNeighbors

    monkeypatch.setattr(neighbours, "BLOCK", 300 * 70)
    points = np.random.default_rng(0).normal(size=(300, 6)) + 1000  # far from the origin: needs centring
    index, distance = neighbours.nearest(points, 5)
    expected_distance, expected = NearestNeighbors(n_neighbors=5).fit(points).kneighbors()
    assert np.array_equal(index, expected)
    assert distance == pytest.approx(expected_distance, abs=1e-4)


def test_queries_by_hand_and_progress():
    seen = []
    index, distance = neighbours.nearest(
        np.array([[0.0], [1], [3], [7]]), 2, queries=[2], progress=lambda done, total: seen.append((done, total))
    )
    assert index.tolist() == [[1, 0]] and distance.tolist() == [[2, 3]]
    assert seen == [(1, 1)]


def test_few_points():
    index, distance = neighbours.nearest(np.zeros((2, 3)), 15)
    assert index.tolist() == [[1], [0]] and distance.tolist() == [[0], [0]]
    assert neighbours.nearest(np.zeros((1, 3)), 15)[0].shape == (1, 0)
    assert neighbours.nearest(np.zeros((0, 3)), 15)[0].shape == (0, 0)


def test_refuses_nan_and_wrong_shapes():
    with pytest.raises(ValueError, match="1 of 2 vectors contain NaN"):
        neighbours.nearest(np.array([[0.0], [np.nan]]), 1)
    with pytest.raises(ValueError, match=r"\(M, D\)"):
        neighbours.nearest(np.zeros(3), 1)


def test_near_duplicates_by_hand():
    # nearest-neighbour distances 0.1, 0.1, 2, 2, 3: median 2, threshold 0.2
    vectors = np.array([[5.0], [1.0], [1.1], [7.0], [10.0]])
    pairs, distances, cosines, total = neighbours.near_duplicates(vectors, 0.1)
    assert pairs.tolist() == [[1, 2]] and total == 1
    assert distances == pytest.approx([0.1], abs=1e-6) and cosines == pytest.approx([1])


def test_distinct_vectors_have_no_near_duplicates():
    pairs, *_, total = neighbours.near_duplicates(np.eye(20))
    assert len(pairs) == 0 and total == 0


def test_near_duplicates_of_many_copies_are_counted_and_cut(monkeypatch):
    monkeypatch.setattr(neighbours, "BLOCK", 1000)
    vectors = np.vstack([np.zeros((50, 3)), np.random.default_rng(0).normal(size=(150, 3))])
    pairs, distances, _, total = neighbours.near_duplicates(vectors, 0.001, limit=10)
    assert total == 50 * 49 // 2 and len(pairs) == 10 and (distances == 0).all()
    assert (pairs[:, 0] < pairs[:, 1]).all()
    assert len({tuple(pair) for pair in pairs.tolist()}) == 10


def test_near_ones_are_in_order_of_their_distance_where_the_search_cannot_tell_them_apart():
    line = np.array([0.0, 0.007, 0.001, 0.003])
    points = np.concatenate([1e7 + line, -1e7 + line])[:, None]  # squares of 1e14 have no digits left for these
    index, distances = neighbours.nearest(points, 3, queries=np.array([0, 4]))
    assert index.tolist() == [[2, 3, 1], [6, 7, 5]]
    assert distances[0] == pytest.approx([0.001, 0.003, 0.007], rel=1e-4)
