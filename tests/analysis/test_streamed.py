"""Neighbours and ranks among very many points: as those of all distances, over several blocks."""

import numpy as np
import pytest

from explorer.analysis import neighbours, streamed


@pytest.fixture
def cloud(monkeypatch):
    monkeypatch.setattr(streamed, "ASKED", 30)
    monkeypatch.setattr(streamed, "MANY", 70)
    generator = np.random.default_rng(0)
    points = generator.normal(size=(900, 5)).astype(np.float32) + 1000  # far from the origin: needs centring
    return points, np.sort(generator.permutation(900)[:100])


def test_nearest_are_those_of_all_distances(cloud):
    points, queries = cloud
    assert np.array_equal(streamed.nearest(points, queries, 7), neighbours.nearest(points, 7, queries=queries)[0])
    assert streamed.nearest(points[:3], np.array([1]), 7).shape == (1, 2)
    assert streamed.nearest(points[:1], np.array([0]), 7).shape == (1, 0)


def test_ranks_are_those_of_all_distances(cloud):
    points, queries = cloud
    found = np.random.default_rng(1).integers(0, 900, (100, 4))
    found[found == queries[:, None]] = queries[0] - 1
    exact = points.astype(np.float64)
    away = np.linalg.norm(exact[queries, None] - exact[None], axis=2)
    away[np.arange(100), queries] = np.inf
    expected = (away[:, None] < np.take_along_axis(away, found, 1)[:, :, None]).sum(2) + 1
    assert np.array_equal(streamed.ranks(points, queries, found), expected)


def test_equal_points_share_the_better_rank_and_are_all_found():
    line = np.repeat(np.array([[0.1], [0.7], [3.3]]), 200, 0)
    assert (streamed.ranks(line, np.array([0, 250]), np.array([[5, 300], [205, 3]])) == [[1, 200], [1, 200]]).all()
    found = streamed.nearest(line, np.array([0, 250]), 20)
    assert (line[found, 0] == line[[0, 250]]).all() and 0 not in found[0] and 250 not in found[1]
    assert all(len(set(row)) == 20 for row in found.tolist())


def test_however_many_are_equally_near_few_are_held(cloud, monkeypatch):
    points, queries = np.concatenate([cloud[0], np.repeat(cloud[0][:1], 900, 0)]), np.arange(0, 1_800, 90)
    whole = streamed.nearest(points, queries, 7)
    monkeypatch.setattr(streamed, "HELD", 500)
    assert np.array_equal(streamed.nearest(points, queries, 7), whole) and (whole[10:] >= 900).sum() > 60


def test_what_is_not_finite_is_refused_and_who_watches_may_stop(cloud):
    with pytest.raises(ValueError, match="1 of 2 vectors contain NaN"):
        streamed.nearest(np.array([[0.0], [np.nan]]), np.array([0]), 1)

    def stop(share):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        streamed.nearest(*cloud, 3, stop)
