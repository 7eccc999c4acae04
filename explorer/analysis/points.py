"""What the points of a map are coloured by, and how a selection of images is spread beside the rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.analysis import usage
from explorer.analysis.quality import Summary, summary

BINS = 24
BLOCK = 4_000_000  # counts held at once


def most_frequent(codes: np.ndarray, size: int) -> np.ndarray:
    """The code with most tokens in each image, the lower one of equals: codes (N, H, W) in [0, size) -> (N,) int64."""
    found, rows = np.empty(len(codes), np.int64), max(1, BLOCK // max(size, codes[:1].size))
    for start in range(0, len(codes), rows):
        part = np.asarray(codes[start : start + rows]).reshape(-1, codes[:1].size)
        if size <= 4 * part.shape[1]:
            cell = np.arange(len(part))[:, None] * size + part
            counts = np.bincount(cell.reshape(-1), minlength=len(part) * size).reshape(len(part), size)
        else:
            counts = usage.occurrences(part, size)
        found[start : start + rows] = np.asarray(counts.argmax(axis=1)).reshape(-1)
    return found


def mean_of_codes(codes: np.ndarray, numbers: np.ndarray, size: int) -> np.ndarray:
    """Mean of a number of the images over each code's tokens: codes (N, H, W), numbers (N,) -> (size,) float64.

    An image counts as often as it has the code. Images without a number are left out; NaN for a code without any.
    """
    numbers = np.asarray(numbers, np.float64)
    known = np.isfinite(numbers)
    table = usage.occurrences(codes[known], size)
    tokens = np.asarray(table.sum(0)).reshape(-1)
    return np.where(tokens > 0, table.T @ numbers[known] / np.maximum(tokens, 1), np.nan)


def value_of_codes(codes: np.ndarray, labels: np.ndarray, size: int) -> np.ndarray:
    """The concept value that most of each code's tokens come from: labels (N,) discrete -> (size,) objects or None."""
    found = usage.by_concept(codes, labels, size)
    values = np.full(size, None, object)
    if len(found.values):
        most = found.counts.argmax(0)  # (U,)
        known = found.counts.sum(0) > 0
        values[found.codes[known]] = np.array([*found.values, None], object)[most[known]]
    return values


def log_tokens(tokens: np.ndarray) -> np.ndarray:
    """log10 of token counts (K,), NaN for a dead code."""
    tokens = np.asarray(tokens, np.float64)
    return np.where(tokens > 0, np.log10(np.maximum(tokens, 1)), np.nan)


def images_with_any(codes: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Images that have at least one of the `chosen` codes: codes (N, H, W) -> (N,) bool."""
    return np.isin(codes, chosen).reshape(len(codes), -1).any(1)


def agreement(neighbours: np.ndarray, labels: np.ndarray, queries: np.ndarray | None = None) -> tuple[float, float]:
    """How often near points have the same concept value: neighbours (M, k) rows, labels (M,) discrete.

    With `queries` (Q,) rows, neighbours (Q, k) are theirs.

    Returns:
        The share of neighbours with a point's own value, and the share that random other points would have; pairs with
        an unknown value are left out, and both are NaN where nothing is known.
    """
    index, _ = usage.levels(labels)
    own, other = (index if queries is None else index[queries])[:, None], index[neighbours]
    known = (own >= 0) & (other >= 0)
    counts = np.bincount(index[index >= 0]).astype(np.float64)
    total = counts.sum()
    if not known.any() or total < 2:
        return float("nan"), float("nan")
    chance = (counts * (counts - 1)).sum() / (total * (total - 1))
    return float((own == other)[known].mean()), float(chance)


def agreement_interval(
    neighbours: np.ndarray, labels: np.ndarray, images: np.ndarray, queries: np.ndarray | None = None, *, seed: int = 0
) -> tuple[float, float, float]:
    """The share of `agreement` and its 95 % interval, (share, low, high), where pairs that share an image are not
    independent.

    One image is near many others, as much as it is asked: intervals that knew of the second alone held 85 of 100 times.
    More than 1,000 images are taken as 1,000 random groups. The ends are NaN with one image.

    Args:
        neighbours: (M, k) rows. labels: (M,) discrete. images: (M,) image of each point.
        queries: (Q,) rows, where the neighbours (Q, k) are not those of all points.

    Source: Fafchamps and Gubert, The formation of risk sharing networks, 2007, the error of dyadic data.
    """
    from scipy.sparse import coo_array
    from scipy.special import stdtrit

    index, _ = usage.levels(labels)
    queries = np.arange(len(index)) if queries is None else queries
    own, other = index[queries][:, None], index[neighbours]
    known = (own >= 0) & (other >= 0)
    same = known & (own == other)
    if not known.any():
        return float("nan"), float("nan"), float("nan")
    share = float(same.sum() / known.sum())
    found, image = np.unique(images, return_inverse=True)
    groups = min(len(found), 1_000)
    if groups < 2:
        return share, float("nan"), float("nan")
    group = (np.random.default_rng(seed).permutation(len(found)) % groups)[image]
    asked, near = np.repeat(group[queries], neighbours.shape[1]), group[neighbours].reshape(-1)
    off = (same - share * known).reshape(-1)
    # of each two groups, how far their pairs are off in sum
    table = coo_array((off, (np.minimum(asked, near), np.maximum(asked, near))), shape=(groups, groups)).tocsr()
    of_each = np.asarray(table.sum(0)).reshape(-1) + np.asarray(table.sum(1)).reshape(-1) - table.diagonal()
    # two pairs that are the same two groups have been counted for both
    twice = np.square(table.data).sum() - np.square(table.diagonal()).sum()
    error = np.sqrt(max(np.square(of_each).sum() - twice, 0.0) * groups / (groups - 1)) / known.sum()
    half = float(stdtrit(groups - 1, 0.975) * error)
    return share, max(share - half, 0.0), min(share + half, 1.0)


def beyond_chance(share: float, chance: float) -> float:
    """(share - chance) / (1 - chance): 1 is perfect, 0 is chance, as in Cohen's kappa; 0 where it is not defined."""
    return (share - chance) / (1 - chance) if chance < 1 else 0.0


@dataclass(frozen=True)
class Beside:
    """A concept among selected images beside the rest, as shares of the images that have a value.

    Attributes:
        labels: (V,) values, most common in both together first; or the middles of bins.
        edges: (V + 1,) of the bins, None for a discrete concept.
        inside, outside: (V,) images of each value.
        share_inside, share_outside: (V,) in [0, 1].
        low, high: (2, V) 95 % Wilson intervals of the shares, inside first.
        selected, rest: images with a value.
        means: of a continuous concept inside and outside, with their intervals; else None.
    """

    labels: np.ndarray
    edges: np.ndarray | None
    inside: np.ndarray
    outside: np.ndarray
    share_inside: np.ndarray
    share_outside: np.ndarray
    low: np.ndarray
    high: np.ndarray
    selected: int
    rest: int
    means: tuple[Summary, Summary] | None = None


def beside(values: np.ndarray, selected: np.ndarray, *, continuous: bool) -> Beside:
    """How a concept (N,) is spread among the selected images ((N,) bool) and among the others."""
    selected = np.asarray(selected, bool)
    if not continuous:
        index, names = usage.levels(values)
        labels, edges, means, known = np.array([str(name) for name in names], object), None, None, index >= 0
    else:
        values = np.asarray(values, np.float64)
        known = np.isfinite(values)
        some = values[known]
        edges = np.linspace(some.min(), some.max(), BINS + 1) if len(some) and np.ptp(some) else np.array([0.0, 1.0])
        if len(some) and not np.ptp(some):
            edges = some[0] + np.array([-0.5, 0.5])
        index = np.clip(np.searchsorted(edges, np.where(known, values, edges[0]), "right") - 1, 0, len(edges) - 2)
        labels = (edges[:-1] + edges[1:]) / 2
        means = summary(values[known & selected]), summary(values[known & ~selected])
    inside = np.bincount(index[known & selected], minlength=len(labels))
    outside = np.bincount(index[known & ~selected], minlength=len(labels))
    if not continuous:
        order = np.argsort(-(inside + outside), kind="stable")
        labels, inside, outside = labels[order], inside[order], outside[order]
    totals = int(inside.sum()), int(outside.sum())
    ends = [wilson(count, total) for count, total in zip((inside, outside), totals, strict=True)]
    return Beside(
        labels,
        edges,
        inside,
        outside,
        inside / max(totals[0], 1),
        outside / max(totals[1], 1),
        np.stack([low for low, _ in ends]),
        np.stack([high for _, high in ends]),
        *totals,
        means,
    )


def wilson(count: np.ndarray, total: int) -> tuple[np.ndarray, np.ndarray]:
    """95 % interval of shares count / total: (V,), (V,) in [0, 1]; [0, 1] where nothing was counted.

    Source: Wilson, Probable inference, the law of succession, and statistical inference, 1927.
    """
    count = np.asarray(count, np.float64)
    if not total:
        return np.zeros_like(count), np.ones_like(count)
    z = 1.959963984540054
    share = count / total
    middle = share + z**2 / (2 * total)
    half = z * np.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    low, high = (middle - half) / (1 + z**2 / total), (middle + half) / (1 + z**2 / total)
    return np.where(count == 0, 0, low), np.where(count == total, 1, high)
