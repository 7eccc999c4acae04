"""Passes through a network that move latents: units, ways between images, sums of latents, samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from explorer.study.passes import through

if TYPE_CHECKING:
    from torch import Tensor

    from explorer.analysis.traversal import Traversal, Way
    from explorer.autoencoder import Autoencoder


@through
def traverse(
    model: Autoencoder, base: np.ndarray, layer: str, units: Sequence[int], offsets: np.ndarray,
    where: np.ndarray | None = None,
) -> Traversal:  # fmt: skip
    """Units moved by offsets (U, S) around a base: an image (h, w, 3) uint8, or a latent (D,) in every cell."""
    from explorer.analysis import traversal

    return traversal.traverse(model, _base(model, base, layer), layer, units, offsets, where)


@through
def interpolate(
    model: Autoencoder, first: np.ndarray, second: np.ndarray, layers: Sequence[str], shares: np.ndarray,
    spherical: Mapping[str, np.ndarray],
) -> Way:  # fmt: skip
    """The way between two images; see `traversal.interpolate`."""
    from explorer.analysis import traversal

    return traversal.interpolate(model, first, second, layers, shares, spherical)


@through
def means(model: Autoencoder, pixels: np.ndarray, layer: str) -> np.ndarray:
    """Mean latent (H, W, D) float32 of images (n, h, w, 3) uint8."""
    from explorer.analysis import traversal
    from explorer.autoencoder import device_of, to_images

    total = 0.0
    for part in np.array_split(pixels, -(-len(pixels) // traversal.at_once(model))):
        total = total + model.encode(to_images(part, device_of(model)))[layer].double().sum(0)
    return (total / len(pixels)).float().cpu().numpy()


@through
def decode(model: Autoencoder, layer: str, latents: np.ndarray, base: np.ndarray | None = None) -> np.ndarray:
    """Latents (n, H, W, D) of a layer -> (n, h, w, 3) uint8; all other layers are those of an image, or left out."""
    import torch

    from explorer.analysis import traversal
    from explorer.autoencoder import device_of, to_images, to_pixels

    device = device_of(model)
    others = {} if base is None else model.encode(to_images(base[None], device))
    return to_pixels(traversal.decode(model, {**others, layer: torch.from_numpy(latents).float().to(device)}))


def _base(model: Autoencoder, base: np.ndarray, layer: str) -> dict[str, Tensor]:
    """Latents of one image, or of one vector that stands in every cell."""
    import torch

    from explorer.autoencoder import device_of, to_images

    if base.ndim == 3:
        return model.encode(to_images(base[None], device_of(model)))
    grid = next(one.grid for one in model.layers if one.name == layer)
    vector = torch.from_numpy(np.asarray(base, np.float32)).to(device_of(model))
    return {layer: vector.expand(1, *grid, -1)}
