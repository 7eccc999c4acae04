"""The nearest known vectors of many others, searched in cells: nearly all of them, and by hand."""

import numpy as np
import pytest

from explorer.analysis import cells


def truth(vectors, known, k):
    away = np.linalg.norm(vectors[:, None].astype(np.float64) - known[None], axis=2)
    order = away.argsort(1, kind="stable")[:, :k]
    return order, np.take_along_axis(away, order, 1)


@pytest.mark.parametrize("dim", [2, 16])
def test_nearly_all_true_neighbours_are_found_and_that_is_told(dim, monkeypatch):
    monkeypatch.setattr(cells, "BLOCK", 20_000)
    generator = np.random.default_rng(0)
    known, others = (generator.normal(size=(n, dim)).astype(np.float32) + 300 for n in (900, 1_500))
    near = cells.nearest(others, known, 5)
    rows, distances = truth(others, known, 5)
    assert (near.rows[:, :, None] == rows[:, None]).any(2).mean() > 0.99 and near.recall > 0.99
    right = (near.rows == rows).all(1)
    assert near.distances[right] == pytest.approx(distances[right], rel=1e-3)
    assert (np.diff(near.distances, axis=1) >= 0).all() and near.probed <= near.cells


def test_few_known_ones_and_equal_ones():
    line = np.array([[0.0], [1], [3]])
    near = cells.nearest(np.array([[0.9], [2.8]]), line, 2)
    assert near.rows.tolist() == [[1, 0], [2, 1]] and near.recall == 1
    assert near.distances == pytest.approx(np.array([[0.1, 0.9], [0.2, 1.8]]), abs=1e-6)
    same = cells.nearest(np.ones((50, 3)), np.ones((200, 3)), 5)
    assert (same.distances == 0).all() and all(len(set(row)) == 5 for row in same.rows.tolist())


def test_whoever_watches_sees_all_and_may_stop():
    seen, points = [], np.random.default_rng(0).normal(size=(300, 2))
    cells.nearest(points, points[:100], 3, step=seen.append)
    assert seen == sorted(seen) and seen[-1] == 1

    def stop(share):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        cells.nearest(points, points[:100], 3, step=stop)
