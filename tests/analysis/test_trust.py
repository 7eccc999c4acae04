"""Trustworthiness of some points of a map: as that of all points, perfect, useless, and with points on one place."""

import numpy as np
import pytest

from explorer.analysis import projection, trust


def test_the_mean_over_all_points_is_the_trustworthiness_of_the_map():
    points = np.random.default_rng(0).normal(size=(400, 6))
    every = np.arange(400)
    near = trust.on_map(points[:, :2], every, 15)
    assert np.array_equal(near, projection.nearest(points[:, :2], 15)[0])
    assert trust.scores(points, every, near).mean() == pytest.approx(
        projection.trustworthiness(points, points[:, :2]), abs=1e-9
    )


def test_perfect_and_useless():
    generator = np.random.default_rng(0)
    points, some = generator.normal(size=(2_000, 2)), np.arange(0, 2_000, 10)
    assert (trust.scores(points, some, trust.on_map(points * 3 + 1, some, 15)) == 1).all()
    useless = trust.scores(points, some, trust.on_map(generator.permutation(points), some, 15))
    assert useless.mean() == pytest.approx(0.5, abs=0.05)


def test_a_point_is_not_its_own_neighbour_where_many_lie_on_one_place():
    some = np.array([3, 40])
    near = trust.on_map(np.zeros((60, 2)), some, 15)
    assert near.shape == (2, 15) and not (near == some[:, None]).any()
    assert (trust.scores(np.zeros((60, 3)), some, near) == 1).all()
    with pytest.raises(ValueError, match="half the number of points"):
        trust.scores(np.zeros((20, 3)), some[:1], near[:1])
