"""What a code does to the image: decode with it put in or taken out, and measure what changed, and where."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explorer.analysis.grids import cover
from explorer.autoencoder import Autoencoder, device_of, to_images, to_pixels

BATCH = 16  # images decoded at once


@dataclass(frozen=True)
class Change:
    """An image decoded before and after some of its latents were replaced.

    Attributes:
        before, after: (h, w, 3) uint8.
        difference: (h, w) float32 in [0, 1], absolute change of each pixel, mean over channels.
        cells: how many latents were replaced.
        inside, outside: mean absolute change of the pixels that these cells cover and of all others, in [0, 1]; nan
            where there are none.
        random: (R,) `inside` for random other vectors put in the same cells, the yardstick; empty if none were asked.
    """

    before: np.ndarray
    after: np.ndarray
    difference: np.ndarray
    cells: int
    inside: float
    outside: float
    random: np.ndarray


def encode(model: Autoencoder, pixels: np.ndarray) -> dict[str, Tensor]:
    """Latents of one image (h, w, 3) uint8: `{layer: (1, H, W, D)}`."""
    return model.encode(to_images(pixels[None], device_of(model)))


def replace(
    model: Autoencoder,
    latents: Mapping[str, Tensor],
    layer: str,
    where: np.ndarray,
    vector: np.ndarray,
    *,
    random: np.ndarray | None = None,
) -> Change:
    """Puts `vector` into the cells `where` of `layer` and decodes, beside the decode without that.

    Layers after `layer`, which are finer, are left out of both, so that what they know cannot hide the change.

    Args:
        latents: of one image, from `encode`.
        where: (H, W) bool.
        vector: (D,); a layer with a codebook of its own decodes the code nearest to it.
        random: (R, D) vectors that are put into the same cells one after the other, for `Change.random`.
    """
    names = [known.name for known in model.layers]
    kept = {name: latents[name] for name in names[: names.index(layer) + 1]}
    mask = torch.from_numpy(np.asarray(where, bool)).to(kept[layer].device)
    if mask.shape != kept[layer].shape[1:3]:
        raise ValueError(f"where is {tuple(mask.shape)}, but layer '{layer}' has {tuple(kept[layer].shape[1:3])} cells")
    vectors = np.asarray(vector, np.float32)[None]
    if random is not None:
        vectors = np.concatenate([vectors, np.asarray(random, np.float32)])  # (1 + R, D)
    changed = kept[layer].repeat(1 + len(vectors), 1, 1, 1)  # the first stays as it is
    changed[1:, mask] = torch.from_numpy(vectors).to(changed)[:, None]
    decoded = torch.cat(
        [
            model.decode({name: part if name == layer else kept[name].expand(len(part), -1, -1, -1) for name in kept})
            for part in changed.split(BATCH)
        ]
    ).float()
    differences = (decoded[1:] - decoded[0]).abs().mean(1).cpu().numpy()  # (1 + R, h, w)
    pixels = to_pixels(decoded[:2])
    covered = cover(where, differences.shape[1:])
    inside = differences[:, covered].mean(1) if covered.any() else np.full(len(differences), np.nan)
    outside = float(differences[0][~covered].mean()) if not covered.all() else float("nan")
    return Change(pixels[0], pixels[1], differences[0], int(mask.sum()), float(inside[0]), outside, inside[1:])


def mean_vector(vectors: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The average latent as the codes see it: vectors (K, D) weighted by their tokens (K,) -> (D,) float32."""
    weights = np.asarray(counts, np.float64)
    weights = weights if weights.sum() else np.ones(len(vectors))
    return (weights @ np.asarray(vectors, np.float64) / weights.sum()).astype(np.float32)


def other_vectors(
    vectors: np.ndarray, counts: np.ndarray, but: Collection[int], count: int = 16, seed: int = 0
) -> np.ndarray:
    """Vectors of random codes in use, none of those in `but`, drawn without replacement: at most (count, D)."""
    others = np.setdiff1d(np.flatnonzero(np.asarray(counts) > 0), list(but))
    chosen = np.random.default_rng(seed).permutation(others)[:count]
    return np.asarray(vectors)[chosen]


def default_cell(codes: np.ndarray, code: int) -> tuple[int, int]:
    """Where to put a code if nobody said: the cell nearest to the centre that has another code, if there is one."""
    height, width = codes.shape
    rows, columns = np.indices(codes.shape)
    away = (rows - (height - 1) / 2) ** 2 + (columns - (width - 1) / 2) ** 2
    away = np.where(codes == code, np.inf, away) if (codes != code).any() else away
    row, column = np.unravel_index(int(away.argmin()), codes.shape)
    return int(row), int(column)


def nearest_used(vectors: np.ndarray, counts: np.ndarray, point: np.ndarray, *, but: int) -> int | None:
    """The code in use, other than `but`, whose vector is nearest to `point`; None where there is no other."""
    away = np.square(np.asarray(vectors, np.float64) - np.asarray(point, np.float64)).sum(1)
    allowed = np.asarray(counts) > 0
    allowed[but] = False
    return int(np.where(allowed, away, np.inf).argmin()) if allowed.any() else None
