"""Drafts: pictures of many edits of one image, decoded in batches as a file would hold them, and read again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explorer.analysis.concepts import passes
from explorer.autoencoder import Autoencoder, device_of

BATCH = 64  # pictures at once of 64 px; of larger ones fewer


@dataclass(frozen=True)
class Drafts:
    """An image whose codes in one layer are swapped again and again.

    Attributes:
        latents: (H, W, D) of each layer that the decoder gets, as they stand before any swap.
        layer: whose codes are swapped. vectors: (K, D) of its codes. start: (C,) codes before any swap.
    """

    model: Autoencoder
    latents: Mapping[str, np.ndarray]
    layer: str
    vectors: np.ndarray
    start: np.ndarray

    def pictures(self, codes: np.ndarray) -> np.ndarray:
        """(n, C) codes -> (n, h, w, 3) uint8; a cell that has its code of the start keeps its latent."""
        size = batch(self.model.image_size)
        parts = [self._drawn(codes[at : at + size]) for at in range(0, len(codes), size)]
        side = self.model.image_size
        return np.concatenate(parts) if parts else np.empty((0, side, side, 3), np.uint8)

    def _drawn(self, codes: np.ndarray) -> np.ndarray:
        device = device_of(self.model)
        found: dict[str, Tensor] = {}
        for name, latents in self.latents.items():
            own = torch.from_numpy(np.array(latents, np.float32)).to(device)
            found[name] = own.expand(len(codes), -1, -1, -1)
        changed = np.asarray(codes) != self.start
        painted = found[self.layer].clone()
        where = torch.from_numpy(changed.reshape(len(codes), *painted.shape[1:3])).to(device)
        painted[where] = torch.from_numpy(np.asarray(self.vectors[codes[changed]], np.float32)).to(device)
        found[self.layer] = painted
        return passes.drawn(self.model, found)


def batch(image_size: int) -> int:
    """Pictures at once, so that those of any size need about as much memory."""
    return max(4, int(BATCH * (64 / max(image_size, 1)) ** 2))


def pooled(model: Autoencoder, layer: str, pixels: np.ndarray) -> np.ndarray:
    """Means over the grid of the latents of pictures (n, h, w, 3) uint8 in a layer: (n, D) float64."""
    size = batch(model.image_size)
    parts = [
        passes.latents(model, pixels[at : at + size])[layer].float().mean((1, 2)).cpu().numpy()
        for at in range(0, len(pixels), size)
    ]
    return np.concatenate(parts).astype(np.float64)


def reconstructions(model: Autoencoder, layers: list[str], pixels: np.ndarray) -> np.ndarray:
    """Pictures (n, h, w, 3) uint8 as they come back from some layers, same shape."""
    size, parts = batch(model.image_size), []
    for at in range(0, len(pixels), size):
        found = passes.latents(model, pixels[at : at + size])
        parts.append(passes.drawn(model, {name: found[name] for name in layers}))
    return np.concatenate(parts)
