"""A sample of very many vectors that holds what is rare among them: drawn box by box, from full boxes less than others.

A sample in which each vector is as likely as any other shows what is common. Here space is cut into boxes of equal size
along the main directions of the vectors, as in Hie et al., Geometric Sketching Compactly Summarizes the Single-Cell
Transcriptomic Landscape, Cell Systems 8, 2019, who draw equally many from each box. Then a tenth of a sample could be
outliers, so a box of n vectors gives in proportion to the root of n, a power allocation (Bankier, Power Allocations,
The American Statistician 42, 1988). Boxes are of the vectors alone: labels would put into a map what it is asked about.
Cells of k-means would not do, since there are as many of them as there are vectors around.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.analysis import projection

DIRECTIONS = 6  # main directions that boxes are cut along; along many every box would hold one vector
EACH = 10  # vectors of the sample for a box, on average
LEARNED = 50_000  # vectors that the size of boxes is learned from
POWER = 0.5  # of the number of vectors in a box, that its share of the sample is in proportion to


@dataclass(frozen=True)
class Sketch:
    """A sample of M vectors.

    Attributes:
        rows: (F,) ascending. weights: (F,) float64, vectors that each stands for; their sum is M.
        boxes: how many boxes have a vector in them.
    """

    rows: np.ndarray
    weights: np.ndarray
    boxes: int


def draw(vectors: np.ndarray, count: int, seed: int = 0, power: float = POWER) -> Sketch:
    """`count` of the vectors (M, D), count ≤ M, at least one from each box.

    Within a box each vector is as likely as any other; a seed draws the same again.
    """
    generator = np.random.default_rng(seed)
    along = projection.pca_map(vectors, min(DIRECTIONS, np.shape(vectors)[1]))
    box = _boxes(along, count, generator)
    sizes = np.bincount(box)
    taken = allocate(sizes, count, power)
    # a random order, in which the first so many of each box are drawn
    order = generator.permutation(len(box))
    order = order[np.argsort(box[order], kind="stable")]
    within = np.arange(len(order)) - np.repeat(sizes.cumsum() - sizes, sizes)
    rows = np.sort(order[within < np.repeat(taken, sizes)])
    return Sketch(rows, (sizes / taken)[box[rows]], len(sizes))


def _boxes(along: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    """(M,) the box that each place (M, d) lies in, from 0 without a gap; about a tenth as many as are drawn."""
    some, low = along[generator.permutation(len(along))[:LEARNED]], along.min(0)
    small, large, wanted = 0.0, float(np.ptp(along, axis=0).max()) or 1.0, max(1, count // EACH)
    for _ in range(20):  # the least side with which there are few enough
        side = (small + large) / 2
        small, large = (side, large) if len(np.unique(_numbers(some, low, side))) > wanted else (small, side)
    while True:
        box = np.unique(_numbers(along, low, large), return_inverse=True)[1]
        if box.max(initial=0) < count:
            return box
        large *= 1.2  # far from those that it was learned from there are more


def _numbers(along: np.ndarray, low: np.ndarray, side: float) -> np.ndarray:
    """(M,) uint64, one number for each box of this side; two boxes may share one by chance, one of 10¹⁹."""
    number = np.zeros(len(along), np.uint64)
    for axis, start in zip(along.T, low, strict=True):
        step = np.floor((axis - start) / np.float32(side)).astype(np.uint64)
        number = (number ^ step) * np.uint64(0x9E3779B97F4A7C15)
    return number


def allocate(sizes: np.ndarray, count: int, power: float = POWER) -> np.ndarray:
    """How many each box gives: in proportion to its size to a power, at least one and at most all that it has.

    Args:
        sizes: (C,) of the boxes. count: in all, from the number of boxes that are not empty to their sum.

    Returns:
        (C,) int64 whose sum is `count`.
    """
    sizes = np.asarray(sizes, np.int64)
    low, wanted = np.minimum(sizes, 1), np.where(sizes > 0, np.maximum(sizes, 1) ** float(power), 0.0)
    least, most = 0.0, float(sizes.max(initial=1))
    for _ in range(60):  # the factor under which the bounded shares add up
        middle = (least + most) / 2
        enough = np.clip(middle * wanted, low, sizes).sum() >= count
        least, most = (least, middle) if enough else (middle, most)
    shares = np.clip(most * wanted, low, sizes)
    taken = np.floor(shares + 1e-9).astype(np.int64)
    taken[np.argsort(taken - shares, kind="stable")[: count - int(taken.sum())]] += 1
    return taken
