"""How far points move from one map to another, once the maps lie on one another as well as they can."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ROUNDS = 60  # of reweighting
K = 10  # nearest neighbours that are kept or not


@dataclass(frozen=True)
class Moved:
    """A map that was brought onto another one.

    Attributes:
        places: (M, 2) float64 of the second map, in the coordinates of the first.
        distances: (M,) from a point's place on the first, in spreads: the root mean square distance of the first map's
            points from their centre is 1.
        scale: by how much the second map was enlarged. mirrored: whether it was turned over.
    """

    places: np.ndarray
    distances: np.ndarray
    scale: float
    mirrored: bool


def bring(first: np.ndarray, second: np.ndarray) -> Moved:
    """Turns, mirrors, shifts and scales the second map (M, 2) onto the first (M, 2), both of the same points.

    Both are made equally wide, so that the answer is the same from either side and maps that share nothing do not
    shrink to a dot. The sum of the distances is made small, not that of their squares: a few points that moved far
    would else pull all others along.

    Source: orthogonal Procrustes with weights 1 / distance: Verboon and Heiser, Resistant orthogonal Procrustes
    analysis, 1992; the start is Gower, Generalized Procrustes analysis, 1975.
    """
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if first.shape != second.shape:
        raise ValueError(f"both maps must have the same points; got {first.shape} and {second.shape}")
    spread = np.sqrt(np.square(first - first.mean(0)).sum(1).mean())
    weights = np.ones(len(first))
    best, brought = np.inf, (first, 1.0, False)
    for _ in range(ROUNDS):
        places, scale, mirrored = _fit(first, second, weights)
        distances = np.linalg.norm(places - first, axis=1)
        total = distances.sum()
        if total >= best * (1 - 1e-9):
            break
        best, brought = total, (places, scale, mirrored)
        weights = 1 / np.maximum(distances, 1e-6 * max(spread, 1e-300))
    places, scale, mirrored = brought
    away = np.linalg.norm(places - first, axis=1)
    return Moved(places, away / spread if spread > 0 else np.zeros(len(first)), scale, mirrored)


def _fit(first: np.ndarray, second: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, float, bool]:
    """Weighted least squares: the second map on the first, its scale, and whether it was turned over."""
    shares = (weights / weights.sum())[:, None]
    centre, other = (shares * first).sum(0), (shares * second).sum(0)
    a, b = first - centre, second - other
    left, _, right = np.linalg.svd((shares * b).T @ a)
    turn = left @ right
    width = np.sqrt((shares * np.square(b)).sum())
    scale = float(np.sqrt((shares * np.square(a)).sum()) / width) if width > 0 else 1.0
    return scale * (b @ turn) + centre, scale, bool(np.linalg.det(turn) < 0)


def by_chance(first: np.ndarray, second: np.ndarray, seed: int = 0) -> float:
    """The median displacement where each point of the second map is another point's: of maps that share nothing.

    The mean over several such orders, more of few points, where one order tells little.
    """
    generator, second = np.random.default_rng(seed), np.asarray(second)
    orders = [generator.permutation(len(first)) for _ in range(int(np.clip(5_000 // max(len(first), 1), 3, 50)))]
    return float(np.mean([np.median(bring(first, second[order]).distances) for order in orders]))


def neighbours_kept(first: np.ndarray, second: np.ndarray, k: int = K) -> np.ndarray:
    """How many of a point's k nearest by cosine are the same in two spaces: (M, D), (M, D') -> (M,) int64 in [0, k].

    Of one number, whose cosine says nothing but its sign, those nearest by their difference are taken. Fewer than k are
    asked where there are no more others. By chance, k² / (M - 1) are.
    """
    from explorer.analysis.neighbours import nearest

    found = [nearest(_directions(vectors), k)[0] for vectors in (first, second)]
    return (found[0][:, :, None] == found[1][:, None, :]).any(2).sum(1)


def _directions(vectors: np.ndarray) -> np.ndarray:
    """Vectors of length 1, in whose Euclidean order neighbours are those by cosine; zeros and single numbers stay."""
    vectors = np.asarray(vectors, np.float64)
    if vectors.shape[1] == 1:
        return vectors
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
