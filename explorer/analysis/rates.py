"""What a model spends and what it gets for it: bits per pixel against PSNR and SSIM on held-out images.

Discrete layers cost log2 K bits a position. Continuous ones are sent as b = 1 … 8 bits a number, through a scalar
quantizer of each channel that is fitted on training images. Positions whose numbers the decoder does not need (see
`latents.Sends`) cost nothing and stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explorer.analysis import quality, usage
from explorer.autoencoder import Autoencoder, Sends, device_of, to_images
from explorer.precision import exact

BITS = tuple(range(1, 9))
BATCH = 64
TRAIN_IMAGES = 1024  # that scalar quantizers are fitted on, at most
TRAIN_VECTORS = 32_768  # of each layer, drawn from those images, at most

Read = Callable[[slice], np.ndarray]  # rows -> (n, h, w, 3) uint8
Progress = Callable[[int, int, str], object]  # done, total, message


@dataclass(frozen=True)
class Scalar:
    """A scalar quantizer for each of D channels; `levels` (D, 2^b) ascending."""

    levels: Tensor

    def assign(self, values: Tensor) -> Tensor:
        """Nearest level of each number: (M, D) -> (M, D) int64 in [0, 2^b)."""
        levels = self.levels.to(values)
        return torch.searchsorted((levels[:, 1:] + levels[:, :-1]) / 2, values.T.contiguous()).T

    def lookup(self, symbols: Tensor) -> Tensor:
        """Levels of symbols: (M, D) int64 -> (M, D)."""
        return self.levels.to(symbols.device).gather(1, symbols.T).T


def lloyd_max(values: Tensor, bits: int, steps: int = 100) -> Scalar:
    """The scalar quantizer with 2^bits levels and the least mean squared error, for each channel apart.

    Starts where the density of levels goes with the cube root of that of the values, which is best for many levels
    (Panter and Dite 1951), and then moves levels to the mean of their values, and borders halfway between levels.

    Args:
        values: (M, D) finite sample, M ≥ 1.
        steps: rounds at most; it ends earlier when nothing moves any more.

    Source: Lloyd 1957, Least squares quantization in PCM (IEEE Trans. Inf. Theory 28, 1982), method I; Max 1960.
    """
    if values.ndim != 2 or not len(values):
        raise ValueError(f"a quantizer needs a sample (M, D) of at least one row; got {tuple(values.shape)}")
    ordered = values.double().T.contiguous().sort(1).values  # (D, M)
    sums = torch.nn.functional.pad(ordered.cumsum(1), (1, 0))  # (D, M + 1)
    levels = _companded(ordered, 2**bits)
    for _ in range(steps):
        cuts = torch.searchsorted(ordered, (levels[:, 1:] + levels[:, :-1]) / 2)  # values below each border
        cuts = torch.nn.functional.pad(cuts, (1, 1))
        cuts[:, -1] = ordered.shape[1]
        counts = cuts.diff(dim=1)
        moved = torch.where(counts > 0, sums.gather(1, cuts).diff(dim=1) / counts.clamp_min(1), levels)
        moved = moved.sort(1).values  # a level without values may be passed by its neighbours
        done = torch.allclose(moved, levels, rtol=1e-6, atol=0)
        levels = moved
        if done:
            break
    return Scalar(levels.float())


def _companded(ordered: Tensor, count: int) -> Tensor:
    """(D, M) ascending values -> (D, count) levels whose density goes with the cube root of that of the values."""
    parts = max(16 * count, 1024)
    ranks = torch.linspace(0, ordered.shape[1] - 1, parts + 1, dtype=torch.float64, device=ordered.device)
    low = ranks.floor().long()
    high = (low + 1).clamp_max(ordered.shape[1] - 1)
    points = torch.lerp(ordered[:, low], ordered[:, high], (ranks - low).expand(len(ordered), -1))  # quantiles
    # between two quantiles the density p goes with 1 / width, so ∫ p^(1/3) = width^(2/3)
    cumulated = torch.nn.functional.pad(points.diff(dim=1).pow(2 / 3).cumsum(1), (1, 0))
    wanted = (torch.arange(count, device=ordered.device) + 0.5) / count * cumulated[:, -1:]
    after = torch.searchsorted(cumulated, wanted).clamp(1, parts)
    start, width = cumulated.gather(1, after - 1), cumulated.diff(dim=1).gather(1, after - 1)
    share = torch.where(width > 0, (wanted - start) / width.clamp_min(1e-300), 0.0)
    return torch.lerp(points.gather(1, after - 1), points.gather(1, after), share)


@dataclass
class _Point:
    """One way to send an image, and what has been counted of it so far."""

    layers: tuple[str, ...]
    bits: int | None
    positions: dict[str, list[Tensor]] = field(default_factory=dict)  # (n,) of each batch
    counts: dict[str, Tensor] = field(default_factory=dict)  # (channels, symbols)
    scores: list[dict[str, Tensor]] = field(default_factory=list)


@exact()
@torch.inference_mode()
def measure(
    model: Autoencoder, train_read: Read, read: Read, count: int, progress: Progress | None = None
) -> dict[str, Any]:
    """Rates and distortions of a model on held-out images, as plain JSON values.

    There is a point for each prefix of the layers, coarse to fine, that ends with a discrete layer, and for all layers.
    Where a point needs continuous layers, there is one for each b in BITS, and one with the numbers as they are, whose
    rate is null: the bound. Layers are encoded once, from numbers that were not quantized yet.

    Args:
        train_read: rows of training images, in random order if there are more than TRAIN_IMAGES; nothing but scalar
            quantizers is fitted on them. read: of held-out images, which are only ever measured.
        count: how many held-out images there are to measure.

    Returns:
        `images`, `train_images` (0 where nothing was fitted), `pixels` of one image, and `points`: each with `layers`,
        `bits`; `bits_per_pixel` at a fixed length, with `positions` {layer: mean number sent of an image, with 95 %
        interval}; `entropy_bits_per_pixel`, the same at the plug-in entropy of each layer's symbols (of each channel's
        where it is continuous) over all images measured, which is what an ideal code for exactly these frequencies
        would spend; `symbols` {layer: how many were counted}; `mse`, the mean, and `psnr`, `ssim` {mean, low, high, n}.
    """
    books = model.codebooks
    if progress is not None:
        progress(0, count, "fitting scalar quantizers")
    scalars, seen = _scalars(model, train_read, [layer.name for layer in model.layers if layer.name not in books])
    points = _points([layer.name for layer in model.layers], set(books))
    pixels = 0
    for start in range(0, count, BATCH):
        if progress is not None:
            progress(start, count, "measuring images")
        images = to_images(read(slice(start, min(start + BATCH, count))), device_of(model))
        pixels = images.shape[2] * images.shape[3]
        latents = model.encode(images)
        codes = {name: book.assign(latents[name]) for name, book in books.items()}
        for point in points:
            _add(point, model, images, latents, codes, books, scalars)
    if progress is not None:
        progress(count, count, "measuring images")
    sizes = {name: len(book) for name, book in books.items()}
    return {
        "images": count,
        "train_images": seen,
        "pixels": pixels,
        "points": [_summary(point, sizes, pixels) for point in points],
    }


def _points(names: list[str], discrete: set[str]) -> list[_Point]:
    found = []
    for end, name in enumerate(names, 1):
        if name in discrete or end == len(names):
            prefix = tuple(names[:end])
            ways = (None,) if set(prefix) <= discrete else (*BITS, None)
            found += [_Point(prefix, bits) for bits in ways]
    return found


def _scalars(model: Autoencoder, read: Read, names: list[str]) -> tuple[dict[str, dict[int, Scalar]], int]:
    """{layer: {bits: quantizer}} of continuous layers, fitted on training images, and how many images those are."""
    if not names:
        return {}, 0
    generator = torch.Generator().manual_seed(0)
    samples: dict[str, list[Tensor]] = {name: [] for name in names}
    seen = 0
    while seen < TRAIN_IMAGES:
        pixels = read(slice(seen, min(seen + BATCH, TRAIN_IMAGES)))
        if not len(pixels):
            break
        latents = model.encode(to_images(pixels, device_of(model)))
        masks = _sent(model, latents)
        most = max(1, TRAIN_VECTORS * len(pixels) // TRAIN_IMAGES)
        for name in names:
            values = latents[name][masks[name]].float().cpu()  # (m, D)
            samples[name].append(values[torch.randperm(len(values), generator=generator)[:most]])
        seen += len(pixels)
    if not seen:
        raise ValueError("continuous layers need training images to fit their quantizers on")
    fitted = {}
    for name in names:
        sample = torch.cat(samples[name])
        if not len(sample):  # no training image needs this layer; where another one does, it gets the mean
            sample = latents[name].float().cpu().flatten(0, 2).mean(0, keepdim=True)
        fitted[name] = {bits: lloyd_max(sample, bits) for bits in BITS}
    return fitted, seen


def _sent(model: Autoencoder, latents: dict[str, Tensor]) -> dict[str, Tensor]:
    """{layer: (N, H, W) bool} of every layer given."""
    masks = model.sent(latents) if isinstance(model, Sends) else {}
    return {
        name: masks[name] if name in masks else torch.ones(z.shape[:3], dtype=torch.bool, device=z.device)
        for name, z in latents.items()
    }


def _add(point: _Point, model, images: Tensor, latents: dict, codes: dict, books: Mapping, scalars: dict) -> None:
    """Sends a batch in the way of `point`, and counts what that took and what came back."""
    given = {name: latents[name] for name in point.layers}
    for name, mask in _sent(model, given).items():
        point.positions.setdefault(name, []).append(mask.flatten(1).sum(1).cpu())
        if name in books:
            _count(point, name, codes[name][mask][:, None], len(books[name]))
        elif point.bits is not None:
            scalar = scalars[name][point.bits]
            symbols = scalar.assign(given[name][mask])  # (m, D)
            _count(point, name, symbols, 2**point.bits)
            given[name] = given[name].clone()
            given[name][mask] = scalar.lookup(symbols)
    # on 8 bits, as the files of a codec are
    decoded = model.decode(given).float().clamp(0, 1).mul(255).round().div(255)
    scores = quality.measure(images, decoded)
    point.scores.append({name: value.cpu() for name, value in scores.items()})


def _count(point: _Point, name: str, symbols: Tensor, size: int) -> None:
    """Adds symbols (m, C) to the counts (C, size) of a layer."""
    channels = symbols.shape[1]
    flat = (symbols + size * torch.arange(channels, device=symbols.device)).flatten()
    counts = torch.bincount(flat, minlength=channels * size).view(channels, size).cpu()
    point.counts[name] = point.counts[name] + counts if name in point.counts else counts


def _summary(point: _Point, sizes: dict[str, int], pixels: int) -> dict[str, Any]:
    positions = {name: quality.interval(torch.cat(parts)) for name, parts in point.positions.items()}
    fixed = entropy = 0.0
    for name, counts in point.counts.items():
        bits = float(np.log2(sizes[name])) if name in sizes else point.bits * len(counts)
        fixed += positions[name]["mean"] * bits / pixels
        entropy += positions[name]["mean"] * float(usage.entropy_bits(counts.numpy()).sum()) / pixels
    known = len(point.counts) == len(point.layers)
    scores = {name: torch.cat([part[name] for part in point.scores]) for name in ("mse", "psnr", "ssim")}
    return {
        "layers": list(point.layers),
        "bits": point.bits,
        "bits_per_pixel": fixed if known else None,
        "entropy_bits_per_pixel": entropy if known else None,
        "positions": positions,
        "symbols": {name: int(counts.sum()) for name, counts in point.counts.items()},
        "mse": float(scores["mse"].double().mean()),
        "psnr": quality.interval(scores["psnr"]),
        "ssim": quality.interval(scores["ssim"]),
    }


def working_point(measured: Mapping[str, Any], within: float = 0.1) -> dict[str, Any]:
    """The point of `measure` that stands for a model: all layers, with the fewest bits a number that cost less than
    `within` dB of mean PSNR; the most bits where none does."""
    layers = measured["points"][-1]["layers"]  # the last point has all of them, and nothing is quantized in it
    points = [point for point in measured["points"] if point["layers"] == layers]
    known = [point for point in points if point["bits_per_pixel"] is not None]
    near = (point for point in known if points[-1]["psnr"]["mean"] - point["psnr"]["mean"] < within)
    return next(near, known[-1])


def needed(point: Mapping[str, Any]) -> list[str]:
    """Layers that a point of `measure` sends anything of."""
    return [name for name in point["layers"] if point["positions"][name]["mean"] > 0]
