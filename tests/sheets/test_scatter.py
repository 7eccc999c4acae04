"""A map of many points as columns: places come back, a bitmask names the points it should, and a picture shows them."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.sheets import scatter
from explorer.sheets.scatter import picture

PLACES = np.random.default_rng(3).normal(5, [40, 2], (1_003, 2)).astype(np.float32)


def test_places_come_back_within_half_a_step_of_each_axis():
    packed = scatter.pack(PLACES)
    back = packed.columns * (packed.spans / scatter.STEPS) + packed.low
    assert (np.abs(back - PLACES[packed.order]) <= 0.501 * packed.spans / scatter.STEPS).all()
    assert packed.columns.min() == 0 and packed.columns.max() == scatter.STEPS
    assert packed.columns.nbytes == 4 * len(PLACES), "four bytes a point"
    np.testing.assert_allclose(packed.shown, packed.spans / packed.spans.max())
    assert packed.share(PLACES.min(0)) == pytest.approx([0, 0]) and packed.share(PLACES.max(0)) == pytest.approx([1, 1])


def test_points_travel_in_an_order_of_chance_that_is_the_same_every_time():
    sorted_by_class = np.repeat(np.arange(10), 1_000)
    packed = scatter.pack(np.zeros((10_000, 2), np.float32))
    assert (np.sort(packed.order) == np.arange(10_000)).all()
    assert (packed.order == scatter.pack(np.ones((10_000, 2), np.float32)).order).all()
    counts = np.bincount(sorted_by_class[packed.order[:2_000]], minlength=10)
    assert counts.min() > 150 and counts.max() < 250, "the first so many are a sample of all"


@pytest.mark.parametrize("count", [1, 8, 9, 1_003])
def test_a_bitmask_names_the_points_that_it_was_made_of(count):
    order = np.random.default_rng(count).permutation(count).astype(np.int32)
    for points in (np.arange(count), np.arange(0, count, 3), np.empty(0, np.int64)):
        mask = np.isin(np.arange(count), points)
        assert (np.flatnonzero(scatter.chosen(scatter.bits(mask, order), order)) == points).all()
    assert scatter.chosen(b"", order) is None and scatter.chosen(bytes(-(-count // 8) + 1), order) is None


def test_equal_places_and_a_line_have_a_map_too():
    alone = scatter.pack(np.full((3, 2), 7, np.float32))
    assert (alone.columns == 0).all() and np.isfinite(alone.shown).all()
    flat = scatter.pack(np.array([[0, 0], [1_000, 1], [500, 0.5]], np.float32), stretched=True)
    assert flat.shown.tolist() == [1, 0.6], "two axes without a common unit have a shape that can be read"


def test_the_picture_has_each_point_where_it_lies_in_its_colour():
    packed = scatter.pack(np.array([[0, 0], [2, 0], [2, 1], [0, 1]], np.float32))
    palette = np.array([[200, 0, 0], [0, 0, 200]], np.uint8)
    pixels = picture.drawn(packed, scatter.Colouring(np.array([0, 1, 0, 1], np.uint8), palette), wide=400)
    high, wide = pixels.shape[:2]
    assert wide == 400 and high >= 300 and pixels[high // 2, wide // 2, 3] == 0, "nothing where no point is"
    where = np.argwhere(pixels[..., 3] > 0)
    bottom, top = where[:, 0].max(), where[:, 0].min()
    left, right = where[:, 1].min(), where[:, 1].max()
    assert pixels[bottom, left, :3].tolist() == [200, 0, 0] == pixels[top, right, :3].tolist()
    assert pixels[bottom, right, :3].tolist() == [0, 0, 200] == pixels[top, left, :3].tolist()
    assert (right - left) / (bottom - top) == pytest.approx(2, rel=0.02), "one scale on both axes"
