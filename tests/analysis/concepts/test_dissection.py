"""Overlap of codes with masks: perfect, useless, counted by hand, and what chance finds."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.analysis.concepts import dissection


def scattered(images=300, seed=0):
    """Masks of a 2 × 2 object anywhere on an 8 × 8 grid, as shares of cells."""
    generator = np.random.default_rng(seed)
    masks = np.zeros((images, 8, 8))
    for mask, (top, left) in zip(masks, generator.integers(0, 7, (images, 2)), strict=True):
        mask[top : top + 2, left : left + 2] = 1
    return masks, generator


def test_shares_of_cells_are_those_of_their_pixels():
    masks = np.zeros((2, 8, 8), bool)
    masks[0, :4, :2] = True
    masks[1, 3, 3] = True
    assert np.allclose(dissection.cell_shares(masks, (2, 2))[0], [[0.5, 0], [0, 0]])
    assert np.allclose(dissection.cell_shares(masks, (2, 2))[1], [[1 / 16, 0], [0, 0]])
    assert np.allclose(dissection.cell_shares(masks, (1, 1)).ravel(), [8 / 64, 1 / 64])
    uneven = dissection.cell_shares(masks, (3, 3))  # cells of 8/3 pixels
    assert np.allclose(uneven.mean((1, 2)), masks.mean((1, 2)))
    assert uneven[0, 0, 0] == pytest.approx(2 / (8 / 3))


def test_by_hand_it_is_the_overlap_of_pixels():
    masks = np.zeros((1, 4, 4), bool)
    masks[0, :2, :3] = True  # six pixels
    codes = np.array([[[1, 1], [1, 0]]])  # code 1 has twelve pixels, six of them in the object
    found = dissection.overlaps(codes, dissection.cell_shares(masks, (2, 2)), [np.array([1]), np.array([0, 1])], 3)
    assert np.allclose(found.iou, [6 / 12, 6 / 16])
    assert np.allclose(found.share, [6 / 12, 6 / 16]) and np.allclose(found.cover, 1)
    assert found.images.tolist() == [1, 1] and np.allclose(found.within, found.iou)


def test_a_code_that_is_the_object_is_found_and_a_random_one_is_not():
    masks, generator = scattered()
    codes = np.where(masks > 0, 1, generator.integers(2, 6, masks.shape))
    found = dissection.overlaps(codes, masks, [np.array([1]), np.array([2]), np.array([0])], 6)
    assert found.iou[0] == 1 and found.low[0] == found.high[0] == 1 and found.p[0] == 1 / 200
    assert found.null[0] < 0.2 and found.null_share[0] == pytest.approx(
        found.null[0] * 2 / (1 + found.null[0]), abs=0.02
    )
    assert found.iou[1] == 0 and found.p[1] == 1
    assert found.iou[2] == 0 and found.images[2] == 0, "a code that never occurs"


def test_a_rare_code_of_the_object_is_told_by_its_own_images():
    masks, _ = scattered()
    rare = np.arange(300) < 30
    codes = np.where((masks > 0) & rare[:, None, None], 1, 0)
    found = dissection.overlaps(codes, masks, [np.array([1])], 2)
    assert found.iou[0] == pytest.approx(0.1) and found.within[0] == 1 and found.images[0] == 30
    assert found.null_within[0] < 0.2 and found.p[0] == 1 / 200


def test_where_objects_usually_are_is_no_find():
    masks = np.zeros((200, 8, 8))
    masks[:, 2:5, 2:5] = 1  # always in the same place
    codes = np.zeros((200, 8, 8), np.int64)
    codes[:, 2:5, 2:5] = 1
    found = dissection.overlaps(codes, masks, [np.array([1])], 2)
    assert found.iou[0] == 1 and found.p[0] == 1 and found.null[0] == 1


def test_codes_without_a_relation_are_found_as_often_as_chance_says():
    masks, generator = scattered(200)
    codes = generator.integers(0, 100, masks.shape)
    found = dissection.overlaps(codes, masks, [np.array([code]) for code in range(100)], 100, shuffles=99)
    assert (found.p <= 0.05).mean() <= 0.12
    assert ((found.low <= found.null) & (found.null <= found.high)).mean() > 0.8


def test_no_set_of_codes_overlaps_more_than_the_largest():
    generator = np.random.default_rng(3)
    area = generator.integers(1, 50, 8).astype(float)
    inside = area * generator.random(8)
    objects = inside.sum() + 10
    chosen = dissection.largest(inside, area, objects)
    best = max(
        float(dissection.intersection_over_union(inside[one].sum(), area[one].sum(), objects))
        for one in (np.flatnonzero([number >> bit & 1 for bit in range(8)]) for number in range(1, 256))
    )
    assert dissection.intersection_over_union(inside[chosen].sum(), area[chosen].sum(), objects) == pytest.approx(best)
    assert not len(dissection.largest(np.zeros(3), np.zeros(3), 5.0))
