"""Two networks on the same images: the mean difference of a score, who wins, and differences of how codes are used.

An interval here is of the difference, by image. Two intervals that overlap say little: images that are hard for one
network are hard for the other, and the difference varies far less than either score.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from explorer.analysis import jackknife, quality, usage
from explorer.analysis.concepts.shares import wilson
from explorer.analysis.similarity import deviation

BETTER = {"psnr": 1, "ssim": 1, "mse": -1}  # whether more is better, or less


def difference(first: np.ndarray, second: np.ndarray) -> dict[str, Any]:
    """Mean scores `a` and `b` of n images, (N,) each, their `difference` a - b, and the ends of its 95 % interval.

    Images that one of the two lacks (NaN) are left out of both. Student's t of the paired differences; ends are None
    of one image.
    """
    there = np.isfinite(first) & np.isfinite(second)
    first, second = (np.asarray(one, np.float64)[there] for one in (first, second))
    found = quality.interval(first - second)
    ends = {"low": found["low"], "high": found["high"], "n": found["n"]}
    if not found["n"]:
        return {"a": None, "b": None, "difference": None, "low": None, "high": None, "n": 0}
    return {"a": float(first.mean()), "b": float(second.mean()), "difference": found["mean"], **ends}


def wins(first: np.ndarray, second: np.ndarray, metric: str) -> dict[str, Any]:
    """On how many images the first is better, `a`, the second, `b`, or neither, `ties`; of n.

    `share` of the images that the first wins, ties counted half, and its 95 % interval (Wilson, 1927), in [0, 1].
    """
    there = np.isfinite(first) & np.isfinite(second)
    ahead = np.sign(first[there] - second[there]) * BETTER[metric]
    a, b, n = int((ahead > 0).sum()), int((ahead < 0).sum()), int(there.sum())
    if not n:
        return {"a": 0, "b": 0, "ties": 0, "n": 0, "share": None, "low": None, "high": None}
    share = (a + (n - a - b) / 2) / n
    low, high = wilson(share, n)
    return {"a": a, "b": b, "ties": n - a - b, "n": n, "share": share, "low": float(low), "high": float(high)}


def use(first: np.ndarray, second: np.ndarray, sizes: tuple[int, int], *, seed: int = 0) -> dict[str, dict[str, Any]]:
    """`perplexity` and `used` codes of two codebooks, as `difference` has them, from codes of the same N images.

    Codes are (N, H, W) of K and (N, h, w) of K'. Both are of all images at once, so that the interval is the
    jackknife's: of the difference without each group of images, about its value without the bias of few images, and
    as wide as to hold the difference that these images show. None where so many codes stand in one image alone that
    more images would find many others.

    Source: Efron and Stein, The jackknife estimate of variance, 1981; of the number of codes Burnham and Overton, 1979.
    """
    images = len(first)
    groups = jackknife.grouped(images, seed)
    whole, without, enough = [], [], True
    for codes, size in ((first, sizes[0]), (second, sizes[1])):
        entropy, entropies = jackknife.left_out(codes, size, groups)
        used, rest = _used(codes, size, groups)
        whole.append((2**entropy, used))
        without.append(np.stack([2**entropies, rest], 1))
        enough &= jackknife.alone(codes, size) <= jackknife.ALONE
    values, parts = np.subtract(*whole), np.subtract(*without)  # (2,), (G, 2)
    found = {}
    for place, name in enumerate(("perplexity", "used")):
        low = high = None
        if np.array_equal(*without):  # the same codes but for their numbers: no image would make them differ
            low = high = 0.0
        elif enough and images >= 5:
            centre = len(parts) * values[place] - (len(parts) - 1) * parts[:, place].mean()
            half = deviation(parts[:, place])
            low, high = float(min(centre - half, values[place])), float(max(centre + half, values[place]))
        a, b = (float(one[place]) for one in whole)
        found[name] = {"a": a, "b": b, "difference": a - b, "low": low, "high": high, "n": images}
    return found


def _used(codes: np.ndarray, size: int, groups: np.ndarray) -> tuple[int, np.ndarray]:
    """How many codes occur, and how many do without each group (G,)."""
    table = usage.sum_rows(usage.occurrences(codes, size), groups, int(groups.max()) + 1)
    held = np.bincount(table.indices, minlength=size)  # groups that have each code
    alone = held[table.indices] == 1
    rows = np.repeat(np.arange(table.shape[0]), np.diff(table.indptr))
    used = int((held > 0).sum())
    return used, used - np.bincount(rows[alone], minlength=table.shape[0])
