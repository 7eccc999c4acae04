"""How far points move between two maps, and how many neighbours they keep."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.analysis import displacement


@pytest.fixture
def points():
    return np.random.default_rng(0).normal(size=(200, 2)) * [3, 1]


def turned(points, angle=1.1, mirrored=False, scale=7.0, shift=(40, -3)):
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return scale * (points * ([-1, 1] if mirrored else [1, 1])) @ turn + shift


@pytest.mark.parametrize("mirrored", [False, True])
def test_turning_mirroring_scaling_and_shifting_is_no_move(points, mirrored):
    found = displacement.bring(points, turned(points, mirrored=mirrored))
    assert found.distances == pytest.approx(0, abs=1e-9) and found.mirrored == mirrored
    assert found.scale == pytest.approx(1 / 7) and found.places == pytest.approx(points)


def test_one_point_that_moved_is_the_only_one(points):
    spread = np.sqrt(np.square(points - points.mean(0)).sum(1).mean())
    other = points.copy()
    other[17] += [4 * spread, 3 * spread]
    found = displacement.bring(points, turned(other, mirrored=True))
    assert found.distances[17] == pytest.approx(5, rel=1e-4)
    assert np.delete(found.distances, 17) == pytest.approx(0, abs=1e-4)


def test_a_cluster_that_moved_does_not_pull_the_rest(points):
    other = points.copy()
    other[:40] += [6, 0]
    found = displacement.bring(points, turned(other))
    assert np.median(found.distances[40:]) < 0.01 and found.distances[:40].min() > 1


def test_it_is_the_same_from_either_side(points):
    other = points + np.random.default_rng(1).normal(size=points.shape)
    there, back = displacement.bring(points, other), displacement.bring(other, points)
    assert np.median(there.distances) == pytest.approx(np.median(back.distances), rel=0.02)
    assert there.scale == pytest.approx(1 / back.scale, rel=0.02)


def test_maps_that_share_nothing_are_as_far_as_chance_and_do_not_shrink(points):
    other = np.random.default_rng(2).normal(size=points.shape)
    found = displacement.bring(points, other)
    assert np.median(found.distances) == pytest.approx(displacement.by_chance(points, other), rel=0.2)
    assert np.ptp(found.places, 0).max() > np.ptp(points, 0).max() / 3


@pytest.mark.parametrize("count", [4, 5])
def test_points_on_one_spot_or_on_a_line_are_no_trouble(count):
    line = np.column_stack([np.arange(count), np.zeros(count)]).astype(float)
    assert displacement.bring(line, -2 * line).distances == pytest.approx(0, abs=1e-9)
    spot = np.ones((count, 2))
    assert np.isfinite(displacement.bring(spot, line).distances).all()
    assert np.isfinite(displacement.bring(line, spot).distances).all()
    assert displacement.bring(spot, spot).distances.tolist() == [0] * count


def test_other_points_are_refused(points):
    with pytest.raises(ValueError, match="same points"):
        displacement.bring(points, points[1:])


def test_neighbours_by_hand():
    # on a circle, one degree apart, in two groups; in the second space the groups are mixed
    angles = np.radians([0, 1, 2, 90, 91, 92])
    first = np.column_stack([np.cos(angles), np.sin(angles)])
    assert displacement.neighbours_kept(first, 5 * first, k=2).tolist() == [2] * 6, "length does not count"
    mixed = first[[3, 1, 2, 0, 4, 5]]  # 0 and 3 change places
    assert displacement.neighbours_kept(first, mixed, k=2).tolist() == [0, 1, 1, 0, 1, 1]


def test_unrelated_spaces_keep_what_chance_keeps():
    generator = np.random.default_rng(0)
    kept = displacement.neighbours_kept(generator.normal(size=(400, 8)), generator.normal(size=(400, 5)), k=10)
    assert kept.mean() == pytest.approx(10 * 10 / 399, abs=0.1)
