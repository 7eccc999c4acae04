"""Where the cells of two grids meet in an image, and how often codes of two checkpoints fall on the same place."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from explorer.analysis.grids import placed

PAIRS = 4_000_000  # of codes on one place that are counted within a second

Grid = tuple[int, int]


def spans(count: int, other: int) -> np.ndarray:
    """A line cut into `count` equal parts, and into `other`: which of these each of those overlaps.

    Returns: (count, 2) int64, the first and one behind the last. 8 parts beside 16: [0, 2], [2, 4], …
    """
    index = np.arange(count)
    return np.stack([index * other // count, -(-(index + 1) * other // count)], 1)


def meeting(grid: Grid, other: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Which rows and columns of another grid each row and column of a grid overlaps: (H, 2) and (W, 2), as `spans`.

    A row of tokens has no place in the image: each tells of all of it, and meets every cell.
    """
    if placed(grid) and placed(other):
        return spans(grid[0], other[0]), spans(grid[1], other[1])
    return np.tile([0, other[0]], (grid[0], 1)), np.tile([0, other[1]], (grid[1], 1))


def overlapping(grid: Grid, other: Grid) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of cells that overlap: (P,) cells of the grid, (P,) cells of the other, each row by row."""
    rows, columns = ([(i, j) for i, (start, stop) in enumerate(axis) for j in range(start, stop)]
                     for axis in meeting(grid, other))  # fmt: skip
    (above, below), (left, right) = np.array(rows).T, np.array(columns).T
    ours = above[:, None] * grid[1] + left
    theirs = below[:, None] * other[1] + right
    return ours.reshape(-1), theirs.reshape(-1)


def places(grid: Grid, other: Grid) -> tuple[np.ndarray, np.ndarray]:
    """The cells of two grids on each place of an image, (P,) and (P,), row by row.

    Places are the cells of the finer grid along each axis; of the coarser one, the cell that covers the centre counts.
    Where a grid is a row of tokens, each token stands on the place of each cell.
    """
    if not (placed(grid) and placed(other)):
        return overlapping(grid, other)
    found = []
    for axis in (0, 1):
        fine = max(grid[axis], other[axis])
        middle = 2 * np.arange(fine) + 1  # in halves of a part, so that numbers stay whole
        found.append([middle * size[axis] // (2 * fine) for size in (grid, other)])
    (above, below), (left, right) = found
    return (above[:, None] * grid[1] + left).reshape(-1), (below[:, None] * other[1] + right).reshape(-1)


@dataclass(frozen=True)
class Together:
    """How often codes of one checkpoint stand where codes of another do.

    Attributes:
        starts: (K + 1,) where the pairs of each code begin. codes, counts: (P,) the other's code, and places.
        places, images: how many were counted.
    """

    starts: np.ndarray
    codes: np.ndarray
    counts: np.ndarray
    places: int
    images: int

    def of(self, code: int) -> tuple[np.ndarray, np.ndarray]:
        """What the other has where a code stands, most frequent first: codes (n,), places (n,)."""
        part = slice(self.starts[code], self.starts[code + 1])
        order = np.argsort(-self.counts[part], kind="stable")
        return self.codes[part][order], self.counts[part][order]

    def turned(self, size: int) -> Together:
        """The same, asked of the other's codes, of which there are `size`."""
        from scipy.sparse import csr_array

        table = csr_array((self.counts, self.codes, self.starts), shape=(len(self.starts) - 1, size)).T.tocsr()
        return replace(self, starts=table.indptr.astype(np.int64), codes=table.indices, counts=table.data)

    def between(self, codes: np.ndarray, others: np.ndarray) -> np.ndarray:
        """Places that a code and a code of the other share: (n,), (n,) -> (n,)."""
        found = np.zeros(len(codes), np.int64)
        for code in np.unique(codes):
            mine = np.flatnonzero(codes == code)
            part = slice(self.starts[code], self.starts[code + 1])
            places = dict(zip(self.codes[part].tolist(), self.counts[part].tolist(), strict=True))
            found[mine] = [places.get(one, 0) for one in others[mine].tolist()]
        return found


def affordable(grid: Grid, other: Grid) -> int:
    """Of how many images the codes on each place can be counted within a second."""
    return max(1, PAIRS // len(places(grid, other)[0]))


def together(ours: np.ndarray, theirs: np.ndarray, sizes: tuple[int, int]) -> Together:
    """Counts which codes share a place: codes (N, H, W) and (N, H', W') of the same images, `sizes` (K, K')."""
    from scipy.sparse import coo_array

    first, second = places(ours.shape[1:], theirs.shape[1:])
    left, right = (
        codes.reshape(len(codes), -1)[:, at].reshape(-1).astype(np.int64)
        for codes, at in ((ours, first), (theirs, second))
    )
    table = coo_array((np.ones(len(left), np.int64), (left, right)), shape=sizes).tocsr()
    return Together(table.indptr.astype(np.int64), table.indices.astype(np.int64), table.data, len(left), len(ours))
