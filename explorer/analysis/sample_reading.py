"""Whether samples of a class look like it: a probe that was fitted on codes of training images reads their class.

The probe sees each layer's bag of codes and its codes at their places. It errs on held-out images, too, so these stand
beside the samples: samples cannot be expected to be read better, and where they are, they are plainer than images.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from explorer.analysis.concepts import features, scoring, shares

FIT = 6_000  # training images that it is fitted on, a seeded sample
STILL = 1e-5  # gradient at which it is done: that of many images with rare codes begins below the usual 1e-4
PENALTIES = (1.0, 10.0, 100.0)  # inverse strengths that are tried on a fifth of them


def read(
    training: Mapping[str, np.ndarray],
    classes: np.ndarray,
    asked: Sequence[Mapping[str, np.ndarray]],
    sizes: Mapping[str, int],
    *,
    seed: int = 0,
) -> list[np.ndarray]:
    """What a logistic regression on codes reads: {layer: (N, H, W)} and classes (N,) -> a class (n,) of each map asked.

    Training images of class −1 are left out. The penalty is chosen on a fifth of the training images.

    Raises:
        ValueError: fewer than two classes among the training images.
    """
    known = np.flatnonzero(classes >= 0)
    rng = np.random.default_rng([seed, 83])
    known = np.sort(rng.permutation(known)[:FIT])
    truth = classes[known]
    if len(np.unique(truth)) < 2:
        raise ValueError("a probe needs two classes")
    seen = _features([{name: codes[known] for name, codes in training.items()}, *asked], sizes)
    ends = np.cumsum([0, len(known), *(len(next(iter(one.values()))) for one in asked)])
    fit, rest = seen[: ends[1]], [seen[a:b] for a, b in itertools.pairwise(ends[1:])]
    watched = rng.random(len(known)) < 0.2
    best = _chosen(fit, truth, watched) if 0 < watched.sum() < len(known) else PENALTIES[1]
    probe = _fitted(fit, truth, best)
    return [probe.predict(one) if one.shape[0] else np.empty(0, np.int64) for one in rest]


def _features(sets: Sequence[Mapping[str, np.ndarray]], sizes: Mapping[str, int]) -> Any:
    """Bags and places of every layer, sparse, the rows of one set after another; columns are of all sets alike."""
    from scipy.sparse import hstack

    parts = [features.both(np.concatenate([one[name] for one in sets]), size) for name, size in sizes.items()]
    return hstack(parts, format="csr")


def _chosen(fit: Any, truth: np.ndarray, watched: np.ndarray) -> float:
    """The penalty with which the watched images are read best; the strongest of equally good ones."""
    if len(np.unique(truth[~watched])) < 2:
        return PENALTIES[1]
    right = [(_fitted(fit[~watched], truth[~watched], one).predict(fit[watched]) == truth[watched]).mean()
             for one in PENALTIES]  # fmt: skip
    return PENALTIES[int(np.argmax(right))]


def _fitted(fit: Any, truth: np.ndarray, penalty: float) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    probe = LogisticRegression(C=penalty, class_weight="balanced", max_iter=100, tol=STILL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a little early is a little less sharp, for all alike
        return probe.fit(fit, truth)


def told(said: np.ndarray, classes: np.ndarray, values: int) -> dict[str, Any]:
    """`right` {mean, low, high, n}, `balanced` {score, low, high, n}, and `confusion` (V, V), asked × read as.

    Images of class −1 are left out.
    """
    asked = classes >= 0
    said, classes = said[asked], classes[asked]
    table = np.zeros((values, values), np.int64)
    np.add.at(table, (classes, said), 1)
    return {
        "right": shares.share((said == classes).astype(np.float64)),
        "balanced": vars(scoring.balanced_accuracy(said, classes, values)),
        "confusion": table.tolist(),
    }
