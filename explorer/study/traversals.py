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
    model: Autoencoder, base: Mapping[str, np.ndarray], layer: str, units: Sequence[int], offsets: np.ndarray,
    where: np.ndarray | None = None,
) -> Traversal:  # fmt: skip
    """Units moved one by one by offsets (U, S) around latents `{layer: (H, W, D)}` of one image."""
    from explorer.analysis import traversal

    return traversal.traverse(model, _latents(model, base), layer, units, offsets, where)


@through
def interpolate(
    model: Autoencoder, first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray], layers: Sequence[str],
    shares: np.ndarray, spherical: Mapping[str, np.ndarray], seen: bool = True,
) -> Way:  # fmt: skip
    """The way between latents `{layer: (H, W, D)}` of two images; see `traversal.interpolate`."""
    from explorer.analysis import traversal

    ends = (_latents(model, one) for one in (first, second))
    return traversal.interpolate(model, *ends, layers, shares, spherical, seen=seen)


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
def decode(
    model: Autoencoder, layer: str, latents: np.ndarray, base: Mapping[str, np.ndarray] | None = None
) -> np.ndarray:
    """Latents (n, H, W, D) of a layer -> (n, h, w, 3) uint8; all other layers are those of `base`, or left out."""
    import torch

    from explorer.analysis import traversal
    from explorer.autoencoder import device_of, to_pixels

    given = torch.from_numpy(np.array(latents, np.float32)).to(device_of(model))
    return to_pixels(traversal.decode(model, {**_latents(model, base or {}), layer: given}))


def _latents(model: Autoencoder, base: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    """`{layer: (1, H, W, D)}` where the network is."""
    import torch

    from explorer.autoencoder import device_of

    device = device_of(model)
    return {name: torch.from_numpy(np.array(z, np.float32))[None].to(device) for name, z in base.items()}
