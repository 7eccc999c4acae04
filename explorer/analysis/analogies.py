"""a - b + c in latents: what comes to lie near the result, and how often it is what was meant."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def nearest(point: np.ndarray, vectors: np.ndarray, but: Sequence[int] = ()) -> tuple[np.ndarray, np.ndarray]:
    """Rows by their Euclidean distance from a point (D,), nearest first, without those in `but`; and the distances."""
    away = np.linalg.norm(np.asarray(vectors, np.float64) - np.asarray(point, np.float64), axis=1)
    order = np.argsort(away, kind="stable")
    order = order[~np.isin(order, np.asarray(list(but), np.int64))]
    return order, away[order]


def analogies(
    vectors: np.ndarray, values: np.ndarray, source: object, target: object, seed: int = 0
) -> dict[str, float | int]:
    """How often images of one value, moved by the difference of two means, come to lie beside images of the other.

    Half of the images give the means; each of the other half with the value `source` is moved, and the nearest of the
    others of that half is looked at.

    Args:
        vectors: (N, D). values: (N,) objects.

    Returns:
        `n` images that were moved; the share whose nearest image has the value `target`, `moved`, with the 95 % Wilson
        interval `low`, `high`; `before`: the same of the vectors as they were; `chance`: of all those looked at, the
        share with `target`.
    """
    from scipy.spatial.distance import cdist

    from explorer.analysis.points import wilson

    order = np.random.default_rng(seed).permutation(len(vectors))
    fitting, rest = order[: len(order) // 2], order[len(order) // 2 :]
    means = [vectors[fitting[values[fitting] == value]] for value in (source, target)]
    asked = rest[values[rest] == source]
    if not all(len(one) for one in means) or not len(asked) or len(rest) < 2:
        return {"n": 0}
    shift = means[1].mean(0, dtype=np.float64) - means[0].mean(0, dtype=np.float64)
    found = {}
    for name, points in (("moved", vectors[asked] + shift), ("before", vectors[asked])):
        away = cdist(points, vectors[rest].astype(np.float64))
        away[asked[:, None] == rest] = np.inf  # an image is no neighbour of itself
        found[name] = float((values[rest[away.argmin(1)]] == target).mean())
    low, high = (float(end[0]) for end in wilson(np.array([round(found["moved"] * len(asked))]), len(asked)))
    chance = float((values[rest] == target).mean())
    return {**found, "low": low, "high": high, "chance": chance, "n": len(asked)}
