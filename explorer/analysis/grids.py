"""Where the cells of a layer stand in an image."""

from __future__ import annotations

import numpy as np


def placed(grid: tuple[int, int]) -> bool:
    """Whether cells stand somewhere in an image, which is square: a row of tokens (1, L) has no place in it."""
    return not (grid[0] == 1 and grid[1] > 1)


def cover(where: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Pixels that some cells cover: (H, W) bool, image size (h, w) -> (h, w) bool; all for tokens without a place."""
    if not placed(where.shape):
        return np.full(size, bool(np.any(where)))
    rows = np.arange(size[0]) * where.shape[0] // size[0]
    columns = np.arange(size[1]) * where.shape[1] // size[1]
    return np.asarray(where, bool)[rows[:, None], columns]
