"""Groups of codes: which codes belong together, as a tree that is cut into as many groups as are wanted.

Two codes are alike when they come together, and with the same others: each code is its row of the table of
associations (`cooccurrence.association`), and Ward's tree (Ward, Hierarchical grouping to optimize an objective
function, 1963) joins what is near. Whether the groups are there at all is asked of two halves of the images that never
meet, beside halves whose images share nothing but the usual places of codes (Ben-Hur, Elisseeff and Guyon, A stability
based method for discovering structure in clustered data, 2002).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from explorer.analysis import cooccurrence
from explorer.analysis.grids import placed

BY = {
    "together": "Together in an image",
    "beside": "Beside one another",
    "vectors": "Near vectors",
    "mixed": "All of these",
}
FEWEST = 5  # images that have a code; rarer codes are left out
MOST = 4_000  # codes, the most used; each pair is compared
SMALLEST = 4  # codes that can be grouped
COUNTS = (*range(2, 17), 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 128)
FIRST, LAST = 4, 48  # groups that are chosen between where nothing but vectors is asked
NEARLY = 0.9  # of the best agreement above chance that another peak must reach
HALVINGS, LARGE = 4, 1_500  # how often images are halved; half as often with more codes


def kept(images: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """Codes (U,) that can be grouped, ascending: in at least FEWEST images (K,), and of those the MOST used."""
    good = np.flatnonzero(np.asarray(images) >= FEWEST)
    return np.sort(good[np.argsort(-np.asarray(tokens)[good], kind="stable")][:MOST])


def ways(grid: tuple[int, int]) -> list[str]:
    """The ways in BY that a grid (H, W) allows: one code for an image stands beside none, and never with another."""
    if grid == (1, 1):
        return ["vectors"]
    return list(BY) if placed(grid) else [name for name in BY if name != "beside"]


def apart(by: str, codes: np.ndarray, kept: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Squared distances (U, U) float32 of codes by a way in BY, scaled to a mean of 1.

    Args:
        codes: (N, H, W) in [0, K). kept: (U,) codes. vectors: (K, D).
    """
    size, parts = len(vectors), []
    if by in ("together", "mixed") and codes[0].size > 1:
        parts.append(_squared(cooccurrence.association(cooccurrence.together(codes, kept, size))))
    if by in ("beside", "mixed") and (counted := cooccurrence.neighbours(codes, kept, size)) is not None:
        parts.append(_squared(cooccurrence.association(counted)))
    if by in ("vectors", "mixed"):
        parts.append(_squared(vectors[kept]))
    if not parts:
        raise ValueError(f"codes of a grid {codes.shape[1:]} cannot be grouped by {by!r}")
    return sum(parts) / len(parts)


def _squared(rows: np.ndarray) -> np.ndarray:
    """Squared Euclidean distances of rows (U, F), over their mean: (U, U) float32."""
    rows = (rows - rows.mean(0, dtype=np.float64)).astype(np.float32)
    lengths = np.square(rows).sum(1)
    found = rows @ rows.T
    found *= -2
    found += lengths
    found += lengths[:, None]
    np.maximum(found, 0, out=found)
    np.fill_diagonal(found, 0)
    mean = found.sum(dtype=np.float64) / max(len(rows) * (len(rows) - 1), 1)
    return found / np.float32(mean) if mean > 0 else found


def tree(squared: np.ndarray) -> np.ndarray:
    """Ward's tree of squared distances (U, U): (U - 1, 4) merges as scipy has them, nearest first."""
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import squareform

    return linkage(np.sqrt(squareform(squared, checks=False)), "ward")


def leaves(merges: np.ndarray) -> np.ndarray:
    """The order (U,) of the leaves, so that no two branches cross."""
    return _laid_out(merges)[0]


def cut(merges: np.ndarray, count: int) -> np.ndarray:
    """The group (U,) of each code when the tree is cut into `count` groups, numbered in the order of its leaves."""
    return cuts(merges, [count])[0]


def cuts(merges: np.ndarray, counts: Sequence[int]) -> np.ndarray:
    """The same for several counts: (C, U)."""
    order, joined = _laid_out(merges)
    found = np.zeros((len(counts), len(order)), np.int64)
    for row, count in zip(found, counts, strict=True):
        row[order[1:]] = np.cumsum(joined >= len(order) - count)  # the last count - 1 merges are not made
    return found


def _laid_out(merges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The leaves (U,) in their order, and which merge joins each to the next (U - 1,): a branch is a run of leaves."""
    count = len(merges) + 1
    size = np.concatenate([np.ones(count, np.int64), merges[:, 3].astype(np.int64)])
    start, joined = np.zeros(2 * count - 1, np.int64), np.zeros(count - 1, np.int64)
    for number in range(len(merges) - 1, -1, -1):
        one, other = merges[number, :2].astype(np.int64)
        start[one], start[other] = start[count + number], start[count + number] + size[one]
        joined[start[other] - 1] = number
    order = np.empty(count, np.int64)
    order[start[:count]] = np.arange(count)
    return order, joined


def silhouette(distances: np.ndarray, groups: np.ndarray) -> float:
    """How much nearer codes are to their own group than to the next one: a mean in [-1, 1]; 0 for a code alone.

    Args:
        distances: (U, U) of codes. groups: (U,) from 0.

    Source: Rousseeuw, Silhouettes: a graphical aid to the interpretation and validation of cluster analysis, 1987.
    """
    count, codes = int(groups.max()) + 1, np.arange(len(groups))
    if count < 2:
        return 0.0
    inside = np.zeros((len(groups), count), distances.dtype)
    inside[codes, groups] = 1
    sizes = np.bincount(groups, minlength=count)
    total = (distances @ inside).astype(np.float64)  # (U, G)
    own = total[codes, groups] / np.maximum(sizes[groups] - 1, 1)
    other = total / sizes
    other[codes, groups] = np.inf
    other = other.min(1)
    value = (other - own) / np.maximum(np.maximum(other, own), 1e-12)
    return float(np.where(sizes[groups] > 1, value, 0).mean())


def agreement(first: np.ndarray, second: np.ndarray) -> float:
    """Adjusted mutual information of two divisions (U,) of the same codes: 1 the same, about 0 by chance.

    Source: Vinh, Epps and Bailey, Information theoretic measures for clusterings comparison, 2010.
    """
    from sklearn.metrics import adjusted_mutual_info_score

    return float(adjusted_mutual_info_score(first, second))


@dataclass(frozen=True)
class Stability:
    """Agreement of the groups of two halves of the images, for each number of groups.

    Attributes:
        counts: (C,) numbers of groups. found, null: (R, C) agreement of each halving, and of images that were shuffled.
    """

    counts: tuple[int, ...]
    found: np.ndarray
    null: np.ndarray

    def at(self, count: int) -> dict[str, float]:
        """{ami, low, high, null, null_high}: mean, least and most of the halvings; the same of the shuffled ones."""
        place = self.counts.index(count)
        found, null = self.found[:, place], self.null[:, place]
        ends = {"low": float(found.min()), "high": float(found.max())}
        return {"ami": float(found.mean()), **ends, "null": float(null.mean()), "null_high": float(null.max())}


def stability(
    by: str,
    codes: np.ndarray,
    kept: np.ndarray,
    vectors: np.ndarray,
    counts: Sequence[int],
    said: Callable[[int, int], None] = lambda done, of: None,
) -> Stability:
    """Agreement of groups found on two random halves of images (N, H, W), and on halves that are shuffled.

    `said(done, of)` is told of each halving.
    """
    halvings = HALVINGS if len(kept) <= LARGE else HALVINGS // 2
    found, null = np.zeros((2, halvings, len(counts)))
    for number in range(halvings):
        order = np.random.default_rng([number, 43]).permutation(len(codes))
        halves = [codes[np.sort(rows)] for rows in np.array_split(order, 2)]
        found[number] = _agreed(by, halves, kept, vectors, counts)
        said(2 * number + 1, 2 * halvings)
        mixed = [cooccurrence.shuffled(half, 2 * number + side) for side, half in enumerate(halves)]
        null[number] = _agreed(by, mixed, kept, vectors, counts)
        said(2 * number + 2, 2 * halvings)
    return Stability(tuple(counts), found, null)


def _agreed(
    by: str, halves: Sequence[np.ndarray], kept: np.ndarray, vectors: np.ndarray, counts: Sequence[int]
) -> list:
    found = [cuts(tree(apart(by, half, kept, vectors)), counts) for half in halves]
    return [agreement(first, second) for first, second in zip(*found, strict=True)]


def several(codes: int, more: Iterable[int] = ()) -> tuple[int, ...]:
    """Numbers of groups that `codes` codes are looked at in, and some `more`, ascending."""
    most = max(2, codes // 2)
    return tuple(
        sorted({count for count in COUNTS if count <= most} | {count for count in more if 2 <= count <= codes})
    )


def most_agreed(found: Stability) -> int:
    """The most groups at which the agreement of halves, above chance, peaks nearly as high as anywhere."""
    above = found.found.mean(0) - found.null.mean(0)
    padded = np.concatenate([[-np.inf], above, [-np.inf]])
    peak = (above >= padded[:-2]) & (above >= padded[2:]) & (above >= min(NEARLY * above.max(), above.max()))
    return int(np.array(found.counts)[peak].max())


def best_shaped(silhouettes: dict[int, float]) -> int:
    """The number of groups with the best silhouette, from FIRST to LAST where there are so many."""
    some = {count: value for count, value in silhouettes.items() if FIRST <= count <= LAST} or silhouettes
    return max(some, key=lambda count: some[count])
