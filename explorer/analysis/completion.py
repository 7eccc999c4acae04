"""Which cells of code maps are drawn anew, and drafts that are weighed by the cells that are kept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def lower(grid: tuple[int, int]) -> np.ndarray:
    """What is kept where the lower half is drawn anew: (H, W) bool; of an odd number of rows the middle one is kept."""
    keep = np.zeros(grid, bool)
    keep[: -(-grid[0] // 2)] = True
    return keep


def raised(keep: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """What a coarser grid keeps where only what is above missing cells is drawn anew: (H, W) bool.

    A coarse cell is kept when no missing cell of the finer grid touches its area.
    """
    rows, columns = (_reach(fine, coarse) for fine, coarse in zip(keep.shape, grid, strict=True))  # (coarse, fine)
    return ~(rows.astype(int) @ (~keep).astype(int) @ columns.T.astype(int)).astype(bool)


def _reach(fine: int, coarse: int) -> np.ndarray:
    """Which cells of two rows of cells lie over one another: (coarse, fine) bool."""
    one, other = np.arange(coarse)[:, None], np.arange(fine)[None]
    return (one * fine < (other + 1) * coarse) & (other * coarse < (one + 1) * fine)


def looks_ahead(keeps: Sequence[np.ndarray]) -> bool:
    """Whether a kept cell comes after a missing one, in raster order and from level to level."""
    kept = np.concatenate([keep.reshape(-1) for keep in keeps])
    return bool((np.maximum.accumulate(~kept) & kept).any())


def effective(weights: np.ndarray) -> float:
    """How many of the drafts count, (Σ w)² / Σ w², from 1 to their number; weights are logarithms, (M,).

    Source: Kong, Liu and Wong 1994, Sequential imputations and Bayesian missing data problems.
    """
    shares = normed(weights)
    return float(1 / np.square(shares).sum())


def normed(weights: np.ndarray) -> np.ndarray:
    """Shares (M,) that sum to 1, of weights that are logarithms."""
    shares = np.exp(weights - weights.max())
    return shares / shares.sum()


def resampled(weights: np.ndarray, at: float) -> np.ndarray:
    """Which drafts go on, (M,) int64: each as often as its share of the weight, rounded up or down.

    Args:
        weights: (M,) logarithms. at: a number between 0 and 1, drawn evenly.

    Source: systematic resampling, Kitagawa 1996, Monte Carlo filter and smoother for non-Gaussian state space models.
    """
    ends = np.cumsum(normed(weights))
    marks = (np.arange(len(weights)) + at) / len(weights)
    return np.minimum(np.searchsorted(ends, marks * ends[-1], side="right"), len(weights) - 1)


def picked(weights: np.ndarray, at: float) -> int:
    """One draft by its share of the weight; `at` is between 0 and 1, drawn evenly."""
    ends = np.cumsum(normed(weights))
    return int(min(np.searchsorted(ends, at * ends[-1], side="right"), len(weights) - 1))
