"""What codes tell of a concept in bits: mutual information without its bias, beside chance, with the image as unit.

Tokens of one image depend on one another, so that N tokens are worth fewer independent ones. The correction for
bias takes from how much images differ how many; chance shuffles labels among images, and intervals draw images again.
All images of a layer have the same number of tokens.
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
WORK = 100_000_000  # numbers that all shuffles of one concept may touch, about two seconds; as many those drawn again


@dataclass(frozen=True)
class Estimate:
    """Mutual information in bits, as numbers or one for each value or code.

    Attributes:
        plugin: of the counts as they are; too high. bits: less its bias; about 0 where nothing is told, so that it
            may fall below. low, high: 95 % interval of `bits`, from images drawn again.
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
        adjusted: of `tokens`, 0 by chance and 1 where code and value are the same thing.
        shuffles, resamples: how many.
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
    adjusted: float
    shuffles: int
    resamples: int


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


def measure(
    table: csr_array, labels: np.ndarray, *, seed: int = 0, shuffles: int = 199, resamples: int = 200
) -> Information:
    """What tokens, and the presence of codes, tell of a discrete concept.

    Args:
        table: (n, K) tokens of each code in each image, as many in every image; `usage.occurrences` counts them.
        labels: (n,) int64 in [0, V), all of which occur; images without a value are left out before.
        seed: of shuffles and resamples.

    The bias of information is Miller and Madow's, with the variance between images in place of that of independent
    tokens, times what makes shuffled labels tell 0 bits on average: rare codes make it larger than the formula says.

    Source: Rao and Scott, On chi-squared tests for multiway contingency tables with cell proportions estimated from
    survey data, 1984, for the effective number of tokens; Vinh, Epps and Bailey, Information theoretic measures for
    clusterings comparison, 2010, for `adjusted`, where what is expected by chance here comes from the shuffles.
    """
    used = np.unique(table.indices)
    table, labels = table[:, used], np.asarray(labels)
    entries, values = _entries(table), int(labels.max()) + 1

    def tell(index: np.ndarray, weights: np.ndarray | None = None) -> dict[str, tuple]:
        return _tell(*_summed(entries, index, values, weights), np.bincount(index, weights, values))

    own, strata = tell(labels), np.zeros(len(labels), np.int64)
    chance = [tell(one) for one in shuffled(labels, strata, shuffles, seed)]
    again = [tell(labels, weights) for weights in resampled(len(labels), resamples, seed)]
    images = np.bincount(labels, minlength=values)
    concept_bits, value_bits = float(_most(images)), _most(np.stack([images, images.sum() - images], -1))
    most = {"tokens": concept_bits, "values": value_bits, "presence": min(1.0, concept_bits)}
    tokens, by_value, presence = (_estimate(own, chance, again, part, most[part]) for part in most)
    counts = np.asarray(table.sum(0)).reshape(-1)
    code_bits = float(usage.entropy_bits(counts))
    ceiling = (code_bits + float(usage.entropy_bits(images))) / 2 - tokens.chance
    return Information(
        tokens=tokens,
        values=by_value,
        presence=presence,
        codes=used,
        found=np.asarray((table > 0).sum(0)).reshape(-1),
        concept_bits=concept_bits,
        value_bits=value_bits,
        code_bits=code_bits,
        images=images,
        count=int(counts.sum()),
        effective=_effective(_summed(entries, labels, values)[0], float(tokens.plugin - tokens.bits)),
        adjusted=float(tokens.above / ceiling) if ceiling > 1e-12 else 0.0,
        shuffles=shuffles,
        resamples=resamples,
    )


def given(
    table: csr_array, labels: np.ndarray, strata: np.ndarray, *,
    seed: int = 0, shuffles: int = 199, resamples: int = 200,
) -> Estimate:  # fmt: skip
    """What a random token tells of the concept beyond what the stratum of its image tells: I(code; value | stratum).

    Chance shuffles labels within each stratum.

    Args:
        table, labels: as in `measure`. strata: (n,) in [0, G), such as a coarse colour.
    """
    entries = _entries(table[:, np.unique(table.indices)])
    values, groups = int(labels.max()) + 1, int(strata.max()) + 1

    def tell(index: np.ndarray, weights: np.ndarray | None = None) -> dict[str, tuple]:
        cells = strata * values + index
        sums, squares, _ = _summed(entries, cells, groups * values, weights)
        return _tell_given(sums, squares, np.bincount(cells, weights, groups * values), groups)

    chance = [tell(one) for one in shuffled(labels, strata, shuffles, seed)]
    again = [tell(labels, weights) for weights in resampled(len(labels), resamples, seed)]
    most = float(_most(np.bincount(labels, minlength=values)))
    return _estimate(tell(labels), chance, again, "tokens", most)


def shuffled(labels: np.ndarray, strata: np.ndarray, count: int, seed: int) -> Iterator[np.ndarray]:
    """Labels (n,) shuffled among the images of each stratum (n,), `count` times."""
    generator, order = np.random.default_rng([seed, 17]), np.argsort(strata, kind="stable")
    for _ in range(count):
        drawn = np.lexsort((generator.random(len(labels)), strata))
        found = np.empty_like(labels)
        found[order] = labels[drawn]
        yield found


def resampled(images: int, count: int, seed: int) -> Iterator[np.ndarray]:
    """How often each of n images is drawn when n are drawn with replacement: (n,) float64, `count` times."""
    generator = np.random.default_rng([seed, 19])
    for _ in range(count):
        yield np.bincount(generator.integers(0, images, images), minlength=images).astype(np.float64)


def interval(bits: np.ndarray, again: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the 95 % interval of `bits`: twice 1.96 standard deviations of what images drawn again give (B, ...).

    Not their quantiles: with few images of many codes, images drawn again are biased more than the images were.
    """
    if len(again) < 2:
        return np.full(np.shape(bits), np.nan), np.full(np.shape(bits), np.nan)
    half = 1.96 * again.std(0, ddof=1)
    return bits - half, bits + half


def affordable(work: int, least: int, most: int) -> int:
    """How many times something that touches `work` numbers may be done."""
    return int(np.clip(WORK // max(work, 1), least, most))


def estimate(
    own: tuple, chance: np.ndarray, expected: np.ndarray, again: tuple[np.ndarray, np.ndarray], most: np.ndarray | float
) -> Estimate:
    """Bits as counted less their bias, which is calibrated: of shuffled labels, nothing is left on average.

    Args:
        own: bits as counted and their bias. chance: (S, ...) bits of shuffled labels. expected: mean of their bias.
        again: both of images drawn again, (B, ...). most: what could be told.
    """
    mean, (plugin, bias) = chance.mean(0), own
    factor = np.divide(mean, expected, out=np.ones(np.shape(mean)), where=expected > 1e-12)
    bits = plugin - factor * bias
    low, high = interval(bits, again[0] - factor * again[1])
    p = (1 + (chance >= plugin - 1e-12).sum(0)) / (1 + len(chance))  # what is equal may be rounded apart
    low, bits, high = (np.minimum(one, most) for one in (low, bits, high))
    return Estimate(plugin, bits, low, high, mean, np.quantile(chance, 0.975, axis=0), p)


def _estimate(own: dict, chance: list[dict], again: list[dict], part: str, most: np.ndarray | float) -> Estimate:
    told, biases = (np.stack([one[part][i] for one in chance]) for i in range(2))
    drawn = tuple(np.array([one[part][i] for one in again]) for i in range(2))
    return estimate(own[part], told, biases.mean(0), drawn, most)


def _most(images: np.ndarray) -> np.ndarray:
    """Entropy of a concept from its images (..., V), with Miller and Madow's correction: the most that can be told."""
    return np.minimum(corrected_entropy(images), np.log2(images.shape[-1]))


def _entries(table: csr_array) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Image, code and tokens of every code of every image, and how many codes there are."""
    image = np.repeat(np.arange(table.shape[0]), np.diff(table.indptr))
    return image, table.indices.astype(np.int64), table.data.astype(np.float64), table.shape[1]


def _summed(entries: tuple, index: np.ndarray, rows: int, weights: np.ndarray | None = None) -> tuple:
    """Tokens, their squares, and images with each code over the images of each index: (rows, U) each.

    Faster by half than products of sparse matrices.
    """
    image, code, tokens, codes = entries
    cells = (index * codes)[image] + code
    drawn = np.ones(len(image)) if weights is None else weights[image]
    counted = (drawn * tokens, drawn * tokens * tokens, drawn)
    return tuple(np.bincount(cells, one, rows * codes).reshape(rows, codes) for one in counted)


def _tell(sums: np.ndarray, squares: np.ndarray, present: np.ndarray, images: np.ndarray) -> dict[str, tuple]:
    """Bits as counted, and their bias, of tokens, of each value (V,), and of the presence of each code (U,)."""
    share, rest = images / images.sum(), images.sum() - images
    everything, all_squares = sums.sum(0), squares.sum(0)
    counted = [usage.entropy_bits(one) for one in (everything, sums, everything - sums)]
    biases = [
        -image_bias(everything, all_squares, images.sum()),
        -image_bias(sums, squares, images),
        -image_bias(everything - sums, all_squares - squares, rest),
    ]
    tokens = tuple(whole - share @ own for whole, own, _ in (counted, biases))
    values = tuple(whole - share * own - (1 - share) * other for whole, own, other in (counted, biases))
    return {"tokens": tokens, "values": values, "presence": _presence(present, images)}


def _tell_given(sums: np.ndarray, squares: np.ndarray, images: np.ndarray, groups: int) -> dict[str, tuple]:
    """Bits as counted, and their bias, of tokens where the group is known: sums (G · V, U)."""
    by_group, all_squares = (one.reshape(groups, -1, one.shape[1]).sum(1) for one in (sums, squares))
    in_group = images.reshape(groups, -1).sum(1)
    share, own = in_group / images.sum(), images / images.sum()
    told = share @ usage.entropy_bits(by_group) - own @ usage.entropy_bits(sums)
    bias = own @ image_bias(sums, squares, images) - share @ image_bias(by_group, all_squares, in_group)
    return {"tokens": (told, bias)}


def _presence(present: np.ndarray, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bits as counted, and Miller and Madow's bias with N images, of each code: present (V, U) -> (U,) twice."""
    both = np.stack([present, images[:, None] - present], -1).transpose(1, 0, 2)  # (U, V, 2)
    joint = usage.entropy_bits(both.reshape(len(both), -1))
    plugin = usage.entropy_bits(images) + usage.entropy_bits(both.sum(1)) - joint
    occupied = (images > 0).sum() + (both.sum(1) > 0).sum(-1) - (both > 0).sum((1, 2)) - 1
    return plugin, -occupied / (2 * images.sum() * NATS)


def _effective(sums: np.ndarray, bias: float) -> float:
    """Independent tokens with which Miller and Madow's correction of the information is `bias` bits."""
    occupied = (sums > 0).sum() - (sums.sum(0) > 0).sum() - (sums.sum(1) > 0).sum() + 1
    return float(occupied / (2 * bias * NATS)) if bias > 1e-12 and occupied > 0 else float("nan")
