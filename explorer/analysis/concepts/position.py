"""How much of a code is where it stands: a code that is always at the top tells of pictures less than it seems to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from explorer.analysis import usage
from explorer.analysis.concepts.information import (
    NATS,
    Estimate,
    corrected_entropy,
    estimate,
    image_bias,
    jackknifed,
    shuffled,
)

CELLS = 2_000_000  # numbers of the tables of one shuffle, at most
PLACES = 64  # positions that a concept is looked at in, a seeded sample of all


@dataclass(frozen=True)
class Place:
    """Mutual information of code and position, over tokens.

    Attributes:
        told: in bits; its chance shuffles the positions within each image.
        code_bits: entropy of the codes, the most that position could tell. share, low, high: of it, in [0, 1].
        images, positions: how many.
    """

    told: Estimate
    code_bits: float
    share: float
    low: float
    high: float
    images: int
    positions: int


def of_position(codes: np.ndarray, size: int, *, seed: int = 0, shuffles: int = 19) -> Place:
    """What the position of a token tells of its code.

    At one position each image has one token, so the bias of what is known there is Miller and Madow's with n images;
    that of all tokens comes from the spread between images; the sum is calibrated as in `information`, by tokens that
    are shuffled within each image. The interval is that of a mean over images of what the
    positions of its tokens tell, to first order that of images drawn again.

    Args:
        codes: (n, H, W) in [0, size), H · W ≥ 2.
    """
    flat = _compact(codes)
    images, positions = flat.shape
    if positions < 2:
        raise ValueError("with one position, no position can tell anything")
    table = usage.occurrences(flat, int(flat.max()) + 1)
    counts = np.asarray(table.sum(0)).reshape(-1).astype(np.float64)
    squares = np.asarray(table.power(2).sum(0)).reshape(-1).astype(np.float64)
    code_bits, extra = float(usage.entropy_bits(counts)), float(image_bias(counts, squares, np.array(images)))
    whole, generator = code_bits + extra, np.random.default_rng([seed, 23])

    def tell(tokens: np.ndarray) -> tuple[float, float, np.ndarray]:
        known, occupied, of_image = _at_positions(tokens, counts)
        return code_bits - known, (occupied / positions - 1) / (2 * images * NATS) - extra, of_image

    plugin, bias, of_image = tell(flat)
    chance = np.array([tell(generator.permuted(flat, axis=1))[:2] for _ in range(shuffles)])
    mean, expected = chance.mean(0)
    bits = plugin - bias * (mean / expected if expected > 1e-12 else 1.0)
    half = 1.96 * of_image.std(ddof=1) / np.sqrt(images) if images > 1 else np.nan
    p = (1 + (chance[:, 0] >= plugin - 1e-12).sum()) / (1 + shuffles)
    told = Estimate(plugin, bits, bits - half, bits + half, mean, np.quantile(chance[:, 0], 0.975), p)
    share = (float(np.clip(one / whole, 0, 1)) if whole > 0 else 0.0 for one in (bits, bits - half, bits + half))
    return Place(told, code_bits, *share, images, positions)


def given_position(codes: np.ndarray, labels: np.ndarray, *, seed: int = 0, shuffles: int = 99) -> tuple[Estimate, int]:
    """What the code at a known position tells of the concept, the mean over positions; and how many positions.

    Bias and error leave out one image at a time, calibrated by shuffled labels as in `information`.

    Args:
        codes: (n, H, W). labels: (n,) in [0, V). A seeded sample of at most 64 positions is looked at.
    """
    flat, values = _compact(codes), int(labels.max()) + 1
    used = int(flat.max()) + 1
    most = int(np.clip(CELLS // (values * used), 4, PLACES))
    chosen = np.sort(np.random.default_rng([seed, 29]).permutation(flat.shape[1])[:most])
    places = np.arange(len(chosen)) * used + flat[:, chosen]
    logs, none = _weighed(len(flat)), np.zeros(len(labels), np.int64)
    tell = partial(_left_out, places, used * len(chosen), logs)
    chance = [tell(one) for one in shuffled(labels, none, shuffles, seed)]
    told, biases = (np.array([one[part] for one in chance]) for part in range(2))
    ceiling = min(float(corrected_entropy(np.bincount(labels))), float(np.log2(values)))
    return estimate(tell(labels), told, biases.mean(), ceiling), len(chosen)


def _left_out(places: np.ndarray, size: int, logs: np.ndarray, labels: np.ndarray) -> tuple:
    """Information of code and value at a position in bits, its bias and error: places (n, P) of codes in [0, size)."""
    (images, positions), by_value = places.shape, np.bincount(labels)
    if images < 2:
        return 0.0, 0.0, np.nan
    cells = labels[:, None] * size + places
    by_cell, by_code = (np.bincount(one.reshape(-1)) for one in (cells, places))
    less = np.append(0.0, logs[:-1] - logs[1:])
    whole = logs[by_cell].sum() - logs[by_code].sum() + positions * (logs[images] - logs[by_value].sum())
    change = (less[by_cell[cells]] - less[by_code[places]]).sum(1)
    change += positions * (less[images] - less[by_value[labels]])
    without = (whole + change) / ((images - 1) * positions)
    return jackknifed(whole / (images * positions), without, np.ones(images))


def _compact(codes: np.ndarray) -> np.ndarray:
    """Codes (n, H, W) -> (n, P) numbered from 0 without those that do not occur."""
    flat = np.asarray(codes).reshape(len(codes), -1)
    return np.unique(flat, return_inverse=True)[1].reshape(flat.shape)


def _at_positions(flat: np.ndarray, counts: np.ndarray) -> tuple[float, int, np.ndarray]:
    """Mean over positions of the entropy of codes at one; cells with tokens; bits that positions tell, by image."""
    images, positions = flat.shape
    whole = counts / counts.sum()
    of_image, known, occupied = np.zeros(images), 0.0, 0
    step = max(1, CELLS // max(len(counts), images))
    for start in range(0, positions, step):
        part = flat[:, start : start + step]
        width = part.shape[1]
        table = np.bincount((np.arange(width) * len(counts) + part).reshape(-1), minlength=width * len(counts)).reshape(
            width, -1
        )
        known += float(usage.entropy_bits(table).sum())
        occupied += int((table > 0).sum())
        here = table[np.arange(width), part] / images
        of_image += np.log2(here / whole[part]).sum(1)
    return known / positions, occupied, of_image / positions


def _weighed(most: int) -> np.ndarray:
    """n log2 n for 0 to `most`."""
    count = np.arange(most + 1)
    return count * np.log2(np.maximum(count, 1))
