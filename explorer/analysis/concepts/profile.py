"""What the images of one code have in common, and where in them it stands: the image is the sampling unit.

Risk ratios: Katz et al., Obtaining confidence intervals for the risk ratio in cohort studies, 1978; where a count is
nought, with half an image added to each: Walter, The distribution of Levin's measure of attributable risk, 1975.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explorer.analysis.concepts.values import Concept
from explorer.analysis.grids import placed
from explorer.analysis.selection import adjust

SURE = 0.05  # q of a value that stands out


@dataclass(frozen=True)
class Shares:
    """How common each value of a concept is among the images that have a code, beside the others.

    Attributes:
        concept: its name. values: names of its V values.
        inside, outside: (V,) images of each value with the code, and without it.
        having, lacking: images with a value that have the code, and that lack it.
        ratio: (V,) share of the value with the code over its share without it, NaN where one side is empty; where a
            count is nought, of the counts with half an image added.
        low, high: (V,) 95 % interval of the ratio.
        p: (V,) two-sided exact probability of so uneven a split by chance.
        q: (V,) the same after Benjamini and Hochberg over all values that were asked about.
    """

    concept: str
    values: tuple[str, ...]
    inside: np.ndarray
    outside: np.ndarray
    having: int
    lacking: int
    ratio: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    q: np.ndarray

    @property
    def strongest(self) -> int | None:
        """The value that is surely more common, by the lower end of its interval; None where none stands out."""
        sure = np.flatnonzero((self.q < SURE) & (self.low > 1))
        return int(sure[np.argmax(self.low[sure])]) if len(sure) else None


def shares(present: np.ndarray, concepts: Sequence[Concept]) -> list[Shares]:
    """How common each value of each concept is among the images that have a code, beside the others.

    Args:
        present: (N,) bool, images that have the code. concepts: of the same N images.

    Returns:
        One for each concept, in their order.
    """
    sides = (np.asarray(present, bool), ~np.asarray(present, bool))
    return counted(
        concepts,
        [[np.bincount(one.index[one.known & side], minlength=len(one.values)) for side in sides] for one in concepts],
    )


def counted(concepts: Sequence[Concept], sides: Sequence[Sequence[np.ndarray]]) -> list[Shares]:
    """The same from counts: of each concept the images of each value with the code, and without it, (V,) each."""
    found = []
    for one, (inside, outside) in zip(concepts, sides, strict=True):
        having, lacking = int(inside.sum()), int(outside.sum())
        columns = (*risk_ratio(inside, outside, having, lacking), _exact(inside, outside, having, lacking))
        found.append(Shares(one.name, one.values, inside, outside, having, lacking, *columns, columns[-1]))
    q = adjust(np.concatenate([one.p for one in found])) if found else np.empty(0)
    parts = np.split(q, np.cumsum([len(one.values) for one in found])[:-1]) if found else []
    return [Shares(**{**one.__dict__, "q": part}) for one, part in zip(found, parts, strict=True)]


def risk_ratio(
    inside: np.ndarray, outside: np.ndarray, having: int, lacking: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(inside / having) / (outside / lacking) and its 95 % interval, (V,) each; NaN, 0 and inf where a side is empty.

    Katz's interval of the logarithm. Where a count is nought, half an image is added to all four numbers.
    """
    inside, outside = np.asarray(inside, np.float64), np.asarray(outside, np.float64)
    if not having or not lacking:
        return np.full(len(inside), np.nan), np.zeros(len(inside)), np.full(len(inside), np.inf)
    more = np.where((inside == 0) | (outside == 0), 0.5, 0.0)
    a, n, b, m = inside + more, having + more, outside + more, lacking + more
    ratio = (a / n) / (b / m)
    half = 1.959963984540054 * np.sqrt(np.maximum(1 / a - 1 / n + 1 / b - 1 / m, 0))
    return ratio, ratio * np.exp(-half), ratio * np.exp(half)


def _exact(inside: np.ndarray, outside: np.ndarray, having: int, lacking: int) -> np.ndarray:
    """Fisher's exact test, twice the smaller tail: (V,)."""
    if not having or not lacking:
        return np.ones(len(inside))
    from scipy.stats import hypergeom

    chance = hypergeom(having + lacking, inside + outside, having)
    return np.minimum(1, 2 * np.minimum(chance.cdf(inside), chance.sf(inside - 1)))


@dataclass(frozen=True)
class Place:
    """A region of the image and how many of a code's tokens stand there.

    Attributes:
        name: such as "top left". area: its share of the cells, which is what even spread would give.
        share: of the code's tokens that stand there. low, high: 95 % intervals, of all regions at once.
    """

    name: str
    area: float
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Spread:
    """Where the tokens of a code stand.

    Attributes:
        tokens, images: how many there are, and of how many images.
        counts: (H, W) tokens in each cell. places: the regions of the grid.
    """

    tokens: int
    images: int
    counts: np.ndarray
    places: tuple[Place, ...]

    @property
    def mostly(self) -> Place | None:
        """The region that surely holds more than its area, the one that tells most; None where none does."""
        sure = [one for one in self.places if one.low > one.area]
        return max(sure, key=lambda one: one.low * np.log(one.low / one.area), default=None)


def spread(where: np.ndarray) -> Spread | None:
    """Where the tokens of a code stand: thirds of the image and where they cross, each beside its share of the cells.

    Tokens of one image stand together, so an interval counts as many images as would tell as much were all tokens of
    an image in one place (Kish: tokens² over the sum of squared tokens an image). Wilson's interval, and Bonferroni's
    correction for looking at all regions: even spread is said to stand out in one of 20 codes at most.

    Args:
        where: (n, H, W) bool, cells with the code in images that have it.

    Returns:
        None where cells have no place, there is one only, or the code stands nowhere.
    """
    where = np.asarray(where, bool)
    return spread_of(where.sum(0), where.sum((1, 2)))


def spread_of(counts: np.ndarray, each: np.ndarray) -> Spread | None:
    """The same from counts: tokens of the code in each cell (H, W), and in each image (n,)."""
    counts, each, tokens = np.asarray(counts), np.asarray(each), int(np.sum(each))
    grid = counts.shape
    if not placed(grid) or grid == (1, 1) or not tokens:
        return None
    regions = _regions(grid)
    units = tokens**2 / float(np.square(each).sum())
    held = np.array([counts[cells].sum() / tokens for cells in regions.values()])
    low, high = _wilson(held, units, 0.05 / max(len(regions), 1))
    places = [
        Place(name, float(cells.mean()), *map(float, ends))
        for (name, cells), ends in zip(regions.items(), zip(held, low, high, strict=True), strict=True)
    ]
    return Spread(tokens, int((each > 0).sum()), counts, tuple(places))


def _regions(grid: tuple[int, int]) -> dict[str, np.ndarray]:
    """Thirds of rows and columns and their crossings by name, (H, W) bool: none is empty, all, or a copy of another."""
    down, across = ((np.arange(cells) + 0.5) * 3 // cells for cells in grid)
    found: dict[str, np.ndarray] = {}
    for row, upright in enumerate(("", "top", "middle", "bottom")):
        for column, along in enumerate(("", "left", "centre", "right")):
            rows = down == row - 1 if row else np.full(grid[0], True)
            columns = across == column - 1 if column else np.full(grid[1], True)
            cells, name = rows[:, None] & columns, f"{upright} {along}".strip()
            known = any((cells == other).all() for other in found.values())
            if cells.any() and not cells.all() and not known:
                found[
                    {"middle centre": "centre", "centre": "middle column", "middle": "middle row"}.get(name, name)
                ] = cells
    return found


def _wilson(share: np.ndarray, units: float, error: float) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's interval of shares (R,) of `units` that need not be whole, wrong at most `error` of the time."""
    from scipy.special import ndtri

    z = ndtri(1 - error / 2)
    middle, half = share + z**2 / (2 * units), z * np.sqrt(share * (1 - share) / units + z**2 / (4 * units**2))
    return (middle - half) / (1 + z**2 / units), (middle + half) / (1 + z**2 / units)
