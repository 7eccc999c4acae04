"""What happens when a code takes the place of another one: which pixels change, and what the changed picture says.

After an intervention in the codes the picture is decoded, rounded to 8 bits and encoded again, so that what is measured
has gone through the decoder and the encoder: Geiger et al., Causal abstractions of neural networks, 2021, for
interchange interventions; Ravfogel et al., Amnesic probing, 2021, for controls of the same size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explorer.analysis.concepts import passes
from explorer.analysis.grids import cover, placed
from explorer.autoencoder import Autoencoder, Codebook, to_pixels

HELD = 0.9  # of a change, within the radius


@dataclass(frozen=True)
class Tried:
    """n images in which each of R codes took the place of one code.

    Attributes:
        before: (n, H, W) codes of the picture decoded without a change, read again.
        after: (R, n, H, W) the same with each change.
        inside: (R, n) share of the change of pixels inside those of the changed cells; NaN where cells have no place,
            or cover the whole picture, or nothing changed.
        radius: (R, n) px from the changed cells within which HELD of the change lies; NaN likewise.
        reread: (R, n) share of the changed cells that are read as the code that was put there; NaN where the image
            has not the code.
        unchanged: (n,) share of the same cells that are read as the code itself in the picture without a change.
        cells: (n,) how many cells were changed.
    """

    before: np.ndarray
    after: np.ndarray
    inside: np.ndarray
    radius: np.ndarray
    reread: np.ndarray
    unchanged: np.ndarray
    cells: np.ndarray


def kept(model: Autoencoder, layer: str, latents: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The layers up to and with `layer`: those after it, which are finer, are left out, as they may hide a change."""
    names = [known.name for known in model.layers]
    return {name: latents[name] for name in names[: names.index(layer) + 1]}


def redrawn(model: Autoencoder, layer: str, book: Codebook, pixels: np.ndarray) -> np.ndarray:
    """Codes of a layer (n, H, W) of pictures (n, h, w, 3) uint8 that were decoded up to that layer and read again."""
    made = passes.drawn(model, kept(model, layer, passes.latents(model, pixels)))
    return passes.read(model, {layer: book}, made)[layer]


def swap(
    model: Autoencoder, layer: str, book: Codebook, pixels: np.ndarray, code: int, instead: Sequence[int]
) -> Tried:
    """Puts each of the R codes `instead` into all cells of a layer that have `code`: pictures (n, h, w, 3) uint8."""
    latents = kept(model, layer, passes.latents(model, pixels))
    where = passes.assigned(latents, {layer: book})[layer] == code
    plain = passes.decoded(model, latents)
    before = _read(model, layer, book, plain)
    found = [_one(model, layer, book, latents, where, int(other), plain) for other in instead]
    after, inside, radius = (np.stack(part) for part in zip(*found, strict=True))
    cells = where.reshape(len(where), -1).sum(1)
    wanted = np.array([code, *instead])[:, None, None, None]
    right = (np.concatenate([before[None], after]) == wanted) & where  # (1 + R, n, H, W)
    reread = right.reshape(*right.shape[:2], -1).sum(2) / np.where(cells, cells, np.nan)
    return Tried(before, after, inside, radius, reread[1:], reread[0], cells)


def _one(model, layer, book, latents, where, other, plain) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    changed = latents[layer].clone()
    changed[torch.from_numpy(where).to(changed.device)] = book.vectors[other].to(changed)
    made = passes.decoded(model, {**latents, layer: changed})
    difference = (made - plain).abs().mean(1).cpu().numpy()
    return _read(model, layer, book, made), *footprint(difference, where)


def _read(model, layer, book, images: Tensor) -> np.ndarray:
    return passes.read(model, {layer: book}, to_pixels(images))[layer]


def footprint(change: np.ndarray, where: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where pixels change: change (n, h, w) ≥ 0 and changed cells (n, H, W) bool -> share inside (n,), radius (n,) px.

    The share is of the sum of the change, inside the pixels of the changed cells. The radius is the distance in px from
    the nearest of these pixels, rounded up, within which 90 % of the change lies: 0 where it stays inside. Both are NaN
    where nothing changed, where cells have no place, and where they cover the whole picture.
    """
    from scipy.ndimage import distance_transform_edt

    nowhere = np.full(len(change), np.nan)
    if not placed(where.shape[1:]) or not len(change):
        return nowhere, nowhere.copy()
    covered = np.stack([cover(one, change.shape[1:]) for one in where])
    total = change.reshape(len(change), -1).sum(1, dtype=np.float64)
    flat = covered.reshape(len(change), -1)
    known = (total > 0) & flat.any(1) & ~flat.all(1)
    if not known.any():
        return nowhere, nowhere.copy()
    # images are a million pixels apart, so that the nearest cell is one of the same image
    away = np.ceil(distance_transform_edt(~covered[known], sampling=(1e6, 1, 1))).astype(np.int64)
    bins = int(away.max()) + 1
    places = away.reshape(len(away), -1) + bins * np.arange(len(away))[:, None]
    weights = change[known].reshape(-1).astype(np.float64)
    within = np.bincount(places.reshape(-1), weights, bins * len(away)).reshape(len(away), bins).cumsum(1)
    inside, radius = nowhere.copy(), nowhere.copy()
    inside[known] = within[:, 0] / within[:, -1]
    radius[known] = (within >= HELD * within[:, -1:] * (1 - 1e-12)).argmax(1)
    return inside, radius
