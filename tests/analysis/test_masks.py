"""Hidden patches: errors inside and outside on known answers, baselines, and the search for masks on a toy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explorer.analysis import inpainting, mask_search
from explorer.analysis.comparison import compare, random_masks
from explorer.analysis.masks import fill, inside
from explorer.errors import BadInput


class Toy:
    """4 × 4 patches of 4 × 4 pixels; answers with the truth plus `offset` (4, 4), one for each patch."""

    image_size, patch_size, mask_grid = 16, 4, (4, 4)

    def __init__(self, offset=0.0, grey=False):
        self.offset, self.grey = torch.as_tensor(offset, dtype=torch.float32).expand(4, 4), grey
        self.passes = 0

    def reconstruct_masked(self, images, mask):
        assert mask.dtype == torch.bool and mask.shape == (len(images), 4, 4)
        self.passes += len(images)
        if self.grey:
            return torch.full_like(images, 0.5)
        return images + self.offset.repeat_interleave(4, 0).repeat_interleave(4, 1)


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(40, 200, (16, 16, 3), dtype=np.uint8)


@pytest.fixture
def mask():
    return random_masks(1, (4, 4), 0.5, 0)[0]


def wide(cells):
    return cells.repeat(4, 0).repeat(4, 1)


def test_the_truth_has_no_error_and_comes_back_to_the_bit(pixels, mask):
    found = fill(Toy(), pixels, mask)
    assert found.model.mse == 0 and found.model.psnr == 100 and found.outside == 0
    assert found.model.ssim == pytest.approx(1) and not found.errors.any()
    assert np.array_equal(found.model.pixels, pixels) and np.array_equal(found.predicted, pixels)
    assert (found.seen[wide(mask)] == 128).all() and np.array_equal(found.seen[~wide(mask)], pixels[~wide(mask)])


def test_grey_has_the_error_computed_by_hand_inside_and_outside(pixels, mask):
    found, squared = fill(Toy(grey=True), pixels, mask), np.square(pixels / 255 - 0.5).mean(2)
    assert found.model.mse == pytest.approx(squared[wide(mask)].mean(), rel=1e-5)
    assert found.outside == pytest.approx(squared[~wide(mask)].mean(), rel=1e-5)
    assert found.model.psnr == pytest.approx(-10 * np.log10(found.model.mse))
    assert np.array_equal(found.model.pixels[~wide(mask)], pixels[~wide(mask)]), "what was visible is pasted"
    assert found.errors == pytest.approx(np.abs(pixels / 255 - 0.5).mean(2), abs=1e-6)


def test_it_is_what_a_comparison_of_several_images_says(pixels, mask):
    class Model(Toy):
        def encode(self, images): ...

    model = Model(0.1)
    found, other = fill(model, pixels, mask), compare(model, pixels[None], mask=mask[None])
    assert found.model.mse == pytest.approx(float(other.mse[0]), rel=1e-5)
    assert found.model.ssim == pytest.approx(float(other.ssim[0]), abs=1e-6)
    assert np.array_equal(found.model.pixels, other.reconstructions[0])


def test_nothing_and_everything_hidden(pixels):
    none, every = (fill(Toy(grey=True), pixels, np.full((4, 4), one)) for one in (False, True))
    assert np.isnan(none.model.mse) and np.isnan(none.model.psnr) and none.model.ssim == pytest.approx(1)
    assert np.isnan(every.outside) and every.model.mse > 0
    for one in every.baselines.values():
        assert one.mse == pytest.approx(every.model.mse, rel=1e-5), "without anything to go by, mid-grey"


def test_the_mean_colour_is_that_of_visible_pixels(pixels, mask):
    found = fill(Toy(), pixels, mask).baselines["mean colour"]
    mean = pixels[~wide(mask)].mean(0) / 255
    assert found.mse == pytest.approx(np.square(pixels[wide(mask)] / 255 - mean).mean(), rel=1e-4)
    assert np.array_equal(found.pixels[~wide(mask)], pixels[~wide(mask)])


def test_colours_flow_as_by_hand():
    """Between 0 and 1 four hidden pixels in a row are 1/5 … 4/5; a slope comes back exactly, an end stays level."""
    row = np.zeros((1, 6, 3))
    row[:, 5:] = 1
    hidden = np.array([[False, True, True, True, True, False]])
    assert inpainting.smooth(row, hidden)[0, :, 0] == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    slope = np.broadcast_to(np.linspace(0, 1, 12)[None, :, None], (12, 12, 3))
    middle = np.zeros((12, 12), bool)
    middle[3:8, 4:9] = True
    assert inpainting.smooth(slope, middle) == pytest.approx(slope, abs=1e-5)
    end = np.array([[False, True, True]])
    assert inpainting.smooth(row[:, 5:].repeat(3, 1), end) == pytest.approx(np.ones((1, 3, 3)))


def test_errors_of_many_masks_count_every_hidden_pixel_the_same(pixels):
    masks = random_masks(5, (4, 4), 0.5, 1)
    found = np.concatenate(list(inside(Toy(grey=True), pixels, masks)))
    assert found == pytest.approx([fill(Toy(grey=True), pixels, one).model.mse for one in masks], rel=1e-4)


# ---- the search


def test_the_search_finds_exactly_the_patches_that_err(pixels):
    offset = np.zeros((4, 4))
    offset[1, 1], offset[2, 3], offset[0, 2] = 0.3, 0.2, 0.1
    found = mask_search.search(Toy(offset), pixels)
    assert found["worst"]["order"][:3] == [5, 11, 2], "the largest error first"
    assert set(found["best"]["order"][-2:]) == {2, 11} and 5 not in found["best"]["order"], "and last, or never"
    assert found["worst"]["mse"][:3] == pytest.approx([0.09, (0.09 + 0.04) / 2, (0.09 + 0.04 + 0.01) / 3], rel=1e-4)
    assert found["best"]["mse"][:13] == pytest.approx(13 * [0], abs=1e-9)
    assert found["best"]["mse"][-1] == pytest.approx((0.04 + 0.01) / 15, rel=1e-3)
    mask = mask_search.mask_of(found["worst"]["order"], 2, (4, 4))
    assert [tuple(one) for one in np.argwhere(mask)] == [(1, 1), (2, 3)]


def test_random_masks_are_the_yardstick_and_nothing_is_outside_of_what_was_found(pixels):
    offset = np.random.default_rng(1).random((4, 4)) / 2
    found = mask_search.search(Toy(offset), pixels)
    for hidden, errors in zip(found["random"]["hidden"], found["random"]["mse"], strict=True):
        assert len(errors) == mask_search.RANDOM
        assert found["best"]["mse"][hidden - 1] <= min(errors) * 1.001
        assert found["worst"]["mse"][hidden - 1] >= max(errors) * 0.999
    truth = np.square(offset).reshape(-1)
    assert found["worst"]["mse"][7] == pytest.approx(np.sort(truth)[-8:].mean(), rel=1e-3), "greedy is exact here"
    own = mask_search.random_errors(Toy(offset), pixels, 4)
    assert own.shape == (mask_search.RANDOM,) and own.mean() == pytest.approx(truth.mean(), rel=0.35)


def test_the_search_tells_how_far_it_is_and_can_be_stopped(pixels):
    told = []
    model = Toy(0.1)
    found = mask_search.search(model, pixels, lambda done, total: told.append((done, total)))
    assert told[-1] == (found["passes"], found["passes"]) and model.passes == found["passes"] == found["done"]
    assert [done for done, _ in told] == sorted({done for done, _ in told}), "each step says how far it is"
    assert found["passes"] == mask_search.passes(16)

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        mask_search.search(model, pixels, stop)


def test_large_grids_hide_several_patches_in_a_step_and_one_patch_is_refused(pixels):
    assert mask_search.step_of(64) == (1, 64) and mask_search.step_of(256) == (4, 64)
    assert mask_search.passes(4096) < 50_000

    class One(Toy):
        mask_grid = (1, 1)

    with pytest.raises(BadInput, match="one patch"):
        mask_search.search(One(), pixels)
