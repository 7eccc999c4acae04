"""What the units of a continuous layer do over many images: how far they move, and what they cost.

A unit is one of the D numbers of a latent. On a grid it is a channel, and its numbers are those of all cells.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explorer.analysis import mixture, quality
from explorer.autoencoder import Autoencoder, Posteriors, device_of, to_images
from explorer.precision import exact

BATCH, PIXELS = 128, 128 * 64 * 64  # images at once, and pixels
ACTIVE = 0.01  # variance of the posterior's mean over images, above which a unit is active
CELLS = 16  # of a grid, whose vectors are kept of each image
ON_GRID = 256  # images of a layer on a grid: each gives many vectors


def wanted(grid: tuple[int, int], count: int) -> int:
    """How many of `count` images are measured: on a grid each gives many vectors, so fewer do."""
    return count if grid == (1, 1) else min(count, ON_GRID)


def divergence(mean: Tensor | np.ndarray, variance: Tensor | np.ndarray) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)) of each number in nats, ≥ 0, of any one shape.

    Source: Kingma and Welling 2014, arXiv:1312.6114, appendix B.
    """
    mean, variance = torch.as_tensor(mean).double(), torch.as_tensor(variance).double()
    return 0.5 * (mean.square() + variance - 1 - variance.log())


def dead(variance: np.ndarray) -> np.ndarray:
    """Units whose posterior mean hardly depends on the image: variance (D,) of the mean over images -> (D,) bool.

    Active are those above 0.01: Burda, Grosse and Salakhutdinov 2016, arXiv:1509.00519, section 5.
    """
    return np.asarray(variance) <= ACTIVE


@dataclass
class _Sums:
    """What is summed up over images, in float64, and a few vectors of each."""

    first: Tensor
    total: Tensor = field(init=False)
    squares: Tensor = field(init=False)
    noise: Tensor = field(init=False)
    count: int = 0
    low: Tensor | None = None
    high: Tensor | None = None
    nats: list[Tensor] = field(default_factory=list)
    drawn: list[Tensor] = field(default_factory=list)
    means: list[Tensor] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.total, self.squares, self.noise = (torch.zeros_like(self.first) for _ in range(3))

    def add(self, mean: Tensor, variance: Tensor | None, generator: torch.Generator) -> None:
        """Takes mean and variance (n, H, W, D) of some images."""
        flat = mean.flatten(1, 2).double().cpu()  # (n, H·W, D)
        away = flat - self.first
        self.total += away.sum((0, 1))
        self.squares += away.square().sum((0, 1))
        self.count += flat.shape[0] * flat.shape[1]
        ends = flat.amin((0, 1)), flat.amax((0, 1))
        self.low = ends[0] if self.low is None else torch.minimum(self.low, ends[0])
        self.high = ends[1] if self.high is None else torch.maximum(self.high, ends[1])
        chosen = torch.randperm(flat.shape[1], generator=generator)[:CELLS]
        kept = flat[:, chosen]
        self.means.append(kept.float())
        if variance is not None:
            spread = variance.flatten(1, 2).double().cpu()
            self.noise += spread.sum((0, 1))
            self.nats.append(divergence(flat, spread).sum(1))  # (n, D): all cells of an image
            kept = kept + spread[:, chosen].sqrt() * torch.randn(kept.shape, generator=generator, dtype=kept.dtype)
        self.drawn.append(kept.float())


@exact()
def measure(
    model: Autoencoder,
    read: Callable[[slice], np.ndarray],
    count: int,
    layer: str,
    *,
    seed: int = 0,
    progress: Callable[[int, int, str], None] | None = None,
) -> dict[str, Any]:
    """Units of a layer, norms of its latents, and a mixture fitted to them, over images.

    Args:
        read: rows -> (n, h, w, 3) uint8. count: images; `wanted` says how many.
        layer: a continuous one.

    Returns:
        `layer, images, cells, posterior`; `units`, lists of D numbers: `mean` and `variance` of the posterior's mean
        (or of the latents where there is none) over images and cells, `noise` the posterior's own variance, `low` and
        `high` the least and greatest mean, and where there is a posterior `nats`, KL from N(0, 1) of an image summed
        over its cells, with the ends `nats_low`, `nats_high` of its 95 % interval; `total` the same of all units;
        `norm` of the latents; and `samples`, see `mixture.compare`.
    """
    facts = next(one for one in model.layers if one.name == layer)
    generator = torch.Generator().manual_seed(seed)
    at_once = max(1, min(BATCH, PIXELS // model.image_size**2))
    sums: _Sums | None = None
    for start in range(0, count, at_once):
        if progress is not None:
            progress(start, count, f"latents of layer {layer}")
        images = to_images(read(slice(start, min(start + at_once, count))), device_of(model))
        mean, variance = _of(model, images, layer)
        sums = sums or _Sums(mean.flatten(0, 2)[0].double().cpu())
        sums.add(mean, variance, generator)
    if progress is not None:
        progress(count, count, "fitting a mixture to the latents")
    found = {"layer": layer, "images": count, "cells": facts.grid[0] * facts.grid[1], "posterior": bool(sums.nats)}
    return found | _told(sums, seed)


def _of(model: Autoencoder, images: Tensor, layer: str) -> tuple[Tensor, Tensor | None]:
    """Mean and variance (n, H, W, D); None for latents that are no distributions."""
    told = model.posterior(images) if isinstance(model, Posteriors) else {}
    return told[layer] if layer in told else (model.encode(images)[layer], None)


def _told(sums: _Sums, seed: int) -> dict[str, Any]:
    shift = sums.total / sums.count
    units = {
        "mean": sums.first + shift, "variance": (sums.squares / sums.count - shift.square()).clamp_min(0),
        "noise": sums.noise / sums.count, "low": sums.low, "high": sums.high,
    }  # fmt: skip
    units = {name: _listed(value.numpy()) for name, value in units.items()}
    total = None
    if sums.nats:
        nats = torch.cat(sums.nats).numpy()  # (N, D)
        each = [quality.interval(column) for column in nats.T]
        units |= {"nats": [one["mean"] for one in each]}
        units |= {f"nats_{end}": [one[end] for one in each] for end in ("low", "high")}
        total = quality.interval(nats.sum(1))
    drawn, means = torch.cat(sums.drawn), torch.cat(sums.means).flatten(0, 1)
    norms = means.norm(dim=1).double()
    norm = {"mean": float(norms.mean()), "deviation": float(norms.std(correction=0)), "vectors": len(norms)}
    spread = np.asarray(units["variance"]) + np.asarray(units["noise"])
    alive = ~dead(units["variance"]) if sums.nats else spread > 1e-6 * max(float(spread.max()), 1e-12)
    samples = mixture.compare(drawn.numpy(), alive, prior=bool(sums.nats), seed=seed)
    return {"units": units, "total": total, "norm": norm, "samples": samples}


def _listed(values: np.ndarray) -> list[float]:
    return [float(f"{value:.7g}") for value in values]
