"""Neighbours and ranks of some points among very many: exact, a block of the many at a time.

`neighbours.nearest` and `projection.trustworthiness` hold all distances of a point, which of a million points is two
points at once. Here few distances are ever looked at twice: those below a bound that is known before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from explorer.analysis.neighbours import Centred

ASKED, MANY = 500, 2_048  # points asked and points searched at once: 8 MB of float64
SPARSE = 64  # one of so many points is looked at for a first bound
HELD = 4_000_000  # pairs held at once: where many vectors are equal, many are as near as the k-th
ROUNDING = 1e-12  # of the largest square: what two products of the same numbers may differ by
Step = Callable[[float], None]  # share done in [0, 1]; may raise to cancel


def nearest(vectors: np.ndarray, queries: np.ndarray, k: int, step: Step | None = None) -> np.ndarray:
    """The k nearest other vectors of some by Euclidean distance: (M, D), rows (Q,) -> (Q, k) int64, nearest first.

    Fewer come back where M - 1 < k. A vector can be among them if it is as near as the k-th of every 64th vector.
    """
    many = _Many(vectors)
    rows, k = torch.as_tensor(np.asarray(queries, np.int64)), max(0, min(k, len(many) - 1))
    if not k or not len(rows):
        return np.empty((len(rows), k), np.int64)
    some = torch.arange(0, len(many), max(1, min(SPARSE, len(many) // (2 * k + 2))))
    bounds = [many.scores(part, some).kthvalue(k, 1).values for part in rows.split(ASKED)]
    parts, held = [], 0
    for part in many.below(rows, torch.cat(bounds) + many.slack, step):
        parts.append(part)
        held += len(part[0])
        if held > HELD:
            parts = [_nearest(parts, len(rows), k)]
            held = len(parts[0][0])
    return _nearest(parts, len(rows), k)[1].reshape(-1, k).numpy()


def _nearest(parts: list[tuple[Tensor, ...]], queries: int, k: int) -> tuple[Tensor, ...]:
    """Of pairs (query, row, score) the k of each query with the least scores, in order; all of a query with fewer."""
    query, row, score = (torch.cat(column) for column in zip(*parts, strict=True))
    order = score.argsort(stable=True)
    order = order[query[order].argsort(stable=True)]
    sizes = query.bincount(minlength=queries)
    order = order[torch.arange(len(order)) - (sizes.cumsum(0) - sizes)[query[order]] < k]
    return query[order], row[order], score[order]


def ranks(vectors: np.ndarray, queries: np.ndarray, found: np.ndarray, step: Step | None = None) -> np.ndarray:
    """Rank of some points by their distance from a query, among all others: 1 is the nearest.

    Args:
        vectors: (M, D). queries: (Q,) rows. found: (Q, k) rows whose ranks are asked.

    Returns:
        (Q, k) int64 in [1, M - 1]; equal distances share the better rank.
    """
    many, rows, of = _Many(vectors), *(torch.as_tensor(np.asarray(one, np.int64)) for one in (queries, found))
    limits, order = many.scores_of(rows, of).sub(many.slack).sort(1)
    size = of.shape[1] + 1
    counts = torch.zeros(len(rows) * size, dtype=torch.int64)
    for query, _, score in many.below(rows, limits[:, -1], step):
        counts += torch.bincount(query * size + _place(limits, query, score), minlength=len(counts))
    nearer = counts.reshape(-1, size)[:, :-1].cumsum(1)
    return torch.empty_like(order).scatter_(1, order, nearer + 1).numpy()


class _Many(Centred):
    """Vectors (M, D) with a score |b|² / 2 - ab, which orders them by their distance from a query a."""

    def __init__(self, vectors: np.ndarray) -> None:
        super().__init__(vectors)
        self.slack = ROUNDING * max((float(part.square().sum(1).max()) for part in self.parts()), default=0.0)

    def _block(self, rows: slice | Tensor) -> Tensor:
        """(n, D + 1): the centred points and half their squared length."""
        points = self[rows]
        return torch.cat([points, points.square().sum(1, keepdim=True) / 2], 1)

    def _asked(self, rows: Tensor) -> Tensor:
        """(q, D + 1), whose product with a block is the scores."""
        block = -self._block(rows)
        block[:, -1] = 1
        return block

    def scores(self, rows: Tensor, others: Tensor) -> Tensor:
        """(q, n) of rows (q,) and others (n,); infinite of a point and itself."""
        found = self._asked(rows) @ self._block(others).T
        return found.masked_fill_(rows[:, None] == others, torch.inf)

    def scores_of(self, rows: Tensor, others: Tensor) -> Tensor:
        """(Q, k) of rows (Q,) and the others (Q, k) of each."""
        return torch.stack([(self._asked(rows) * self._block(one)).sum(1) for one in others.T], 1)

    def below(self, rows: Tensor, bounds: Tensor, step: Step | None) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """All pairs whose score is below the bound of the query: number of the query, row and score, (n,) each."""
        asked = []
        for first in range(0, len(rows), ASKED):
            part = rows[first : first + ASKED]
            asked.append((self._asked(part), bounds[first : first + ASKED, None], part, first))
        held = torch.empty(min(ASKED, len(rows)) * MANY, dtype=torch.float64)  # one place for all blocks
        for start in range(0, len(self), MANY):
            block = self._block(slice(start, start + MANY)).T
            for own, bound, itself, first in asked:
                scores = torch.mm(own, block, out=held[: len(own) * block.shape[1]].view(len(own), -1))
                query, other = (scores < bound).nonzero(as_tuple=True)
                apart = itself[query] != other + start
                query, other = query[apart], other[apart]
                yield query + first, other + start, scores[query, other]
            if step is not None:
                step(min(1.0, (start + MANY) / len(self)))


def _place(limits: Tensor, query: Tensor, scores: Tensor) -> Tensor:
    """How many of the sorted limits (Q, k) of its query (n,) each score (n,) reaches: in [0, k]."""
    low, k = torch.zeros_like(query), limits.shape[1]
    flat, span = limits.reshape(-1), 1 << k.bit_length()
    while span := span // 2:
        there = low + span
        reached = flat[query * k + there.clamp_max(k) - 1] <= scores
        low = torch.where((there <= k) & reached, there, low)
    return low
