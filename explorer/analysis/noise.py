"""Noise that makes each sample the same, however many are drawn beside it."""

from __future__ import annotations

import numpy as np

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def streams(seed: int, numbers: np.ndarray, draft: int | np.ndarray = 0) -> np.ndarray:
    """What the noise of each sample, or of each of its drafts, begins with: (n,) uint64."""
    with np.errstate(over="ignore"):
        base = _step(np.zeros(1, np.uint64), seed % 2**64)
        return _step(_step(base, np.asarray(numbers).astype(np.uint64)), np.asarray(draft).astype(np.uint64))


def uniform(streams: np.ndarray, *at: int, count: int) -> np.ndarray:
    """Numbers strictly between 0 and 1, (n, count) float64, which depend on the stream of each row and the place `at`.

    Source: SplitMix64 (Steele, Lea and Flood 2014, Fast splittable pseudorandom number generators).
    """
    with np.errstate(over="ignore"):
        for part in at:
            streams = _step(streams, part)
        bits = _mixed(streams[:, None] + np.arange(1, count + 1, dtype=np.uint64) * GOLDEN)
    return ((bits >> np.uint64(11)) + 0.5) * 2.0**-53


def gumbel(streams: np.ndarray, *at: int, count: int) -> np.ndarray:
    """Gumbel noise (n, count): the largest of logits + noise is a draw from their softmax (Gumbel 1954)."""
    return -np.log(-np.log(uniform(streams, *at, count=count)))


def spread(shares: np.ndarray, seed: int, numbers: np.ndarray) -> np.ndarray:
    """Values (n,) int64 as often as their shares say, of any run of numbers nearly so.

    Steps of the golden ratio fall into each share as evenly as a sequence can that does not know where it ends, so
    that the value of a sample does not depend on how many are drawn.

    Args:
        shares: (V,) non-negative, not all 0. numbers: (n,) whole numbers of samples.
    """
    ends = np.cumsum(shares, dtype=float) / np.sum(shares)
    start = uniform(streams(seed, np.zeros(1)), count=1)[0, 0]
    at = (start + np.asarray(numbers) * (np.sqrt(5) - 1) / 2) % 1
    return np.minimum(np.searchsorted(ends, at, side="right"), len(ends) - 1).astype(np.int64)


def _step(streams: np.ndarray, part: int | np.ndarray) -> np.ndarray:
    """Other streams for each `part`."""
    return _mixed(streams + (np.asarray(part, np.uint64) + np.uint64(1)) * GOLDEN)


def _mixed(bits: np.ndarray) -> np.ndarray:
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
