"""A sample of very many vectors that holds what is rare among them: drawn cell by cell, dense cells less than others.

A sample that is drawn evenly from all shows what is common. Here vectors are gathered into cells by k-means, and a
cell of n of them gives in proportion to the root of n: a power allocation (Bankier, Power Allocations, The American
Statistician 42, 1988), halfway between as many from each cell and as many as it has. Cells are of the vectors alone:
labels would put into the map what it is to be asked about. To the same end, Hie et al. (Geometric Sketching Compactly
Summarizes the Single-Cell Transcriptomic Landscape, Cell Systems 8, 2019) draw from boxes of equal size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.analysis.retrieval import quantizers

CELLS = 256
LEARNED = 20_000  # vectors that cells are learned from
POWER = 0.5  # of a cell's size, that its share of the sample is in proportion to


@dataclass(frozen=True)
class Sketch:
    """A sample of M vectors.

    Attributes:
        rows: (F,) ascending. weights: (F,) float64, vectors that each stands for; their sum is M.
        cells: how many cells with a vector in them it was drawn from.
    """

    rows: np.ndarray
    weights: np.ndarray
    cells: int


def draw(vectors: np.ndarray, count: int, seed: int = 0, power: float = POWER) -> Sketch:
    """`count` of the vectors (M, D), count ≤ M, at least one from each of at most 256 cells.

    Within a cell each vector is as likely as any other; a seed draws the same again.
    """
    generator = np.random.default_rng(seed)
    learned = np.sort(generator.permutation(len(vectors))[:LEARNED])
    centres = quantizers.clusters(np.asarray(vectors[learned], np.float32), min(CELLS, len(learned), count), seed)
    cells = quantizers.nearest(vectors, centres)
    sizes = np.bincount(cells, minlength=len(centres))
    taken = allocate(sizes, count, power)
    # a random order, in which the first so many of each cell are drawn
    order = generator.permutation(len(vectors))
    order = order[np.argsort(cells[order], kind="stable")]
    within = np.arange(len(order)) - np.repeat(sizes.cumsum() - sizes, sizes)
    rows = np.sort(order[within < np.repeat(taken, sizes)])
    return Sketch(rows, (sizes / np.maximum(taken, 1))[cells[rows]], int((sizes > 0).sum()))


def allocate(sizes: np.ndarray, count: int, power: float = POWER) -> np.ndarray:
    """How many each cell gives: in proportion to its size to a power, at least one and at most all that it has.

    Args:
        sizes: (C,) of the cells. count: in all, from the number of cells that are not empty to their sum.

    Returns:
        (C,) int64 whose sum is `count`.
    """
    sizes = np.asarray(sizes, np.int64)
    low, high = np.minimum(sizes, 1), sizes
    wanted = np.where(sizes > 0, np.maximum(sizes, 1) ** float(power), 0.0)
    least, most = 0.0, float(count) / max(float(wanted[wanted > 0].min(initial=1.0)), 1e-9) + 1
    for _ in range(100):  # the factor under which the bounded shares add up
        middle = (least + most) / 2
        least, most = (middle, most) if np.clip(middle * wanted, low, high).sum() < count else (least, middle)
    shares = np.clip(most * wanted, low, high)
    taken = np.floor(shares).astype(np.int64)
    for cell in np.argsort(taken - shares, kind="stable")[: count - int(taken.sum())]:
        taken[cell] += 1
    return taken
