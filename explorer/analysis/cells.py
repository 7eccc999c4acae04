"""The nearest known vectors of very many others, found in the cells around each: nearly exact, and told how nearly.

Known vectors are gathered into cells by k-means; a vector is compared with those of the few cells that are nearest to
the centre of its own. How many cells that must be is tried on some of the vectors, whose neighbours are searched
among all: an inverted file (Jégou, Douze and Schmid, Product Quantization for Nearest Neighbor Search, 2011) whose
queries are searched a cell at a time, so that the work is products of matrices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explorer.analysis.retrieval import quantizers
from explorer.analysis.streamed import Step
from explorer.precision import exact

TRIED = 1_000  # vectors whose true neighbours are known
RECALL = 0.995  # of the true neighbours of those; probing goes on until so many are found
FIRST = 8  # cells probed at first; twice as many whenever those do not do
BLOCK = 2_000_000  # distances held at once: 8 MB


@dataclass(frozen=True)
class Near:
    """The nearest known vectors of each of N others.

    Attributes:
        rows: (N, k) int32, nearest first. distances: (N, k) float32, Euclidean.
        recall: share of the true neighbours that were found, of those tried. probed: cells compared with, of `cells`.
    """

    rows: np.ndarray
    distances: np.ndarray
    recall: float
    probed: int
    cells: int


def nearest(vectors: np.ndarray, known: np.ndarray, k: int, seed: int = 0, step: Step | None = None) -> Near:
    """The k nearest of the known vectors (F, D) for each of the vectors (N, D), finite numbers both; k ≤ F."""
    count = max(1, min(len(known) // 8, int(4 * len(known) ** 0.5)))
    centres = quantizers.clusters(np.asarray(known, np.float32), count, seed)
    cells = _Cells(known, centres)
    own = quantizers.nearest(vectors, centres)
    tried = np.sort(np.random.default_rng(seed).permutation(len(vectors))[:TRIED])
    with exact():
        probed, recall = _enough(cells, vectors[tried], own[tried], k)
        rows, distances = cells.search(vectors, own, k, probed, step)
    return Near(rows, distances, recall, probed, count)


def _enough(cells: _Cells, vectors: np.ndarray, own: np.ndarray, k: int) -> tuple[int, float]:
    """How many cells must be looked into, and the share of true neighbours that are found then."""
    known, asked = cells.known.double(), torch.from_numpy(np.array(vectors, np.float64))
    limit = torch.cat([torch.cdist(part, known).kthvalue(k, 1).values for part in asked.split(100)]).numpy()[:, None]
    limit *= 1 + 1e-5  # of equally near ones each is right
    probed = min(FIRST, len(cells.centres))
    while True:
        recall = float((cells.search(vectors, own, k, probed)[1] <= limit).mean())
        if recall >= RECALL or probed == len(cells.centres):
            return probed, recall
        probed = min(2 * probed, len(cells.centres))


class _Cells:
    """Known vectors (F, D) sorted by the cell that they lie in, centres (C, D)."""

    def __init__(self, known: np.ndarray, centres: np.ndarray) -> None:
        self.known, self.centres = torch.as_tensor(np.asarray(known, np.float32)), torch.as_tensor(centres)
        self.members = _sorted(quantizers.nearest(known, centres), len(centres))
        self.sizes = np.array([len(one) for one in self.members])
        self.around = torch.cdist(self.centres.double(), self.centres.double()).argsort(1).numpy()  # (C, C)

    def search(
        self, vectors: np.ndarray, own: np.ndarray, k: int, probed: int, step: Step | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """(N, k) rows and distances among the members of the `probed` cells nearest to each vector's own (N,)."""
        rows, distances = np.empty((len(vectors), k), np.int32), np.empty((len(vectors), k), np.float32)
        done = 0
        for cell, mine in enumerate(_sorted(own, len(self.centres))):
            if not len(mine):
                continue
            # more where those have fewer members than are asked for
            reach = max(probed, int(np.searchsorted(self.sizes[self.around[cell]].cumsum(), k)) + 1)
            members = np.concatenate([self.members[one] for one in self.around[cell, :reach]])
            there = self.known[members] - self.centres[cell]
            for part in np.array_split(mine, -(-len(mine) * len(members) // BLOCK)):
                asked = torch.from_numpy(np.array(vectors[part], np.float32)) - self.centres[cell]
                found, distances[part] = _least(asked, there, k)
                rows[part] = members[found]
            done += len(mine)
            if step is not None:
                step(done / len(vectors))
        return rows, distances


def _least(asked: Tensor, there: Tensor, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest of vectors (n, D) for each asked one (q, D): places among them and distances (q, k), in order.

    Both are given as they lie from the middle of the cell: small numbers, whose float32 products tell near ones apart.
    """
    scores = torch.addmm(there.square().sum(1) / 2, asked, there.T, alpha=-1)
    found = scores.topk(k, dim=1, largest=False, sorted=False).indices
    distances = torch.stack([(asked - there[found[:, place]]).norm(dim=1) for place in range(k)], 1)
    distances, order = distances.sort(dim=1, stable=True)
    return found.gather(1, order).numpy(), distances.numpy()


def _sorted(cells: np.ndarray, count: int) -> list[np.ndarray]:
    """(N,) cell of each -> the rows of each cell."""
    order = np.argsort(cells, kind="stable")
    return np.split(order, np.bincount(cells, minlength=count).cumsum()[:-1])
