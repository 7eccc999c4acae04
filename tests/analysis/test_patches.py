"""Crops and outlines: the cell is where it should be."""

import numpy as np

from explorer.analysis import patches

BLACK, WHITE = [0, 0, 0], [255, 255, 255]


def a_picture() -> np.ndarray:
    """24 × 24; red is the row, green the column, blue 77."""
    rows, columns = np.indices((24, 24))
    return np.stack([rows * 4, columns * 4, np.full_like(rows, 77)], 2).astype(np.uint8)


def test_a_crop_shows_the_cell_and_three_cells_of_context():
    crops = patches.crop(a_picture()[None], np.array([2 * 6 + 3]), (6, 6), side=24)
    assert crops.shape == (1, 24, 24, 3)  # a window of 12 px, doubled
    # cell (2, 3) is pixels 8-11 × 12-15; the window of 12 starts at 4 and 8
    assert crops[0, 0, 0].tolist() == [4 * 4, 8 * 4, 77]
    assert crops[0, -1, -1].tolist() == [15 * 4, 19 * 4, 77]
    assert crops[0, 8, 8].tolist() == BLACK and crops[0, 9, 9].tolist() == WHITE
    assert crops[0, 10, 10].tolist() == [9 * 4, 13 * 4, 77], "inside the outline the picture is as it was"
    assert crops[0, 7, 7, 2] == 77, "nothing is drawn outside the cell"


def test_a_crop_at_the_border_is_moved_inside():
    first, last = patches.crop(a_picture()[None].repeat(2, 0), np.array([0, 35]), (6, 6), side=12)
    assert first[-1, -1].tolist() == [11 * 4, 11 * 4, 77] and last[0, 0].tolist() == [12 * 4, 12 * 4, 77]
    assert first[3, 0].tolist() == BLACK, "the sides within the image are drawn"
    assert first[0, 0].tolist() == [0, 0, 77], "the image's own edge is not"


def test_one_cell_for_the_whole_image_has_no_outline():
    crops = patches.crop(a_picture()[None], np.array([0]), (1, 1), side=24)
    np.testing.assert_array_equal(crops[0], a_picture())


def test_mark_outlines_cells_at_any_size():
    marked = patches.mark(a_picture(), np.array([[True, False], [False, False]]), side=48)
    assert marked.shape == (48, 48, 3)
    assert marked[23, 5].tolist() == BLACK and marked[22, 5].tolist() == WHITE and marked[24, 5, 2] == 77
    assert marked[5, 23].tolist() == BLACK


def test_tiles_have_exactly_the_side_asked_for():
    assert patches.tiles(a_picture()[None], np.array([7]), (6, 6), 32).shape == (1, 32, 32, 3)


def test_a_row_of_tokens_has_no_place_so_all_of_the_image_is_shown():
    from explorer.analysis.grids import cover

    images = np.random.default_rng(0).integers(0, 255, (2, 16, 16, 3), dtype=np.uint8)
    assert np.array_equal(patches.crop(images, np.array([0, 31]), (1, 32), 16), images), "no outline, no strip"
    assert np.array_equal(patches.tiles(images, np.array([3, 4]), (1, 32), 16), images)
    where = np.zeros((1, 32), bool)
    assert not cover(where, (16, 16)).any()
    where[0, 5] = True
    assert cover(where, (16, 16)).all()
