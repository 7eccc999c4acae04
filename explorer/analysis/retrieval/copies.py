"""Copies among the images that were found, so that ten copies of a picture are one result.

Only what was found is looked at, so that it costs the same in a set of any size. Whether two pictures are copies is
asked as everywhere here: equal pixels, or pixels that agree once lightness, contrast and a small shift are made equal
(`concepts/duplicates.py`). Equal codes are no proof where there are pixels: a codebook that collapsed makes all equal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from explorer.analysis.concepts.duplicates import Looks

ALIKE = 0.9  # cosine of what images look like from afar, from which a pair is looked at
VARIED = 4  # different codes that a map must have, for an equal one to be a copy where there are no pixels
PAIRS = 20_000  # most pairs that are looked at, the most alike first


def groups(pixels: np.ndarray) -> np.ndarray:
    """For each picture the first one that it is a copy of, itself where it is none: (n, h, w, 3) uint8 -> (n,) int64.

    Pictures come in the order in which they are wanted; a copy of a copy is one, too.
    """
    from explorer.analysis.concepts import duplicates

    known: dict[bytes, int] = {}
    first = np.array([known.setdefault(one.tobytes(), place) for place, one in enumerate(pixels)], np.int64)
    alone = np.flatnonzero(first == np.arange(len(first)))
    if len(alone) < 2:
        return first
    seen = duplicates.looks(pixels[alone])
    pairs, moved = duplicates.screened(_pairs(seen), seen)
    near = duplicates.differences_among(pixels[alone], pairs, moved) <= duplicates.NEAR
    return _joined(first, alone[pairs[near]])


def same_codes(codes: np.ndarray) -> np.ndarray:
    """The same where there are codes alone: (n, T) codes of all layers -> (n,) int64; equal maps that are varied.

    A map of few different codes may be that of many pictures, so it is nobody's copy.
    """
    flat = np.ascontiguousarray(np.asarray(codes).reshape(len(codes), -1), np.int64)
    _, kind = np.unique(flat, axis=0, return_inverse=True)
    varied = np.array([len(np.unique(one)) >= VARIED for one in flat])
    kind = kind.reshape(-1)
    return _first(np.where(varied, kind, kind.max(initial=0) + 1 + np.arange(len(flat))))


def _first(values: np.ndarray) -> np.ndarray:
    """(n,) position of the first equal value of each."""
    _, first, kind = np.unique(values, return_index=True, return_inverse=True)
    return first[kind.reshape(-1)].astype(np.int64)


def _pairs(seen: Looks) -> np.ndarray:
    """(m, 2) positions of pictures that look alike from afar, the later first, and of each with those most alike."""
    from explorer.analysis.concepts import duplicates

    likeness = seen.afar @ seen.afar.T
    later, earlier = np.nonzero(np.tril(likeness >= ALIKE, -1))
    best = np.argsort(-likeness[later, earlier], kind="stable")[:PAIRS]
    alike = np.stack([later[best], earlier[best]], 1)
    return np.unique(np.concatenate([alike, duplicates.candidates(seen)]), axis=0)


def _joined(first: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """The first of each group that pairs of copies join."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    count = len(first)
    edges = np.concatenate([pairs, np.stack([np.arange(count), first], 1)])
    graph = csr_array((np.ones(len(edges)), edges.T), shape=(count, count))
    return _first(connected_components(graph, directed=False)[1])
