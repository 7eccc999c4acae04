"""Dots stacked over a line: the map of latents that are one number."""

from __future__ import annotations

import numpy as np


def stack(values: np.ndarray, bins: int | None = None) -> np.ndarray:
    """Values (M,) -> places (M, 2) float32: the value, and its rank from 1 among those in the same bin.

    So the dots of a bin lie over one another, and their height is a histogram. Bins are equally wide; by default
    twice the root of M of them, from 10 to 200.
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise ValueError(f"values must be (M,) without NaN or infinity; got shape {values.shape}")
    if not len(values):
        return np.zeros((0, 2), np.float32)
    bins = bins or int(np.clip(round(2 * len(values) ** 0.5), 10, 200))
    low, span = values.min(), np.ptp(values)
    index = np.minimum((bins * (values - low) / (span or 1.0)).astype(np.int64), bins - 1)
    order = np.lexsort((values, index))
    counts = np.bincount(index, minlength=bins)
    ranks = np.empty(len(values), np.int64)
    ranks[order] = np.arange(len(values)) - np.repeat(np.cumsum(counts) - counts, counts) + 1
    return np.stack([values, ranks], 1).astype(np.float32)
