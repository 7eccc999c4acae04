"""Where a new image belongs among known ones: its nearest latents, its place on their map, and how unusual it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.analysis.neighbours import nearest

K = 5  # neighbours that a place is taken from
COPY = 1e-3  # of the spread of the known vectors: so near is the same
BLOCK = 65_536  # vectors that are taken to float64 at once
HALF = 2**-11  # of its length: what half precision, in which they may have been stored, rounds away at most


@dataclass(frozen=True)
class Neighbours:
    """The known vectors nearest to a new one.

    Attributes:
        rows: (k,) nearest first. distances: (k,) Euclidean, float32.
        copy: the first is the vector itself, up to rounding.
        unusual: share of the known vectors whose own nearest other is nearer than the new one's nearest other, in
            [0, 1]: close to 1 means that it lies outside of what is known.
    """

    rows: np.ndarray
    distances: np.ndarray
    copy: bool
    unusual: float


def gaps(vectors: np.ndarray) -> np.ndarray:
    """Distance of each vector to its nearest other: (N, D) -> (N,) float32; infinite where there is no other."""
    distances = nearest(vectors, 1)[1]
    return distances[:, 0] if distances.shape[1] else np.full(len(vectors), np.inf, np.float32)


def find(vector: np.ndarray, vectors: np.ndarray, own: np.ndarray, k: int) -> Neighbours:
    """Finds the `k` of the vectors (N, D) nearest to a new vector (D,); `own` are `gaps` of all or some of them."""
    away, middle = np.empty(len(vectors)), np.asarray(vector, np.float64)
    for start in range(0, len(vectors), BLOCK):
        part = np.asarray(vectors[start : start + BLOCK], np.float64)
        away[start : start + BLOCK] = np.linalg.norm(part - middle, axis=1)
    order = np.argsort(away, kind="stable")
    scale = float(np.linalg.norm(vectors.std(0))) or 1.0
    copy = bool(away[order[0]] <= max(COPY * scale, HALF * np.linalg.norm(vector)))
    others = order[1:] if copy else order
    gap = away[others[0]] if len(others) else np.inf
    rows = order[:k]
    return Neighbours(rows, away[rows].astype(np.float32), copy, float((own < gap - 1e-6 * scale).mean()))


def place(distances: np.ndarray, places: np.ndarray) -> np.ndarray:
    """A place on a map from the places of the nearest points: their mean, weighted by one over the distance.

    Args:
        distances: (..., k) ≥ 0 of the neighbours. places: (..., k, d) where they lie on the map.

    Returns:
        (..., d) float32; the place of a neighbour at distance 0 is taken as it is.
    """
    distances = np.asarray(distances, np.float64)
    weights = 1 / np.maximum(distances, 1e-12 + 1e-9 * distances.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    return (weights[..., None] * places).sum(-2).astype(np.float32)


def placing_error(vectors: np.ndarray, places: np.ndarray) -> float:
    """How far `place` misses, when each known point is placed by its K nearest others: median over the map's diagonal.

    The map was laid out with these points in it, so a new point may be missed by more. (N, D), (N, d) -> share.
    """
    return error_of(places, places, *nearest(vectors, K))


def error_of(own: np.ndarray, places: np.ndarray, rows: np.ndarray, distances: np.ndarray) -> float:
    """The same of some points on places `own` (Q, d), whose nearest others (Q, k) are known and lie on `places`."""
    if not rows.shape[1]:
        return float("nan")
    missed = np.linalg.norm(place(distances, places[rows]) - own, axis=1)
    diagonal = float(np.linalg.norm(np.ptp(places, axis=0)))
    return float(np.median(missed) / diagonal) if diagonal > 0 else float("nan")


def apart(vectors: np.ndarray, queries: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Euclidean distances of some vectors from others: (M, D), rows (Q,) and (Q, k) -> (Q, k) float32."""
    own = np.asarray(vectors[queries], np.float64)
    columns = [np.linalg.norm(own - np.asarray(vectors[of], np.float64), axis=1) for of in rows.T]
    return np.stack(columns, 1).astype(np.float32) if columns else np.empty(rows.shape, np.float32)
