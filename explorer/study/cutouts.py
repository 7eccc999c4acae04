"""What codes look like: pieces of an encoding's images, cut out around the patches nearest to a code's vector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from explorer.analysis import patches

if TYPE_CHECKING:
    from explorer.datasets import Images
    from explorer.encodings import Encoding
    from explorer.study.drawn import Drawn

TILE = 32  # pixels of a thumbnail
IMAGES = 512  # whose pixels are held at once


def of_code(encoding: Encoding, images: Images | Drawn, layer: str, code: int, count: int, side: int = 128) -> tuple:
    """The patches nearest to a code's vector, one of an image at most, each outlined in its surroundings.

    Returns:
        (n, s, s, 3) uint8 with s ≥ `side`, image rows (n,), positions (n,), distances (n,), nearest first; n = 0 for a
        dead code.
    """
    rows, positions, distances = encoding.top_patches(layer, code, count)
    if not len(rows):
        return np.empty((0, side, side, 3), np.uint8), rows, positions, distances
    return patches.crop(images.read(rows), positions, encoding.layer(layer).grid, side), rows, positions, distances


def of_each(
    encoding: Encoding, images: Images | Drawn, layer: str, codes: Sequence[int] | None = None, side: int = TILE
) -> np.ndarray:
    """The best patch of each of some codes (all by default), grey for a dead one: (n, side, side, 3) uint8."""
    numbers = range(len(encoding.codebook(layer))) if codes is None else codes
    found = np.full((len(numbers), side, side, 3), 128, np.uint8)
    best = [(place, *encoding.top_patches(layer, int(code), 1)[:2]) for place, code in enumerate(numbers)]
    best = [(place, int(rows[0]), int(positions[0])) for place, rows, positions in best if len(rows)]
    for start in range(0, len(best), IMAGES):
        places, rows, positions = np.array(best[start : start + IMAGES]).T
        found[places] = patches.tiles(images.read(rows), positions, encoding.layer(layer).grid, side)
    return found
