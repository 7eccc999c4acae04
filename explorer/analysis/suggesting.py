"""Swaps of codes that raise a score most, found by a lazy greedy search, beside as many random ones.

Lao Beyer et al., Highly Compressed Tokenizer Can Generate Without Training, 2025, optimise the tokens of an image by
the gradient of a score of the decoded picture. Here single codes are tried instead, which needs no gradient through a
network of others. What a swap gained when it was last tried ranks what is tried again (Minoux, Accelerated greedy
algorithms for maximizing submodular set functions, 1978); scores of pictures are not submodular, so the best swap may
be missed, and the search says what it found, not the best there is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

WORTH = 1e-9  # a smaller gain is none
ROUNDS = 3  # blocks of candidates that are tried again before the search ends without a gain
Score = Callable[[np.ndarray], np.ndarray]  # codes (n, C) of n versions of one image -> (n,) scores, larger is better


@dataclass(frozen=True)
class Plan:
    """How many candidates are tried: `scan` first ones, `widen` more in the best cells, `again` before each swap."""

    scan: int
    widen: int
    again: int

    @classmethod
    def of(cls, pictures: int, swaps: int) -> Plan:
        """A plan that draws about so many pictures for so many swaps."""
        third = max(pictures // 3, 16)
        return cls(third, third, max(third // max(swaps, 1), 16))


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        cells, codes: (n,) of each swap, in the order in which they were found; n may be less than was asked for.
        scores: (n + 1,) of the image as it was, and after each swap and those before it.
        alone: (n,) score after each swap without the others.
        tried: versions of the image that were scored.
    """

    cells: np.ndarray
    codes: np.ndarray
    scores: np.ndarray
    alone: np.ndarray
    tried: int


def search(start: np.ndarray, pairs: np.ndarray, swaps: int, score: Score, plan: Plan, enough: float = np.inf) -> Found:
    """Swaps that raise `score` most, one after another, in cells that were not swapped yet.

    Args:
        start: (C,) codes of the image. pairs: (P, 2) candidates, a cell and a code each, the likeliest first.
        enough: score at which no more is asked for.
    """
    start = np.asarray(start, np.int64)
    pairs = np.asarray(pairs, np.int64).reshape(-1, 2)
    pairs = pairs[pairs[:, 1] != start[pairs[:, 0]]]
    now, best = start.copy(), float(score(start[None])[0])
    gains, first = np.full(len(pairs), np.nan), best
    tried, scores, taken = 1, [best], []

    def try_out(which: np.ndarray) -> None:
        nonlocal tried
        if len(which):
            gains[which] = score(_versions(now, pairs[which])) - best
            tried += len(which)

    if swaps > 0 and best < enough:
        try_out(np.arange(min(plan.scan, len(pairs))))
        try_out(_wider(pairs, gains, plan.widen))
    fresh, alone = np.flatnonzero(~np.isnan(gains)), gains.copy()
    while len(taken) < swaps and best < enough:
        rounds = 0
        while rounds < ROUNDS and not (len(fresh) and gains[fresh].max() > WORTH):
            rest = np.setdiff1d(_open(pairs, gains, now != start), fresh)
            more = rest[np.argsort(-gains[rest], kind="stable")][: plan.again]
            if not len(more):
                break
            try_out(more)
            fresh, rounds = np.concatenate([fresh, more]), rounds + 1
        if not len(fresh) or gains[fresh].max() <= WORTH:
            break
        chosen = int(fresh[gains[fresh].argmax()])
        now[pairs[chosen, 0]], best = pairs[chosen, 1], best + float(gains[chosen])
        taken.append(chosen)
        scores.append(best)
        fresh = np.empty(0, np.int64)
    cells, codes = pairs[taken].T
    return Found(cells, codes, np.array(scores), first + alone[taken], tried)


def _versions(codes: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """(n, C): codes (C,) with one of n swaps made in each."""
    found = np.repeat(codes[None], len(pairs), 0)
    found[np.arange(len(pairs)), pairs[:, 0]] = pairs[:, 1]
    return found


def _open(pairs: np.ndarray, gains: np.ndarray, swapped: np.ndarray) -> np.ndarray:
    """Candidates that were tried before, in cells that were not swapped."""
    return np.flatnonzero(~np.isnan(gains) & ~swapped[pairs[:, 0]])


def _wider(pairs: np.ndarray, gains: np.ndarray, most: int) -> np.ndarray:
    """Candidates not tried yet in the cells whose best candidate gained most, cell by cell."""
    known = ~np.isnan(gains)
    best = np.full(int(pairs[:, 0].max(initial=-1)) + 1, -np.inf)
    np.maximum.at(best, pairs[known, 0], gains[known])
    rank = np.empty(len(best), np.int64)
    rank[np.argsort(-best, kind="stable")] = np.arange(len(best))
    rest = np.flatnonzero(~known)
    return rest[np.argsort(rank[pairs[rest, 0]], kind="stable")][:most]


def everywhere(cells: int, codes: np.ndarray, seed: int = 0) -> np.ndarray:
    """Candidates (P, 2): the first code in every cell, then the next; cells in an order by chance."""
    order = np.random.default_rng([seed, 31]).permutation(cells)
    return np.stack([np.tile(order, len(codes)), np.repeat(np.asarray(codes, np.int64), cells)], 1)


def towards(target: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
    """Candidates (P, 2) from the codes (H, W) of another image: those of the same cell first, then of its neighbours.

    With `start`, the codes of the image itself, cells come first in which the two differ.
    """
    height, width = target.shape
    rows, columns = np.divmod(np.arange(height * width), width)
    steps = sorted(((r, c) for r in (-1, 0, 1) for c in (-1, 0, 1)), key=lambda step: abs(step[0]) + abs(step[1]))
    parts = []
    for down, across in steps:
        r, c = rows + down, columns + across
        inside = (r >= 0) & (r < height) & (c >= 0) & (c < width)
        parts.append(np.stack([np.flatnonzero(inside), target[r[inside], c[inside]]], 1))
    pairs = np.concatenate(parts).astype(np.int64)
    _, firsts = np.unique(pairs, axis=0, return_index=True)
    pairs = pairs[np.sort(firsts)]
    return pairs if start is None else pairs[start.reshape(-1)[pairs[:, 0]] != pairs[:, 1]]


def random_swaps(start: np.ndarray, used: np.ndarray, swaps: int, sets: int, seed: int = 0) -> np.ndarray:
    """Sets of swaps at random cells, each to another code in use, all equally likely: (sets, swaps, 2), cell and code.

    There are as many swaps as there are cells, at most; none where only one code is in use and every cell has it.
    """
    rng = np.random.default_rng([seed, 37])
    used = np.unique(used)
    others = np.arange(len(start)) if len(used) > 1 else np.flatnonzero(~np.isin(start, used))
    count = min(swaps, len(others))
    found = np.empty((sets, count, 2), np.int64)
    for one in found:
        for place, cell in enumerate(rng.permutation(others)[:count]):
            one[place] = cell, rng.choice(used[used != start[cell]])
    return found


def applied(start: np.ndarray, sets: np.ndarray) -> np.ndarray:
    """Codes after 0, 1, … n swaps of each set (s, n, 2): (s, n + 1, C)."""
    found = np.repeat(np.asarray(start, np.int64)[None, None], sets.shape[0], 0).repeat(sets.shape[1] + 1, 1)
    for index, swaps in enumerate(sets):
        for place, (cell, code) in enumerate(swaps, 1):
            found[index, place:, cell] = code
    return found
