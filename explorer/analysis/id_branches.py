"""Branches of a tree of ids: which images are below a prefix, which stand for it, and which concept it goes with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from explorer.analysis.concepts.shares import wilson

if TYPE_CHECKING:
    from explorer.analysis.concepts.values import Concept

FEWEST = 5  # images of a branch that can go with a concept
ABOVE = 0.05  # by which a share must lie above that of all images, with the lower end of its interval
MOST = 1_000  # images of a branch that are asked which of them stands for it


@dataclass(frozen=True)
class Tied:
    """The value of a concept that a branch has more of than the images above it.

    Attributes:
        concept, value: names. share, low, high: of the branch's images, with a 95 % interval. overall: of all images,
            or of those of the branch above.
    """

    concept: str
    value: str
    share: float
    low: float
    high: float
    overall: float


def below(codes: np.ndarray, prefix: Sequence[int]) -> np.ndarray:
    """Rows of the ids (N, L) that begin with a prefix, ascending; all for an empty one."""
    inside = np.ones(len(codes), bool)
    for level, code in enumerate(prefix):
        inside &= codes[:, level] == code
    return np.flatnonzero(inside)


def branches(codes: np.ndarray, prefix: Sequence[int]) -> list[tuple[int, np.ndarray]]:
    """The next codes below a prefix and the rows of each, the branch with most images first; none below a whole id."""
    rows = below(codes, prefix)
    if len(prefix) >= codes.shape[1] or not len(rows):
        return []
    numbers, index, counts = np.unique(codes[rows, len(prefix)], return_inverse=True, return_counts=True)
    parts = np.split(rows[np.argsort(index, kind="stable")], np.cumsum(counts)[:-1])
    return [(int(numbers[at]), parts[at]) for at in np.argsort(-counts, kind="stable")]


def sampled(rows: np.ndarray) -> np.ndarray:
    """At most MOST of some rows, always the same ones, ascending."""
    if len(rows) <= MOST:
        return rows
    return np.sort(np.random.default_rng(len(rows)).permutation(rows)[:MOST])


def middle(vectors: np.ndarray, rows: np.ndarray, count: int) -> np.ndarray:
    """The `count` of some rows (n,), whose vectors are (n, D), that are nearest to their mean, the nearest first."""
    some = vectors.astype(np.float64)
    return rows[np.argsort(np.square(some - some.mean(0)).sum(1), kind="stable")[:count]] if len(rows) else rows


def tied(concepts: Sequence[Concept], rows: np.ndarray, among: np.ndarray | None = None) -> Tied | None:
    """The value that stands out most among some rows: by how far its share lies above that of all images, surely.

    With `among` (m,) rows, above that of these.

    By the lower end of Wilson's interval; None where no value stands out, or there are few images.
    """
    best: tuple[float, Tied] | None = None
    for concept in concepts:
        inside = concept.index[rows]
        inside = inside[inside >= 0]
        known = concept.index if among is None else concept.index[among]
        everywhere = np.bincount(known[known >= 0], minlength=len(concept.values))
        if len(inside) < FEWEST or not everywhere.sum():
            continue
        overall = everywhere / everywhere.sum()
        share = np.bincount(inside, minlength=len(concept.values)) / len(inside)
        for value in np.flatnonzero(share > overall + ABOVE):
            low, high = wilson(float(share[value]), len(inside))
            gain = low - float(overall[value])
            if gain > ABOVE and (best is None or gain > best[0]):
                found = Tied(concept.name, concept.values[value], float(share[value]), low, high, float(overall[value]))
                best = gain, found
    return None if best is None else best[1]
