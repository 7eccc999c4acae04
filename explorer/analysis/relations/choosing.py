"""Which method to take, and by how much it beats the best of the others: intervals over users.

The best of many methods, scored on the users that it was chosen by, looks better than it is. So it is chosen by one
half of the users and scored by the other, and so is the baseline that it is held against.

Users are drawn again, products are not: an interval is of other users of the same products.

Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 8 and 13 (percentiles).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

DRAWS = 2_000
ENDS = (2.5, 97.5)
FEWEST = 4  # users of whom a half can be taken


@dataclass(frozen=True)
class Between:
    """A mean and the ends of its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Choice:
    """The method that is best by the first half of the users, scored by the second half.

    Attributes:
        way, baseline: positions of the two. score, beside: of each. difference: of the two, paired by user.
        queries: users of the second half.
    """

    way: int
    baseline: int
    score: Between
    beside: Between
    difference: Between
    queries: int


def between(scores: np.ndarray, seed: int = 0) -> list[Between]:
    """Means of scores (m, u) of m methods over the same users, with bootstrap intervals."""
    scores = np.asarray(scores, np.float64)
    users = scores.shape[1]
    if not users:
        return [Between(*[float("nan")] * 3)] * len(scores)
    chosen = np.random.default_rng([seed, 29]).integers(0, users, (DRAWS, users)) + users * np.arange(DRAWS)[:, None]
    weights = np.bincount(chosen.reshape(-1), minlength=DRAWS * users).reshape(DRAWS, users) / users
    low, high = np.percentile(scores @ weights.T, ENDS, axis=1)  # (m,) each
    return [Between(*map(float, one)) for one in zip(scores.mean(1), low, high, strict=True)]


def choose(scores: np.ndarray, ways: Sequence[int], baselines: Sequence[int], seed: int = 0) -> Choice | None:
    """The best of `ways` beside the best of `baselines`, rows of scores (m, u); None with fewer than four users.

    Of equal ones the first is chosen.
    """
    users = scores.shape[1]
    if users < FEWEST or not len(ways) or not len(baselines):
        return None
    first = np.zeros(users, bool)
    first[np.argsort(np.random.default_rng([seed, 31]).random(users), kind="stable")[::2]] = True
    means = scores[:, first].mean(1)
    way, baseline = (int(some[int(np.argmax(means[list(some)]))]) for some in (ways, baselines))
    held = scores[:, ~first]
    rows = np.stack([held[way], held[baseline], held[way] - held[baseline]])
    return Choice(way, baseline, *between(rows, seed), int((~first).sum()))
