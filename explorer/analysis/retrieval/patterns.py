"""Patterns of codes: some codes near one another, and a patch of codes that is found wherever it stands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def spreads(codes: np.ndarray, wanted: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """How near one another all wanted codes stand in each image: codes (n, H, W) -> (n,) int64, and where (n, 2).

    The spread is the least s such that one cell of each wanted code lies within s + 1 rows and s + 1 columns: no two of
    these cells are more than s apart, rows or columns, whichever are more (Chebyshev). Boxes that meet in pairs have a
    cell in common (Helly), so that is the same as every pair being so near. The place is the upper left cell of the
    first such square, row by row; it may reach beyond the grid. -1 in an image that lacks one of the codes.
    """
    codes = np.asarray(codes)
    n, height, width = codes.shape
    found, where = np.full(n, -1, np.int64), np.zeros((n, 2), np.int64)
    left = np.arange(n)
    here = np.stack([codes == code for code in wanted])  # (w, n, H, W): is the code in the square that begins here?
    has = here.any((2, 3)).all(0)
    left, here = left[has], here[:, has]
    for size in range(max(height, width)):
        fits = here.all(0).reshape(len(left), -1)
        done = fits.any(1)
        first = fits[done].argmax(1)
        found[left[done]] = size
        where[left[done]] = np.stack(np.divmod(first, width), 1)
        left, here = left[~done], here[:, ~done]
        if not len(left):
            break
        here = _grown(here)
    return found, where


def _grown(here: np.ndarray) -> np.ndarray:
    """Squares (…, H, W) one cell larger, below and to the right."""
    grown = here.copy()
    grown[..., :-1, :] |= here[..., 1:, :]
    grown[..., :, :-1] |= here[..., :, 1:]
    grown[..., :-1, :-1] |= here[..., 1:, 1:]
    return grown


def square(place: Sequence[int], spread: int, grid: tuple[int, int]) -> np.ndarray:
    """(H, W) bool, the cells of a square of `spread` + 1 rows and columns from a place on, as far as the grid goes."""
    inside = np.zeros(grid, bool)
    inside[place[0] : place[0] + spread + 1, place[1] : place[1] + spread + 1] = True
    return inside


def window(cell: tuple[int, int], margin: int, grid: tuple[int, int]) -> np.ndarray:
    """(m, 2) steps from a cell to the cells at most `margin` away from it (Chebyshev) that are on the grid."""
    steps = np.arange(-margin, margin + 1)
    every = np.stack(np.meshgrid(steps, steps, indexing="ij"), -1).reshape(-1, 2)
    to = every + np.asarray(cell)
    return every[((to >= 0) & (to < np.asarray(grid))).all(1)]


def agreement(
    codes: np.ndarray, images: np.ndarray, cells: np.ndarray, pattern: tuple[np.ndarray, np.ndarray], idf: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How much of a patch of codes stands around some cells.

    Args:
        codes: (n, H, W) in [0, K). images, cells: (m,) and (m, 2), the cells that are asked about.
        pattern: steps (w, 2) from a cell, and the codes (w,) that should stand there.
        idf: (K,) what a code counts; rare ones count more.

    Returns:
        (m,) float64, the sum of what agreeing cells count over that of all of the pattern, in [0, 1]; and (m, w) bool,
        which agree. Beyond the border nothing does.
    """
    steps, asked = pattern
    height, width = codes.shape[1:]
    to = cells[:, None] + steps[None]
    there = ((to >= 0) & (to < (height, width))).all(-1)
    to = np.where(there[..., None], to, 0)
    same = there & (codes[images[:, None], to[..., 0], to[..., 1]] == asked)
    counts = np.asarray(idf, np.float64)[asked]
    return same @ counts / counts.sum(), same
