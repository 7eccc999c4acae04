"""One row for each code: how often it occurs, in how many images, and how near its nearest neighbour is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from explorer.analysis import neighbours, usage

if TYPE_CHECKING:
    import pandas as pd

CELLS = 16_000_000  # presence flags held at once


def images_per_code(codes: np.ndarray, size: int) -> np.ndarray:
    """Images that have each code at least once: codes (N, H, W) in [0, K) -> (K,) int64."""
    counts = np.zeros(size, np.int64)
    step = max(1, CELLS // size)
    for start in range(0, len(codes), step):
        part = np.asarray(codes[start : start + step]).reshape(min(step, len(codes) - start), -1).astype(np.int64)
        present = np.zeros((len(part), size), bool)
        present[np.arange(len(part))[:, None], part] = True
        counts += present.sum(0)
    return counts


def table(codes: np.ndarray, vectors: np.ndarray) -> pd.DataFrame:
    """Facts of each code: codes (N, H, W) in [0, K), vectors (K, D) -> K rows, by id; see `counted`."""
    size = len(vectors)
    return counted(usage.count_tokens(codes, size), images_per_code(codes, size), len(codes), vectors)


def counted(tokens: np.ndarray, images: np.ndarray, count: int, vectors: np.ndarray) -> pd.DataFrame:
    """Facts of each code: tokens (K,), images that have it (K,) of N, vectors (K, D) -> K rows, by id.

    Columns: `code`; `rank` by tokens, from 1, ties by id; `tokens`; `share` of all tokens; `times_even`, the share
    over 1 / K; `images` that have it; `image_share` of all images; `neighbour`, the code with the nearest vector, and
    `distance` to it (-1 and NaN where there is one code only, and where there are so many that a search of all pairs
    takes minutes: then codes in use are searched among themselves, or none); `x`, `y`, the two main directions of the
    vectors.
    """
    import pandas as pd

    from explorer.analysis.projection import pca_map

    size = len(vectors)
    rank = np.empty(size, np.int64)
    rank[np.argsort(-tokens, kind="stable")] = np.arange(1, size + 1)
    neighbour, distance = _neighbours(np.asarray(vectors), tokens > 0)
    places = pca_map(vectors)
    return pd.DataFrame(
        {
            "code": np.arange(size),
            "rank": rank,
            "tokens": tokens,
            "share": tokens / max(tokens.sum(), 1),
            "times_even": tokens * size / max(tokens.sum(), 1),
            "images": images,
            "image_share": images / max(count, 1),
            "neighbour": neighbour,
            "distance": distance,
            "x": places[:, 0],
            "y": places[:, 1],
        }
    )


def _neighbours(vectors: np.ndarray, used: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest other code of each (K,), and the distance (K,): -1 and NaN where none is searched."""
    found, away = np.full(len(vectors), -1), np.full(len(vectors), np.nan, np.float32)
    searched = np.arange(len(vectors))
    if not neighbours.affordable(*vectors.shape):
        searched = np.flatnonzero(used)
    if len(searched) > 1 and neighbours.affordable(len(searched), vectors.shape[1]):
        index, distance = neighbours.nearest(vectors[searched], 1)
        found[searched], away[searched] = searched[index[:, 0]], distance[:, 0]
    return found, away


def explained_share(latents: np.ndarray, codes: np.ndarray) -> float:
    """Share of the variance of latents (M, D) that the vectors of their codes (M, D) keep, at most 1."""
    spread = np.square(latents - latents.mean(0, dtype=np.float64)).sum(dtype=np.float64)
    return float(1 - np.square(latents - codes).sum(dtype=np.float64) / spread) if spread > 0 else 1.0


def values_of(labels: np.ndarray, bins: int = 5) -> tuple[np.ndarray, bool]:
    """A concept (N,) as discrete values; one of real numbers with more than 12 values is cut into quantiles.

    Returns:
        (N,) objects, None where unknown, and whether it was cut. Quantiles sort by their names: "1: 0.02 to 0.20", ….
    """
    import pandas as pd

    column = pd.Series(labels)
    if not pd.api.types.is_float_dtype(column) or column.nunique() <= 12:
        return column.astype(object).where(column.notna(), None).to_numpy(), False
    cut = pd.qcut(column, bins, duplicates="drop")
    index = cut.cat.codes.to_numpy()
    names = [f"{i + 1}: {c.left:.3g} to {c.right:.3g}" for i, c in enumerate(cut.cat.categories)]
    return np.array([names[i] if i >= 0 else None for i in index], object), True


def indexed(column: pd.Series) -> tuple[np.ndarray, list, bool]:
    """The same as positions: (N,) int64 in the sorted values, -1 where unknown, the values, and whether it was cut.

    Of a column of categories each is looked at once, not every row.
    """
    import pandas as pd

    if not isinstance(column.dtype, pd.CategoricalDtype):
        labels, cut = values_of(column)
        return *usage.levels(labels), cut
    found = column.cat.codes.to_numpy().astype(np.int64)
    there = np.flatnonzero(np.bincount(found[found >= 0], minlength=len(column.cat.categories)))
    place, values = usage.levels(column.cat.categories.to_numpy(object)[there])
    position = np.full(len(column.cat.categories) + 1, -1)
    position[there] = place
    return position[found], values, False


def lift(counts: np.ndarray) -> np.ndarray:
    """How much more common a code is under a value than overall: counts (V, U) -> (V, U) log2 of the ratio of shares.

    0 is as common as overall, 1 twice as common. Where a code is absent it is that of half a token, and 0 where fewer
    would be expected: an absence that says nothing.
    """
    counts = np.asarray(counts, np.float64)
    total = counts.sum()
    expected = counts.sum(1, keepdims=True) * counts.sum(0) / max(total, 1)
    ratio = np.where(counts > 0, counts, np.minimum(0.5, expected)) / np.where(expected > 0, expected, 1)
    return np.where(expected > 0, np.log2(np.where(ratio > 0, ratio, 1)), 0.0)
