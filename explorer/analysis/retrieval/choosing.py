"""Which way of ranking to take, and by how much it beats the best that needs no training: intervals over queries.

The best of many ways, scored on the queries that it was chosen on, looks better than it is. So it is chosen on one half
of the queries and scored on the other, and so is the baseline that it is held against.

An interval here is of other queries in the same collection, which stays as it is: queries are drawn again, images
that are ranked are not, because a copy would be its own nearest neighbour.

Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 8 and 13 (percentiles).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DRAWS = 2_000
ENDS = (2.5, 97.5)


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
        way, baseline: positions of the two. score, beside: of each. difference: of the two, paired by query.
        queries: of the second half.
    """

    way: int
    baseline: int
    score: Between
    beside: Between
    difference: Between
    queries: int


def draws(values: np.ndarray, *, alike: bool = False, seed: int = 0) -> np.ndarray:
    """Weights of q queries in each of 2,000 bootstrap samples: (DRAWS, q) float64, rows sum to 1.

    Args:
        values: (q,) integers, the value of each query. alike: whether each value weighs the same, and queries are drawn
            within values: the macro average. Otherwise they are drawn from all.
    """
    rng = np.random.default_rng([seed, 29])
    if not alike:
        return _drawn(len(values), rng)
    weights, known = np.zeros((DRAWS, len(values))), np.unique(values)
    for value in known:
        some = np.flatnonzero(values == value)
        weights[:, some] = _drawn(len(some), rng) / len(known)
    return weights


def _drawn(queries: int, rng: np.random.Generator) -> np.ndarray:
    """(DRAWS, q) how often each of q queries is drawn, as shares."""
    chosen = rng.integers(0, max(queries, 1), (DRAWS, queries)) + queries * np.arange(DRAWS)[:, None]
    return np.bincount(chosen.reshape(-1), minlength=DRAWS * queries).reshape(DRAWS, queries) / max(queries, 1)


def between(scores: np.ndarray, values: np.ndarray, *, alike: bool = False, seed: int = 0) -> list[Between]:
    """Means of scores (m, q) of m ways over the same queries, with bootstrap intervals; `alike` as in `draws`."""
    scores = np.asarray(scores, np.float64)
    if not scores.shape[1]:
        return [Between(*[float("nan")] * 3)] * len(scores)
    weights = draws(values, alike=alike, seed=seed)
    low, high = np.percentile(scores @ weights.T, ENDS, axis=1)  # (m,) each
    each = [values == value for value in np.unique(values)] if alike else [slice(None)]
    means = np.mean([scores[:, some].mean(1) for some in each], 0)
    return [Between(*map(float, one)) for one in zip(means, low, high, strict=True)]


def halves(values: np.ndarray, seed: int = 0) -> np.ndarray:
    """(q,) bool, a random half of the queries of each value."""
    order = np.lexsort((np.random.default_rng([seed, 31]).random(len(values)), values))
    found = np.zeros(len(values), bool)
    found[order[::2]] = True
    return found


def choose(
    scores: np.ndarray, ways: Sequence[int], baselines: Sequence[int], values: np.ndarray, seed: int = 0
) -> Choice | None:
    """The best of `ways` beside the best of `baselines`, rows of scores (m, q); None with fewer than four queries.

    Of equal ones the first is chosen.
    """
    if scores.shape[1] < 4 or not len(ways) or not len(baselines):
        return None
    first = halves(values, seed)
    means = scores[:, first].mean(1)
    way, baseline = (int(some[int(np.argmax(means[list(some)]))]) for some in (ways, baselines))
    held = scores[:, ~first]
    rows = np.stack([held[way], held[baseline], held[way] - held[baseline]])
    return Choice(way, baseline, *between(rows, values[~first], seed=seed), int((~first).sum()))
