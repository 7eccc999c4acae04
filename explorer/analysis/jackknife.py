"""The interval of an entropy estimated from a sample of images, and whether there are enough of them for one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from explorer.analysis import usage

if TYPE_CHECKING:
    from scipy.sparse import csr_array

ALONE = 0.04  # of the tokens may have a code that one image alone has; with more, 95 % intervals held less often
GROUPS = 1_000  # images that are left out one at a time; more are left out in so many groups, at a bounded cost


@dataclass(frozen=True)
class Interval:
    """The 95 % interval of the entropy, or of the perplexity, of the codes of all such images.

    Attributes:
        low: lower end; where `enough` is False what it is at least, NaN with one image.
        high: upper end, NaN where `enough` is False.
        alone: share of the tokens with a code that no other image has, in [0, 1]: about as much is still unseen.
        enough: whether there are enough images to say how far up it may go.
    """

    low: float
    high: float
    alone: float
    enough: bool

    def perplexity(self) -> Interval:
        """The same of 2 to the entropy."""
        return Interval(2**self.low, 2**self.high, self.alone, self.enough)

    def ends(self, name: str) -> dict[str, float | bool | None]:
        """As plain JSON values: `name_low`, `name_high` (null where there is none), `seen_once`, `enough_images`."""
        low, high = (None if np.isnan(end) else end for end in (self.low, self.high))
        return {f"{name}_low": low, f"{name}_high": high, "seen_once": self.alone, "enough_images": self.enough}

    def worded(self, digits: int = 1) -> str:
        """As "95 %: 55.2 – 61.0", or "at least 55.2; too few images"."""
        if self.enough:
            return f"95 %: {self.low:.{digits}f} – {self.high:.{digits}f}"
        return "one image, no interval" if np.isnan(self.low) else f"at least {self.low:.{digits}f}; too few images"


def entropy_interval(codes: np.ndarray, size: int, *, seed: int = 0) -> Interval:
    """95 % interval of the entropy in bits: the jackknife over images, which corrects its bias and gives its error.

    The plug-in entropy of a sample is too low, the more so the fewer images there are of many codes; and the tokens of
    one image depend on one another, so that no formula that counts tokens mends it. Leaving out one image at a time
    tells both. What it cannot tell is how many codes were never seen: there only the lower end is given, which is no
    higher than the plug-in entropy.

    Args:
        codes: (N, H, W) codes of N images. size: K. seed: of the groups in which more than GROUPS images are left out.

    Source: Efron and Stein, The jackknife estimate of variance, 1981; Zahl, Jackknifing an index of diversity, 1977.
    """
    if len(codes) < 2:
        return interval(float("nan"), np.empty(0), alone(codes, size), size, len(codes))
    estimate, without = left_out(codes, size, grouped(len(codes), seed))
    return interval(estimate, without, alone(codes, size), size, len(codes))


def interval(estimate: float, errors: np.ndarray, seen_once: float, size: int, images: int) -> Interval:
    """The same from what was counted: the entropy of N images and without each group (G,), `alone`, K and N."""
    from scipy.special import stdtrit  # scipy.stats takes a second to import

    nan = float("nan")
    if images < 2:
        return Interval(nan, nan, seen_once, False)
    count = len(errors)
    corrected = count * estimate - (count - 1) * errors.mean()
    half = stdtrit(count - 1, 0.975) * np.sqrt((count - 1) / count * np.square(errors - errors.mean()).sum())
    low, high = np.clip([corrected - half, corrected + half], 0, np.log2(size))
    if seen_once > ALONE:
        return Interval(float(min(low, estimate)), nan, seen_once, False)
    return Interval(float(low), float(high), seen_once, True)


def perplexity_interval(codes: np.ndarray, size: int) -> Interval:
    """95 % interval of the perplexity of codes (N, H, W): the ends of `entropy_interval`, 2 to their power."""
    return entropy_interval(codes, size).perplexity()


def alone(codes: np.ndarray, size: int) -> float:
    """Share of the tokens whose code one image alone has."""
    table = usage.occurrences(codes, size)
    images = np.bincount(table.indices, minlength=size)  # that have each code
    return float(table.data[images[table.indices] == 1].sum() / max(table.data.sum(), 1))


def grouped(images: int, seed: int = 0) -> np.ndarray:
    """The group (N,) of each image: one for each, or random ones of nearly the same size."""
    return np.arange(images) if images <= GROUPS else np.random.default_rng(seed).permutation(images) % GROUPS


def left_out(codes: np.ndarray, size: int, groups: np.ndarray) -> tuple[float, np.ndarray]:
    """Entropy in bits of codes (N, H, W), and of all but each group of images (G,), given the group (N,) of each."""
    return without_each(usage.sum_rows(usage.occurrences(codes, size), groups, int(groups.max()) + 1))


def without_each(table: csr_array) -> tuple[float, np.ndarray]:
    """Entropy in bits of tokens (G, K) of each code in each group of images, and without each group (G,)."""
    table.sort_indices()  # so that the sums are the same, however it was counted
    counts = np.asarray(table.sum(0), np.float64).reshape(-1)
    rows, held = np.repeat(np.arange(table.shape[0]), np.diff(table.indptr)), counts[table.indices]
    changes = np.bincount(rows, _weighed(held - table.data) - _weighed(held), table.shape[0])
    totals = counts.sum() - np.asarray(table.sum(1), np.float64).reshape(-1)
    whole = _weighed(counts).sum()
    with np.errstate(divide="ignore", invalid="ignore"):  # without the only image nothing is left
        without = np.log2(totals) - (whole + changes) / totals
    return np.log2(counts.sum()) - whole / counts.sum(), without


def _weighed(counts: np.ndarray) -> np.ndarray:
    return counts * np.log2(np.where(counts > 0, counts, 1))
