"""Ids of images: a few codes each, coarse to fine, so that images whose ids begin alike are alike.

An id is the path through books of vectors: the code at each level is the vector nearest to what the levels before it
left over. Which books these are is what the three ways differ in: those of a residual quantizer (`Residual`), one of
each grid of a network with several (`Levels`), or a tree of k-means in which every branch has centres of its own
(`Tree`).

Source: Rajput et al., Recommender systems with generative retrieval (TIGER), 2023, arXiv:2305.05065, section 3.1; Lee
et al., Autoregressive image generation using residual quantization, 2022, arXiv:2203.01941; Nistér and Stewénius,
Scalable recognition with a vocabulary tree, 2006.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

BLOCK = 2**22  # scores that are computed at once
FITTED = 20_000  # images that centres are fitted on, at most
DIGITS = 5  # decimals, of the spread, that tell two vectors apart: what another batch rounds differently is the same


@dataclass(frozen=True)
class Residual:
    """Books (K_l, D) of a residual quantizer: each is asked for what those before it left over."""

    books: tuple[np.ndarray, ...]

    def ids(self, vectors: Sequence[np.ndarray]) -> np.ndarray:
        """Vectors (N, D) of the first level, alone in a sequence -> ids (N, L) int64."""
        left, found = np.asarray(vectors[0], np.float32), []
        for book in self.books:
            found.append(nearest(left, book))
            left = left - book[found[-1]]
        return np.stack(found, 1)

    def sizes(self) -> tuple[int, ...]:
        """How many codes there are at each level."""
        return tuple(len(book) for book in self.books)


@dataclass(frozen=True)
class Levels:
    """Books (K_l, D_l) of grids that are each asked for vectors of their own."""

    books: tuple[np.ndarray, ...]

    def ids(self, vectors: Sequence[np.ndarray]) -> np.ndarray:
        """Vectors (N, D_l) of each level -> ids (N, L) int64."""
        return np.stack([nearest(one, book) for one, book in zip(vectors, self.books, strict=True)], 1)

    def sizes(self) -> tuple[int, ...]:
        return tuple(len(book) for book in self.books)


@dataclass(frozen=True)
class Tree:
    """A tree of centres; node 0 is the root, and the children of a node stand together, the largest first.

    Attributes:
        centres: (M, D) float32; that of the root is the mean. first, count: (M,) where the children of a node begin,
            and how many there are; 0 of a leaf. branch: children a node may have. depth: levels.
    """

    centres: np.ndarray
    first: np.ndarray
    count: np.ndarray
    branch: int
    depth: int

    def ids(self, vectors: Sequence[np.ndarray]) -> np.ndarray:
        """Vectors (N, D), alone in a sequence -> ids (N, L) int64; 0 below a leaf."""
        of = np.asarray(vectors[0], np.float32)
        node, found = np.zeros(len(of), np.int64), np.zeros((len(of), self.depth), np.int64)
        for level in range(self.depth):
            order = np.argsort(node, kind="stable")
            for rows in np.split(order, np.flatnonzero(np.diff(node[order])) + 1):
                at = int(node[rows[0]]) if len(rows) else -1
                if at < 0 or not self.count[at]:
                    continue
                children = slice(self.first[at], self.first[at] + self.count[at])
                found[rows, level] = nearest(of[rows], self.centres[children])
                node[rows] = self.first[at] + found[rows, level]
        return found

    def sizes(self) -> tuple[int, ...]:
        return (self.branch,) * self.depth


Maker = Residual | Levels | Tree
Tell = Callable[[int, int, int], None]  # of the level, the part, and how many parts it has


def built(way: str, vectors: Sequence[np.ndarray], labels: np.ndarray, size: int) -> Maker:
    """The books whose entries are the means of what they were fitted on.

    Args:
        way: `residual`, `levels` or `tree`. vectors: (n, D) of each input. labels: (n, L) the part of each vector at
            each level, as `labelled` gives them; they and the vectors are all that a maker is. size: codes of a level
            of a tree.
    """
    if way == "tree":
        return _tree(np.asarray(vectors[0], np.float32), labels, size)
    if way == "levels":
        return Levels(tuple(means(one, part) for one, part in zip(vectors, labels.T, strict=True)))
    left, books = np.asarray(vectors[0], np.float32), []
    for part in labels.T:
        books.append(means(left, part))
        left = left - books[-1][part]
    return Residual(tuple(books))


def _tree(vectors: np.ndarray, labels: np.ndarray, branch: int) -> Tree:
    centres, first, count = [vectors.mean(0, dtype=np.float64)], [0], [0]
    parts = [(0, np.arange(len(vectors)))]
    for level in range(labels.shape[1]):
        below = []
        for node, rows in parts:
            own = labels[rows, level]
            size = int(own.max(initial=0)) + 1
            if size < 2:
                continue
            first[node], count[node] = len(centres), size
            below += [(len(centres) + code, rows[own == code]) for code in range(size)]
            centres += list(means(vectors[rows], own))
            first += [0] * size
            count += [0] * size
        parts = below
    return Tree(np.array(centres, np.float32), np.array(first), np.array(count), branch, labels.shape[1])


def nearest(vectors: np.ndarray, book: np.ndarray) -> np.ndarray:
    """The entry of a book (K, D) nearest to each vector (N, D), the first of equals: (N,) int64.

    About the mean of the book and in float64, and compared in float32: of vectors that are equal but for the order in
    which a batch is summed up, the first is taken whatever else is in the batch.
    """
    middle = book.mean(0, dtype=np.float64)
    centred = book.astype(np.float64) - middle
    half = (centred**2).sum(1) / 2
    found, rows = np.empty(len(vectors), np.int64), max(1, BLOCK // len(book))
    for start in range(0, len(vectors), rows):
        part = np.asarray(vectors[start : start + rows], np.float64) - middle
        found[start : start + rows] = (half - part @ centred.T).astype(np.float32).argmin(1)
    return found


def labelled(
    way: str, vectors: Sequence[np.ndarray], sizes: Sequence[int], *, seed: int = 0, tell: Tell | None = None
) -> np.ndarray:
    """Fits books: the part of each vector at each level, (n, L) int64; `built` makes the books of it.

    Of a tree each part is parted again; of a residual quantizer what the means of the parts leave over; of levels each
    has vectors of its own.

    Args:
        way: as in `built`. vectors: (n, D) of each input. sizes: codes of each level.
    """
    found = np.zeros((len(vectors[0]), len(sizes)), np.int64)
    if way == "tree":
        groups = [np.arange(len(found))]
        for level, size in enumerate(sizes):
            below = []
            for at, rows in enumerate(groups):
                if tell is not None and at % 16 == 0:
                    tell(level, at, len(groups))
                found[rows, level] = own = parted(vectors[0][rows], size, seed=seed)
                below += [rows[own == code] for code in range(int(own.max(initial=0)) + 1)]
            groups = [rows for rows in below if len(rows) > 1]
        return found
    left = [np.asarray(one, np.float32) for one in vectors]
    scale = float(np.abs(left[0]).max(initial=0)) if way == "residual" else 0.0
    for level, size in enumerate(sizes):
        if tell is not None:
            tell(level, 0, 1)
        one = left[level if way == "levels" else 0]
        found[:, level] = parted(one, size, seed=seed + level, scale=scale)
        if way == "residual":
            left[0] = one - means(one, found[:, level])[found[:, level]]
    return found


def parted(vectors: np.ndarray, count: int, *, seed: int = 0, scale: float = 0) -> np.ndarray:
    """k-means of vectors (n, D): the part of each, (n,) int64, in which part 0 is the largest.

    As many parts as there are different vectors, where these are fewer than `count`. `scale` is how large the numbers
    were that these are differences of, since what is left of equal ones is rounding.
    """
    from sklearn.cluster import KMeans

    centred = (vectors - vectors.mean(0, dtype=np.float64)).astype(np.float32)
    spread = float(np.abs(centred).max(initial=0))
    if spread <= 1e-6 * max(float(np.abs(vectors).max(initial=0)), scale):  # equal but for rounding
        return np.zeros(len(vectors), np.int64)
    unlike, labels = np.unique(np.round(centred / spread, DIGITS), axis=0, return_inverse=True)
    if len(unlike) > count:
        labels = KMeans(count, random_state=seed, n_init=1, max_iter=50).fit(centred).labels_
    sizes = np.bincount(labels.reshape(-1))
    place = np.empty(len(sizes), np.int64)
    place[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    return place[labels.reshape(-1)]


def means(vectors: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The mean of each part of vectors (n, D): (K, D) float32; each of the labels 0 … K - 1 (n,) has some."""
    middle = vectors.mean(0, dtype=np.float64)
    sums = np.zeros((int(labels.max(initial=0)) + 1, vectors.shape[1]))
    np.add.at(sums, labels, vectors - middle)
    return (sums / np.bincount(labels)[:, None] + middle).astype(np.float32)


def told_apart(ids: np.ndarray) -> np.ndarray:
    """Numbers 0, 1, 2 … among images with the same id, in their order: ids (N, L) -> (N,) int64.

    Appended to an id it makes ids that no two images share (TIGER, section 3.1).
    """
    buckets = prefixes(ids)[:, -1]
    order = np.argsort(buckets, kind="stable")
    starts = np.flatnonzero(np.diff(buckets[order], prepend=-1))
    ranks = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    found = np.empty(len(order), np.int64)
    found[order] = ranks
    return found


def prefixes(ids: np.ndarray) -> np.ndarray:
    """The number of each prefix, level by level: ids (N, L) -> (N, L) int64, from 0 in the order of the prefixes."""
    found, before = np.empty(ids.shape, np.int64), np.zeros(len(ids), np.int64)
    for level in range(ids.shape[1]):
        pairs = before * (int(ids[:, level].max(initial=0)) + 1) + ids[:, level]
        before = np.unique(pairs, return_inverse=True)[1].reshape(-1)
        found[:, level] = before
    return found


def worded(one: Sequence[int]) -> str:
    """An id or a prefix as text: "12-7-3"."""
    return "-".join(str(int(code)) for code in one)


def parsed(text: str) -> tuple[int, ...]:
    """The prefix that a text such as "12-7" stands for; ValueError for one that is none."""
    return tuple(int(part) for part in text.split("-")) if text else ()
