"""How well a method finds what was held back: hit rate, nDCG and MRR among k, of all products, ties told fairly.

For one product held back of a user, with h products that score higher and t that score the same, itself among them, its
place is h + 1, …, h + t with equal chance. So

    hit rate = clip((k - h) / t, 0, 1)    nDCG = 1/t Σ 1 / log₂(1 + place)    MRR = 1/t Σ 1 / place,  over places ≤ k

and one score for everything is worth what a random order is worth. All products are ranked that the user did not look
at, and never a sample of them, which would favour some methods (Krichene and Rendle, On sampled metrics for item
recommendation, 2020). Of a user with several products held back the mean is told.

Beside them: coverage, the share of the products that somebody is recommended; the popularity of what is recommended as
its mean percentile (50 % is no bias; Abdollahpouri, Burke and Mobasher 2017); and the Gini coefficient of how often
products are recommended, 0 for all equally often.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from explorer.analysis.relations.holding import Held

NUMBERS = 4_000_000  # scores that are held at once
METRICS = ("hit_rate", "ndcg", "mrr")
EQUAL = 5e-10  # scores this near are equal: a product of the same vectors may differ in the last digit


@dataclass(frozen=True, eq=False)
class Judged:
    """What a method found, for q users.

    Attributes:
        found: (3, q) hit rate, nDCG and MRR of each user, in [0, 1].
        coverage, gini: in [0, 1]. popularity: mean percentile of what is recommended; NaN where none is popular.
    """

    found: np.ndarray
    coverage: float
    popularity: float
    gini: float


def judge(scores: Callable[[np.ndarray], np.ndarray], held: Held, k: int, seed: int = 0) -> Judged:
    """Asks a method for what was held back.

    Args:
        scores: users (u,) -> (u, C) of the products that are ranked, larger is better; equal ones are equally good.
    """
    users, count = held.users, len(held.among)
    starts = np.searchsorted(held.user, users)
    ends = np.append(starts[1:], len(held.user))
    wanted = np.searchsorted(held.among, held.item)
    seen, rng = held.known.seen(), np.random.default_rng([seed, 71])
    k, size = min(k, count), max(1, NUMBERS // max(count, 1))
    shown, found = np.zeros(count, np.int64), np.zeros((len(METRICS), len(users)))
    for start in range(0, len(users), size):
        some = slice(start, min(start + size, len(users)))
        ours = slice(starts[some.start], ends[some.stop - 1])
        table = np.array(scores(users[some]), np.float64)
        mask = seen[users[some]][:, held.among].tocoo()
        table[mask.row, mask.col] = -np.inf
        shown += _recommended(table, k, rng)
        row = np.searchsorted(users[some], held.user[ours])
        higher, tied = _places(table, row, wanted[ours])
        per_pair = metrics(higher, tied, k)
        pairs = np.bincount(row, minlength=len(table))
        found[:, some] = [np.bincount(row, one, len(table)) / pairs for one in per_pair]
    return Judged(found, float((shown > 0).mean()) if count else 0.0, _popularity(shown, held), gini(shown))


def metrics(higher: np.ndarray, tied: np.ndarray, k: int) -> np.ndarray:
    """(3, p) hit rate, nDCG and MRR at k, of products with `higher` (p,) above them, and `tied` (p,) ≥ 1 as good."""
    last = np.clip(higher + tied, 0, k)
    first = np.minimum(higher, k)
    places = np.arange(1, k + 1)
    found = []
    for worth in (np.ones(k), 1 / np.log2(places + 1), 1 / places):
        total = np.concatenate([[0.0], np.cumsum(worth)])
        found.append((total[last] - total[first]) / tied)
    return np.array(found)


def gini(counts: np.ndarray) -> float:
    """Gini coefficient of counts (C,) ≥ 0: 0 where all are equal, towards 1 where one has all; NaN of nothing."""
    counts, total = np.sort(np.asarray(counts, np.float64)), float(np.sum(counts))
    if not total:
        return float("nan")
    ranks = np.arange(1, len(counts) + 1)
    return float((2 * ranks - len(counts) - 1) @ counts / (len(counts) * total))


def _places(table: np.ndarray, row: np.ndarray, column: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(p,) products that score higher, and that tie; what else was held back of a user is not ranked against it.

    `table` (u, C) loses what was held back.
    """
    own = table[row, column]
    table[row, column] = -np.inf
    higher, tied = np.empty(len(row), np.int64), np.empty(len(row), np.int64)
    for at, (user, score) in enumerate(zip(row, own, strict=True)):
        higher[at] = np.count_nonzero(table[user] > score + EQUAL)
        tied[at] = np.count_nonzero(table[user] >= score - EQUAL) - higher[at] + 1
    return higher, tied


def _recommended(table: np.ndarray, k: int, rng: np.random.Generator) -> np.ndarray:
    """(C,) how often each product is among the first k of the users of a table (u, C), ties in random order."""
    count = table.shape[1]
    least = np.partition(table, count - k, axis=1)[:, [count - k]]
    first = (table >= least - EQUAL) & np.isfinite(table)
    for user in np.flatnonzero(first.sum(1) > k):
        some = np.flatnonzero(first[user])
        tied = table[user, some] <= least[user] + EQUAL
        out = rng.permutation(some[tied])[: len(some) - k]
        first[user, out] = False
    return first.sum(0)


def _popularity(shown: np.ndarray, held: Held) -> float:
    """Mean percentile, by who looked at it, of what is recommended; NaN where nobody looked at any, or all equally."""
    from scipy.stats import rankdata

    popular = held.known.popularity()[held.among]
    if not shown.sum() or len(np.unique(popular)) < 2:
        return float("nan")
    percentile = (rankdata(popular) - 0.5) / len(popular)
    return float(shown @ percentile / shown.sum())
