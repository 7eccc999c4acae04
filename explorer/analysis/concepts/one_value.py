"""A linear probe of one value of a concept against all others, fitted once and then asked of changed pictures.

Logistic regression on features in units of their spread (Hastie, Tibshirani and Friedman, The Elements of Statistical
Learning, 2009, section 4.4), both sides weighing the same, its penalty chosen by three folds of the fitted images.
Alain and Bengio, Understanding intermediate layers using linear classifier probes, 2017.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.analysis.concepts import features, scoring
from explorer.analysis.concepts.scoring import Estimate

PENALTIES = (0.001, 0.01, 0.1, 1.0)  # inverse strengths
FOLDS = 3
FEWEST = 4  # images on each side that a probe is fitted on


@dataclass(frozen=True)
class Probe:
    """Weights (F,) and an offset; scores are log-odds of the value, as if half of all images had it."""

    weights: np.ndarray
    offset: float

    def scores(self, found: np.ndarray) -> np.ndarray:
        """Features (n, F) -> (n,) log-odds."""
        return np.asarray(found, np.float64) @ self.weights + self.offset

    def held_out(self, found: np.ndarray, positive: np.ndarray) -> Estimate:
        """Balanced accuracy on images that it was not fitted on: features (n, F), positive (n,) bool; chance is ½."""
        return scoring.balanced_accuracy((self.scores(found) > 0).astype(int), positive.astype(int), 2)


def fit(found: np.ndarray, positive: np.ndarray) -> Probe:
    """A probe from features (n, F) and which of these images have the value, (n,) bool.

    Raises:
        ValueError: fewer than FEWEST images on one side.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score

    positive = np.asarray(positive, bool)
    least = int(min(positive.sum(), (~positive).sum()))
    if least < FEWEST:
        raise ValueError(f"a probe needs {FEWEST} images with the value and {FEWEST} without; there are {least}")
    found = np.asarray(found, np.float64)
    centre, spread = found.mean(0), found.std(0)
    spread = np.where(spread > 1e-9, spread, 1)
    units = (found - centre) / spread
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)

    def model(penalty: float) -> LogisticRegression:
        return LogisticRegression(C=penalty, class_weight="balanced", max_iter=2000)

    told = [cross_val_score(model(one), units, positive, cv=folds, scoring="neg_log_loss").mean() for one in PENALTIES]
    fitted = model(PENALTIES[int(np.argmax(told))]).fit(units, positive)
    weights = fitted.coef_[0] / spread
    return Probe(weights, float(fitted.intercept_[0] - weights @ centre))


def seen(pixels: np.ndarray) -> np.ndarray:
    """What a probe sees that is asked of pictures and of no network: (n, h, w, 3) uint8 -> (n, F ≤ 832) float64.

    A small image, and the square roots of the shares of 64 colours.
    """
    colours = features.colour_counts(pixels)
    shares = np.sqrt(colours / np.maximum(colours.sum(1, keepdims=True), 1))
    return np.concatenate([features.pixels(pixels).astype(np.float64), shares], 1)


def share(log_odds: np.ndarray | float) -> np.ndarray:
    """Log-odds as a probability."""
    return 1 / (1 + np.exp(-np.clip(np.asarray(log_odds, np.float64), -60, 60)))
