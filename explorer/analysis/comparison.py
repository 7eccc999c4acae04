"""Images beside what a model makes of them: the reconstruction, where it errs, and how much."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explorer.analysis import quality
from explorer.autoencoder import Autoencoder, Masks, Samples, device_of


@dataclass(frozen=True)
class Comparison:
    """N images beside what came back; arrays on the CPU.

    Attributes:
        originals, reconstructions: (N, h, w, 3) uint8.
        seen: (N, h, w, 3) uint8, what the model saw, grey where a patch was hidden; None if it saw everything.
        errors: (N, h, w) float32 in [0, 1], absolute error of each pixel, mean over channels.
        mse: (N,) mean squared error; over hidden patches only where some were hidden.
        psnr: (N,) dB, of the same.
        ssim: (N,), of the whole image.
    """

    originals: np.ndarray
    reconstructions: np.ndarray
    seen: np.ndarray | None
    errors: np.ndarray
    mse: np.ndarray
    psnr: np.ndarray
    ssim: np.ndarray


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
    images = to_images(model, pixels)
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


def mean_image_psnr(pixels: np.ndarray, others: np.ndarray | None = None) -> np.ndarray:
    """PSNR (N,) in dB of answering each of (N, h, w, 3) uint8 images with the mean of others, or of themselves."""
    mean = (pixels if others is None else others).mean(0, dtype=np.float64)
    errors = np.array([np.square((one - mean) / 255).mean() for one in pixels])
    return quality.psnr(torch.from_numpy(errors)).numpy()


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
    errors, ssim = quality.error_map(images, decoded), quality.ssim(images, decoded)
    scores = (value.numpy() for value in (errors, mse, quality.psnr(mse), ssim))
    return Comparison(pixels, to_pixels(decoded), seen, *scores)


def to_images(model: Autoencoder, pixels: np.ndarray) -> Tensor:
    """(N, h, w, 3) uint8 -> (N, 3, h, w) float in [0, 1], where the model is."""
    return to_tensor(pixels, device_of(model))


def to_tensor(pixels: np.ndarray, device: torch.device | str = "cpu") -> Tensor:
    """(N, h, w, 3) uint8 -> (N, 3, h, w) float in [0, 1], channels last in memory."""
    # a copy: pixels may be read-only
    return torch.from_numpy(np.array(pixels)).to(device).permute(0, 3, 1, 2).float().div_(255)


def to_pixels(images: Tensor) -> np.ndarray:
    """(N, 3, h, w) in [0, 1] -> (N, h, w, 3) uint8."""
    return images.mul(255).round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()
