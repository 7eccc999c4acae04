"""Whether samples of a prior copy what it was trained on: how near each is to its nearest training image.

A sample is near to something in any large set, so held-out images, which the prior cannot have copied, are asked the
same. Codes that are drawn from the training set for each place apart say how near one comes by knowing places alone.

Source: Meehan, Chaudhuri and Dasgupta, A non-parametric test to detect data-copying in generative models, 2020.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.analysis.concepts import shares

HALF, NEARLY = 0.5, 0.9  # share of the cells that repeat a training map: the rule, and what is a copy to the eye
ROWS, QUERIES = 4096, 32  # compared at once: 256 KB, which stay in a processor's cache
Z = shares.Z


def flat(codes: Mapping[str, np.ndarray]) -> np.ndarray:
    """Codes (n, H, W) of each level side by side: (n, P), in the smallest type that holds them."""
    parts = [np.asarray(one).reshape(len(one), -1) for one in codes.values()]
    most = max((int(one.max(initial=0)) for one in parts), default=0)
    return np.concatenate(parts, 1).astype(np.min_scalar_type(most))


class Nearest:
    """The nearest of many rows for each query, told block by block, so that the rows need not fit into memory.

    Attributes:
        rows: (q,) int64 number of the nearest row, the first of equal ones; −1 before any was seen.
        found: (q,) how many places agree (codes), or the squared distance (pixels).
    """

    def __init__(self, queries: int, worst: float) -> None:
        self.rows, self.found = np.full(queries, -1, np.int64), np.full(queries, worst)


class ByCodes(Nearest):
    """The training map that repeats most codes of a query at their places; queries (q, P)."""

    def __init__(self, queries: np.ndarray) -> None:
        super().__init__(len(queries), -1.0)
        self.queries = np.ascontiguousarray(queries)

    def see(self, codes: np.ndarray, start: int = 0) -> None:
        """Training maps (m, P), the first of which is row `start`; blocks come in the order of their rows."""
        common = np.promote_types(self.queries.dtype, codes.dtype)
        queries = self.queries.astype(common, copy=False)
        for at in range(0, len(codes), ROWS):
            turned = np.ascontiguousarray(codes[at : at + ROWS].T.astype(common, copy=False))  # (P, block)
            for first in range(0, len(queries), QUERIES):
                part = slice(first, first + QUERIES)
                same = _agreeing(queries[part], turned)
                best = same.argmax(1)
                most = same[np.arange(len(best)), best]
                better = most > self.found[part]
                self.found[part][better] = most[better]
                self.rows[part][better] = start + at + best[better]

    @property
    def shares(self) -> np.ndarray:
        """(q,) share of the places that agree, in [0, 1]; 0 before any row was seen."""
        return np.maximum(self.found, 0) / max(self.queries.shape[1], 1)


def _agreeing(queries: np.ndarray, turned: np.ndarray) -> np.ndarray:
    """How many places of (q, P) and (P, m) agree: (q, m) uint16 or wider, one place after another in a cache."""
    places = len(turned)
    total = np.zeros((len(queries), turned.shape[1]), np.uint16 if places < 2**16 else np.uint32)
    same, few = np.empty(total.shape, bool), np.empty(total.shape, np.uint8)
    for begin in range(0, places, 255):  # a byte counts to 255, and bytes are added fastest
        few[:] = 0
        for place in range(begin, min(begin + 255, places)):
            np.equal(queries[:, place, None], turned[place], out=same)
            np.add(few, same.view(np.uint8), out=few)
        total += few
    return total


class ByPixels(Nearest):
    """The training image with the least squared difference from a query, both (·, F) of small pictures."""

    def __init__(self, queries: np.ndarray) -> None:
        super().__init__(len(queries), np.inf)
        self.queries = np.asarray(queries, np.float32)
        self._norms = np.square(self.queries, dtype=np.float64).sum(1)

    def see(self, pixels: np.ndarray, start: int = 0) -> None:
        """Training images (m, F), the first of which is row `start`."""
        for at in range(0, len(pixels), ROWS):
            block = np.asarray(pixels[at : at + ROWS], np.float32)
            half = np.square(block, dtype=np.float64).sum(1) / 2 - self.queries @ block.T  # (q, m), in this order
            best = half.argmin(1)
            squared = np.square(self.queries - block[best]).sum(1, dtype=np.float64)  # no difference of large norms
            better = squared < self.found
            self.found[better], self.rows[better] = squared[better], start + at + best[better]

    @property
    def distances(self) -> np.ndarray:
        """(q,) root mean square difference, in units of the pixels."""
        return np.sqrt(self.found / max(self.queries.shape[1], 1))


def by_place(codes: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """Maps (count, P) of which each place has the code of a training map (N, P) drawn for that place alone."""
    rng = np.random.default_rng([seed, 71])
    rows = rng.integers(len(codes), size=(count, codes.shape[1]))
    return codes[rows, np.arange(codes.shape[1])]


def repeated(nearest: np.ndarray, most: float = HALF) -> dict[str, float | int]:
    """{mean, low, high, n}: share of maps, so near to training (n,), that repeat at least `most` of a training map."""
    return shares.share((np.asarray(nearest) >= most - 1e-9).astype(np.float64))


def nearer(samples: np.ndarray, others: np.ndarray) -> dict[str, float | int]:
    """{mean, low, high, n}: how often a sample is nearer to training than another image is; ½ where they are alike.

    Both (n,) and (m,) are nearness, more is nearer; equal ones count half. The interval is DeLong's, which takes
    samples and images as independent; where it has no width, Wilson's of the smaller set.

    Source: Mann and Whitney 1947; DeLong, DeLong and Clarke-Pearson 1988.
    """
    samples, others = np.sort(np.asarray(samples, np.float64)), np.sort(np.asarray(others, np.float64))
    n, m = len(samples), len(others)
    if not n or not m:
        return shares.share(np.empty(0))
    above = (np.searchsorted(others, samples, "left") + np.searchsorted(others, samples, "right")) / (2 * m)
    below = 1 - (np.searchsorted(samples, others, "left") + np.searchsorted(samples, others, "right")) / (2 * n)
    value = float(above.mean())
    spread = sum(float(one.var(ddof=1)) / len(one) for one in (above, below) if len(one) > 1)
    least = shares.wilson(value, min(n, m)) if spread == 0 else (value, value)
    low, high = value - Z * spread**0.5, value + Z * spread**0.5
    return {"mean": value, "low": max(0.0, min(low, least[0])), "high": min(1.0, max(high, least[1])), "n": n}


@dataclass(frozen=True)
class Verdict:
    """What there is to say. Attributes: kind: copies, nearer, same, duplicates, or few. sentence: in plain words."""

    kind: str
    sentence: str


FEWEST = 30  # samples and held-out images that a verdict needs


def verdict(found: Mapping[str, Any]) -> Verdict:
    """What copying looks like, in plain words that claim no more than the intervals do.

    Args:
        found: `samples`, `held_out`: {half, nearly} shares; `difference`, `nearly` of the two; `nearer`.
    """
    samples, held, more = found["samples"], found["held_out"], found["difference"]
    if min(samples["half"]["n"], held["half"]["n"]) < FEWEST:
        few = min(samples["half"]["n"], held["half"]["n"])
        return Verdict("few", f"{few} are too few to tell whether samples are copied; at least {FEWEST} are needed.")
    half = f"{worded(samples['half'])} of samples repeat at least half of a training map, {worded(held['half'])} of "
    half += "held-out images do"
    nearly = f"{worded(samples['nearly'])} of samples repeat at least nine of ten cells of a training map, of held-out "
    nearly += f"images {worded(held['nearly'])}"
    if found["nearly"]["low"] > 0:
        return Verdict("copies", f"It copies: {nearly}.")
    if more["low"] > 0 or found["nearer"]["low"] > 0.5:
        times = f"a sample is nearer to training than a held-out image is in {worded(found['nearer'])} of pairs"
        return Verdict(
            "nearer",
            f"Samples lie nearer to training images than unseen images do: {half}, and {times} (50 % would be alike). "
            "They are partly copied, or plainer than real images; copies to the eye are not surely more common.",
        )
    if held["nearly"]["low"] > 0.1:
        return Verdict(
            "duplicates",
            f"Held-out images are as near to training ones as samples are: {nearly}. The set has near duplicates, so "
            "copying cannot be told from what the set repeats itself.",
        )
    ends = " to ".join(f"{100 * more[end]:+.0f}" for end in ("low", "high")).replace("-", "−")
    said = f"No sign of copying: {half} (difference 95 %: {ends} points)."
    if found["nearer"]["high"] < 0.5:
        said += " They are even farther from training than held-out images: nearer in "
        said += f"{worded(found['nearer'])} of pairs, where 50 % would be alike."
    return Verdict("same", said)


def worded(found: Mapping[str, float | int]) -> str:
    """A share as "88 % [84, 91]", with a digit more where it is small."""
    digits = 1 if found["high"] < 0.1 else 0
    low, high = (f"{100 * found[end]:.{digits}f}" for end in ("low", "high"))
    return f"{100 * found['mean']:.{digits}f} % [{low}, {high}]"


def compared(samples: Sequence[float], held: Sequence[float]) -> dict[str, Any]:
    """What `verdict` needs of the nearness (n,) of samples and (m,) of held-out images: shares, their differences."""
    found: dict[str, Any] = {
        name: {"half": repeated(one), "nearly": repeated(one, NEARLY), "mean": float(np.mean(one))}
        for name, one in (("samples", samples), ("held_out", held))
    }
    for name, rule in (("difference", "half"), ("nearly", "nearly")):
        found[name] = shares.apart(found["samples"][rule], found["held_out"][rule])
    return found | {"nearer": nearer(np.asarray(samples), np.asarray(held))}
