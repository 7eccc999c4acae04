"""Whether samples use the codes as images do: Kullback–Leibler divergence of usages, beside that of held-out images.

The plug-in divergence of few images is too high, whatever they are. So the jackknife over images corrects it, and
held-out images, as many, are held against the same usage of the training set: what they have is no fault of samples.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from explorer.analysis import jackknife, selection, usage

SHOWN = 12  # codes that are named of each layer and direction
SURE = 0.05  # q-value below which a code counts as used more or less


def divergence(codes: np.ndarray, reference: np.ndarray, *, seed: int = 0) -> dict[str, float | int]:
    """{mean, low, high, n} of KL(usage of codes ‖ reference) in bits, with the jackknife's 95 % interval over images.

    Half a token is added to each of the reference's counts, so that a code that training never used costs bits, not
    all of them. The bias-corrected value may be a little below 0 where there is no difference; it is shown as it is.

    Args:
        codes: (N, H, W) in [0, K). reference: (K,) tokens of each code, such as of the training images.

    Source: Kullback and Leibler 1951; Efron and Stein, The jackknife estimate of variance, 1981.
    """
    from scipy.special import stdtrit

    images, size = len(codes), len(reference)
    likely = (np.asarray(reference, np.float64) + 0.5) / (np.sum(reference) + size / 2)
    cost = -np.log2(likely)[np.asarray(codes, np.int64).reshape(images, -1)].sum(1)  # (N,) bits under the reference
    tokens = codes[0].size
    groups = jackknife.grouped(images, seed)
    entropy, without = jackknife.left_out(codes, size, groups)
    whole = cost.sum() / (images * tokens) - entropy
    if images < 2:
        return {"mean": float(whole), "low": float("nan"), "high": float("nan"), "n": images}
    left = images - np.bincount(groups)
    parts = (cost.sum() - np.bincount(groups, cost)) / (left * tokens) - without
    count = len(parts)
    value = count * whole - (count - 1) * parts.mean()
    half = stdtrit(count - 1, 0.975) * np.sqrt((count - 1) / count * np.square(parts - parts.mean()).sum())
    return {"mean": float(value), "low": float(value - half), "high": float(value + half), "n": images}


def apart(first: dict[str, float | int], second: dict[str, float | int]) -> dict[str, float]:
    """{mean, low, high} of the first less the second, of independent images whose intervals are symmetric."""
    mean = first["mean"] - second["mean"]
    half = np.hypot(first["high"] - first["mean"], second["high"] - second["mean"])
    return {"mean": float(mean), "low": float(mean - half), "high": float(mean + half)}


def compare(samples: np.ndarray, held: np.ndarray, reference: np.ndarray) -> dict[str, Any]:
    """How a layer's codes are used by samples (n, H, W), held-out images (m, H, W), and training, (K,) tokens.

    `kl: {samples, held_out, difference}` in bits; `perplexity: {samples, held_out}` with ends; `used` codes of both;
    `codes`: those that samples use more or less than held-out images, by the images that have them, the surest first.
    """
    size = len(reference)
    found = {name: divergence(codes, reference) for name, codes in (("samples", samples), ("held_out", held))}
    told: dict[str, Any] = {"kl": found | {"difference": apart(found["samples"], found["held_out"])}}
    told["perplexity"], told["used"] = {}, {}
    for name, codes in (("samples", samples), ("held_out", held)):
        counts = usage.count_tokens(codes, size)
        ends = jackknife.perplexity_interval(codes, size)
        told["perplexity"][name] = {"mean": float(2 ** usage.entropy_bits(counts)), "low": ends.low, "high": ends.high}
        told["used"][name] = int((counts > 0).sum())
    return told | {"codes": _uneven(samples, held, size)}


def _uneven(samples: np.ndarray, held: np.ndarray, size: int) -> list[dict[str, float | int]]:
    """Codes in more or fewer samples than held-out images, q < 0.05, the most uneven of each direction first."""
    both = np.concatenate([samples, held])
    found = selection.compare_codes(both, np.arange(len(both)) < len(samples), size)
    rows = []
    for sign in (1, -1):
        sure = np.flatnonzero((found.q < SURE) & (np.sign(found.log_odds) == sign))
        ends = found.low if sign > 0 else -found.high
        for at in sure[np.argsort(-ends[sure], kind="stable")][:SHOWN]:
            row = {"code": int(found.items[at]), "samples": int(found.inside[at]), "held_out": int(found.outside[at])}
            rows.append(row | {name: float(getattr(found, name)[at]) for name in ("log_odds", "low", "high", "q")})
    return rows
