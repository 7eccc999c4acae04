"""What pixels say of an image is what one sees."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from explorer.analysis.concepts import pictures


def plain(colour, side=16):
    return np.broadcast_to(np.array(colour, np.uint8), (side, side, 3))


def test_plain_images_have_the_lightness_and_hue_that_they_are_called_by():
    colours = {
        "red": (255, 0, 0), "orange": (255, 128, 0), "yellow": (255, 230, 0), "green": (0, 255, 0),
        "cyan": (0, 255, 255), "blue": (0, 0, 255), "purple": (150, 0, 255), "pink": (255, 0, 160),
        "grey": (90, 90, 90),
    }  # fmt: skip
    found = pictures.measure(np.stack([plain(one) for one in colours.values()]))
    assert list(found["hue"]) == list(found["background hue"]) == list(colours)
    np.testing.assert_allclose(found["saturation"], [1] * 8 + [0])
    np.testing.assert_allclose(found["lightness"][[0, 8]], [0.2126, 90 / 255], rtol=1e-5)
    np.testing.assert_allclose(found["background share"], 1)
    np.testing.assert_allclose(found["edges"], 0)


def test_black_and_white_are_the_ends_of_lightness():
    found = pictures.measure(np.stack([plain((0, 0, 0)), plain((255, 255, 255))]))
    np.testing.assert_allclose(found["lightness"], [0, 1], atol=1e-6)
    assert list(found["hue"]) == ["grey", "grey"]


def test_an_object_on_a_background_is_counted_by_hand():
    pixels = np.array(plain((250, 250, 250), 10))
    pixels[3:7, 3:7] = (200, 0, 0)  # 16 of 100 pixels
    found = pictures.measure(pixels[None]).iloc[0]
    assert found["background share"] == pytest.approx(0.84)
    assert found["background lightness"] == pytest.approx(250 / 255, abs=1e-5)
    assert found["hue"] == "red" and found["background hue"] == "grey"
    assert found["edges"] == pytest.approx(16 / 180), "four on each side, of 90 pairs each way"
    assert found["saturation"] == pytest.approx(0.16 * 200 / 255, abs=1e-6)
    assert found["red share"] == pytest.approx(1)


def test_a_gradient_is_all_background():
    pixels = np.repeat(np.linspace(0, 255, 32).astype(np.uint8)[:, None], 32, 1)[..., None].repeat(3, 2)
    assert pictures.measure(pixels[None])["background share"][0] == 1


def test_a_large_copy_says_the_same_as_a_small_one():
    small = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    large = small.repeat(3, 1).repeat(3, 2)
    pd.testing.assert_frame_equal(pictures.measure(small), pictures.measure(large), atol=1e-5)


def test_features_are_standardised_and_hues_have_no_ends():
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    wheel = 128 + 120 * np.stack([np.cos(angles + shift) for shift in (0, -2 * np.pi / 3, 2 * np.pi / 3)], 1)
    found = pictures.features(pictures.measure(np.stack([plain(one, 8) for one in wheel.astype(np.uint8)])))
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-9)
    assert set(np.round(found.std(0), 6)) <= {0.0, 1.0}
    steps = np.linalg.norm(found[:, 5:7] - np.roll(found[:, 5:7], 1, 0), axis=1)
    assert steps.max() < 2 * steps.min(), "the first and the last are as near as any two that follow each other"


def test_no_images_and_single_pixels_are_no_error():
    assert len(pictures.measure(np.zeros((0, 8, 8, 3), np.uint8))) == 0
    assert list(pictures.measure(np.full((1, 1, 1, 3), 7, np.uint8))["edges"]) == [0]
    with pytest.raises(ValueError, match="pixels must be"):
        pictures.measure(np.zeros((3, 8, 8), np.uint8))
