"""Pictures that a person would call the same, and pictures in other colours."""

import colorsys

import numpy as np
import pytest

from explorer.analysis.concepts import transformations
from explorer.analysis.concepts.transformations import COLOURS, SMALL

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", [*SMALL, *COLOURS])
def test_pictures_stay_pictures(name):
    made = (SMALL | COLOURS)[name].apply(PIXELS, np.random.default_rng(0))
    assert made.shape == PIXELS.shape and made.dtype == np.uint8


def test_a_shift_moves_every_pixel_and_reflects_the_border():
    row = np.arange(4, dtype=np.uint8).reshape(1, 1, 4, 1).repeat(3, -1)
    assert transformations.shifted(row, 2)[0, 0, :, 0].tolist() == [1, 0, 1, 2]
    assert transformations.shifted(row.transpose(0, 2, 1, 3), 1)[0, :, 0, 0].tolist() == [1, 0, 1, 2]
    assert transformations.shifted(row, 1).shape == row.shape, "one row has nothing to reflect"


def test_a_flip_is_undone_on_the_code_map_where_cells_have_a_place():
    flip = SMALL["flipped"]
    codes = PIXELS[..., 0]
    np.testing.assert_array_equal(flip.back(flip.apply(PIXELS, None)[..., 0]), codes)
    tokens = np.arange(5).reshape(1, 1, 5)
    np.testing.assert_array_equal(flip.back(tokens), tokens)


def test_hue_turns_by_120_degrees_and_nothing_else_does():
    turned = transformations.hue_rotated(PIXELS).reshape(-1, 3)
    for before, after in zip(PIXELS.reshape(-1, 3), turned, strict=True):
        (h0, s0, v0), (h1, s1, v1) = (colorsys.rgb_to_hsv(*(one / 255)) for one in (before, after))
        assert (s1, v1) == pytest.approx((s0, v0))
        assert (h1 - h0) % 1 == pytest.approx(1 / 3) or s0 == 0


def test_grey_has_no_colour_and_keeps_its_luma():
    made = transformations.grey(np.array([[[[255, 0, 0], [255, 255, 255]]]], np.uint8))
    assert made[0, 0].tolist() == [[76, 76, 76], [255, 255, 255]]


def test_brightness_and_noise_by_hand():
    plain = np.full((4, 32, 32, 3), 100, np.uint8)
    assert (transformations.brighter(plain) == 110).all() and (transformations.brighter(plain + 150) == 255).all()
    noise = transformations.noisy(plain, np.random.default_rng(0)).astype(float) - 100
    assert noise.std() == pytest.approx(5.1, rel=0.05) and abs(noise.mean()) < 0.2


def test_jpeg_changes_little():
    smooth = np.linspace(0, 255, 16)[None, None, :, None].repeat(16, 1).repeat(3, -1).astype(np.uint8)
    error = np.abs(transformations.jpeg(smooth).astype(float) - smooth)
    assert 0 < error.max() < 12
