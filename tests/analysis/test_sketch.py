"""A sample that holds what is rare: by hand, and of clusters of which one is rare."""

import numpy as np
import pytest

from explorer.analysis import sketch


def test_cells_give_by_the_root_of_their_size_at_least_one_and_no_more_than_they_have():
    assert sketch.allocate(np.array([100, 400, 900]), 60).tolist() == [10, 20, 30]
    assert sketch.allocate(np.array([100, 400, 900]), 60, 0).tolist() == [20, 20, 20]
    assert sketch.allocate(np.array([100, 200, 300]), 60, 1).tolist() == [10, 20, 30]
    assert sketch.allocate(np.array([1, 0, 10_000]), 50).tolist() == [1, 0, 49]
    assert sketch.allocate(np.array([3, 5]), 8).tolist() == [3, 5]


@pytest.mark.parametrize("count", [10, 57, 999, 1_000])
def test_the_sum_is_what_is_asked_for(count):
    sizes = np.random.default_rng(0).multinomial(1_000, np.random.default_rng(1).dirichlet(np.full(10, 0.3)))
    taken = sketch.allocate(sizes, count)
    assert taken.sum() == count and (taken <= sizes).all() and (taken >= np.minimum(sizes, 1)).all()


def test_what_is_rare_is_drawn_more_often_and_each_says_how_many_it_stands_for():
    generator = np.random.default_rng(0)
    common, rare = generator.normal(size=(4_950, 4)), 30 + 0.1 * generator.normal(size=(50, 4))
    vectors = np.concatenate([common, rare]).astype(np.float32)
    found = sketch.draw(vectors, 400)
    assert len(found.rows) == 400 and (np.diff(found.rows) > 0).all()
    assert found.weights.sum() == pytest.approx(5_000)
    drawn = (found.rows >= 4_950).sum()
    assert drawn >= 8, "4 of 400 if all were as likely"
    assert found.weights[found.rows >= 4_950].sum() == pytest.approx(50, abs=15)
    assert np.array_equal(found.rows, sketch.draw(vectors, 400).rows)
    assert not np.array_equal(found.rows, sketch.draw(vectors, 400, seed=1).rows)


def test_equal_vectors_are_drawn_too():
    found = sketch.draw(np.zeros((500, 3), np.float32), 20)
    assert len(np.unique(found.rows)) == 20 and found.weights.sum() == pytest.approx(500)
