"""How alike two networks see the same images: debiased CKA and shared neighbours of their latents.

Neither asks that the two have as many dimensions, or that axes, signs or scales agree. Every interval leaves out images
(jackknife over groups of them): a bootstrap would draw some images twice, and each would be its own copy's neighbour.
Chance is what images that are shuffled between the two give.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from explorer.analysis.neighbours import nearest

GROUPS = 40  # of images, left out one after another
SHUFFLES = 20  # of the images, for what chance gives
FEWEST = 4  # images that the unbiased estimate of HSIC needs
NEAREST = 10
REACH = 3  # times as many neighbours are looked for, so that k are left when a group of images is left out
BLOCK = 4_000_000  # products held at once: 32 MB
NOTHING = 1e-12  # of the mean square norm: a kernel that is less is that of latents which are all alike


@dataclass(frozen=True)
class Found:
    """A likeness of two networks over n images.

    Attributes:
        value: 1 for the same, about `null` for unrelated ones.
        low, high: its 95 % interval; None where there are too few images.
        null, null_high: mean, and 97.5th percentile, where images are shuffled.
    """

    value: float
    low: float | None
    high: float | None
    null: float
    null_high: float
    n: int


@dataclass(frozen=True)
class Latents:
    """Latents of n images, and what is needed of them however often they are compared.

    Attributes:
        vectors: (n, D) float64 about their mean, images of one group beside one another.
        starts: (G,) where each group begins. order: (n,) rows of the images as they were given.
        own: (1 + G,) HSIC with themselves, of all images and without each group.
        near: (n, m) the nearest other images by cosine, by place in `vectors`, nearest first; None where there is one
            number only, so that a cosine says nothing but its sign.
    """

    vectors: np.ndarray
    starts: np.ndarray
    order: np.ndarray
    own: np.ndarray
    near: np.ndarray | None


def grouped(images: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A random order (n,) of the images, and where each of at most GROUPS groups of it begins."""
    groups = min(GROUPS, images)
    return np.random.default_rng(seed).permutation(images), np.arange(groups) * images // max(groups, 1)


def prepare(latents: np.ndarray, k: int = NEAREST, *, seed: int = 0) -> Latents:
    """Latents (n, D) of n images, ready to be compared with others of the same images and seed.

    Raises:
        ValueError: NaN or infinity among the latents.
    """
    given = np.asarray(latents, np.float64)
    order, starts = grouped(len(given), seed)
    given = given[order]
    vectors = given - given.mean(0) if len(given) else given
    near = None
    if given.shape[1] > 1:
        lengths = np.linalg.norm(given, axis=1, keepdims=True)
        near = nearest(given / np.where(lengths > 0, lengths, 1), REACH * k)[0]
    return Latents(vectors, starts, order, _hsic(vectors, vectors, starts), near)


def cka(first: Latents, second: Latents, *, seed: int = 0) -> Found | None:
    """Debiased linear CKA of two networks: 1 where latents are the same but for a turn and a scale, 0 by chance.

    HSIC is the unbiased estimate without its diagonal, so that few images of many dimensions do not look alike; it
    never needs all pairs of images at once. None of fewer than four images, or of latents that are all the same.

    Source: Kornblith et al., Similarity of neural network representations revisited, 2019; Song et al., Feature
    selection via dependence maximization, 2012, equation 4; Nguyen, Raghu and Kornblith, Do wide and deep networks
    learn the same things?, 2021.
    """
    images = len(first.vectors)
    if images < FEWEST or not (_varies(first) and _varies(second)):
        return None
    both = _hsic(first.vectors, second.vectors, first.starts)
    with np.errstate(invalid="ignore"):
        values = both / np.sqrt(first.own * second.own)
    if not np.isfinite(values[0]):
        return None
    generator, scale, chance = np.random.default_rng(seed), np.sqrt(first.own[0] * second.own[0]), []
    for _ in range(SHUFFLES):
        moved = second.vectors[generator.permutation(images)]
        chance.append(_hsic(first.vectors, moved, first.starts[:0])[0] / scale)
    return _found(values, chance, images)


def _varies(latents: Latents) -> bool:
    spread = float(np.square(latents.vectors).sum(1).mean())
    return latents.own[0] > NOTHING * spread**2


def _hsic(first: np.ndarray, second: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Unbiased HSIC of linear kernels, of all images and without each group: (1 + G,), NaN of too few images.

    With K and L without their diagonals: [tr KL + 1'K1 1'L1 / ((n - 1)(n - 2)) - 2 1'KL1 / (n - 2)] / (n (n - 3)).
    """
    images = len(first)
    norms, others = (np.square(one).sum(1) for one in (first, second))
    whole, without = _overlap(first, second, starts)
    parts = [(slice(0, 0), whole), *zip(_groups(starts, images), without, strict=True)]
    total, other_total, found = first.sum(0), second.sum(0), np.full(len(parts), np.nan)
    for place, (gone, overlap) in enumerate(parts):
        keep = np.ones(images, bool)
        keep[gone] = False
        n = int(keep.sum())
        if n < FEWEST:
            continue
        rows = (first @ (total - first[gone].sum(0)) - norms)[keep]  # sums of the rows of K
        columns = (second @ (other_total - second[gone].sum(0)) - others)[keep]
        trace = overlap - float(norms[keep] @ others[keep])
        apart = rows.sum() * columns.sum() / ((n - 1) * (n - 2))
        found[place] = (trace + apart - 2 * float(rows @ columns) / (n - 2)) / (n * (n - 3))
    return found


def _overlap(first: np.ndarray, second: np.ndarray, starts: np.ndarray) -> tuple[float, np.ndarray]:
    """Sum of the products of two linear kernels, diagonals too, over all pairs of images, and without each group (G,).

    Through the D × D products of dimensions, or blocks of the n × n products of images, whichever is less work.
    """
    images, groups = len(first), _groups(starts, len(first))
    if first.shape[1] * second.shape[1] <= images * (first.shape[1] + second.shape[1]):
        product = first.T @ second
        whole, without = float(np.square(product).sum()), []
        for group in groups:
            part = first[group].T @ second[group]
            without.append(whole - 2 * float((product * part).sum()) + float(np.square(part).sum()))
        return whole, np.array(without)
    whole, of_groups, inside = 0.0, np.zeros(len(groups)), np.zeros(len(groups))
    for block in _blocks(images):
        product = (first[block] @ first.T) * (second[block] @ second.T)  # (block, n)
        whole += float(product.sum())
        for place, group in enumerate(groups):
            rows = product[max(group.start - block.start, 0) : max(group.stop - block.start, 0)]
            of_groups[place] += rows.sum()
            inside[place] += rows[:, group].sum()
    return whole, whole - 2 * of_groups + inside


def _groups(starts: np.ndarray, images: int) -> list[slice]:
    return [slice(int(a), int(b)) for a, b in zip(starts, [*starts[1:], images], strict=False)]


def _blocks(images: int) -> Iterator[slice]:
    step = max(1, BLOCK // max(images, 1))
    return (slice(at, min(at + step, images)) for at in range(0, images, step))


def shared_neighbours(first: Latents, second: Latents, k: int = NEAREST, *, seed: int = 0) -> Found | None:
    """How many of an image's k nearest images by cosine are the same in two networks: mean Jaccard index, in [0, 1].

    Neighbours are those in the latents, not on a map of them. By chance about k / (2n). The interval is on the safe
    side, in simulations up to twice as wide as other images would move the value: leaving out images changes the
    neighbours of those that stay, too. None of fewer than three images, or where latents are one number.

    Source: Klabunde et al., Similarity of neural network models: a survey of functional and representational measures,
    2023, “k-NN Jaccard similarity”; Huh et al., The Platonic representation hypothesis, 2024, take the share of k.
    """
    if first.near is None or second.near is None or len(first.vectors) < 3:
        return None
    images, generator = len(first.vectors), np.random.default_rng(seed)
    group = np.searchsorted(first.starts, np.arange(images), side="right") - 1
    row, a, b = np.nonzero(first.near[:, :, None] == second.near[:, None, :])
    values = [jaccard(first.near[:, :k], second.near[:, :k]).mean()]
    for gone in range(len(first.starts)):
        kept = [(group[near] != gone) for near in (first.near, second.near)]
        kept = [there & (there.cumsum(1) <= k) for there in kept]
        shared = np.bincount(row, kept[0][row, a] & kept[1][row, b], images)
        either = kept[0].sum(1) + kept[1].sum(1) - shared
        rest = group != gone
        values.append((shared / np.maximum(either, 1))[rest].mean() if rest.any() else np.nan)
    chance = []
    for _ in range(SHUFFLES):
        moved = generator.permutation(images)  # the image beside each one in the other network
        back = np.argsort(moved)
        chance.append(jaccard(first.near[:, :k], back[second.near[moved, :k]]).mean())
    return _found(np.array(values), chance, images)


def jaccard(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Of each row, what two sets (n, k) and (n, l) of different numbers share over all they hold: (n,) in [0, 1]."""
    shared = (first[:, :, None] == second[:, None, :]).sum((1, 2))
    return shared / np.maximum(first.shape[1] + second.shape[1] - shared, 1)


def _found(values: np.ndarray, chance: list[float], images: int) -> Found:
    """Of values of all images and without each group; an interval ends at 1."""
    value, without = min(float(values[0]), 1.0), values[1:][np.isfinite(values[1:])]
    low = high = None
    if len(without) >= 5:
        half = deviation(without)
        low, high = float(value - half), float(min(value + half, 1.0))
    return Found(value, low, high, float(np.mean(chance)), float(np.quantile(chance, 0.975)), images)


def deviation(without: np.ndarray) -> float:
    """Half of the 95 % interval by the jackknife, of the values without each of G groups (G,)."""
    from scipy.special import stdtrit

    count = len(without)
    spread = np.square(without - without.mean()).sum() * (count - 1) / count
    return float(stdtrit(count - 1, 0.975) * np.sqrt(spread))
