"""Dead, or unseen? How many codes more images would show, from how many codes few images have.

The unit is the image: a code is found in an image or not. What counts tokens is named so, and takes tokens of one
image for independent, which they are not.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from explorer.analysis import usage

POINTS = 30  # of a rarefaction curve
SURE = 1.96


@dataclass(frozen=True)
class Counts:
    """What was counted of one codebook over all images, and over as many images drawn again.

    Attributes:
        tokens: (K,) of each code. images: (K,) that have it. n: images.
        again_tokens, again_images: (B, K) float64, where each image counts 0, 1, 2, … times at random.
        again_n: (B,) images of these.
    """

    tokens: np.ndarray
    images: np.ndarray
    n: int
    again_tokens: np.ndarray
    again_images: np.ndarray
    again_n: np.ndarray


def count(batches: Iterable[np.ndarray], size: int, *, seed: int = 0, resamples: int = 100) -> Counts:
    """Counts a codebook over batches of codes (b, H, W), one after another; memory does not grow with the images.

    Images are drawn again one by one: each counts as often as a Poisson number of mean 1 says.

    Source: Chamandy et al., Estimating uncertainty for massive data streams, 2012.
    """
    tokens, images, n = np.zeros(size, np.int64), np.zeros(size, np.int64), 0
    again_tokens, again_images = np.zeros((2, resamples, size))
    again_n, generator = np.zeros(resamples), np.random.default_rng([seed, 31])
    for codes in batches:
        table = usage.occurrences(codes, size).astype(np.float64)
        present = (table > 0).astype(np.float64)
        drawn = generator.poisson(1.0, (resamples, len(codes))).astype(np.float64)
        tokens += np.asarray(table.sum(0), np.int64).reshape(-1)
        images += np.asarray(present.sum(0), np.int64).reshape(-1)
        again_tokens += drawn @ table
        again_images += drawn @ present
        again_n += drawn.sum(1)
        n += len(codes)
    return Counts(tokens, images, n, again_tokens, again_images, again_n)


def rarefied(counts: np.ndarray, total: int, draws: np.ndarray) -> np.ndarray:
    """Codes that are expected among fewer draws: exact, by the hypergeometric distribution.

    Args:
        counts: (K,) of each code: tokens of `total`, or images that have it of `total`. draws: (M,) in [0, total],
            drawn without replacement.

    Source: Hurlbert, The nonconcept of species diversity, 1971, equation 14, for tokens; Colwell et al., Models and
    estimators linking individual-based and sample-based rarefaction, 2012, equation 4, for images.
    """
    return (1 - _missed(counts, total, draws)).sum(-1)


def rarefied_error(counts: np.ndarray, total: int, draws: np.ndarray, expected: float) -> np.ndarray:
    """Standard error of `rarefied` for other images of the same kind, not for these images only: (M,).

    Args:
        expected: codes that there are in all, such as Chao's estimate.

    Source: Colwell et al., 2012, equation 5.
    """
    found = 1 - _missed(counts, total, draws)
    return np.sqrt(np.maximum((found**2).sum(-1) - found.sum(-1) ** 2 / max(expected, 1), 0))


def coverage(counts: np.ndarray) -> np.ndarray:
    """Share of all tokens, seen and unseen, whose code was seen: (..., K) tokens -> (...) in [0, 1]; 0 without tokens.

    Good's 1 - F1 / N, with F1 codes that have one token. Source: Good, The population frequencies of species and the
    estimation of population parameters, 1953.
    """
    counts = np.asarray(counts)
    total = counts.sum(-1)
    return np.where(total > 0, 1 - (counts == 1).sum(-1) / np.maximum(total, 1), 0.0)


def chao(counts: np.ndarray, draws: np.ndarray | float = np.inf) -> np.ndarray:
    """Lower bound of how many codes there are, seen and unseen: (..., K) counts -> (...).

    Seen + (m - 1) / m · F1 (F1 - 1) / (2 (F2 + 1)), the form without bias, which needs no F2 above 0. With tokens it
    is Chao1 (without the factor, as is usual); with images that have each code, of m images, Chao2.

    Source: Chao, Estimating the population size for capture-recapture data with unequal catchability, 1987; Chao and
    Chiu, Species richness: estimation and comparison, 2016.
    """
    counts = np.asarray(counts)
    once, twice = (counts == 1).sum(-1), (counts == 2).sum(-1)
    few = 1 - 1 / np.maximum(draws, 1)
    return (counts > 0).sum(-1) + few * once * (once - 1) / (2 * (twice + 1))


def never(draws: int) -> float:
    """95 % upper end of the share of draws that have a code which none of `draws` had: 1 - 0.05^(1/n), about 3 / n.

    Source: Hanley and Lippman-Hand, If nothing goes wrong, is everything all right?, 1983.
    """
    return float(-np.expm1(np.log(0.05) / draws)) if draws else 1.0


def alone(batches: Iterable[np.ndarray], counts: Counts) -> tuple[float, float]:
    """Share of the tokens of a further image whose code none of these images has, and its standard error.

    The tokens of codes that one image alone has, over all tokens: each image takes the place of the further one. With
    one token an image this is Good and Turing's F1 / N; with more, F1 / N is too small, because a code that an image
    has twice is no longer one that was seen once.

    Args:
        batches: of codes (b, H, W), as for `count`. counts: of them.

    Source: Good, 1953, with the image as unit. The error is Esty's, A normal limit law for a nonparametric estimator
    of the coverage of a random sample, 1983, with the tokens of one image taken together.
    """
    total, once, twice = counts.tokens.sum(), 0.0, 0.0
    for codes in batches:
        having = counts.images[codes.reshape(len(codes), -1)]
        once += float(np.square((having == 1).sum(1, dtype=np.float64)).sum())
        twice += float(np.square((having == 2).sum(1, dtype=np.float64)).sum())
    tokens = float(counts.tokens[counts.images == 1].sum())
    error = np.sqrt(max(once + twice - tokens**2 / max(counts.n, 1), 0)) / max(total, 1)
    return tokens / max(total, 1), float(error)


def further(images: np.ndarray, share: float) -> np.ndarray:
    """Codes that `share` times as many images more would show: (..., K) images of each code -> (...).

    -Σ (-share)^count over the codes that were seen; without bias for a share of at most 1, and with little variance
    for one of at most 1/2. By chance it may be below 0.

    Source: Good and Toulmin, The number of new species, and the increase in population coverage, when a sample is
    increased, 1956.
    """
    images = np.asarray(images, np.float64)
    return -np.where(images > 0, (-share) ** images, 0.0).sum(-1)


def further_interval(value: float, again: np.ndarray, most: float) -> tuple[float, float]:
    """95 % interval of what further images will show: spread of images drawn again (B,), and of the further ones."""
    half = SURE * np.sqrt((np.var(again, ddof=1) if len(again) > 1 else 0.0) + max(value, 0))
    return float(np.clip(value - half, 0, most)), float(np.clip(value + half, min(1, most), most))


def missing_interval(missing: float, again: np.ndarray, most: float) -> tuple[float, float]:
    """95 % interval of how many codes are unseen: lognormal, with the spread of images drawn again (B,).

    Source: Chao, 1987, equation 13.
    """
    if missing <= 0 or len(again) < 2:
        return 0.0, float(min(most, np.quantile(again, 0.975))) if len(again) > 1 else float(most)
    spread = np.exp(SURE * np.sqrt(np.log1p(np.var(again, ddof=1) / missing**2)))
    return float(missing / spread), float(min(missing * spread, most))


def capacity(shares: np.ndarray, vectors: np.ndarray, noise: float, block: int = 2_048) -> np.ndarray:
    """As many equally frequent codes that are never mistaken have the same overlap: (B, K) shares -> (B,) in [1, K].

    1 / Σ πi πj exp(-|ei - ej|² / (8 σ²)) over all pairs of codes. The exponential is how far two normal distributions
    of variance σ² in each dimension overlap (Bhattacharyya), those of latents around their codes. Without noise it is
    1 / Σ πi².

    Args:
        shares: (B, K) of the tokens, any scale. vectors: (K, D). noise: σ, of latents around their code.

    Source: after Wang et al., Decoupled residual quantization for robust semantic IDs in recommendation, 2026
    (arXiv:2606.01844), where effective capacity is one over the expected overlap; overlap and σ here are our choice.
    """
    shares = np.asarray(shares, np.float64)
    used = np.flatnonzero(shares.sum(0) > 0)
    shares, vectors = shares[:, used] / shares.sum(1, keepdims=True), vectors[used].astype(np.float64)
    overlap = np.square(shares).sum(1)
    if noise <= 0:
        return 1 / overlap
    lengths, overlap = np.square(vectors).sum(1), np.zeros(len(shares))
    for start in range(0, len(used), block):
        part = slice(start, start + block)
        apart = np.maximum(lengths[part, None] + lengths - 2 * vectors[part] @ vectors.T, 0)
        overlap += ((shares[:, part] @ np.exp(-apart / (8 * noise**2))) * shares).sum(1)
    return 1 / overlap


def steps(total: int, points: int = POINTS) -> np.ndarray:
    """Whole numbers from 1 to `total` that are about equally far apart on a logarithmic axis."""
    return np.unique(np.rint(np.geomspace(1, max(total, 1), points)).astype(np.int64))


def _missed(counts: np.ndarray, total: int, draws: np.ndarray) -> np.ndarray:
    """(M, K) probability that none of the draws has the code: C(total - count, m) / C(total, m)."""
    from scipy.special import gammaln

    counts, left = np.asarray(counts, np.float64), total - np.asarray(draws, np.float64)[:, None]
    possible = left >= counts
    logs = (
        gammaln(total - counts + 1)
        + gammaln(left + 1)
        - gammaln(np.where(possible, left - counts, 0) + 1)
        - gammaln(total + 1)
    )
    return np.where(possible, np.exp(np.minimum(logs, 0)), 0.0)
