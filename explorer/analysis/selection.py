"""What a selected set of images has more often than the rest: codes, or values of a concept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.analysis import usage


@dataclass(frozen=True)
class Enrichment:
    """One row per code or concept value that occurs, the most over-represented first.

    Attributes:
        items: (U,) code ids, or concept values.
        inside, outside: (U,) images with the item among the selected, and among the rest.
        selected, rest: how many images there are of each.
        log_odds: (U,) natural logarithm of the odds ratio; above 0 means more common in the selection.
        low, high: (U,) 95 % interval of it.
        p: (U,) two-sided exact probability of so uneven a split by chance.
        q: (U,) the same after Benjamini and Hochberg: the share of false finds among all items with this q or less.
    """

    items: np.ndarray
    inside: np.ndarray
    outside: np.ndarray
    selected: int
    rest: int
    log_odds: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    q: np.ndarray


def compare_codes(codes: np.ndarray, selected: np.ndarray, size: int) -> Enrichment:
    """Codes over-represented in the selected images.

    The unit is the image, which has a code or has it not: tokens of one image are not independent. If the images were
    selected on a map of the same latents, q-values say how distinct the selection is, not that it is a discovery.

    Args:
        codes: (N, H, W) codes in [0, size). selected: (N,) bool, or row numbers.
    """
    table = usage.occurrences(codes, size)
    used = np.unique(table.indices)
    chosen = _mask(selected, len(codes))
    present = table[:, used] > 0
    inside = np.asarray(present[chosen].sum(0)).reshape(-1)
    outside = np.asarray(present[~chosen].sum(0)).reshape(-1)
    return enrich(used, inside, outside, int(chosen.sum()), int((~chosen).sum()))


def enrich(items: np.ndarray, inside: np.ndarray, outside: np.ndarray, selected: int, rest: int) -> Enrichment:
    """Log-odds, intervals, p and q of 2 × 2 tables: inside of `selected` against outside of `rest`, (U,) each.

    Half an image is added to each of the four cells, so that a code that all or none have gets a finite ratio; the
    interval is Wald's on the same cells. p is Fisher's exact test, twice the smaller tail.

    Raises:
        ValueError: nothing is selected, or everything.

    Source: Haldane, The estimation and significance of the logarithm of a ratio of frequencies, 1956; Anscombe, 1956.
    """
    if not selected or not rest:
        raise ValueError(f"a comparison needs images on both sides; got {selected:,} selected and {rest:,} others")
    from scipy.stats import hypergeom, norm

    inside, outside = np.asarray(inside, np.int64), np.asarray(outside, np.int64)
    cells = np.stack([inside, selected - inside, outside, rest - outside]) + 0.5  # (4, U)
    log_odds = np.log(cells[0]) - np.log(cells[1]) - np.log(cells[2]) + np.log(cells[3])
    half = norm.ppf(0.975) * np.sqrt((1 / cells).sum(0))
    chance = hypergeom(selected + rest, inside + outside, selected)
    p = np.minimum(1, 2 * np.minimum(chance.cdf(inside), chance.sf(inside - 1)))
    order = np.lexsort((p, -(log_odds - half)))  # by the lower end: sure and strong first, a lucky rare code later
    columns = (items, inside, outside, log_odds, log_odds - half, log_odds + half, p, adjust(p))
    items, inside, outside, log_odds, low, high, p, q = (column[order] for column in columns)
    return Enrichment(items, inside, outside, selected, rest, log_odds, low, high, p, q)


def adjust(p: np.ndarray) -> np.ndarray:
    """q-values of p-values (U,): Benjamini and Hochberg, Controlling the false discovery rate, 1995."""
    from scipy.stats import false_discovery_control

    return false_discovery_control(p) if len(p) else np.empty(0)


def _mask(selected: np.ndarray, images: int) -> np.ndarray:
    """Row numbers or a mask -> (images,) bool."""
    selected = np.asarray(selected)
    if selected.dtype == bool:
        if selected.shape != (images,):
            raise ValueError(f"the selection has {selected.size:,} entries for {images:,} images")
        return selected
    mask = np.zeros(images, bool)
    mask[selected.astype(np.int64)] = True
    return mask
