"""What codes tell of a concept in bits: mutual information without its bias, beside chance, with the image as unit.

Tokens of one image depend on one another, so that N tokens are worth fewer independent ones. Bias and error come from
leaving out one image at a time, which tells how many, and chance shuffles labels among images. All images of a layer
have the same number of tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from explorer.analysis import usage

if TYPE_CHECKING:
    from scipy.sparse import csr_array

NATS = np.log(2)  # a bit in nats
WORK = 100_000_000  # numbers that all shuffles of one concept may touch, about two seconds
DOUBT = 0.2  # of the correction where all is told; see `estimate`
CALIBRATED, FEW = 20, 3  # shuffles whose bias is taken, of tokens and of values


@dataclass(frozen=True)
class Estimate:
    """Mutual information in bits, as numbers or one for each value or code.

    Attributes:
        plugin: of the counts as they are; too high. bits: less its bias; about 0 where nothing is told, so that it
            may fall below. low, high: 95 % interval of `bits`, from images left out.
        chance, chance_high: `plugin` of shuffled labels, mean and what 97.5 % of the shuffles stay below.
        p: (1 + shuffles that tell as much) / (1 + shuffles).
    """

    plugin: np.ndarray
    bits: np.ndarray
    low: np.ndarray
    high: np.ndarray
    chance: np.ndarray
    chance_high: np.ndarray
    p: np.ndarray

    @property
    def above(self) -> np.ndarray:
        """`plugin` above the mean of the shuffles."""
        return self.plugin - self.chance


@dataclass(frozen=True)
class Information:
    """What the codes of a layer tell of a concept.

    Attributes:
        tokens: what one random token tells of the concept. values: (V,) of each value against the rest.
        presence: (U,) what it tells that an image has a code, for `codes` (U,), those that occur.
        found: (U,) images that have the code.
        concept_bits: corrected entropy of the concept over images, the most that can be told. value_bits: (V,) of each
            value against the rest.
        code_bits: entropy of the codes over tokens, as counted.
        images: (V,) of each value. count: tokens.
        effective: independent tokens for which Miller and Madow's correction of `tokens` is as large; NaN for none.
        miller_madow: of `tokens`, corrected as if all tokens were independent; too high where they are not.
        adjusted: of `tokens`, 0 by chance and 1 where code and value are the same thing.
        shuffles: how many.
    """

    tokens: Estimate
    values: Estimate
    presence: Estimate
    codes: np.ndarray
    found: np.ndarray
    concept_bits: float
    value_bits: np.ndarray
    code_bits: float
    images: np.ndarray
    count: int
    effective: float
    miller_madow: float
    adjusted: float
    shuffles: int


def corrected_entropy(counts: np.ndarray) -> np.ndarray:
    """Entropy with the Miller–Madow correction: (..., K) counts of independent draws -> (...) bits.

    H + (occupied - 1) / (2 N) nats. Source: Miller, Note on the bias of information estimates, 1955.
    """
    counts = np.asarray(counts)
    total = np.maximum(counts.sum(-1), 1)
    return usage.entropy_bits(counts) + np.maximum((counts > 0).sum(-1) - 1, 0) / (2 * total * NATS)


def corrected_information(table: np.ndarray) -> np.ndarray:
    """Mutual information of a table of independent draws, (..., V, K) counts -> (...) bits, without its bias.

    H(row) + H(column) - H(both), each with the Miller–Madow correction, which is I + (Kx + Ky - Kxy - 1) / (2 N) nats
    with the numbers of occupied rows, columns and cells.
    """
    table = np.asarray(table)
    both = table.reshape(*table.shape[:-2], -1)
    return corrected_entropy(table.sum(-1)) + corrected_entropy(table.sum(-2)) - corrected_entropy(both)


def image_bias(sums: np.ndarray, squares: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Bits by which the entropy of the codes of some images is too low, because they are a sample of images.

    To second order an entropy is too low by Σ Var(share of k) / (2 share of k) nats. With independent tokens that is
    Miller and Madow's (K - 1) / (2 N); here the variance is the one between images. For images of one token each, both
    are the same.

    Args:
        sums: (..., K) tokens of each code. squares: (..., K) sum over images of the square of their tokens.
        images: (...) how many there are.
    """
    each = sums.sum(-1) / np.maximum(images, 1)  # tokens of an image
    spread = np.divide(squares, sums, out=np.zeros(sums.shape), where=sums > 0).sum(-1)
    return np.where(images > 0, (spread / np.maximum(each, 1) - 1) / (2 * np.maximum(images, 1)), 0) / NATS


def measure(table: csr_array, labels: np.ndarray, *, seed: int = 0, shuffles: int = 199) -> Information:
    """What tokens, and the presence of codes, tell of a discrete concept.

    Args:
        table: (n, K) tokens of each code in each image, as many in every image; `usage.occurrences` counts them.
        labels: (n,) int64 in [0, V), all of which occur; images without a value are left out before.
        seed: of shuffles.

    Source: Vinh, Epps and Bailey, Information theoretic measures for clusterings comparison, 2010, for `adjusted`,
    where what is expected by chance here comes from the shuffles; `left_out` and `estimate` for the others.
    """
    used = np.unique(table.indices)
    table, labels = table[:, used], np.asarray(labels)
    entries, values, none = _entries(table), int(labels.max()) + 1, np.zeros(len(labels), np.int64)
    images = np.bincount(labels, minlength=values)
    sums, present = _summed(entries, labels, values)
    chance, biases, value_biases = [], [], []
    for place, one in enumerate(shuffled(labels, none, shuffles, seed)):
        chance.append(_tell(*_summed(entries, one, values), images))
        if place < CALIBRATED:
            biases.append(left_out(entries, one, none)[1])
        if place < FEW:
            value_biases.append(_each_value(entries, one, values)[1])
    by_chance = [np.stack(one) for one in zip(*chance, strict=True)]
    concept_bits, value_bits = float(_most(images)), _most(np.stack([images, images.sum() - images], -1))
    tokens = estimate(left_out(entries, labels, none), by_chance[0], np.mean(biases), concept_bits)
    by_value = estimate(_each_value(entries, labels, values), by_chance[1], np.mean(value_biases, 0), value_bits)
    found = _presence(present, images)
    presence = estimate(found, by_chance[2], by_chance[2].mean(0), min(1.0, concept_bits))
    code_bits = float(usage.entropy_bits(sums.sum(0)))
    ceiling = (code_bits + float(usage.entropy_bits(images))) / 2 - tokens.chance
    return Information(
        tokens=tokens, values=by_value, presence=presence, codes=used, found=present.sum(0).astype(np.int64),
        concept_bits=concept_bits, value_bits=value_bits, code_bits=code_bits, images=images, count=int(sums.sum()),
        effective=_effective(sums, float(tokens.plugin - tokens.bits)),
        miller_madow=float(corrected_information(sums)),
        adjusted=float(tokens.above / ceiling) if ceiling > 1e-12 else 0.0, shuffles=shuffles,
    )  # fmt: skip


def given(table: csr_array, labels: np.ndarray, strata: np.ndarray, *, seed: int = 0, shuffles: int = 199) -> Estimate:
    """What a random token tells of the concept beyond what the stratum of its image tells: I(code; value | stratum).

    Chance shuffles labels within each stratum.

    Args:
        table, labels: as in `measure`. strata: (n,) in [0, G), such as a coarse colour.
    """
    entries, values = _entries(table[:, np.unique(table.indices)]), int(labels.max()) + 1
    chance = [
        left_out(entries, strata * values + one, strata, place < CALIBRATED)
        for place, one in enumerate(shuffled(labels, strata, shuffles, seed))
    ]
    expected = np.mean([one[1] for one in chance[:CALIBRATED]])
    most = float(_most(np.bincount(labels, minlength=values)))
    own = left_out(entries, strata * values + labels, strata)
    return estimate(own, np.array([one[0] for one in chance]), expected, most)


def left_out(entries: tuple, cells: np.ndarray, groups: np.ndarray, error: bool = True) -> tuple[float, float, float]:
    """Information of code and cell where the group is known, its bias and its standard error, all in bits.

    Both from leaving out each image in turn, exactly: the jackknife. Without `error` they are NaN.

    Args:
        entries: see `_entries`. cells: (n,) of each image. groups: (n,) that each cell belongs to; zeros for one.

    Source: Zahl, Jackknifing an index of diversity, 1977; Efron and Stein, The jackknife estimate of variance, 1981.
    """
    image, code, tokens, codes = entries
    images, each = len(cells), np.bincount(image, tokens, len(cells))
    places = ((cells * codes)[image] + code, (groups * codes)[image] + code)
    by_cell, by_group = (np.bincount(one, tokens) for one in places)
    in_cell, in_group = np.bincount(cells, each), np.bincount(groups, each)
    whole = sum(
        sign * _weighed(one).sum() for sign, one in ((1, by_cell), (-1, by_group), (-1, in_cell), (1, in_group))
    )
    if not error or images < 2:
        return whole / each.sum(), np.nan if images > 1 else 0.0, np.nan
    change = np.bincount(image, _less(by_cell[places[0]], tokens) - _less(by_group[places[1]], tokens), images)
    change += _less(in_group[groups], each) - _less(in_cell[cells], each)
    return jackknifed(whole / each.sum(), (whole + change) / (each.sum() - each), np.ones(images))


def jackknifed(plugin: np.ndarray, without: np.ndarray, count: np.ndarray) -> tuple:
    """`plugin` (...), its bias and standard error, from `without` (..., C) an image, `count` (..., C) times each."""
    images = count.sum(-1)
    mean = (without * count).sum(-1) / images
    spread = (count * np.square(without - np.expand_dims(mean, -1))).sum(-1)
    return plugin, (images - 1) * (mean - plugin), np.sqrt((images - 1) / images * spread)


def estimate(own: tuple, chance: np.ndarray, expected: np.ndarray, most: np.ndarray | float) -> Estimate:
    """Bits as counted less their bias, which is calibrated: of shuffled labels, nothing is left on average.

    With few images of many codes the jackknife knows a part of the bias only; how much of it, shuffles tell. The error
    is the larger of its own and the spread of the shuffles. What is right where nothing is told need not be where much
    is: a fifth of the correction, times the share of the concept that is told, is taken for doubtful (chosen on
    samples of shapes, where up to 14 % were missing; no theory says a fifth).

    Args:
        own: bits as counted, bias and standard error. chance: (S, ...) bits of shuffled labels. expected: mean of
            their bias. most: what could be told.
    """
    plugin, bias, error = (np.asarray(one) for one in own)
    mean = chance.mean(0)
    factor = np.divide(mean, expected, out=np.ones(np.shape(mean)), where=np.asarray(expected) > 1e-12)
    bits = plugin - factor * bias
    doubt = DOUBT * np.abs(factor * bias) * np.clip(bits / np.maximum(most, 1e-12), 0, 1)
    half = 1.96 * np.hypot(np.maximum(error, chance.std(0)), doubt)
    p = (1 + (chance >= plugin - 1e-12).sum(0)) / (1 + len(chance))  # what is equal may be rounded apart
    low, bits, high = (np.minimum(one, most) for one in (bits - half, bits, bits + half))
    return Estimate(plugin, bits, low, high, mean, np.quantile(chance, 0.975, axis=0), p)


def shuffled(labels: np.ndarray, strata: np.ndarray, count: int, seed: int) -> Iterator[np.ndarray]:
    """Labels (n,) shuffled among the images of each stratum (n,), `count` times."""
    generator, order = np.random.default_rng([seed, 17]), np.argsort(strata, kind="stable")
    for _ in range(count):
        drawn = np.lexsort((generator.random(len(labels)), strata))
        found = np.empty_like(labels)
        found[order] = labels[drawn]
        yield found


def affordable(work: int, least: int, most: int) -> int:
    """How many times something that touches `work` numbers may be done."""
    return int(np.clip(WORK // max(work, 1), least, most))


def _most(images: np.ndarray) -> np.ndarray:
    """Entropy of a concept from its images (..., V), with Miller and Madow's correction: the most that can be told."""
    return np.minimum(corrected_entropy(images), np.log2(images.shape[-1]))


def _entries(table: csr_array) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Image, code and tokens of every code of every image, and how many codes there are."""
    image = np.repeat(np.arange(table.shape[0]), np.diff(table.indptr))
    return image, table.indices.astype(np.int64), table.data.astype(np.float64), table.shape[1]


def _summed(entries: tuple, index: np.ndarray, rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Tokens, and images with each code, over the images of each index: (rows, U) each."""
    image, code, tokens, codes = entries
    cells = (index * codes)[image] + code
    return tuple(np.bincount(cells, one, rows * codes).reshape(rows, codes) for one in (tokens, None))


def _tell(sums: np.ndarray, present: np.ndarray, images: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bits as counted of tokens, of each value (V,), and of the presence of each code (U,)."""
    share, everything = images / images.sum(), sums.sum(0)
    whole, own, rest = (usage.entropy_bits(one) for one in (everything, sums, everything - sums))
    tokens, values = whole - share @ own, whole - share * own - (1 - share) * rest
    return tokens, values, _presence(present, images, error=False)[0]


def _each_value(entries: tuple, labels: np.ndarray, values: int) -> tuple:
    """What `left_out` tells of each value against the rest: (V,) three times."""
    none = np.zeros(len(labels), np.int64)
    found = [left_out(entries, (labels == value).astype(np.int64), none) for value in range(values)]
    return tuple(np.array(one) for one in zip(*found, strict=True))


def _presence(present: np.ndarray, images: np.ndarray, error: bool = True) -> tuple:
    """Bits of the presence of each code, their bias and standard error: present (V, U) -> (U,) three times."""
    both = np.stack([present, images[:, None] - present], -1).transpose(1, 0, 2).astype(np.float64)  # (U, V, 2)
    has, total = both.sum(1, keepdims=True), images.sum()
    whole = _weighed(both).sum((1, 2)) - _weighed(has).sum((1, 2)) - _weighed(images).sum() + _weighed(total)
    if not error or total < 2:
        return whole / total, 0 * whole, np.nan * whole
    change = _less(both, 1) - _less(has, 1) - _less(images, 1)[:, None] + _less(total, 1)
    without = (whole[:, None] + change.reshape(len(both), -1)) / (total - 1)
    return jackknifed(whole / total, without, both.reshape(len(both), -1))


def _weighed(count: np.ndarray) -> np.ndarray:
    """n log2 n."""
    return count * np.log2(np.maximum(count, 1))


def _less(count: np.ndarray, by: np.ndarray | float) -> np.ndarray:
    """How n log2 n changes when n is less by so much; 0 where there is not so much."""
    return np.where(count >= by, _weighed(np.maximum(count - by, 0)) - _weighed(count), 0.0)


def _effective(sums: np.ndarray, bias: float) -> float:
    """Independent tokens with which Miller and Madow's correction of the information is `bias` bits."""
    occupied = (sums > 0).sum() - (sums.sum(0) > 0).sum() - (sums.sum(1) > 0).sum() + 1
    return float(occupied / (2 * bias * NATS)) if bias > 1e-12 and occupied > 0 else float("nan")
