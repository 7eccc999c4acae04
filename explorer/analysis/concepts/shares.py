"""Shares and means over images with their 95 % intervals; the image is the sampling unit."""

from __future__ import annotations

import numpy as np

Z = 1.959963984540054  # of a two-sided 95 % interval
DRAWS = 2_000


def wilson(share: float, images: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share in [0, 1] of `images` images; of a mean of shares it is on the safe side.

    Nothing is known of no image: (nan, nan). Source: Wilson, Probable inference, the law of succession, and statistical
    inference, 1927. The variance of shares is at most that of answers that are yes or no with the same mean.
    """
    if not images:
        return float("nan"), float("nan")
    scale = 1 + Z**2 / images
    middle = (share + Z**2 / (2 * images)) / scale
    half = Z * np.sqrt(share * (1 - share) / images + Z**2 / (4 * images**2)) / scale
    # at 0 and 1 the ends are exact, and rounding may put them a hair beside
    return float(min(max(middle - half, 0), share)), float(max(min(middle + half, 1), share))


def same(codes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Share of equal tokens of each image: (n, H, W) twice -> (n,) in [0, 1]."""
    return (codes == others).reshape(len(codes), -1).mean(1)


def share(values: np.ndarray) -> dict[str, float | int]:
    """{mean, low, high, n} of shares in [0, 1] of images (n,), NaN left out, with Wilson's interval."""
    known = _known(values)
    mean = float(known.mean()) if len(known) else float("nan")
    low, high = wilson(mean, len(known))
    return {"mean": mean, "low": low, "high": high, "n": len(known)}


def difference(first: np.ndarray, second: np.ndarray) -> dict[str, float | int]:
    """{mean, low, high, n} of how much larger shares `first` are than `second`, both (n,) of the same images."""
    both = np.isfinite(first) & np.isfinite(second)
    return apart(share(np.asarray(first)[both]), share(np.asarray(second)[both]))


def apart(one: dict[str, float | int], other: dict[str, float | int]) -> dict[str, float | int]:
    """{mean, low, high, n} of one share less another, each with its interval.

    The interval has a width where all are 0 or 1; that both are of the same images, which mostly makes a difference
    surer, is not used. Source: Newcombe, Interval estimation for the difference between independent proportions, 1998,
    method 10.
    """
    mean = one["mean"] - other["mean"]
    low = mean - np.hypot(one["mean"] - one["low"], other["high"] - other["mean"])
    high = mean + np.hypot(one["high"] - one["mean"], other["mean"] - other["low"])
    return {"mean": float(mean), "low": float(low), "high": float(high), "n": min(one["n"], other["n"])}


def bootstrapped(values: np.ndarray, *, seed: int = 0) -> dict[str, float | int]:
    """{mean, low, high, n} of numbers of images (n,), NaN left out: percentiles of means over redrawn images.

    One image has no interval: its ends are NaN. Source: Efron, Bootstrap methods: another look at the jackknife, 1979.
    """
    known = _known(values)
    if len(known) < 2:
        nan = float("nan")
        return {"mean": float(known[0]) if len(known) else nan, "low": nan, "high": nan, "n": len(known)}
    drawn = np.random.default_rng([seed, len(known)]).integers(len(known), size=(DRAWS, len(known)))
    low, high = np.quantile(known[drawn].mean(1), (0.025, 0.975))
    return {"mean": float(known.mean()), "low": float(low), "high": float(high), "n": len(known)}


def pooled(images: np.ndarray, values: np.ndarray, *, seed: int = 0) -> dict[str, float | int]:
    """{mean, low, high, n} of shares in [0, 1] (m,), several of which may be of one image; n counts the images.

    `images` (m,) tells which; NaN is left out. Whole images are redrawn; the interval is no narrower than Wilson's of
    as many images, so that it has a width where all values are the same.
    """
    known = np.isfinite(values)
    if not known.any():
        return share(np.empty(0))
    _, image = np.unique(np.asarray(images)[known], return_inverse=True)
    total, count = np.bincount(image, np.asarray(values)[known]), np.bincount(image)
    mean = float(total.sum() / count.sum())
    drawn = np.random.default_rng([seed, len(count)]).integers(len(count), size=(DRAWS, len(count)))
    low, high = np.quantile(total[drawn].sum(1) / count[drawn].sum(1), (0.025, 0.975))
    least = wilson(mean, len(count))
    return {"mean": mean, "low": min(float(low), least[0]), "high": max(float(high), least[1]), "n": len(count)}


def worded(found: dict[str, float | int]) -> str:
    """A share as "88 % [84, 91]"."""
    if not found["n"]:
        return "– %"
    return f"{100 * found['mean']:.0f} % [{100 * found['low']:.0f}, {100 * found['high']:.0f}]"


def _known(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, np.float64).reshape(-1)
    return values[np.isfinite(values)]
