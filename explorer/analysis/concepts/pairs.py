"""Whether two codes at an offset tell more of a concept than either alone, beside pairs that only look so.

The null lets another image with the same value supply the second code of every pair: what each code has to do with the
value and the position stays, only that they stand together is broken. The sampling unit is the image; bits are plug-in
mutual information of (the pair is in the image or not, value).

Source: interaction information, McGill, Multivariate information transmission, 1954; here with the larger of both
codes in place of their sum, because what two codes both tell is told once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from explorer.analysis.usage import entropy_bits

OFFSETS = ((0, 1), (1, 0), (1, 1), (1, -1), (0, 2), (2, 0))  # rows down, columns to the right
MOST = 64  # codes that pairs are made of: the most used ones
FEWEST = 5  # images that have a pair, at least
SHUFFLES, RESAMPLED = 499, 200
CHOSEN = 20  # pairs that are scored; with 499 shuffles a single one of them can be found


@dataclass(frozen=True)
class Pairs:
    """C pairs of codes, scored on other images than they were chosen on.

    Attributes:
        offset: (C, 2) rows down and columns right from the first to the second code. codes: (C, 2).
        images: (C,) images that have the pair.
        bits: (C,) that its presence tells. alone: (C, 2) that the presence of each of its codes tells.
        gain: (C,) bits less the larger of `alone`. low, high: (C,) its 95 % interval over images.
        null, null_high: (C,) mean and 97.5th percentile of the bits where other images supply the second code.
        p: (C,) (1 + shuffles with as many bits) / (1 + shuffles).
    """

    offset: np.ndarray
    codes: np.ndarray
    images: np.ndarray
    bits: np.ndarray
    alone: np.ndarray
    gain: np.ndarray
    low: np.ndarray
    high: np.ndarray
    null: np.ndarray
    null_high: np.ndarray
    p: np.ndarray


def presence_bits(present: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Bits that being in an image tells: (..., V) images of each value that have it, (..., V) images of each value."""
    present, images = np.broadcast_arrays(np.asarray(present, np.float64), np.asarray(images, np.float64))
    both = np.concatenate([present, images - present], -1)
    split = np.stack([present.sum(-1), (images - present).sum(-1)], -1)
    return np.maximum(entropy_bits(images) + entropy_bits(split) - entropy_bits(both), 0)


def choose(
    codes: np.ndarray, labels: np.ndarray, *, seed: int = 0, most: int = MOST, count: int = CHOSEN
) -> tuple[np.ndarray, np.ndarray]:
    """The pairs that gain most on these images: (C, 2) offsets and (C, 2) codes, C ≤ `count`.

    Gain is the bits of a pair less the largest of: either code alone, and the mean of four sets of pairs whose second
    code another image supplied.

    Args:
        codes: (n, H, W). labels: (n,) in 0 … V - 1.
    """
    used = np.bincount(codes.reshape(-1))
    names = np.sort(np.argsort(-used, kind="stable")[: min(most, int((used > 0).sum()))])
    place = np.full(len(used), -1)
    place[names] = np.arange(len(names))
    small, images = place[codes], np.bincount(labels).astype(np.float64)
    alone = presence_bits(_counts(small.reshape(len(small), -1), labels, len(names)), images)
    generator, found = np.random.default_rng([seed, 1]), []
    for offset in OFFSETS:
        first, second = shifted(small, offset)
        if not first.shape[1]:
            continue
        table = _counts(_joined(first, second, len(names)), labels, len(names) ** 2)
        null = np.mean([
            presence_bits(_counts(_joined(first, second[one], len(names)), labels, len(names) ** 2), images)
            for one in within(labels, generator, 4)
        ], 0)  # fmt: skip
        floor = np.maximum(np.maximum(alone[:, None], alone[None]).reshape(-1), null)
        gain = np.where(table.sum(1) >= FEWEST, presence_bits(table, images) - floor, -np.inf)
        best = np.argsort(-gain, kind="stable")[:count]
        found += [(gain[one], *offset, *names[[one // len(names), one % len(names)]]) for one in best if gain[one] > 0]
    found = np.array(sorted(found, reverse=True)[:count], np.float64).reshape(-1, 5)[:, 1:].astype(np.int64)
    return found[:, :2], found[:, 2:]


def score(
    codes: np.ndarray, labels: np.ndarray, offset: np.ndarray, pairs: np.ndarray, *, seed: int = 0,
    shuffles: int = SHUFFLES,
) -> Pairs:  # fmt: skip
    """What chosen pairs tell on these images: codes (n, H, W), labels (n,) in 0 … V - 1, offset and pairs (C, 2)."""
    values, count = int(labels.max()) + 1, len(pairs)
    member = (labels[:, None] == np.arange(values)).astype(np.float32)
    images = member.sum(0)
    masks = [_masks(codes, one, pair) for one, pair in zip(offset, pairs, strict=True)]
    present = np.stack([_together(first, second) for first, second in masks])
    single = np.stack([[(codes == one).any((1, 2)) for one in pair] for pair in pairs])  # (C, 2, n)
    bits, alone = presence_bits(present @ member, images), presence_bits(single @ member, images)
    null = np.empty((shuffles, count))
    for turn, given in enumerate(within(labels, np.random.default_rng([seed, 2]), shuffles)):
        other = np.stack([_together(first, second[given]) for first, second in masks])
        null[turn] = presence_bits(other @ member, images)
    spread = _spread(np.concatenate([present[:, None], single], 1), member, seed)
    gain = bits - alone.max(1)
    return Pairs(
        offset, pairs, present.sum(1), bits, alone, gain, gain - 1.96 * spread, gain + 1.96 * spread, null.mean(0),
        np.quantile(null, 0.975, axis=0), (1 + (null >= bits - 1e-9).sum(0)) / (1 + shuffles),
    )  # fmt: skip


def shifted(codes: np.ndarray, offset: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """First and second code of all pairs at an offset: codes (n, H, W) -> (n, P) each; P = 0 where none fits."""
    down, across = offset
    height, width = codes.shape[1] - abs(down), codes.shape[2] - abs(across)
    if height <= 0 or width <= 0:
        return codes.reshape(len(codes), -1)[:, :0], codes.reshape(len(codes), -1)[:, :0]
    top, left = max(-down, 0), max(-across, 0)
    first = codes[:, top : top + height, left : left + width]
    second = codes[:, top + down : top + down + height, left + across : left + across + width]
    return first.reshape(len(codes), -1), second.reshape(len(codes), -1)


def within(labels: np.ndarray, generator: np.random.Generator, times: int) -> Iterator[np.ndarray]:
    """Permutations (n,) that move images only among those with the same label."""
    order = np.argsort(labels, kind="stable")
    for _ in range(times):
        found = np.empty(len(labels), np.int64)
        found[order] = np.lexsort((generator.random(len(labels)), labels))
        yield found


def _joined(first: np.ndarray, second: np.ndarray, size: int) -> np.ndarray:
    """Pairs as numbers, -1 where either is none of the codes."""
    return np.where((first >= 0) & (second >= 0), first * size + second, -1)


def _counts(items: np.ndarray, labels: np.ndarray, size: int) -> np.ndarray:
    """Images of each value that have each item: items (n, P), -1 for none -> (size, V)."""
    values = int(labels.max()) + 1
    row, _ = np.nonzero(items >= 0)
    has = np.unique(row * np.int64(size) + items[items >= 0])
    return np.bincount(has % size * values + labels[has // size], minlength=size * values).reshape(size, values)


def _masks(codes: np.ndarray, offset: np.ndarray, pair: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the first and the second code stand, a bit for each place of a pair: (n, ⌈P / 64⌉) uint64 each."""
    return tuple(_packed(one == code) for one, code in zip(shifted(codes, tuple(offset)), pair, strict=True))


def _packed(cells: np.ndarray) -> np.ndarray:
    packed = np.packbits(cells, axis=1)
    return np.ascontiguousarray(np.pad(packed, ((0, 0), (0, -packed.shape[1] % 8)))).view(np.uint64)


def _together(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return ((first & second) != 0).any(1)


def _spread(present: np.ndarray, member: np.ndarray, seed: int) -> np.ndarray:
    """(C,) standard error of the gain over sets of images drawn with replacement: present (C, 3, n)."""
    count, values = member.shape
    times = np.random.default_rng([seed, 3]).multinomial(count, np.full(count, 1 / count), RESAMPLED)
    times = times.astype(np.float32)
    table = np.stack([times @ (one[:, :, None] * member).transpose(1, 0, 2).reshape(count, -1) for one in present], 1)
    told = presence_bits(table.reshape(RESAMPLED, len(present), 3, values), (times @ member)[:, None, None])
    return (told[..., 0] - told[..., 1:].max(-1)).std(0, ddof=1)
