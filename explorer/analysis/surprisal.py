"""Where codes surprise a prior: −log2 p(code | what came before) of each cell, added up by image, code and concept.

Surprisal is in bits: Shannon, A mathematical theory of communication, 1948. The image is the sampling unit
everywhere, because the cells of one image depend on one another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from explorer.analysis.selection import adjust

if TYPE_CHECKING:
    from explorer.analysis.concepts.values import Concept

RARE = 20  # images that have a code, below which its mean is said to be of few
FEWEST = 3  # images below which there is no interval


def images_bits(maps: Mapping[str, np.ndarray]) -> np.ndarray:
    """Bits of each image: the sum of its cells over all levels, {level: (N, H, W)} -> (N,) float64."""
    return sum(one.reshape(len(one), -1).sum(1, dtype=np.float64) for one in maps.values())


@dataclass(frozen=True)
class OfCodes:
    """How much each code that occurs surprises, one entry a code, ascending.

    Attributes:
        codes: (U,) numbers. tokens, images: (U,) how often each stands, and in how many images.
        mean: (U,) bits. low, high: (U,) 95 % interval, NaN of fewer than FEWEST images.
    """

    codes: np.ndarray
    tokens: np.ndarray
    images: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @property
    def rare(self) -> np.ndarray:
        """(U,) bool, codes that fewer than RARE images have."""
        return self.images < RARE


def of_codes(codes: np.ndarray, bits: np.ndarray) -> OfCodes:
    """Mean surprisal of each code over its tokens, with an interval over the images that have it.

    A mean over tokens of images that have different numbers of them is a ratio: its variance is that of the residuals
    of each image, S_i − mean · T_i (linearised), with Student's t of the images less one.

    Args:
        codes: (N, H, W) int. bits: (N, H, W).

    Source: Cochran, Sampling Techniques, 1977, section 6.3.
    """
    from scipy.special import stdtrit

    count = len(codes)
    flat = codes.reshape(count, -1).astype(np.int64)
    found, number = np.unique(flat, return_inverse=True)
    pairs, index = np.unique(
        number.reshape(-1) * count + np.repeat(np.arange(count), flat.shape[1]), return_inverse=True
    )
    tokens = np.bincount(index, minlength=len(pairs)).astype(np.float64)
    sums = np.bincount(index, bits.reshape(-1).astype(np.float64), len(pairs))
    code = pairs // max(count, 1)
    total, images = np.bincount(code, tokens, len(found)), np.bincount(code, minlength=len(found))
    mean = np.bincount(code, sums, len(found)) / np.maximum(total, 1)
    squares = np.bincount(code, np.square(sums - mean[code] * tokens), len(found))
    freedom = np.maximum(images - 1, 1)
    half = stdtrit(freedom, 0.975) * np.sqrt(images / freedom * squares) / np.maximum(total, 1)
    half = np.where(images < FEWEST, np.nan, half)
    return OfCodes(found, total.astype(np.int64), images, mean, np.maximum(mean - half, 0), mean + half)


@dataclass(frozen=True)
class OfValue:
    """How much the images of one value of a concept surprise.

    Attributes:
        mean, low, high: bits a code, and the 95 % interval. n: images.
        difference: mean less that of the images with another value. q: the share of false finds among all values
            with this q or less, Benjamini and Hochberg over every value asked about.
    """

    concept: str
    value: str
    n: int
    mean: float
    low: float
    high: float
    difference: float
    q: float


def of_values(bits: np.ndarray, concepts: Sequence[Concept]) -> list[OfValue]:
    """Mean bits of the images of each value, beside the images with another value of that concept.

    Welch's t of the two means; q over all values of all concepts. Values of fewer than FEWEST images are left out.

    Args:
        bits: (N,) bits a code of each image. concepts: of the same images.
    """
    from explorer.analysis.quality import summary

    rows: list[tuple] = []
    for concept in concepts:
        for place, value in enumerate(concept.values):
            mine, others = bits[concept.index == place], bits[concept.known & (concept.index != place)]
            if len(mine) < FEWEST:
                continue
            own = summary(mine)
            rest = float(others.mean()) if len(others) else float("nan")
            rows.append(
                (concept.name, value, own.n, own.mean, own.low, own.high, own.mean - rest, _welch(mine, others))
            )
    known = [place for place, row in enumerate(rows) if np.isfinite(row[-1])]
    q = np.full(len(rows), np.nan)
    q[known] = adjust(np.array([rows[place][-1] for place in known]))
    return [OfValue(*row[:-1], float(one)) for row, one in zip(rows, q, strict=True)]


def _welch(first: np.ndarray, second: np.ndarray) -> float:
    """Two-sided p of equal means (Welch 1947); NaN where one side has too few images, 1 where nothing differs."""
    if min(len(first), len(second)) < FEWEST:
        return float("nan")
    from scipy.special import stdtr

    spread = np.array([first.var(ddof=1) / len(first), second.var(ddof=1) / len(second)])
    apart = abs(first.mean() - second.mean())
    if spread.sum() <= 1e-18:
        return 1.0 if apart < 1e-9 else 0.0
    freedom = spread.sum() ** 2 / (spread[0] ** 2 / (len(first) - 1) + spread[1] ** 2 / (len(second) - 1))
    return float(2 * stdtr(freedom, -apart / np.sqrt(spread.sum())))


def order(values: np.ndarray, *, most: bool = True, seed: int = 0) -> np.ndarray:
    """Rows (N,) with the most (or least) first; ties stand in a seeded order, since files may be sorted by class."""
    shuffled = np.random.default_rng(seed).permutation(len(values))
    signed = -values[shuffled] if most else values[shuffled]
    return shuffled[np.argsort(signed, kind="stable")]


def cells(bits: np.ndarray, *, most: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Images (N,), the one with the most (least) surprising cell first, and that cell's position (N,) in its map.

    Each image is there once, so that one odd picture does not fill the list.
    """
    flat = bits.reshape(len(bits), -1)
    at = flat.argmax(1) if most else flat.argmin(1)
    rows = order(flat[np.arange(len(flat)), at], most=most)
    return rows, at[rows]


def percentile(value: float, values: np.ndarray) -> float:
    """Share of `values` (N,) that lie below `value`, ties counted half: in [0, 1], NaN without any."""
    if not len(values):
        return float("nan")
    return float(((values < value).sum() + (values == value).sum() / 2) / len(values))


def top(maps: Sequence[np.ndarray]) -> float:
    """Where the colours of surprisal end, one scale for all images: what one cell in two hundred goes beyond, in bits.

    Never less than a bit, so that noise of a sure prior is not drawn as a find.
    """
    parts = [one.reshape(-1) for one in maps if one.size]
    return max(float(np.quantile(np.concatenate(parts).astype(np.float32), 0.995)), 1.0) if parts else 1.0
