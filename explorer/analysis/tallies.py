"""What is counted of codes a block of images at a time, so that a set may be larger than memory; the counts are exact.

A block is (first, codes): codes (n, H, W) in [0, K) of image `first` and of those after it; blocks come in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from explorer.analysis import jackknife, usage

Blocks: TypeAlias = Iterable[tuple[int, np.ndarray]]

HELD = 2**21  # counts of images by codes that are held at once
FEW = 16  # codes for each cell up to which all counts are held, whether they are nought or not: adding is faster
WHOLE = 2**23  # the same of counts of groups or values by codes


@dataclass(frozen=True)
class Tally:
    """How often the codes of a layer occur.

    Attributes:
        images: N.
        tokens, having: (K,) int64 tokens of each code, and images that have it.
        entropy: of all tokens, in bits. without: (G,) the same without each group of images (`jackknife.grouped`).
    """

    images: int
    tokens: np.ndarray
    having: np.ndarray
    entropy: float
    without: np.ndarray

    @property
    def alone(self) -> float:
        """Share of the tokens whose code one image alone has."""
        return float(self.tokens[self.having == 1].sum() / max(self.tokens.sum(), 1))

    def interval(self) -> jackknife.Interval:
        """95 % interval of the entropy, the one of `jackknife.entropy_interval`."""
        return jackknife.interval(self.entropy, self.without, self.alone, len(self.tokens), self.images)


def tally(blocks: Blocks, size: int, images: int, seed: int = 0) -> Tally:
    """Counts the codes of N images.

    Args:
        size: K. images: N. seed: of the groups that are left out.

    Raises:
        ValueError: a code outside [0, K), or another number of images.
    """
    groups, seen = jackknife.grouped(images, seed), 0
    each, having = _Sums(int(groups.max(initial=-1)) + 1, size), np.zeros(size, np.int64)
    for first, codes in _parts(blocks, size):
        counts = counted(codes, size)
        each.add(counts, [groups[first : first + len(codes)]])
        having += np.asarray((counts > 0).sum(0)).reshape(-1)
        seen += len(codes)
    if seen != images:
        raise ValueError(f"{seen:,} images were counted in place of {images:,}")
    entropy, without = jackknife.without_each(each.sparse()) if images else (0.0, np.empty(0))
    return Tally(images, each.columns(), having, float(entropy), without)


@dataclass(frozen=True)
class ByValue:
    """Codes by the values of a concept, over the images that have one.

    Attributes:
        tokens: (V, K) int64 tokens of each code in the images of each value.
        having: (V, K) int64 images of each value that have the code.
        images: (V,) int64 images of each value.
    """

    tokens: np.ndarray
    having: np.ndarray
    images: np.ndarray


def by_values(blocks: Blocks, size: int, concepts: Sequence[tuple[np.ndarray, int]]) -> list[ByValue]:
    """Counts codes by the values of several concepts in one pass.

    Args:
        size: K. concepts: of each the position (N,) of every image's value, -1 where it has none, and V.
    """
    if not concepts:
        return []
    starts = np.cumsum([0, *(values for _, values in concepts)])
    tokens, having = _Sums(int(starts[-1]), size), _Sums(int(starts[-1]), size)
    for first, codes in _parts(blocks, size):
        counts = counted(codes, size)
        parts = [np.asarray(index[first : first + len(codes)], np.int64) for index, _ in concepts]
        placed = [np.where(part >= 0, part + start, -1) for part, start in zip(parts, starts, strict=False)]
        tokens.add(counts, placed)
        having.add((counts > 0).astype(np.int32), placed)
    split = (np.split(one.dense(), starts[1:-1]) for one in (tokens, having))
    images = (np.bincount(index[index >= 0], minlength=values) for index, values in concepts)
    return [ByValue(*tables) for tables in zip(*split, images, strict=True)]


def lengths(blocks: Blocks, size: int, idf: np.ndarray) -> np.ndarray:
    """Lengths (N,) float32 of bags of codes, by which `bags.Weights.weigh` divides: the root of Σ ((1 + ln c) · idf)².

    Args:
        size: K. idf: (K,) weight of each code.
    """
    found, squares = [], np.square(idf, dtype=np.float64)
    for _, codes in _parts(blocks, size):
        counts = counted(codes, size)
        weight = np.zeros(codes[0].size + 1, np.float32)
        weight[1:] = np.square(1 + np.log(np.arange(1, len(weight))))
        if isinstance(counts, np.ndarray):
            found.append(weight[counts] @ squares.astype(np.float32))
        else:
            counts.data = weight[counts.data]
            found.append(counts @ squares)
    return np.sqrt(np.concatenate(found), dtype=np.float32) if found else np.empty(0, np.float32)


def counted(codes: np.ndarray, size: int) -> Any:
    """How often each code is in each image: codes (n, H, W) -> (n, K) int32, dense or sparse; ValueError as `tally`."""
    flat = np.asarray(codes).reshape(len(codes), -1)
    if size > FEW * flat.shape[1]:
        return usage.occurrences(flat, size).astype(np.int32)
    if flat.size and (int(flat.min()) < 0 or int(flat.max()) >= size):
        raise ValueError(f"codes must lie in [0, {size}); found {int(flat.min())} to {int(flat.max())}")
    places = flat + np.arange(0, len(flat) * size, size, dtype=np.int32)[:, None]
    return np.bincount(places.reshape(-1), minlength=len(flat) * size).reshape(len(flat), size).astype(np.int32)


def _parts(blocks: Blocks, size: int) -> Iterator[tuple[int, np.ndarray]]:
    """The same blocks, cut so that their counts fit into memory."""
    for first, codes in blocks:
        cells = codes[0].size if len(codes) else 1
        each = max(1, HELD // min(size, FEW * cells))
        for start in range(0, len(codes), each):
            yield first + start, codes[start : start + each]


class _Sums:
    """Sums (V, K) of rows of counts, which are kept whole where they are few."""

    def __init__(self, values: int, size: int) -> None:
        self.shape, self.whole = (values, size), values * size <= WHOLE
        self.found: Any = np.zeros(self.shape, np.int64) if self.whole else None

    def add(self, counts: Any, indices: Sequence[np.ndarray]) -> None:
        """Adds counts (n, K) to the row that each index (n,) says; -1 is left out."""
        from scipy.sparse import coo_array, csr_array, issparse

        known = [np.flatnonzero(index >= 0) for index in indices]
        values = np.concatenate([index[some] for index, some in zip(indices, known, strict=True)])
        if not len(values):
            return
        rows, places = np.unique(values, return_inverse=True)
        member = (np.ones(len(values), np.int32), (places, np.concatenate(known)))
        more = csr_array(member, shape=(len(rows), counts.shape[0])) @ counts
        if self.whole and not issparse(more):
            self.found[rows] += more
            return
        more = coo_array(more)
        if self.whole:
            self.found[rows[more.row], more.col] += more.data
            return
        more = csr_array((more.data, (rows[more.row], more.col)), shape=self.shape, dtype=np.int64)
        self.found = more if self.found is None else self.found + more

    def sparse(self) -> Any:
        from scipy.sparse import csr_array

        return csr_array(self.found if self.found is not None else self.shape, dtype=np.int64)

    def dense(self) -> np.ndarray:
        return self.found if self.whole else self.sparse().toarray()

    def columns(self) -> np.ndarray:
        """(K,) int64 sums of all rows."""
        return np.asarray(self.sparse().sum(0)).reshape(-1).astype(np.int64)
