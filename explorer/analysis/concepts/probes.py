"""Probes: how well a simple reader tells a concept from a representation, on images that it was not fitted on.

The linear probe is ridge regression on indicators of the values (Hastie, Tibshirani and Friedman, The Elements of
Statistical Learning, 2009, section 4.2), its penalty chosen by leaving one fitted image out. The answer is the value
with the largest score, each counted from the middle between the scores of images with the value and without, as linear
discriminant analysis has it for values that are equally likely; so a rare value is not drowned. Concepts share one fit.
Alain and Bengio, Understanding intermediate layers using linear classifier probes, 2017.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.analysis.concepts.folds import Folds
from explorer.analysis.concepts.values import Concept

ALPHAS = tuple(10.0**power for power in range(-3, 4))
NEIGHBOURS = 15


@dataclass(frozen=True)
class Answers:
    """What a probe says of n images about one concept.

    Attributes:
        scores: (n, V) a score for each value, or (n, 1) of a number; NaN for images that were not scored.
        fitted: images that it was fitted on; the fewest, of several folds.
    """

    scores: np.ndarray
    fitted: int

    @property
    def values(self) -> np.ndarray:
        """(n,) position of the value with the largest score; -1 where there is none."""
        asked = np.isfinite(self.scores).all(1)
        return np.where(asked, np.where(asked[:, None], self.scores, 0).argmax(1), -1)


def linear(features: Any, concepts: Sequence[Concept], folds: Folds) -> list[Answers]:
    """Answers of a linear probe for each concept: features (n, F), dense or sparse."""
    return _answers(_prepare(features), concepts, folds, _ridge)


def nearest(features: Any, concepts: Sequence[Concept], folds: Folds) -> list[Answers]:
    """Answers of the 15 nearest fitted images, each value's share of them over its share of all that were fitted."""
    return _answers(_prepare(features), concepts, folds, _neighbours)


def _answers(features, concepts, folds, predict) -> list[Answers]:
    found = [np.full((len(one), 1 if one.numbers is not None else len(one.values)), np.nan) for one in concepts]
    fitted = [len(one) for one in concepts]
    for fit, scored in folds:
        for group in _alike(concepts, fit):
            known = fit[concepts[group[0]].known[fit]]
            if len(known) < 4:
                continue
            targets = [_targets(concepts[place], known) for place in group]
            said = predict(features[known], np.concatenate(targets, 1), features[scored])
            starts = np.cumsum([0, *(target.shape[1] for target in targets)])
            for place, start, stop in zip(group, starts[:-1], starts[1:], strict=True):
                found[place][scored] = said[:, start:stop]
                fitted[place] = min(fitted[place], len(known))
    return [Answers(scores, count) for scores, count in zip(found, fitted, strict=True)]


def _alike(concepts: Sequence[Concept], fit: np.ndarray) -> list[list[int]]:
    """Concepts that are known of the same images, which one fit does for."""
    groups: dict[bytes, list[int]] = {}
    for place, one in enumerate(concepts):
        groups.setdefault(one.known[fit].tobytes(), []).append(place)
    return list(groups.values())


def _targets(concept: Concept, rows: np.ndarray) -> np.ndarray:
    """What is to be told, in units of its spread: (m, V) indicators or (m, 1) numbers; 0 for a value without images."""
    if concept.numbers is not None:
        found = concept.numbers[rows][:, None]
    else:
        found = (concept.index[rows][:, None] == np.arange(len(concept.values))).astype(np.float64)
    spread = found.std(0)
    return (found - found.mean(0)) / np.where(spread > 0, spread, 1)


def _ridge(fit, targets, scored) -> np.ndarray:
    from sklearn.linear_model import RidgeCV

    probe = RidgeCV(alphas=ALPHAS, alpha_per_target=True).fit(fit, targets)
    kept = np.clip(
        1 + np.reshape(probe.best_score_, -1), 0, 1
    )  # share of the spread that answers keep: R², one left out
    return probe.predict(scored).reshape(scored.shape[0], -1) - kept * _middles(targets)


def _middles(targets: np.ndarray) -> np.ndarray:
    """Halfway between what the two values of an indicator are, (T,); 0 of a number or of one value only."""
    found = np.zeros(targets.shape[1])
    for place, column in enumerate(targets.T):
        values = np.unique(column)
        found[place] = values.mean() if len(values) == 2 else 0
    return found


def _neighbours(fit, targets, scored) -> np.ndarray:
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=min(NEIGHBOURS, fit.shape[0]), algorithm="brute").fit(fit)
    found = search.kneighbors(scored, return_distance=False)
    total = np.zeros((scored.shape[0], targets.shape[1]))
    for column in found.T:  # in one piece it would be images × neighbours × values
        total += targets[column]
    return total / found.shape[1]


def _prepare(features: Any) -> Any:
    """Dense features in units of their spread over √F, so that one set of penalties suits all; sparse as they are."""
    if hasattr(features, "tocsr"):
        return features.tocsr()
    features = np.asarray(features, np.float64)
    spread = features.std(0)
    return (features - features.mean(0)) / np.where(spread > 1e-9, spread, 1) / np.sqrt(max(features.shape[1], 1))
