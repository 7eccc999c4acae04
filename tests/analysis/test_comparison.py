"""Images beside what a network makes of them, with networks whose answers are known by hand."""

from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from explorer.analysis import comparison
from explorer.autoencoder import Layer


class Layered(nn.Module):
    """`coarse` is the mean colour of an image, `fine` what is missing of each pixel: both together are perfect."""

    image_size = 16
    layers = (Layer("coarse", (1, 1), 3), Layer("fine", (16, 16), 3))
    codebooks: ClassVar = {}

    def __init__(self):
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))

    def encode(self, images):
        grid = images.permute(0, 2, 3, 1)
        coarse = grid.mean((1, 2), keepdim=True)
        return {"coarse": coarse, "fine": grid - coarse}

    def decode(self, latents):
        return sum(latents.values()).expand(-1, 16, 16, -1).permute(0, 3, 1, 2).clamp(0, 1)


class Brighter(Layered):
    """Fills patches of 4 pixels with what stood there plus 0.1, and sees nothing of the rest either."""

    mask_grid, patch_size = (4, 4), 4

    def reconstruct_masked(self, images, mask):
        return images + 0.1


class Wandering(Layered):
    """Latents are distributions: the mean colour with noise of 0.1."""

    def sample(self, images, generator):
        latents = self.encode(images)
        return latents | {"coarse": latents["coarse"] + 0.1 * torch.randn(1, generator=generator)}


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), np.uint8)


def batch(pixels):
    return torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255


def fields(found):
    return {name: getattr(found, name) for name in ("originals", "reconstructions", "errors", "mse", "psnr", "ssim")}


def test_a_perfect_network(pixels):
    found = comparison.compare(Layered(), pixels)
    assert np.array_equal(found.reconstructions, pixels) and found.seen is None
    assert found.errors.max() < 1e-6 and found.mse.max() < 1e-10
    assert found.psnr == pytest.approx(100) and found.ssim == pytest.approx(1)


def test_errors_are_measured_over_hidden_patches_only():
    grey = np.full((2, 16, 16, 3), 51, np.uint8)
    mask = np.zeros((2, 4, 4), bool)
    mask[0, 0, 1] = mask[1, :, :3] = True  # 1 of 16, 12 of 16
    found = comparison.compare(Brighter(), grey, mask=mask)
    assert found.mse == pytest.approx([0.01, 0.01]) and found.psnr == pytest.approx([20, 20], abs=1e-4)
    hidden = mask.repeat(4, 1).repeat(4, 2)
    assert found.errors[hidden] == pytest.approx(0.1) and (found.errors[~hidden] == 0).all()
    assert (found.reconstructions[hidden] == 76).all() | (found.reconstructions[hidden] == 77).all()
    assert (found.reconstructions[~hidden] == 51).all(), "what was visible is pasted back"
    assert (found.seen[hidden] == 128).all() and (found.seen[~hidden] == 51).all()
    assert found.ssim[0] > found.ssim[1], "the similarity is that of the whole image"


def test_a_perfect_and_a_useless_filling(pixels):
    class Copy(Brighter):
        def reconstruct_masked(self, images, mask):
            return images

    class Inverse(Brighter):
        def reconstruct_masked(self, images, mask):
            return 1 - images

    mask = comparison.random_masks(3, (4, 4), 0.75, 0)
    perfect = comparison.compare(Copy(), pixels, mask=mask)
    assert (perfect.mse == 0).all() and (perfect.psnr == 100).all() and np.array_equal(perfect.reconstructions, pixels)
    useless = comparison.compare(Inverse(), np.zeros_like(pixels), mask=mask)
    assert useless.mse == pytest.approx(1) and useless.psnr == pytest.approx(0, abs=1e-5)


def test_samples_are_drawn_with_their_seed(pixels):
    first, again, other = (comparison.compare(Wandering(), pixels, sample_seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.mse, again.mse) and not np.array_equal(first.mse, other.mse)
    assert (first.psnr < comparison.compare(Wandering(), pixels).psnr).all()


def test_abilities_that_a_network_has_not(pixels):
    with pytest.raises(TypeError, match="cannot fill in"):
        comparison.compare(Layered(), pixels, mask=np.ones((3, 4, 4), bool))
    with pytest.raises(TypeError, match="nothing can be sampled"):
        comparison.compare(Layered(), pixels, sample_seed=0)


def test_random_masks_hide_the_share_asked_for():
    masks = comparison.random_masks(50, (4, 4), 0.75, 0)
    assert (masks.sum((1, 2)) == 12).all() and len({mask.tobytes() for mask in masks}) > 40
    assert np.array_equal(masks, comparison.random_masks(50, (4, 4), 0.75, 0))
    assert masks.mean(0) == pytest.approx(0.75, abs=0.25)
    assert comparison.random_masks(1, (4, 4), 0, 0).sum() == 1 and comparison.random_masks(1, (4, 4), 1, 0).sum() == 15


def test_answering_with_the_mean_image_by_hand():
    levels = np.array([0, 0, 0, 204], np.uint8)[:, None, None, None]  # mean 0.2: three at 0.2, one at 0.6
    batches = np.split(np.broadcast_to(levels, (4, 8, 8, 3)), [3])  # of unequal length
    mean = comparison.mean_image(batches)
    assert mean.shape == (1, 3, 8, 8) and mean.numpy() == pytest.approx(0.2)
    expected = -20 * np.log10([0.2, 0.2, 0.2, 0.6])
    assert comparison.constant_psnr(mean, batches) == pytest.approx(expected, abs=1e-4)


def test_the_mean_image_of_equal_images_is_perfect(pixels):
    equal = [pixels[:1].repeat(4, 0)]
    assert comparison.constant_psnr(comparison.mean_image(equal), equal) == pytest.approx([100] * 4)
