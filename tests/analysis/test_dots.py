"""Dots stacked over a line."""

import numpy as np
import pytest

from explorer.analysis.dots import stack


def test_dots_of_a_bin_lie_over_one_another_by_hand():
    places = stack(np.array([0.0, 9.9, 0.4, 10.0, 5.0, 0.1]), bins=10)
    assert places.tolist() == np.float32([[0, 1], [9.9, 1], [0.4, 3], [10, 2], [5, 1], [0.1, 2]]).tolist()


def test_heights_are_a_histogram():
    values = np.random.default_rng(0).normal(size=1000)
    places = stack(values, bins=20)
    counts = np.histogram(values, 20)[0]
    assert places[:, 1].max() == counts.max() and (places[:, 1] == 1).sum() == (counts > 0).sum()
    assert np.array_equal(places[:, 0], values.astype(np.float32))


def test_equal_values_are_one_column_and_nothing_is_nothing():
    assert sorted(stack(np.ones(5))[:, 1].tolist()) == [1, 2, 3, 4, 5]
    assert stack(np.empty(0)).shape == (0, 2)


@pytest.mark.parametrize("values", [np.ones((2, 2)), np.array([1.0, np.nan])])
def test_what_is_no_line_is_refused(values):
    with pytest.raises(ValueError, match="without NaN"):
        stack(values)
