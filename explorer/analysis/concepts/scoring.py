"""Scores of answers with their 95 % intervals; the unit is the image."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

DRAWS = 400  # of a bootstrap over images
PRECISION_DRAWS = 100  # of average precision: its spread only is taken from them
LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A score and its 95 % interval, and the n images that it is of."""

    score: float
    low: float
    high: float
    n: int


NONE = Estimate(float("nan"), float("nan"), float("nan"), 0)


def balanced_accuracy(said: np.ndarray, true: np.ndarray, values: int) -> Estimate:
    """Mean over the values of the share of their images that were told right: said and true (n,) positions.

    The interval draws each value's share from its posterior under Jeffreys' prior, Beta(right + ½, wrong + ½), so that
    it does not shrink to nothing where all answers are right. Images with -1 in either are left out; so are values
    without images.

    Source: Brodersen et al., The balanced accuracy and its posterior distribution, 2010.
    """
    asked = (said >= 0) & (true >= 0)
    said, true = said[asked], true[asked]
    images = np.bincount(true, minlength=values)
    right = np.bincount(true[said == true], minlength=values)
    there = images > 0
    if not there.any():
        return NONE
    rng = np.random.default_rng(len(true))
    drawn = rng.beta(right[there] + 0.5, (images - right)[there] + 0.5, (4 * DRAWS, int(there.sum()))).mean(1)
    low, high = np.quantile(drawn, _ends())
    score = float((right[there] / images[there]).mean())
    return Estimate(score, float(min(low, score)), float(max(high, score)), len(true))


def gain(before: np.ndarray, after: np.ndarray, true: np.ndarray, values: int) -> Estimate:
    """Balanced accuracy of answers `after` less that of answers `before`, both (n,); a paired bootstrap interval."""
    asked = (before >= 0) & (after >= 0) & (true >= 0)
    before, after, true = before[asked], after[asked], true[asked]
    if not len(true):
        return NONE
    weights = np.concatenate([np.ones((1, len(true))), _weights(len(true))])
    member = (true[:, None] == np.arange(values)).astype(np.float64)
    total = weights @ member
    there = total[0] > 0
    more = (weights @ (member * ((after == true) * 1.0 - (before == true))[:, None]))[:, there]
    drawn = (more / np.maximum(total[:, there], 1e-12)).mean(1)
    low, high = np.quantile(drawn[1:], _ends())
    return Estimate(float(drawn[0]), float(low), float(high), len(true))


def explained_gain(before: np.ndarray, after: np.ndarray, true: np.ndarray) -> Estimate:
    """The same of R²: answers (n,) before and after about numbers (n,)."""
    asked = np.isfinite(before) & np.isfinite(after) & np.isfinite(true)
    before, after, true = before[asked], after[asked], true[asked]
    if len(true) < 3 or np.ptp(true) == 0:
        return NONE
    weights = np.concatenate([np.ones((1, len(true))), _weights(len(true))])
    drawn = _explained(weights, after, true) - _explained(weights, before, true)
    low, high = np.quantile(drawn[1:], _ends())
    return Estimate(float(drawn[0]), float(low), float(high), len(true))


def explained(said: np.ndarray, true: np.ndarray) -> Estimate:
    """R², the share of the variance of numbers (n,) that answers (n,) explain, at most 1; below 0 where they mislead.

    The interval is a bootstrap over images. NaN in either leaves an image out.
    """
    asked = np.isfinite(said) & np.isfinite(true)
    said, true = said[asked], true[asked]
    if len(true) < 3 or np.ptp(true) == 0:
        return NONE
    weights = _weights(len(true))
    drawn = _explained(weights, said, true)
    low, high = np.quantile(drawn, _ends())
    score = float(_explained(np.ones((1, len(true))), said, true)[0])
    return Estimate(score, float(min(low, score)), float(max(high, score)), len(true))


def _explained(weights: np.ndarray, said: np.ndarray, true: np.ndarray) -> np.ndarray:
    total = weights.sum(1)
    mean = weights @ true / total
    spread = weights @ np.square(true) - total * np.square(mean)
    return 1 - weights @ np.square(true - said) / np.maximum(spread, 1e-12)


def average_precision(scores: np.ndarray, positive: np.ndarray) -> Estimate:
    """Average precision of a ranking by scores (n,) for images that are `positive` (n,) bool; ties share a threshold.

    The interval is a bootstrap over images on the logit scale.

    Source: Boyd, Eng and Page, Area under the precision–recall curve: point estimates and confidence intervals, 2013.
    """
    return precisions([(scores, positive)])[0][0]


def precisions(
    rankings: list[tuple[np.ndarray, np.ndarray]], draws: int = PRECISION_DRAWS
) -> tuple[list[Estimate], Estimate]:
    """The average precision of each value, (scores, positive) each, and the mean over the values.

    A value that no image has, or all, has none and is left out of the mean. Without `draws` there are no intervals.
    """
    usable = [place for place, (_, positive) in enumerate(rankings) if positive.any() and not positive.all()]
    each = [NONE] * len(rankings)
    if not usable:
        return each, NONE
    images = len(rankings[0][0])
    weights = np.concatenate([np.ones((1, images)), _weights(images, draws)])
    drawn = np.stack([_precision(weights, *rankings[place]) for place in usable])  # (V, 1 + draws)
    positive = np.array([rankings[place][1].sum() for place in usable])
    for place, values, count in zip(usable, drawn, positive, strict=True):
        each[place] = _spread(values[None], count[None], images)
    return each, _spread(drawn, positive, images)


def _spread(drawn: np.ndarray, positive: np.ndarray, images: int) -> Estimate:
    """The mean of average precisions (V, 1 + draws) of values with so many positive images (V,), and its interval.

    A value that is ranked without a fault in every draw has the spread of as many right answers, not none.
    """
    score = float(drawn[:, 0].mean())
    if drawn.shape[1] == 1:
        return Estimate(score, float("nan"), float("nan"), images)
    kept = (drawn[:, 0] * positive + 0.5) / (positive + 1)
    sure = drawn[:, 1:].std(1) < 1e-9
    spread = np.sqrt(drawn[:, 1:].mean(0).var() + (sure * kept * (1 - kept) / (positive + 1)).sum() / len(kept) ** 2)
    middle = float(kept.mean())
    half = 1.96 * spread / (middle * (1 - middle))
    low, high = _expit(_logit(middle) + np.array([-half, half]))
    return Estimate(score, float(min(low, score)), float(max(high, score)), images)


def _precision(weights: np.ndarray, scores: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """Average precision (draws,) under weights (draws, n) of images."""
    order = np.argsort(-scores, kind="stable")
    ordered = scores[order]
    first = np.flatnonzero(np.append(True, ordered[:-1] != ordered[1:]))  # of each group of ties
    part = weights[:, order]
    hit = part * positive[order]
    if len(first) < len(order):
        part, hit = (np.add.reduceat(one, first, 1) for one in (part, hit))
    taken, found = np.cumsum(part, 1), np.cumsum(hit, 1)
    gained = np.diff(found, axis=1, prepend=0)
    return (gained * found / np.maximum(taken, 1e-12)).sum(1) / np.maximum(found[:, -1], 1e-12)


@functools.lru_cache(maxsize=4)
def _weights(images: int, draws: int = DRAWS) -> np.ndarray:
    """(draws, n) how often each image is drawn in a bootstrap; the same for the same n."""
    rng = np.random.default_rng([images, 19])
    return rng.multinomial(images, np.full(images, 1 / images), draws).astype(np.float64)


def _ends() -> tuple[float, float]:
    return (1 - LEVEL) / 2, (1 + LEVEL) / 2


def _logit(share: float) -> float:
    return float(np.log(share / (1 - share)))


def _expit(value: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-value))
