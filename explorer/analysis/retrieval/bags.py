"""Bags of codes, and of codes at their places, weighted by how much a code tells: tf–idf."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from explorer.analysis.retrieval import unit
from explorer.analysis.usage import occurrences

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True)
class Weights:
    """What a set of images says about its codes.

    Attributes:
        idf: (F,) float32, ln((1 + n) / (1 + images that have it)) + 1, as scikit-learn's, smooth.
    """

    idf: np.ndarray

    def weigh(self, counts: csr_array) -> csr_array:
        """Counts (m, F) -> rows of length 1 of (1 + ln count) · idf (Salton & Buckley 1988; sublinear, as common)."""
        from scipy.sparse import csr_array

        found = csr_array(counts, dtype=np.float32, copy=True)
        found.data = (1 + np.log(found.data)) * self.idf[found.indices]
        return unit(found)


def weights(counts: csr_array) -> Weights:
    """What counts (n, F) of a set of images say: rare columns tell more."""
    return weights_of(np.bincount(counts.indices, minlength=counts.shape[1]), counts.shape[0])


def weights_of(having: np.ndarray, images: int) -> Weights:
    """The same from how many of the images have each, (F,)."""
    return Weights((np.log((1 + images) / (1 + np.asarray(having, np.float64))) + 1).astype(np.float32))


def counted(codes: np.ndarray, size: int, cells: np.ndarray | None = None) -> csr_array:
    """How often each code stands in each image: (n, H, W) codes in [0, K) -> sparse (n, K); of `cells` (H, W) alone."""
    codes = np.asarray(codes)
    if cells is not None:
        codes = codes[:, np.asarray(cells, bool)]
    return occurrences(codes, size)


@dataclass(frozen=True)
class Places:
    """The pairs of code and cell that a set of images has, each a column.

    Attributes:
        known: (F,) int64, cell · K + code, ascending. size: K.
    """

    known: np.ndarray
    size: int

    def counted(self, codes: np.ndarray, cells: np.ndarray | None = None) -> csr_array:
        """Which pairs each image has: (n, H, W) codes -> sparse (n, F) of ones; pairs that are not known are left out.

        With `cells` (H, W) bool, of those cells alone.
        """
        from scipy.sparse import csr_array

        flat = pairs(codes, self.size)
        if cells is not None:
            flat = flat[:, np.asarray(cells, bool).reshape(-1)]
        at = np.searchsorted(self.known, flat)
        at[at == len(self.known)] = 0
        inside = self.known[at] == flat if len(self.known) else np.zeros(flat.shape, bool)
        starts = np.concatenate([[0], np.cumsum(inside.sum(1))])
        return csr_array((np.ones(int(starts[-1]), np.float32), at[inside], starts), (len(flat), len(self.known)))


def pairs(codes: np.ndarray, size: int) -> np.ndarray:
    """Codes (n, H, W) in [0, K) -> (n, H · W) int64, cell · K + code."""
    flat = np.asarray(codes).reshape(len(codes), -1).astype(np.int64)
    return flat + size * np.arange(flat.shape[1])


def places(codes: np.ndarray, size: int) -> Places:
    """The pairs of code and cell that images (n, H, W) have."""
    return Places(np.unique(pairs(codes, size)), size)
