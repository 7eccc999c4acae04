"""What the latents of a grid of codes are, and what predictors of factors make of them.

Codes are names, never numbers. `counts`: a latent is one of the most used codes, its level how many cells have it.
`positions`: a latent is a cell, its level the code there, as a name. `vectors`: of a continuous layer, a latent is one
number of the mean vector of the image, cut into 20 equal steps where bits are counted.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from explorer.analysis.concepts import factors as measures

MOST = 64  # latents
CELLS, NAMES = 36, 15  # of positions: cells, evenly spread, and codes by name, the most used ones; the rest are one
STEPS, CUTS = 20, 4
TREES = 10
BEST = 6  # latents a factor whose single predictions are compared for SAP: those that tell most on the fitted images


@dataclass(frozen=True)
class Latents:
    """Latents of n images.

    Attributes:
        kind: counts, positions or vectors. names: L: codes, cells (row × width + column) or places in the vector.
        levels: (n, L) nominal from 0. numbers: (n, P) float32 that predictors see. of: (P,) latent of each column.
    """

    kind: str
    names: np.ndarray
    levels: np.ndarray
    numbers: np.ndarray
    of: np.ndarray

    @property
    def nominal(self) -> bool:
        """Whether levels are names alone."""
        return self.kind == "positions"


def counts(codes: np.ndarray, fit: np.ndarray, size: int) -> Latents:
    """Latents of the most used codes of the images `fit`; codes (n, H, W) in [0, size)."""
    used = np.bincount(codes[fit].reshape(-1), minlength=size)
    names = np.sort(np.argsort(-used, kind="stable")[: min(MOST, int((used > 0).sum()))])
    place = np.full(size, len(names))
    place[names] = np.arange(len(names))
    index = np.arange(len(codes))[:, None] * (len(names) + 1) + place[codes].reshape(len(codes), -1)
    table = np.bincount(index.reshape(-1), minlength=len(codes) * (len(names) + 1)).reshape(len(codes), -1)[:, :-1]
    levels = np.zeros(table.shape, np.int64)
    for column in range(table.shape[1]):
        some = table[fit, column]
        edges = np.unique(np.quantile(some[some > 0], np.linspace(0, 1, CUTS + 1)[1:-1]))
        levels[:, column] = np.where(table[:, column] > 0, 1 + np.searchsorted(edges, table[:, column]), 0)
    return Latents("counts", names, levels, table.astype(np.float32), np.arange(len(names)))


def positions(codes: np.ndarray, fit: np.ndarray, size: int) -> Latents:
    """Latents of cells, at most CELLS of them, evenly spread; codes (n, H, W) in [0, size)."""
    flat, cells = codes.reshape(len(codes), -1), codes[0].size
    chosen = np.arange(cells)
    if cells > CELLS:
        side = int(CELLS**0.5)
        rows, columns = (
            np.unique(np.linspace(0, one - 1, min(one, side)).round().astype(int)) for one in codes.shape[1:]
        )
        chosen = (rows[:, None] * codes.shape[2] + columns).reshape(-1)
    used = np.argsort(-np.bincount(flat[fit].reshape(-1), minlength=size), kind="stable")[:NAMES]
    place = np.full(size, len(used))
    place[used] = np.arange(len(used))
    levels = place[flat[:, chosen]]
    numbers = (levels[:, :, None] == np.arange(len(used) + 1)).reshape(len(codes), -1).astype(np.float32)
    return Latents("positions", chosen, levels, numbers, np.repeat(np.arange(len(chosen)), len(used) + 1))


def vectors(pooled: np.ndarray, fit: np.ndarray) -> Latents:
    """Latents of the numbers that vary most over the images `fit`; pooled (n, D)."""
    pooled = np.asarray(pooled, np.float64)
    names = np.sort(np.argsort(-pooled[fit].std(0), kind="stable")[:MOST])
    some = pooled[:, names]
    low, span = some[fit].min(0), np.ptp(some[fit], axis=0)
    levels = np.clip((STEPS * (some - low) / np.where(span > 0, span, 1)).astype(np.int64), 0, STEPS - 1)
    scale = np.where(some[fit].std(0) > 0, some[fit].std(0), 1)
    return Latents(
        "vectors", names, levels, ((some - some[fit].mean(0)) / scale).astype(np.float32), np.arange(len(names))
    )


def forest(latents: Latents, labels: np.ndarray, fit: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, float]:
    """Importance (L,) of each latent to trees that name a factor, and how often they are right on other images."""
    from sklearn.ensemble import RandomForestClassifier

    most = None if latents.numbers.shape[1] <= MOST else 0.3
    trees = RandomForestClassifier(TREES, max_features=most, min_samples_leaf=5, max_depth=12, random_state=0)
    trees.fit(latents.numbers[fit], labels[fit])
    importance = np.bincount(latents.of, trees.feature_importances_, len(latents.names))
    return importance, float((trees.predict(latents.numbers[score]) == labels[score]).mean())


def explicitness(latents: Latents, labels: np.ndarray, fit: np.ndarray, score: np.ndarray) -> np.ndarray:
    """(m,) surprise, in nats over that of a guess, of a logistic regression that names a factor of images `score`.

    InfoE is 1 less its mean; the paper fits and scores the same images, without a penalty. Images of each value weigh
    alike, so that a guess is ln V.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1.0, max_iter=100, class_weight="balanced", tol=1e-3)
    scale = np.maximum(latents.numbers[fit].std(0), 1e-6) if latents.kind == "counts" else 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # stopped early is a little less explicit, never more
        model.fit(latents.numbers[fit] / scale, labels[fit])
    given = model.predict_log_proba(latents.numbers[score] / scale)
    place = np.searchsorted(model.classes_, labels[score])
    share = np.bincount(place, minlength=len(model.classes_)) / len(place)
    weight = 1 / np.maximum(share[place], 1e-9)
    return -given[np.arange(len(place)), place] * weight / weight.mean() / np.log(len(model.classes_))


def single(
    latents: Latents, labels: np.ndarray, numbers: np.ndarray | None, fit: np.ndarray, score: np.ndarray
) -> np.ndarray:
    """(L,) how well each latent alone tells a factor, for SAP: accuracy of a linear SVM, or R² of a line for numbers.

    Only the latents that tell most on the fitted images are fitted; the others get the least of these.
    """
    told = measures.mutual_information(latents.levels[fit], labels[fit])
    some = np.argsort(-told, kind="stable")[:BEST]
    found = [_alone(latents.numbers[:, latents.of == one], labels, numbers, fit, score) for one in some]
    scores = np.full(len(told), min(found))
    scores[some] = found
    return scores


def _alone(
    columns: np.ndarray, labels: np.ndarray, numbers: np.ndarray | None, fit: np.ndarray, score: np.ndarray
) -> float:
    from sklearn.linear_model import LinearRegression
    from sklearn.svm import LinearSVC

    if numbers is not None:
        line = LinearRegression().fit(columns[fit], numbers[fit])
        rest = np.square(numbers[score] - line.predict(columns[score])).sum()
        whole = np.square(numbers[score] - numbers[fit].mean()).sum()
        return float(max(0.0, 1 - rest / whole)) if whole > 0 else 0.0
    machine = LinearSVC(C=0.01, class_weight="balanced", random_state=0, dual=False).fit(columns[fit], labels[fit])
    return float((machine.predict(columns[score]) == labels[score]).mean())
