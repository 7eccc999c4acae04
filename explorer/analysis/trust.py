"""How far a map of very many points is to be trusted, asked of some of them: their neighbours on it and in truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.analysis import streamed
from explorer.analysis.streamed import Step


@dataclass(frozen=True)
class Asked:
    """Some points of a map and their neighbours among all points.

    Attributes:
        queries: (Q,) points that were asked. on_map, latents: (Q, k) their nearest on the map, and in truth.
    """

    queries: np.ndarray
    on_map: np.ndarray
    latents: np.ndarray


def on_map(places: np.ndarray, queries: np.ndarray, k: int) -> np.ndarray:
    """The k nearest other points on a map (M, 2) or (M, 3) of some, k < M: (Q, k) int64, nearest first."""
    from scipy.spatial import cKDTree

    found = cKDTree(places).query(places[queries], k + 1)[1]
    itself = found == queries[:, None]
    itself[~itself.any(1), -1] = True  # among many on one place it is not found, and one of them is too much
    return found[~itself].reshape(len(queries), k).astype(np.int64)


def scores(vectors: np.ndarray, queries: np.ndarray, near: np.ndarray, step: Step | None = None) -> np.ndarray:
    """Trustworthiness of a map around each of some points, whose mean over all points is that of the map.

    Args:
        vectors: (M, D). queries: (Q,) rows. near: (Q, k) their nearest on the map, k < M / 2.

    Returns:
        (Q,) float64; 1 is perfect, about 0.5 the mean of a random map.

    Source: Venna and Kaski, Neighborhood preservation in nonlinear projection methods, 2001.
    """
    total, k = len(vectors), near.shape[1]
    if not 1 <= k < total / 2:
        raise ValueError(f"trustworthiness needs 1 ≤ k < half the number of points; got k = {k} of {total} points")
    cost = np.maximum(streamed.ranks(vectors, queries, near, step) - k, 0).sum(1)
    return 1 - 2 * cost / (k * (2 * total - 3 * k - 1))
