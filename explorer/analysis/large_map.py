"""Maps of very many points: UMAP lays out a sample of them, and the others are placed by those most like them."""

from __future__ import annotations

from typing import Any

import numpy as np

from explorer.analysis import cells, placing, projection, sketch, streamed, trust
from explorer.analysis.projection import Report
from explorer.analysis.quality import interval
from explorer.analysis.streamed import Step
from explorer.analysis.trust import Asked

ALL, FITTED = 1_000, 500  # points that trustworthiness is asked of: any, and of those that are laid out
FEWEST = 100  # of those that were placed; where any hold fewer, they are asked apart
BASELINE, RANDOM = 200, 30  # on a PCA, and where the others lie on the places of random ones that are laid out
PLACING, ASKING = "placing the other points", "asking how far to trust it"
PLACED = 100_000  # points whose place is taken at once
Made = tuple[np.ndarray, dict[str, Any], Asked]


def umap(
    vectors: np.ndarray, dims: int, fitted: int, k: int, seed: int, report: Report, *, neighbours: int, min_dist: float
) -> Made:
    """Places (M, dims) float32 of vectors (M, D) by UMAP, how far to trust them, and of whom that was asked.

    `fitted` of the vectors are laid out by `projection.umap_map`; `sketch` says which. Each other one lies at the mean
    of the places of its nearest fitted ones, weighted by one over the distance, as in `placing.place`. Umap-learn's
    own transform starts so, too, and then moves every point for many rounds.

    Raises:
        ValueError: NaN or infinity in vectors.
    """
    points = projection.Centred(vectors)  # tells of what is not finite
    report(0.0, "drawing the points to lay out")
    drawn = sketch.draw(vectors, fitted, seed)
    laid = projection.umap_map(
        vectors[drawn.rows],
        dims,
        neighbours,
        min_dist,
        seed,
        lambda share, message: report(0.02 + 0.5 * share, message),
    )
    places, recall = _place(vectors, drawn.rows, laid, seed, lambda share: report(0.52 + 0.18 * share, PLACING))
    others = np.setdiff1d(np.arange(len(points)), drawn.rows, assume_unique=True)
    facts = {
        "fitted": len(drawn.rows), "placed": len(others), "placing_recall": recall,
        "placing_error": _missed(vectors[drawn.rows], laid, seed),
        "sample": f"by the root of how many lie in each of {drawn.boxes:,} boxes of equal size",
        "weights": [float(drawn.weights.min()), float(drawn.weights.max())],
    }  # fmt: skip
    report(0.7, ASKING)
    told, asked = _trusted(
        vectors, places, drawn.rows, others, k, seed, lambda share: report(0.7 + 0.3 * share, ASKING)
    )
    return places, facts | told, asked


def _place(vectors: np.ndarray, rows: np.ndarray, laid: np.ndarray, seed: int, step: Step) -> tuple[np.ndarray, float]:
    """Places (M, d) of all, where those of some rows (F,) are laid out (F, d); and how well neighbours were found."""
    near = cells.nearest(vectors, vectors[rows], placing.K, seed, step)
    places = np.empty((len(vectors), laid.shape[1]), np.float32)
    for start in range(0, len(vectors), PLACED):
        part = slice(start, start + PLACED)
        places[part] = placing.place(near.distances[part], laid[near.rows[part]])
    places[rows] = laid
    return places, near.recall


def _missed(known: np.ndarray, laid: np.ndarray, seed: int) -> float:
    """`placing.placing_error` of some of the points that are laid out, placed by the others."""
    some = _some(len(known), ALL, seed)
    near = streamed.nearest(known, some, placing.K)
    return placing.error_of(laid[some], laid, near, placing.apart(known, some, near))


def pca(vectors: np.ndarray, dims: int, k: int, seed: int, report: Report) -> Made:
    """The same by PCA of all of them."""
    report(0.0, "projecting")
    places, shares = projection.pca(vectors, dims)
    asked = _ask(vectors, places, _some(len(places), BASELINE, seed), k)
    scores = trust.scores(vectors, asked.queries, asked.on_map, lambda share: report(share, ASKING))
    facts = {"explained_variance": shares.tolist(), "trustworthiness": float(scores.mean())}
    return places, facts | {"trustworthiness_k": k, "trustworthiness_queries": len(scores)}, asked


def _trusted(
    vectors: np.ndarray, places: np.ndarray, fitted: np.ndarray, others: np.ndarray, k: int, seed: int, step: Step
) -> tuple[dict[str, Any], Asked]:
    """Trustworthiness of all, of fitted and of placed points, and of a PCA and of random places beside them."""
    asked = _ask(vectors, places, _some(len(places), ALL, seed), k, lambda share: step(0.35 * share))
    of_all = trust.scores(vectors, asked.queries, asked.on_map, lambda share: step(0.35 + 0.35 * share))
    own = fitted[_some(len(fitted), FITTED, seed)]
    of_own = trust.scores(vectors, own, trust.on_map(places, own, k), lambda share: step(0.7 + 0.1 * share))
    of_placed = of_all[np.isin(asked.queries, others)]
    if len(of_placed) < min(FEWEST, len(others)):  # nearly all are laid out
        some = others[_some(len(others), FITTED, seed)]
        of_placed = trust.scores(vectors, some, trust.on_map(places, some, k))
    first = asked.queries[_some(len(asked.queries), BASELINE, seed)]
    flat = trust.on_map(projection.pca_map(vectors, places.shape[1]), first, k)
    of_pca = trust.scores(vectors, first, flat, lambda share: step(0.8 + 0.1 * share))
    generator = np.random.default_rng(seed)
    astray, few = places.copy(), others[_some(len(others), RANDOM, seed)]
    astray[others] = places[generator.choice(fitted, len(others))]
    of_random = trust.scores(vectors, few, trust.on_map(astray, few, k), lambda share: step(0.9 + 0.1 * share))
    told = {
        "trustworthiness": float(of_all.mean()), "trustworthiness_k": k, "trustworthiness_queries": len(of_all),
        "trustworthiness_fitted": _interval(of_own),
        "trustworthiness_placed": _interval(of_placed),
        "trustworthiness_pca": _interval(of_pca), "trustworthiness_random": _interval(of_random),
    }  # fmt: skip
    return told, asked


def _interval(scores: np.ndarray) -> dict[str, float | int | None]:
    """`quality.interval` of scores that are no larger than 1."""
    found = interval(scores)
    return found if found["high"] is None else found | {"high": min(found["high"], 1.0)}


def _ask(vectors: np.ndarray, places: np.ndarray, queries: np.ndarray, k: int, step: Step | None = None) -> Asked:
    return Asked(queries, trust.on_map(places, queries, k), streamed.nearest(vectors, queries, k, step))


def _some(total: int, count: int, seed: int) -> np.ndarray:
    """`count` of `total` rows, ascending, drawn from all of them; all where there are not more."""
    return np.sort(np.random.default_rng(seed).permutation(total)[:count])
