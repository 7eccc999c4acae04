"""Which way of ranking to take, and by how much it beats the best that needs no training: intervals over images.

The best of many ways, scored on the queries that it was chosen on, looks better than it is. So it is chosen on one half
of the queries and scored on the other, and so is the baseline that it is held against.

An image is searched for, and it is found for others. A bootstrap over queries knows of the first alone, and its 95 %
intervals held 70 of 100 times. So each image is left out as both, which moves the mean by its own score and by what
stands in its places then: the jackknife, whose error is at least the true one on average. Intervals are of other images
of the same kind, in as large a collection.

Source: Efron and Stein, The jackknife estimate of variance, 1981.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Z = 1.959963984540054  # of a 95 % interval


@dataclass(frozen=True)
class Scores:
    """One score of q queries by one way.

    Attributes:
        value: (q,). rows: (s, q, k) the images that were found, of each of s seeds, -1 for none.
        moved: (s, q, k) by how much the score of that seed would change without each.
    """

    value: np.ndarray
    rows: np.ndarray
    moved: np.ndarray


@dataclass(frozen=True)
class Asked:
    """Whom the queries are.

    Attributes:
        queries: (q,) the image of each. images: n, of the collection. values: (q,) integers, the value of each query.
    """

    queries: np.ndarray
    images: int
    values: np.ndarray

    def weights(self, *, alike: bool = False, some: np.ndarray | None = None) -> np.ndarray:
        """(q,) how much each query counts, in sum 1: all the same, or `alike` so that each value does; of `some`."""
        some = np.ones(len(self.values), bool) if some is None else some
        if not alike:
            return some / max(some.sum(), 1)
        each = np.bincount(self.values[some], minlength=int(self.values.max(initial=0)) + 1)
        return some / np.maximum(each[self.values], 1) / max((each > 0).sum(), 1)


@dataclass(frozen=True)
class Between:
    """A mean and the ends of its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Choice:
    """The way that is best on the first half of the queries, scored on the second half.

    Attributes:
        way, baseline: positions of the two. score, beside: of each. difference: of the two, paired by image.
        queries: of the second half.
    """

    way: int
    baseline: int
    score: Between
    beside: Between
    difference: Between
    queries: int


def effects(scores: Scores, asked: Asked, weights: np.ndarray, *, alike: bool = False) -> np.ndarray:
    """(n,) what each image adds to the mean score: as a query, and as what is found.

    Args:
        weights: (q,) of the queries, in sum 1. alike: whether a value's queries are compared among themselves.
    """
    value = np.where(weights > 0, scores.value, 0)
    centre = (weights * value).sum() / max(weights.sum(), 1e-12)
    if alike:
        totals = [np.bincount(asked.values, one) for one in (weights * value, weights)]
        centre = (totals[0] / np.maximum(totals[1], 1e-12))[asked.values]
    found = np.bincount(asked.queries, weights * (value - centre), asked.images)
    if scores.moved.size:
        lost = weights[:, None] * np.where(scores.rows >= 0, scores.moved, 0) / len(scores.moved)
        found -= np.bincount(np.maximum(scores.rows, 0).reshape(-1), lost.reshape(-1), asked.images)
    return found


def between(
    scores: Scores | tuple[Scores, Scores],
    asked: Asked,
    *,
    alike: bool = False,
    some: np.ndarray | None = None,
) -> Between:
    """The mean of a score in [0, 1], or of the first minus the second; `alike` and `some` as in `Asked.weights`."""
    weights = asked.weights(alike=alike, some=some)
    if not (weights > 0).any():
        return Between(*[float("nan")] * 3)
    pair = scores if isinstance(scores, tuple) else (scores,)
    means = [float((weights * np.where(weights > 0, one.value, 0)).sum()) for one in pair]
    added = [effects(one, asked, weights, alike=alike) for one in pair]
    value, added = (means[0] - means[1], added[0] - added[1]) if len(pair) == 2 else (means[0], added[0])
    inside = np.bincount(asked.queries, weights > 0, asked.images) > 0
    squares = sum(float(np.square(part - part.mean()).sum()) for part in (added[inside], added[~inside]) if len(part))
    half, least = Z * squares**0.5, -1.0 if len(pair) == 2 else 0.0
    return Between(value, max(value - half, least), min(value + half, 1.0))


def halves(values: np.ndarray, seed: int = 0) -> np.ndarray:
    """(q,) bool, a random half of the queries of each value."""
    order = np.lexsort((np.random.default_rng([seed, 31]).random(len(values)), values))
    found = np.zeros(len(values), bool)
    found[order[::2]] = True
    return found


def choose(
    scores: Sequence[Scores], ways: Sequence[int], baselines: Sequence[int], asked: Asked, seed: int = 0
) -> Choice | None:
    """The best of `ways` beside the best of `baselines`, positions in `scores`; None with fewer than four queries.

    Of equal ones the first is chosen.
    """
    if len(asked.values) < 4 or not len(ways) or not len(baselines):
        return None
    first = halves(asked.values, seed)
    way, baseline = (max(some, key=lambda at: scores[at].value[first].mean()) for some in (ways, baselines))
    held = [between(one, asked, some=~first) for one in
            (scores[way], scores[baseline], (scores[way], scores[baseline]))]  # fmt: skip
    return Choice(way, baseline, *held, int((~first).sum()))
