"""Which codes lie on the object: how far their cells and its mask overlap, beside masks of other images.

Source: Bau et al., Network Dissection: Quantifying Interpretability of Deep Visual Representations, 2017, whose units
have a threshold; a cell has a code or has it not, so there is none here. A cell is as large as its part of the
picture, so the overlap is that of pixels. The sampling unit is the image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

RESAMPLED = 500  # sets of images that an interval is taken from
SHUFFLES = 199  # of the masks among the images


@dataclass(frozen=True)
class Overlaps:
    """How far U sets of codes overlap with the object, over all images together.

    Attributes:
        iou: (U,) intersection over union of cells and object, in [0, 1]. low, high: (U,) 95 % interval over images.
        share: (U,) of the cells' area that is on the object. cover: (U,) of the object's area that the cells cover.
        images: (U,) images that have such a cell. within: (U,) IoU over these images alone.
        null, null_high: (U,) mean and 97.5th percentile of the IoU with masks of other images.
        null_share, null_within: (U,) mean of `share` and of `within` with masks of other images.
        p: (U,) (1 + shuffles with as large an IoU) / (1 + shuffles).
    """

    iou: np.ndarray
    low: np.ndarray
    high: np.ndarray
    share: np.ndarray
    cover: np.ndarray
    images: np.ndarray
    within: np.ndarray
    null: np.ndarray
    null_high: np.ndarray
    null_share: np.ndarray
    null_within: np.ndarray
    p: np.ndarray


def cell_shares(masks: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """How much of each cell the object covers: masks (n, h, w) bool -> (n, H, W) float64 in [0, 1]."""
    down, across = (_parts(size, cells) for size, cells in zip(masks.shape[1:], grid, strict=True))
    found = np.empty((len(masks), *grid))
    for start in range(0, len(masks), 500):
        part = slice(start, start + 500)
        found[part] = down @ masks[part].astype(np.float64) @ across.T
    return found


def counted(codes: np.ndarray, shares: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Cells of each code, and how many of them the object covers: codes, shares (n, H, W) -> (K,) float64 each."""
    flat = codes.reshape(-1)
    return np.bincount(flat, shares.reshape(-1), size), np.bincount(flat, minlength=size).astype(np.float64)


def intersection_over_union(inside: np.ndarray, area: np.ndarray, objects: float) -> np.ndarray:
    """IoU of cells with an object, in cells: the area of both, of the cells, and of the object; 0 of nothing."""
    union = area + objects - inside
    return np.where(union > 0, inside / np.where(union > 0, union, 1), 0.0)


def largest(inside: np.ndarray, area: np.ndarray, objects: float) -> np.ndarray:
    """The codes (m,) whose cells together overlap most with the object, the surest first; (K,) as of `counted`.

    No other set has a larger IoU: a ratio of sums is largest for the codes above some share of cells inside.
    """
    used = np.flatnonzero(area > 0)
    order = used[np.argsort(-inside[used] / area[used], kind="stable")]
    found = intersection_over_union(np.cumsum(inside[order]), np.cumsum(area[order]), objects)
    return order[: int(found.argmax()) + 1] if len(order) and found.max() > 0 else order[:0]


def overlaps(
    codes: np.ndarray, shares: np.ndarray, sets: list[np.ndarray], size: int, *, seed: int = 0, shuffles: int = SHUFFLES
) -> Overlaps:
    """Overlap of the cells that have a code of each of `sets` with the object, its interval and its null.

    The null gives each image the mask of another one: where objects usually are stays, where this one is does not.

    Args:
        codes: (n, H, W) in [0, size). shares: (n, H, W), as from `cell_shares`. sets: U arrays of codes.
    """
    tokens, shares = codes.reshape(len(codes), -1), shares.reshape(len(codes), -1)
    member = np.zeros((len(sets), size), bool)
    for place, one in enumerate(sets):
        member[place, one] = True
    inside, area = np.zeros((2, len(tokens), len(sets)))
    for place in range(len(sets)):
        cells = member[place][tokens]
        inside[:, place], area[:, place] = (shares * cells).sum(1), cells.sum(1)
    objects, has = shares.sum(1), area > 0
    whole = (inside.sum(0), area.sum(0), objects.sum())
    iou = intersection_over_union(*whole)
    low, high = _interval(inside, area, objects, seed)
    other, there = _others(tokens, shares, member, has, np.random.default_rng([seed, 2]), shuffles)
    null = intersection_over_union(other, whole[1], whole[2])
    cells = np.where(whole[1] > 0, whole[1], 1)
    return Overlaps(
        iou, low, high, whole[0] / cells, whole[0] / max(whole[2], 1e-12), has.sum(0),
        intersection_over_union(whole[0], whole[1], objects @ has), null.mean(0), np.quantile(null, 0.975, axis=0),
        (other / cells).mean(0), intersection_over_union(other, whole[1], there).mean(0),
        (1 + (null >= iou - 1e-12).sum(0)) / (1 + shuffles),
    )  # fmt: skip


def _interval(inside: np.ndarray, area: np.ndarray, objects: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """2.5th and 97.5th percentile of the IoU (U,) over sets of images drawn with replacement."""
    count = len(inside)
    times = np.random.default_rng([seed, 1]).multinomial(count, np.full(count, 1 / count), RESAMPLED)
    drawn = intersection_over_union(times @ inside, times @ area, (times @ objects)[:, None])
    return np.quantile(drawn, 0.025, axis=0), np.quantile(drawn, 0.975, axis=0)


def _others(
    tokens: np.ndarray, shares: np.ndarray, member: np.ndarray, has: np.ndarray, generator: Generator, shuffles: int
) -> tuple[np.ndarray, np.ndarray]:
    """With masks of other images, in cells: the area of both, and of the object where images have the codes.

    Both (shuffles, U); tokens, shares (n, P), member (U, K) bool, has (n, U) bool.
    """
    inside, there = np.empty((2, shuffles, len(member)))
    asked = member.any(0)[tokens]
    image, position = np.nonzero(asked)
    codes, size, objects = tokens[asked], member.shape[1], shares.sum(1)
    for turn in range(shuffles):
        given = generator.permutation(len(tokens))
        inside[turn] = member @ np.bincount(codes, shares[given[image], position], size)
        there[turn] = objects[given] @ has
    return inside, there


def _parts(size: int, cells: int) -> np.ndarray:
    """(cells, size) how much of each pixel lies in each cell, over the pixels of a cell; rows sum to 1."""
    edges = np.linspace(0, size, cells + 1)
    low, high = np.maximum(edges[:-1, None], np.arange(size)), np.minimum(edges[1:, None], np.arange(size) + 1)
    return np.maximum(high - low, 0) * cells / size
