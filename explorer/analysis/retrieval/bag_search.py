"""Bags of codes searched column by column: of a code only the images that have it are touched.

An inverted file of weights (Zobel and Moffat, Inverted files for text search engines, 2006, section 3.2): each column
of the rows, which have length 1, is a list of images and weights, so that a query costs as much as its own columns.
Nothing is left out, so the answer is the exact one to rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True)
class Columns:
    """Rows (N, F) of length 1, by column.

    Attributes:
        offsets: (F + 1,) int64, where each column starts. images: (T,) int32 rows that have it, ascending.
        weights: (T,) float32. count: N.
    """

    offsets: np.ndarray
    images: np.ndarray
    weights: np.ndarray
    count: int


def likeness(columns: Columns, query: csr_array) -> np.ndarray:
    """Cosines (N,) float32 of all images with a query (1, F) of length 1."""
    found = np.zeros(columns.count, np.float32)
    for column, weight in zip(query.indices, query.data, strict=True):
        start, stop = columns.offsets[column], columns.offsets[column + 1]
        np.add.at(found, columns.images[start:stop], columns.weights[start:stop] * weight)
    return found
