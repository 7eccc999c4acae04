"""How much more often two codes come together than chance would have it: in an image, or in neighbouring cells.

Pointwise mutual information (Church and Hanks, Word association norms, mutual information, and lexicography, 1990),
divided by its largest value so that it is 1 for two codes that are always together (Bouma, Normalized (pointwise)
mutual information in collocation extraction, 2009), and 0 where it would be negative, as in the PPMI of Levy, Goldberg
and Dagan, Improving distributional similarity with lessons learned from word embeddings, 2015. To what is counted and
to what is expected `SHRINK` images or pairs are added, which draws rare codes to 0: one image in common is no evidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from explorer.analysis.grids import placed
from explorer.analysis.usage import occurrences

if TYPE_CHECKING:
    from scipy.sparse import csr_array

SHRINK = 2.0  # images, or pairs of cells
OFFSETS = {"right": (0, 1), "below": (1, 0), "below right": (1, 1), "below left": (1, -1)}  # (rows, columns)


@dataclass(frozen=True)
class Counted:
    """Pairs of U codes that were counted.

    Attributes:
        found: (U, U) how often both come together. expected: (U, U) how often by chance. total: of how many.
    """

    found: np.ndarray
    expected: np.ndarray
    total: float


def together(codes: np.ndarray, kept: np.ndarray, size: int) -> Counted:
    """In how many images two codes both are: codes (N, H, W) in [0, K), `kept` (U,) of them.

    Expected is the product of the shares of the images that have each.
    """
    present = _presence(codes, kept, size)
    found = np.asarray((present.T @ present).toarray(), np.float64)
    having = found.diagonal().copy()
    return Counted(found, np.outer(having, having) / max(len(codes), 1), float(len(codes)))


def _presence(codes: np.ndarray, kept: np.ndarray, size: int) -> csr_array:
    present = occurrences(codes, size)[:, kept].astype(np.float32)
    present.data[:] = 1
    return present


def beside(codes: np.ndarray, kept: np.ndarray, offset: tuple[int, int], size: int) -> Counted:
    """How often the second code stands at an offset (rows, columns) from the first: [first, second].

    Expected is what the usual places of both would give: the sum over pairs of cells of the product of the shares of
    the images that have the first in one and the second in the other. Without it, all codes of a corner were a group.
    """
    place = np.full(size, -1)
    place[kept] = np.arange(len(kept))
    at = place[np.asarray(codes, np.int64)]
    here, there = at[_part(at.shape, offset, 0)], at[_part(at.shape, offset, 1)]
    here, there = here.reshape(len(at), -1), there.reshape(len(at), -1)
    both = (here >= 0) & (there >= 0)
    U = len(kept)
    found = np.bincount(here[both] * U + there[both], minlength=U * U).reshape(U, U).astype(np.float64)
    first, second = _in_cells(here, U), _in_cells(there, U)
    return Counted(found, first.T @ second / max(len(at), 1), float(here.size))


def _part(shape: tuple[int, int, int], offset: tuple[int, int], which: int) -> tuple[slice, slice, slice]:
    """The cells that have a neighbour at an offset (`which` 0), or that are one (1)."""
    slices = []
    for length, step in zip(shape[1:], offset, strict=True):
        step = step if which else -step
        slices.append(slice(max(step, 0), length + min(step, 0)))
    return slice(None), *slices


def _in_cells(at: np.ndarray, size: int) -> np.ndarray:
    """(P, U) float64 images that have each code in each cell; at (N, P), -1 for codes that do not count."""
    cells = np.broadcast_to(np.arange(at.shape[1]), at.shape)
    known = at >= 0
    counts = np.bincount(cells[known] * size + at[known], minlength=at.shape[1] * size)
    return counts.reshape(at.shape[1], size).astype(np.float64)


def neighbours(codes: np.ndarray, kept: np.ndarray, size: int) -> Counted | None:
    """How often two codes stand in neighbouring cells, whichever is where; None where cells have no neighbours."""
    if not placed(codes.shape[1:]) or max(codes.shape[1:]) < 2:
        return None
    found = expected = np.zeros((len(kept), len(kept)))
    total = 0.0
    for rows, columns in OFFSETS.values():
        if codes.shape[1] <= rows or codes.shape[2] <= abs(columns):
            continue
        one = beside(codes, kept, (rows, columns), size)
        found, expected, total = (
            found + one.found + one.found.T,
            expected + one.expected + one.expected.T,
            total + one.total,
        )
    return Counted(found, expected, 2 * total)


def association(counted: Counted) -> np.ndarray:
    """(U, U) float32 in [0, 1]: normalized positive pointwise mutual information, shrunken; 1 on the diagonal.

    0: no more often together than by chance; 1: always together.
    """
    more = np.nonzero(counted.found > counted.expected)  # of many codes most pairs are never seen
    found, expected = counted.found[more] + SHRINK, counted.expected[more] + SHRINK
    surprise = -np.log(np.minimum(found / (counted.total + SHRINK), 1 - 1e-9))
    value = np.zeros(counted.found.shape, np.float32)
    value[more] = np.minimum(np.log(found / expected) / surprise, 1)
    np.fill_diagonal(value, 1)
    return value


def shuffled(codes: np.ndarray, seed: int = 0) -> np.ndarray:
    """Codes (N, H, W) whose images share nothing but the usual places: each cell's codes in another order."""
    flat = np.array(codes).reshape(len(codes), -1)
    return np.random.default_rng([seed, 41]).permuted(flat, axis=0).reshape(np.shape(codes))
