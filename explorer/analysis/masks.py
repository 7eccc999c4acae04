"""One image with hidden patches: what comes back, how far it errs inside and outside of them, and beside baselines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explorer.analysis import inpainting, quality
from explorer.analysis.grids import cover
from explorer.autoencoder import Masks, device_of, to_images, to_pixels

HIDDEN = 128  # the grey that stands for a hidden patch
TOKENS = 8192  # patches that go through a network at once, about


@dataclass(frozen=True)
class Answer:
    """Something put into the hidden pixels.

    Attributes:
        pixels: (h, w, 3) uint8, with what was visible around it.
        mse, psnr: mean squared error of hidden pixels, values in [0, 1], and the same in dB; nan where none is hidden.
        ssim: of the whole picture.
    """

    pixels: np.ndarray
    mse: float
    psnr: float
    ssim: float


@dataclass(frozen=True)
class Filled:
    """What a model that `Masks` makes of one image.

    Attributes:
        original, seen: (h, w, 3) uint8; hidden patches are grey in what is seen.
        predicted: (h, w, 3) uint8, the model's own prediction of every patch, visible ones too.
        errors: (h, w) float32 in [0, 1], absolute error of that prediction, mean over channels.
        model: the prediction pasted into the hidden patches. baselines: what any other would do, by name.
        outside, outside_psnr: error of the prediction of visible pixels, as in `Answer`; nan where none is visible.
    """

    original: np.ndarray
    seen: np.ndarray
    predicted: np.ndarray
    errors: np.ndarray
    model: Answer
    baselines: dict[str, Answer]
    outside: float
    outside_psnr: float


def fill(model: Masks, pixels: np.ndarray, mask: np.ndarray, baselines: bool = True) -> Filled:
    """Hides the patches `mask` (H, W) bool of an image (h, w, 3) uint8 and compares what comes back with it."""
    image = to_images(pixels[None], device_of(model))
    hidden = torch.from_numpy(np.array(mask, bool))[None].to(image.device)
    predicted, image = model.reconstruct_masked(image, hidden).float().cpu(), image.cpu()
    covered = cover(mask, pixels.shape[:2])
    squared = (predicted - image).square().mean(1)[0].numpy()
    outside = float(squared[~covered].mean()) if not covered.all() else float("nan")
    known = image[0].permute(1, 2, 0).numpy()
    others = {name: made(known, covered) for name, made in inpainting.FILLS.items()} if baselines else {}
    return Filled(
        pixels,
        np.where(covered[..., None], np.uint8(HIDDEN), pixels),
        to_pixels(predicted)[0],
        quality.error_map(image, predicted)[0].numpy(),
        _answer(image, predicted, covered),
        {name: _answer(image, torch.from_numpy(made).permute(2, 0, 1)[None], covered) for name, made in others.items()},
        outside,
        decibels(outside),
    )


def decibels(mse: float) -> float:
    """PSNR in dB of a mean squared error, as in `quality.psnr`; nan of nan."""
    return float(quality.psnr(torch.tensor(mse, dtype=torch.float64)))


def _answer(image: Tensor, answer: Tensor, covered: np.ndarray) -> Answer:
    """Pictures (1, 3, h, w) in [0, 1], hidden pixels (h, w)."""
    pasted = torch.where(torch.from_numpy(covered), answer, image)
    mse = float((pasted - image).square().mean(1)[0].numpy()[covered].mean()) if covered.any() else float("nan")
    return Answer(to_pixels(pasted)[0], mse, decibels(mse), float(quality.ssim(image, pasted)[0]))


def inside(model: Masks, pixels: np.ndarray, masks: np.ndarray) -> Iterator[np.ndarray]:
    """Mean squared error of the hidden pixels of an image (h, w, 3) uint8 under masks (M, H, W), a batch at a time.

    Every hidden pixel counts the same, so that masks with as many hidden patches can be compared. None may hide none.
    """
    image = to_images(pixels[None], device_of(model))
    cells = masks.shape[1] * masks.shape[2]
    for part in np.array_split(masks, max(1, -(-len(masks) * cells // TOKENS))):
        hidden = torch.from_numpy(np.ascontiguousarray(part)).to(image.device)
        predicted = model.reconstruct_masked(image.expand(len(part), -1, -1, -1), hidden).float()
        squared = (predicted - image).square().mean(1).cpu().numpy()
        covered = np.stack([cover(one, squared.shape[1:]) for one in part])
        yield (squared * covered).sum((1, 2)) / covered.sum((1, 2))
