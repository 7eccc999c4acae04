"""Does a score tell two sets of images apart? AUROC with an interval, paired differences, and what they mean in words.

A score is higher for what is less usual. DeLong, DeLong and Clarke-Pearson, Comparing the areas under two or more
correlated receiver operating characteristic curves, 1988; for copies, which are no images of their own, Obuchowski,
Nonparametric analysis of clustered ROC curve data, 1997: with a cluster for each image it is DeLong's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

Z = 1.959963984540054
NEARLY = 0.02  # of an AUROC, within which two scores are as good in words
SIMPLER = (
    "A prior gives few bits to what is simple, whether or not it has ever seen it (Nalisnick et al. 2019), so few bits "
    "do not mean that an image belongs to the set."
)
NAMES = {  # of the scores, as they stand in a sentence
    "bits": "the prior",
    "psnr": "the PSNR of the reconstruction",
    "size": "the compressed size of the picture",
    "unigram": "how frequent its codes are",
    "corrected": "bits less the compressed size of the picture",
    "corrected_codes": "bits less the compressed size of the code map",
}
CORRECTED = ("corrected", "corrected_codes")


def auroc(usual: np.ndarray, other: np.ndarray, groups: np.ndarray | None = None) -> dict[str, Any]:
    """How often a random image of the other set scores higher than one of the usual set, ties counted half.

    Args:
        usual: (M,) scores of the one set. other: (n,) of the other; NaN are left out.
        groups: (M + n,) int, images with the same number are copies of one another; None: there are none.

    Returns:
        `auroc, low, high, usual, other` (images of each that have a score); the interval is 95 %, of the logit, so that
        it stays in [0, 1]. Of a perfect or wholly wrong score DeLong's has no width: there it is Wilson's of as many
        images as the smaller set has. None where a set is empty, and for ends where one has fewer than 2 images.
    """
    there, parts, clusters = _placed(usual, other, groups)
    counts = {"usual": len(parts[0]), "other": len(parts[1])}
    if not min(counts.values()):
        return {"auroc": None, "low": None, "high": None, **counts}
    area, first, second = _components(*parts)
    low = high = None
    if min(_distinct(clusters[there], counts["usual"])) >= 2:
        spread = np.sqrt(_variance(first - area, second - area, clusters[there]))
        low, high = _ends(area, spread, min(_distinct(clusters[there], counts["usual"])))
    return {"auroc": area, "low": low, "high": high, **counts}


def difference(
    first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray], groups: np.ndarray | None = None
) -> dict[str, float | None]:
    """AUROC of one score less that of another one on the same images: `difference, low, high`, 95 % (DeLong, paired).

    Args:
        first, second: scores (M,) of the usual and (n,) of the other set; images without either (NaN) are left out.
    """
    gap = [np.isfinite(a) & np.isfinite(b) for a, b in zip(first, second, strict=True)]
    there, clusters = np.concatenate(gap), _clusters(sum(map(len, gap)), groups)
    kept = clusters[there]
    parts = [[one[mask] for one, mask in zip(score, gap, strict=True)] for score in (first, second)]
    if not min(mask.sum() for mask in gap):
        return {"difference": None, "low": None, "high": None}
    (area_a, *own), (area_b, *others) = (_components(*part) for part in parts)
    apart = area_a - area_b
    if min(_distinct(kept, int(gap[0].sum()))) < 2:
        return {"difference": apart, "low": None, "high": None}
    variance = _variance(own[0] - others[0] - apart, own[1] - others[1] - apart, kept)
    half = Z * float(np.sqrt(max(variance, 0)))
    return {"difference": apart, "low": max(apart - half, -1.0), "high": min(apart + half, 1.0)}


def _placed(usual: np.ndarray, other: np.ndarray, groups: np.ndarray | None) -> tuple:
    usual, other = np.asarray(usual, np.float64), np.asarray(other, np.float64)
    there = np.isfinite(np.concatenate([usual, other]))
    return there, (usual[np.isfinite(usual)], other[np.isfinite(other)]), _clusters(len(there), groups)


def _clusters(count: int, groups: np.ndarray | None) -> np.ndarray:
    return np.arange(count) if groups is None else np.unique(groups, return_inverse=True)[1].reshape(-1)


def _distinct(clusters: np.ndarray, usual: int) -> tuple[int, int]:
    return len(np.unique(clusters[:usual])), len(np.unique(clusters[usual:]))


def _components(usual: np.ndarray, other: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """The area, and for each image the share of the other set that it stands on the right side of: (M,), (n,)."""
    first = np.sort(usual)
    below, up_to = (np.searchsorted(first, other, side) for side in ("left", "right"))
    second = (below + up_to) / (2 * len(usual))  # of the usual set, below each other image
    sorted_other = np.sort(other)
    lower, upper = (np.searchsorted(sorted_other, usual, side) for side in ("left", "right"))
    return float(second.mean()), 1 - (lower + upper) / (2 * len(other)), second


def _variance(first: np.ndarray, second: np.ndarray, clusters: np.ndarray) -> float:
    """Obuchowski's variance of an area from components (M,) and (n,) less their mean, and the cluster of each image."""
    count, usual, other = int(clusters.max()) + 1, len(first), len(second)
    sums = [np.bincount(of, part, count) for of, part in ((clusters[:usual], first), (clusters[usual:], second))]
    held = [len(np.unique(of)) for of in (clusters[:usual], clusters[usual:])]
    own, others = (
        n / ((n - 1) * total) * float(np.square(part).sum())
        for n, total, part in zip(held, (usual, other), sums, strict=True)
    )
    whole = len(np.unique(clusters))
    shared = whole / (whole - 1) * float((sums[0] * sums[1]).sum())
    return max(own / usual + others / other + 2 * shared / (usual * other), 0.0)


def _ends(area: float, spread: float, count: int) -> tuple[float, float]:
    if area in (0.0, 1.0) or not area * (1 - area) > 0:
        bound = count / (count + Z**2)
        return (bound, 1.0) if area == 1 else (0.0, 1 - bound)
    logit, half = np.log(area / (1 - area)), Z * spread / (area * (1 - area))
    return tuple(float(1 / (1 + np.exp(-end))) for end in (logit - half, logit + half))


def told(
    scores: Mapping[str, tuple[np.ndarray, np.ndarray]], groups: np.ndarray | None = None
) -> dict[str, dict[str, Any]]:
    """{score: its `auroc, low, high, usual, other`, and `less`: the AUROC of the bits less its own, with the interval}.

    Args:
        scores: (M,) and (n,) of each name in NAMES, higher for what is less usual; "bits" is among them.
    """
    return {
        name: auroc(*score, groups) | {"less": difference(scores["bits"], score, groups)}
        for name, score in scores.items()
    }


def sentences(found: Mapping[str, Mapping[str, Any]], usual: str, other: str, same: bool = False) -> list[str]:
    """What `told` found, in words: whether the prior tells the sets apart, which way round, and whether it was needed.

    Args:
        usual, other: names of the sets. same: whether they are the same images.
    """
    bits = found["bits"]
    if same:
        return ["These are the same images, so no score can tell them apart: 0.5 by construction."]
    if bits["auroc"] is None:
        return ["One of the two sets has no image with a score."]
    return [_apart(bits, usual, other), _needed(found)]


def _apart(bits: Mapping[str, Any], usual: str, other: str) -> str:
    share = f"{100 * bits['auroc']:.0f} of 100 pairs"
    if bits["low"] is None:
        return f"There are too few images to say whether {other} surprises the prior more than {usual}."
    if bits["low"] > 0.5:
        return f"An image of {other} surprises the prior more than an image of {usual} in {share}."
    if bits["high"] < 0.5:
        return (
            f"An image of {other} surprises the prior more than one of {usual} in only {share}: it finds the other set "
            f"more likely than its own. {SIMPLER}"
        )
    return f"The bits do not tell {other} from {usual}: 0.5 lies within the interval."


def _needed(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Whether simple scores do as well, or tell the sets apart where the prior does not."""
    bits = found["bits"]
    simple = {
        name: one for name, one in found.items() if name not in ("bits", *CORRECTED) and one["less"]["low"] is not None
    }
    if not simple:
        return "There is no simple score to compare with."
    works = bits["low"] is not None and bits["low"] > 0.5
    parts = []
    if works:
        better = [name for name, one in simple.items() if one["less"]["high"] < 0]
        equal = [name for name, one in simple.items() if one["less"]["low"] <= 0 <= one["less"]["high"]]
        parts += [f"{_listed(better)} alone {_verb(better, 'do')} it better"] if better else []
        parts += [f"{_listed(equal)} alone {_verb(equal, 'do')} it as well"] if equal else []
    else:
        other = [name for name, one in simple.items() if one["low"] is not None and one["low"] > 0.5]
        parts += [f"{_listed(other)} {_verb(other, 'find')} the other set less usual, as it is"] if other else []
    apart = max(bits["auroc"], 1 - bits["auroc"]) - NEARLY
    turned = [name for name, one in simple.items() if (one["high"] or 0.5) < 0.5 and 1 - one["auroc"] > apart]
    if turned:
        way = "the other way round" if works else "the same way round"
        parts.append(f"{_listed(turned)} alone {_verb(turned, 'tell')} them apart as well or better, {way}")
    if not parts:
        return f"None of the simple scores does {'as well' if works else 'better'}."
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _verb(names: list[str], verb: str) -> str:
    return verb if len(names) > 1 else f"{verb}es" if verb == "do" else f"{verb}s"


def _listed(names: list[str]) -> str:
    called = [NAMES[name] for name in names]
    return called[0] if len(called) == 1 else f"{', '.join(called[:-1])} and {called[-1]}"
