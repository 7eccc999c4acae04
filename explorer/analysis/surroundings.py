"""How much of a code map is predictable: bits a code that are left when more and more of its surroundings is known.

Each step is a cross-entropy on held-out images, which is never below the entropy that it stands for: a model that was
fitted on few images, or is too simple, leaves more bits than there are. Counting pairs of codes on the same images
would leave fewer, because a pair that is seen once looks certain: the surroundings would seem to say more than they do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

STRENGTHS = (1.0, 4.0, 16.0, 64.0, 256.0, 1024.0)  # images that the frequency in the whole map counts as, at a place
ASIDE = 10  # one training image in so many says which
STEPS = ("uniform", "unigram", "place", "neighbours", "prior", "class")  # from nothing known to everything


def by_place(train: np.ndarray, held_out: np.ndarray, codes: int, seed: int = 0) -> np.ndarray:
    """Bits of all codes of each held-out image, (M,), by how often each code stands at its place in training.

    p(c | place) = (n(c, place) + a p(c)) / (n(place) + a), in which p is the share of the code anywhere with half a
    token added, and a is the one of STRENGTHS that gives a tenth of the training images the fewest bits (MacKay and
    Peto, A hierarchical Dirichlet language model, 1995). Counts are sparse.

    Args:
        train, held_out: (N, H, W), (M, H, W) integers below `codes`. seed: of the images that choose `a`.
    """
    train, held_out = (one.reshape(len(one), -1).astype(np.int64) for one in (train, held_out))
    aside = np.random.default_rng([seed, 5]).permutation(len(train))[: len(train) // ASIDE]
    strength = STRENGTHS[2]
    if len(aside):
        rest = np.delete(train, aside, 0)
        tried = [_place_bits(rest, train[aside], codes, (one,))[0].sum() for one in STRENGTHS]
        strength = STRENGTHS[int(np.argmin(tried))]
    return _place_bits(train, held_out, codes, (strength,))[0]


def _place_bits(train: np.ndarray, images: np.ndarray, codes: int, strengths: tuple[float, ...]) -> list[np.ndarray]:
    """Bits (M,) of images (M, T) for each strength, from the counts of training images (N, T)."""
    places = np.arange(train.shape[1])
    share = np.bincount(train.reshape(-1), minlength=codes) + 0.5
    share = share / share.sum()
    keys, counts = np.unique(train + places * codes, return_counts=True)
    asked = images + places * codes
    at = np.minimum(np.searchsorted(keys, asked), len(keys) - 1)
    held = np.where(keys[at] == asked, counts[at], 0)
    return [-np.log2((held + one * share[images]) / (len(train) + one)).sum(1) for one in strengths]


def explained(bits: Mapping[str, np.ndarray], uniform: float, places: int) -> list[dict[str, Any]]:
    """What is left of a code when more is known, one entry of each step that is there, in the order of STEPS.

    Args:
        bits: (N,) bits of all codes of each image, by step. uniform: log2 K. places: codes of an image.

    Returns:
        `step, mean, low, high, n` in bits a code, and `gain: {mean, low, high, n}` over "unigram", paired by image.
    """
    from explorer.analysis.quality import interval

    found: list[dict[str, Any]] = [{"step": "uniform", "mean": uniform, "low": None, "high": None, "n": 0}]
    for step in STEPS[1:]:
        if step not in bits:
            continue
        one = {"step": step, **interval(bits[step] / places)}
        if step != "unigram" and "unigram" in bits:
            one["gain"] = interval((bits["unigram"] - bits[step]) / places)
        found.append(one)
    return found


def share(bits: Mapping[str, np.ndarray], step: str = "prior") -> dict[str, float | None]:
    """Share of the bits of a code that knowing `step` saves over its frequency: `mean, low, high`, 95 %, over images.

    A ratio of two sums over the same images; its interval is that of the residuals (linearised). Below zero where the
    step says less than frequency.
    """
    from scipy.special import stdtrit

    whole, rest = (np.asarray(bits[name], np.float64) for name in ("unigram", step))
    count, total = len(whole), float(whole.sum())
    if not count or total <= 0:
        return {"mean": None, "low": None, "high": None}
    ratio = float(rest.sum()) / total
    if count < 2:
        return {"mean": 1 - ratio, "low": None, "high": None}
    residuals = rest - ratio * whole
    half = float(stdtrit(count - 1, 0.975) * np.sqrt(count / (count - 1) * np.square(residuals).sum()) / total)
    return {"mean": 1 - ratio, "low": 1 - ratio - half, "high": min(1 - ratio + half, 1.0)}
