"""What vectors are packed by: cluster centres, and codes of 256 for each few numbers of what is left (IVF-PQ).

Source: Lloyd, Least squares quantization in PCM, 1982; Jégou, Douze and Schmid, Product Quantization for Nearest
Neighbor Search, 2011. Only a sample is needed, and few rounds: the centres divide the work, they are no result.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

CODES = 256  # of each part: a byte
ROUNDS, BLOCK = 10, 4096


def clusters(points: np.ndarray, count: int, seed: int = 0, tell: Callable[[int], None] | None = None) -> np.ndarray:
    """k-means centres (count, D) float32 of points (M, D), M ≥ count, from random ones of them.

    Args:
        tell: is told how many of ROUNDS are done.
    """
    from scipy.sparse import csr_array

    generator = np.random.default_rng(seed)
    centres = np.array(points[np.sort(generator.permutation(len(points))[:count])], np.float32)
    ones, every = np.ones(len(points), np.float32), np.arange(len(points))
    for done in range(ROUNDS):
        members = csr_array((ones, (nearest(points, centres), every)), shape=(count, len(points)))
        sizes = np.asarray(members.sum(1)).reshape(-1, 1)
        centres = np.where(sizes > 0, members @ points / np.maximum(sizes, 1), centres).astype(np.float32)
        if tell is not None:
            tell(done + 1)
    return centres


def nearest(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """(M,) int64, the centre (C, D) with the least Euclidean distance to each point (M, D)."""
    half = np.square(centres).sum(1) / 2
    starts = range(0, len(points), BLOCK)
    return np.concatenate([(points[start : start + BLOCK] @ centres.T - half).argmax(1) for start in starts])


def packing(points: np.ndarray, centres: np.ndarray, parts: int, seed: int = 0) -> np.ndarray:
    """Codes (parts, 256, D / parts) float32 of what is left of points (M ≥ 256, D) when their centre is taken off."""
    left = points - centres[nearest(points, centres)]
    pieces = np.split(left, parts, axis=1)
    return np.stack([clusters(np.ascontiguousarray(piece), CODES, seed + place) for place, piece in enumerate(pieces)])
