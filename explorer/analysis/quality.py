"""How good reconstructions are: MSE, PSNR and SSIM of each image, summaries with intervals, and baselines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

CACHED, MANY = 2**17, 2**25  # numbers of images that are compared at once: on a CPU, what stays in its cache
BEST_PSNR = 100.0  # dB given to an exact copy, so that means stay finite; an MSE of 1e-10
FEW = 20  # images below which scores are too skewed for Student's t: of 10, 92 of 100 intervals of a mean SSIM hold


def measure(images: Tensor, reconstructions: Tensor) -> dict[str, Tensor]:
    """Scores of each image: (N, 3, h, w) float in [0, 1] twice -> `mse`, `psnr` in dB, `ssim`, `ssim_cropped` of (N,).

    The last is the SSIM without the pixels near the border, see `ssim_of_borders`; nan where a side is below 11 px.
    """
    error = mse(images, reconstructions)
    reflected, cropped = ssim_of_borders(images, reconstructions)
    return {"mse": error, "psnr": psnr(error), "ssim": reflected, "ssim_cropped": cropped}


def mse(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Mean squared error over channels and pixels: (N, 3, h, w) twice -> (N,), values in [0, 1]."""
    _check(images, reconstructions)
    return (images.float() - reconstructions.float()).square().flatten(1).mean(1)


def psnr(error: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB of mean squared errors, peak 1: (N,) -> (N,), at most 100.

    The score of a set is the mean of its images' PSNR. That is not the PSNR of the mean error, which is always lower or
    the same (Jensen) and leans on the worst images; `psnr_of_mean` gives it where papers report that one.
    """
    return -10 * torch.log10(error.clamp_min(10 ** (-BEST_PSNR / 10)))


def psnr_of_mean(error: Tensor) -> float:
    """PSNR in dB of the mean of all images' mean squared errors (N,)."""
    return float(psnr(error.double().mean()))


def ssim(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Structural similarity of each image with reflected borders, see `ssim_of_borders`: (N, 3, h, w) twice -> (N,)."""
    return ssim_of_borders(images, reconstructions)[0]


def ssim_of_borders(images: Tensor, reconstructions: Tensor) -> tuple[Tensor, Tensor]:
    """Structural similarity of each image: (N, 3, h, w) in [0, 1] twice -> (N,), (N,), in [-1, 1], 1 for a copy.

    Gaussian window of 11 × 11 with sigma 1.5, K1 = 0.01, K2 = 0.03, data range 1; the mean over the three channels and
    pixels. First with reflected borders: all pixels count, and the image goes on beyond its border as in a mirror. Then
    cropped, as in the original: only pixels whose window lies inside the image count, none (nan) where a side is below
    11 px. The two differ by hundredths on small images. An image whose shorter side s is below 11 px gets sigma
    1.5 s / 11 and a window of about s px: its scores compare with those of images of the same size only.

    Source: Wang et al., Image Quality Assessment: From Error Visibility to Structural Similarity, 2004, equation 13.
    """
    _check(images, reconstructions)
    if not images.numel():
        return (images.new_empty(0, dtype=torch.float32),) * 2
    side = min(images.shape[-2:])
    sigma = 1.5 * min(1.0, side / 11)
    reach = int(3.5 * sigma + 0.5)
    window = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, dtype=torch.float64) / sigma) ** 2)
    weights = (window / window.sum()).tolist()
    at_once = max(1, (CACHED if images.device.type == "cpu" else MANY) // images[0].numel())
    reflected, cropped = [], []
    for a, b in zip(images.split(at_once), reconstructions.split(at_once), strict=True):
        found = _ssim_map(a.float(), b.float(), weights)
        inside = found[..., reach : found.shape[2] - reach, reach : found.shape[3] - reach]
        reflected.append(found.flatten(1).mean(1))
        cropped.append(inside.flatten(1).mean(1) if side >= 11 else torch.full_like(reflected[-1], torch.nan))
    return torch.cat(reflected), torch.cat(cropped)


def _ssim_map(a: Tensor, b: Tensor, weights: list[float]) -> Tensor:
    """SSIM of every pixel and channel, borders reflected: (n, 3, h, w) twice, window (2r + 1,) -> (n, 3, h, w)."""
    a, b = (F.pad(x.contiguous(), (len(weights) // 2,) * 4, mode="reflect") for x in (a, b))
    mean_a, mean_b, variance_a, variance_b, covariance = _moments(a, b, weights)
    c1, c2 = 0.01**2, 0.03**2
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    return luminance * (2 * covariance + c2) / (variance_a + variance_b + c2)


def _moments(a: Tensor, b: Tensor, weights: list[float]) -> tuple[Tensor, ...]:
    """Means, variances and covariance of two images in the window around each pixel that it fits around.

    A sum of shifted images, one axis after the other, and no product of matrices, which a GPU may take with ten bits.
    Centred: the variance in a window is the mean of its lines' variances plus the variance of their means. The
    difference of mean square and square of the mean has no digits left where an image is bright and flat.
    """
    spread: tuple[Tensor, Tensor, Tensor] | None = None
    for axis in (3, 2):
        size = a.shape[axis] - len(weights) + 1
        mean_a, mean_b = (sum(w * x.narrow(axis, i, size) for i, w in enumerate(weights)) for x in (a, b))
        found = [torch.zeros_like(mean_a) for _ in range(3)]
        for i, w in enumerate(weights):
            off_a, off_b = a.narrow(axis, i, size) - mean_a, b.narrow(axis, i, size) - mean_b
            for total, (x, y) in zip(found, ((off_a, off_a), (off_b, off_b), (off_a, off_b)), strict=True):
                total.addcmul_(x, y, value=w)
            for total, before in zip(found, spread or (), strict=False):
                total.add_(before.narrow(axis, i, size), alpha=w)
        a, b, spread = mean_a, mean_b, tuple(found)
    return (a, b, *spread)


def error_map(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Absolute error of each pixel, mean over channels: (N, 3, h, w) twice -> (N, h, w) in [0, 1]."""
    _check(images, reconstructions)
    return (images.float() - reconstructions.float()).abs().mean(1)


@dataclass(frozen=True)
class Summary:
    """Mean and median of n images' scores; `low` and `high` bound the mean with 95 % confidence."""

    mean: float
    median: float
    low: float
    high: float
    n: int


def summary(values: np.ndarray | Tensor, level: float = 0.95) -> Summary:
    """Summary of one score over images: (N,) -> Student's t interval of the mean, the image as the sampling unit.

    Says how well this sample fixes the mean over such images; training anew would vary more. The interval is (nan, nan)
    with one image; everything is nan with none. ValueError where a score is not finite.
    """
    from scipy.special import stdtrit  # scipy.stats takes a second to import

    values = np.asarray(values, np.float64).reshape(-1)
    if not np.isfinite(values).all():
        raise ValueError(f"{int((~np.isfinite(values)).sum()):,} of {len(values):,} scores are not finite")
    nan = float("nan")
    if not len(values):
        return Summary(nan, nan, nan, nan, 0)
    mean, median = float(values.mean()), float(np.median(values))
    if len(values) == 1:
        return Summary(mean, median, nan, nan, 1)
    half = float(stdtrit(len(values) - 1, (1 + level) / 2) * values.std(ddof=1) / np.sqrt(len(values)))
    return Summary(mean, median, mean - half, mean + half, len(values))


def interval(values: np.ndarray | Tensor) -> dict[str, float | int | None]:
    """`summary` as plain JSON values: {mean, low, high, n} of one score over images (N,); null ends with one image."""
    found = summary(values)
    low, high = (None if np.isnan(value) else value for value in (found.low, found.high))
    return {"mean": found.mean, "low": low, "high": high, "n": found.n}


def worded(found: dict[str, float | int | None], digits: int) -> str:
    """What `interval` gave, as "29.71 [29.64, 29.78]"; of few images the ends are called rough."""
    if found["low"] is None:
        return f"{found['mean']:.{digits}f} (one image)"
    rough = "about " if found["n"] < FEW else ""
    return f"{found['mean']:.{digits}f} [{rough}{found['low']:.{digits}f}, {found['high']:.{digits}f}]"


def between(found: dict[str, float | int | None], digits: int) -> str:
    """The interval alone, as "95 %: 29.64 – 29.78"; of few images it is called rough, and one image has none."""
    if found["low"] is None:
        return "one image, no interval"
    rough = "about " if found["n"] < FEW else ""
    return f"{rough}95 %: {found['low']:.{digits}f} – {found['high']:.{digits}f}"


def _check(images: Tensor, reconstructions: Tensor) -> None:
    if images.ndim != 4 or images.shape != reconstructions.shape:
        raise ValueError(
            f"images and reconstructions must both be (N, 3, h, w); got {tuple(images.shape)} and "
            f"{tuple(reconstructions.shape)}"
        )
