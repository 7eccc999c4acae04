"""Which cells are kept, how drafts are weighed, and noise that is each sample's own."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from explorer.analysis.completion import effective, looks_ahead, lower, normed, picked, raised, resampled
from explorer.analysis.noise import gumbel, spread, streams, uniform


def test_the_lower_half_is_missing():
    assert lower((4, 2)).tolist() == [[True, True], [True, True], [False, False], [False, False]]
    assert lower((3, 1)).ravel().tolist() == [True, True, False]
    assert lower((1, 1)).all()


def test_a_coarse_cell_stays_where_nothing_below_it_is_missing():
    keep = np.ones((4, 4), bool)
    keep[0, 3] = False
    assert raised(keep, (2, 2)).tolist() == [[True, False], [True, True]]
    assert raised(keep, (4, 4)).tolist() == keep.tolist()
    assert raised(keep, (1, 1)).tolist() == [[False]]
    assert raised(np.array([[True, False, True]]), (1, 2)).tolist() == [[False, False]]  # it lies below both
    assert raised(np.array([[True, False]]), (2, 4)).tolist() == [[True, True, False, False]] * 2


def test_kept_cells_after_missing_ones_need_a_look_ahead():
    whole, none = np.ones((2, 2), bool), np.zeros((2, 2), bool)
    assert not looks_ahead([lower((2, 2))])
    assert not looks_ahead([whole, none])
    assert not looks_ahead([none])
    assert looks_ahead([~lower((2, 2))])
    assert looks_ahead([none, whole])


def test_drafts_count_as_their_weights_say():
    assert effective(np.zeros(8)) == pytest.approx(8)
    assert effective(np.array([0.0, -800.0, -800.0])) == pytest.approx(1)
    assert effective(np.log([0.5, 0.25, 0.25]) - 1000) == pytest.approx(1 / (0.25 + 2 / 16))
    assert normed(np.log([3.0, 1.0])).tolist() == pytest.approx([0.75, 0.25])


def test_drafts_go_on_as_often_as_they_weigh():
    weights = np.log([0.5, 0.25, 0.25, 1e-12])
    for at in (0.01, 0.5, 0.99):
        assert np.bincount(resampled(weights, at), minlength=4).tolist() == [2, 1, 1, 0]
    places = (np.arange(1000) + 0.5) / 1000
    assert np.bincount([picked(np.log([0.7, 0.3]), at) for at in places]).tolist() == [700, 300]
    assert resampled(np.zeros(1), 0.5).tolist() == [0]


def test_noise_is_of_its_sample_and_place_alone():
    many = uniform(streams(3, np.arange(50)), 1, 7, count=20)
    assert (uniform(streams(3, np.array([17, 4])), 1, 7, count=20) == many[[17, 4]]).all()
    assert (uniform(streams(3, np.array([17])), 1, 7, count=9)[0] == many[17, :9]).all()
    others = [uniform(streams(4, np.arange(50)), 1, 7, count=20), uniform(streams(3, np.arange(50)), 7, 1, count=20)]
    others.append(uniform(streams(3, np.arange(50), 1), 1, 7, count=20))
    assert all(abs(np.corrcoef(many.ravel(), other.ravel())[0, 1]) < 0.1 for other in others)


def test_noise_is_even_and_gumbel():
    values = uniform(streams(0, np.arange(200)), 0, 0, count=200)
    assert values.min() > 0
    assert values.max() < 1
    assert kstest(values.ravel(), "uniform").pvalue > 1e-3
    assert kstest(values[:, 0], "uniform").pvalue > 1e-3
    assert kstest(gumbel(streams(0, np.arange(200)), 0, 0, count=200).ravel(), "gumbel_r").pvalue > 1e-3
    assert len(np.unique(values)) == values.size


def test_values_come_as_often_as_their_shares_from_any_number_of_samples():
    shares = np.array([5, 3, 2, 0])
    whole = spread(shares, 0, np.arange(1000))
    assert np.abs(np.bincount(whole, minlength=4) - [500, 300, 200, 0]).max() <= 3
    assert (spread(shares, 0, np.arange(10)) == whole[:10]).all()
    even = spread(np.ones(10), 1, np.arange(16))
    assert set(np.bincount(even, minlength=10)) <= {1, 2, 3}
