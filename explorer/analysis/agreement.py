"""How far the codes of two networks agree on the same images, also where their grids are not the same."""

from __future__ import annotations

import numpy as np

from explorer.analysis.concepts import stability
from explorer.analysis.grids import placed
from explorer.analysis.similarity import GROUPS, SHUFFLES, Found, deviation

TOKENS = 1_000_000  # pairs of tokens that are compared; of more a seeded sample of the images


def aligned(first: tuple[int, int], second: tuple[int, int]) -> tuple[np.ndarray, np.ndarray] | None:
    """For each place of the finer of two grids (H, W), the cell of each that covers its centre: (P,) and (P,).

    Along each side the finer grid counts. None where cells of one have no place in the image and the other is
    neither the same grid nor one cell.
    """
    if first != second and (1, 1) not in (first, second) and not (placed(first) and placed(second)):
        return None
    height, width = (max(pair) for pair in zip(first, second, strict=True))
    return tuple(_covering(grid, height, width) for grid in (first, second))


def _covering(grid: tuple[int, int], height: int, width: int) -> np.ndarray:
    """Cells (P,) of a grid over the centres of a grid (height, width)."""
    rows = (2 * np.arange(height) + 1) * grid[0] // (2 * height)
    columns = (2 * np.arange(width) + 1) * grid[1] // (2 * width)
    return (rows[:, None] * grid[1] + columns).reshape(-1)


def ami(first: np.ndarray, second: np.ndarray, *, seed: int = 0) -> Found | None:
    """Adjusted mutual information of codes (N, H, W) and (N, h, w) at the same places of the same N images.

    1 where the code of one tells that of the other, whatever numbers codes have; about 0 by chance. `n` counts images:
    there may be fewer than N where there are very many tokens. The interval leaves out groups of images; chance is
    images that are shuffled, so that it holds what the usual place of a code brings. None of one image, where one of
    the two uses one code only, or where cells have no place in common.

    Source: Vinh, Epps and Bailey, Information theoretic measures for clusterings comparison, 2010, with the arithmetic
    mean, as scikit-learn's `adjusted_mutual_info_score`.
    """
    cells = aligned(first.shape[1:], second.shape[1:])
    if cells is None or len(first) < 2:
        return None
    rows = _sampled(len(first), len(cells[0]), seed)
    both = [one[rows].reshape(len(rows), -1)[:, where] for one, where in zip((first, second), cells, strict=True)]
    (numbers, a), (others, b) = (stability.renumbered(one) for one in both)
    size, images = (len(numbers), len(others)), len(rows)
    if min(size) < 2:
        return None
    generator = np.random.default_rng(seed)
    groups = generator.permutation(images) % min(GROUPS, images)
    table = stability.contingency(a, b, groups, size)
    expected = stability.expected_information(*table.margins(table.total), seed=seed)
    chance = []
    for _ in range(SHUFFLES):
        moved = stability.contingency(a, b[generator.permutation(images)], groups, size)
        chance.append(stability.adjusted(moved, moved.total, expected))
    null = float(np.mean(chance)), float(np.quantile(chance, 0.975))
    if len(table.total) == size[0] == size[1]:  # a code of one for each of the other
        return Found(1.0, 1.0, 1.0, *null, images)
    value, without, tokens = stability.adjusted(table, table.total, expected), [], table.total.sum()
    for group in range(table.counts.shape[0]):
        gone = table.counts[[group]].toarray().reshape(-1)
        share = tokens / max(tokens - gone.sum(), 1)  # what chance brings falls as one over the tokens
        without.append(stability.adjusted(table, table.total - gone, expected * share))
    if len(without) < 5:
        return Found(value, None, None, *null, images)
    half = deviation(np.array(without))
    return Found(value, value - half, min(value + half, 1.0), *null, images)


def _sampled(images: int, tokens: int, seed: int) -> np.ndarray:
    """Rows of as many images as have TOKENS tokens, drawn from all of them, ascending."""
    most = max(2, TOKENS // tokens)
    return np.arange(images) if images <= most else np.sort(np.random.default_rng(seed).permutation(images)[:most])
