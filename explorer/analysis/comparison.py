"""Images beside what a model makes of them: the reconstruction, where it errs, and how much."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explorer.analysis import quality
from explorer.autoencoder import Autoencoder, Masks, Samples, device_of, to_images, to_pixels
from explorer.precision import exact


@dataclass(frozen=True)
class Comparison:
    """N images beside what came back; arrays on the CPU.

    Attributes:
        originals, reconstructions: (N, h, w, 3) uint8.
        seen: (N, h, w, 3) uint8, what the model saw, grey where a patch was hidden; None if it saw everything.
        errors: (N, h, w) float32 in [0, 1], absolute error of each pixel, mean over channels.
        mse: (N,) mean squared error; over hidden patches only where some were hidden.
        psnr: (N,) dB, of the same.
        ssim, ssim_cropped: (N,), of the whole image, with reflected borders and without what is near them.
    """

    originals: np.ndarray
    reconstructions: np.ndarray
    seen: np.ndarray | None
    errors: np.ndarray
    mse: np.ndarray
    psnr: np.ndarray
    ssim: np.ndarray
    ssim_cropped: np.ndarray


@exact()
def compare(
    model: Autoencoder, pixels: np.ndarray, *, sample_seed: int | None = None, mask: np.ndarray | None = None
) -> Comparison:
    """Sends images through `model`.

    Args:
        pixels: (N, h, w, 3) uint8, h = w = the model's image size.
        sample_seed: latents are drawn from the posterior with this seed, for a model that `Samples`.
        mask: (N, H, W) bool, True where hidden, for a model that `Masks`; what was visible is pasted back.

    Raises:
        TypeError: the model has not the ability asked for.
    """
    images = to_images(pixels, device_of(model))
    if mask is not None:
        return _masked(model, images, pixels, mask)
    if sample_seed is None:
        latents = model.encode(images)
    elif isinstance(model, Samples):
        latents = model.sample(images, torch.Generator(images.device).manual_seed(sample_seed))
    else:
        raise TypeError("this model's latents are not distributions; nothing can be sampled")
    return beside(pixels, images, model.decode(latents))


def random_masks(count: int, grid: tuple[int, int], ratio: float, seed: int) -> np.ndarray:
    """(count, H, W) bool with the same number of hidden patches in each: `ratio` of them, at least one, never all."""
    cells = grid[0] * grid[1]
    hidden = min(max(round(cells * ratio), 1), cells - 1)
    ranks = np.random.default_rng(seed).random((count, cells)).argsort(1).argsort(1)
    return (ranks < hidden).reshape(count, *grid)


def mean_image(batches: Iterable[np.ndarray]) -> Tensor:
    """The mean of images that come as (n, h, w, 3) uint8, a batch at a time -> (1, 3, h, w) in [0, 1]."""
    total, count = 0, 0
    for pixels in batches:
        total, count = total + pixels.sum(0, dtype=np.int64), count + len(pixels)
    return torch.from_numpy(total / (255 * count)).float().permute(2, 0, 1)[None]


def constant_psnr(answer: Tensor, batches: Iterable[np.ndarray]) -> np.ndarray:
    """PSNR in dB of answering every image, (n, h, w, 3) uint8 a batch at a time, with one (1, 3, h, w): (N,)."""
    images = (to_images(pixels) for pixels in batches)
    return torch.cat([quality.psnr(quality.mse(one, answer.expand_as(one))) for one in images]).numpy()


def _masked(model: Autoencoder, images: Tensor, pixels: np.ndarray, mask: np.ndarray) -> Comparison:
    if not isinstance(model, Masks):
        raise TypeError("this model cannot fill in hidden patches")
    hidden = torch.from_numpy(mask).to(images.device)
    cover = hidden.repeat_interleave(model.patch_size, 1).repeat_interleave(model.patch_size, 2)[
        :, None
    ]  # (N, 1, h, w)
    predicted = model.reconstruct_masked(images, hidden).float()
    decoded = torch.where(cover, predicted, images).cpu()
    cover, images = cover.cpu(), images.cpu()
    share = cover.float().mean((1, 2, 3))  # errors are zero elsewhere, so the mean over hidden pixels is mse / share
    mse = quality.mse(images, decoded) / share
    seen = np.where(cover[:, 0, :, :, None].numpy(), np.uint8(128), pixels)
    return beside(pixels, images, decoded, mse=mse, seen=seen)


def beside(
    pixels: np.ndarray, images: Tensor, decoded: Tensor, *, mse: Tensor | None = None, seen: np.ndarray | None = None
) -> Comparison:
    """Images (N, h, w, 3) uint8, the same as (N, 3, h, w) in [0, 1], and what came back of them."""
    images, decoded = images.cpu(), decoded.float().cpu()
    mse = quality.mse(images, decoded) if mse is None else mse
    errors, ssim = quality.error_map(images, decoded), quality.ssim_of_borders(images, decoded)
    scores = (value.numpy() for value in (errors, mse, quality.psnr(mse), *ssim))
    return Comparison(pixels, to_pixels(decoded), seen, *scores)
