"""How a codebook is used: counts, entropy, perplexity, and what codes have to do with concepts.

Tokens of one image are not independent, so every interval and every shuffled baseline here treats the image, not the
token, as the sampling unit. Entropies are in bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

WORK = 200_000_000  # numbers that shuffles of labels may touch, about two seconds
DRAWS = 1_000_000  # numbers that may be drawn in their place, about half a second


@dataclass(frozen=True)
class Usage:
    """Statistics of one codebook on one set of images.

    Attributes:
        codes: K, vectors in the codebook.
        images, tokens: how many were counted.
        used, dead: codes that occur at least once, and never.
        entropy_bits: plug-in entropy of the code distribution, in [0, log2 K].
        entropy_corrected: the same with the Miller–Madow correction (used - 1) / (2 tokens ln 2); at most log2 K.
        perplexity: 2 ** entropy_bits, in [1, K]: as many equally frequent codes have this entropy; 0 without tokens.
        uniform_perplexity: what as many tokens drawn evenly from all K codes would reach on average; by chance more.
        uniform_used: how many codes such tokens would use, on average.
    """

    codes: int
    images: int
    tokens: int
    used: int
    dead: int
    entropy_bits: float
    entropy_corrected: float
    perplexity: float
    uniform_perplexity: float
    uniform_used: float


def measure(counts: np.ndarray, images: int) -> Usage:
    """Usage statistics of token counts.

    Args:
        counts: (K,) tokens of each code, ≥ 0.
        images: how many images the tokens come from.

    Source: Miller, Note on the bias of information estimates, 1955, for the corrected entropy; Kaiser et al., Fast
    Decoding in Sequence Models, 2018, for perplexity as a measure of codebook use.
    """
    counts = _counts(counts)
    tokens, used = int(counts.sum()), int((counts > 0).sum())
    bits = float(entropy_bits(counts))
    correction = (used - 1) / (2 * tokens * np.log(2)) if tokens else 0.0
    return Usage(
        codes=len(counts),
        images=int(images),
        tokens=tokens,
        used=used,
        dead=len(counts) - used,
        entropy_bits=bits,
        entropy_corrected=float(min(bits + correction, np.log2(len(counts)))),
        perplexity=float(2**bits) if tokens else 0.0,
        uniform_perplexity=uniform_perplexity(len(counts), tokens),
        uniform_used=float(len(counts) * -np.expm1(tokens * np.log1p(-1 / len(counts)))) if len(counts) > 1 else used,
    )


def count_tokens(codes: np.ndarray, size: int) -> np.ndarray:
    """Tokens of each code: codes (...) in [0, size) -> (size,) int64; ValueError for a code outside."""
    flat = np.asarray(codes).reshape(-1)
    if flat.size and (int(flat.min()) < 0 or int(flat.max()) >= size):
        raise ValueError(f"codes must lie in [0, {size}); found {int(flat.min())} to {int(flat.max())}")
    return np.bincount(flat, minlength=size)


def entropy_bits(counts: np.ndarray) -> np.ndarray:
    """Plug-in entropy over the last axis: (..., K) counts, any scale -> (...) bits; 0 where nothing was counted."""
    counts = np.asarray(counts, np.float64)
    total = counts.sum(-1)
    safe = np.where(total > 0, total, 1)
    weighted = (counts * np.log2(np.where(counts > 0, counts, 1))).sum(-1)
    return np.maximum(np.where(total > 0, np.log2(safe) - weighted / safe, 0), 0)


def uniform_perplexity(size: int, tokens: int) -> float:
    """2 to the expected plug-in entropy of `tokens` independent draws, all of `size` codes equally likely.

    Exact up to 1e-9: a count is Binomial(tokens, 1/size), and counts far from their mean are left out.
    """
    if not tokens:
        return 0.0
    if size == 1:
        return 1.0
    from scipy.stats import binom

    spread = 12 * np.sqrt(tokens / size) + 40
    count = np.arange(max(1, int(tokens / size - spread)), min(tokens, int(tokens / size + spread)) + 1)
    expected = (count * np.log2(count) * binom.pmf(count, tokens, 1 / size)).sum()
    return float(2 ** (np.log2(tokens) - size / tokens * expected))


def cumulative_share(counts: np.ndarray) -> np.ndarray:
    """Share of all tokens covered by the most used 1, 2, … K codes: (K,) -> (K,) in [0, 1], rising."""
    ordered = np.sort(_counts(counts))[::-1].astype(np.float64)
    return np.cumsum(ordered) / max(ordered.sum(), 1)


def codes_covering(counts: np.ndarray, shares: tuple[float, ...] = (0.5, 0.9, 0.99)) -> tuple[int, ...]:
    """How few codes cover each share of the tokens; 0 where there are no tokens."""
    if not np.sum(counts):
        return tuple(0 for _ in shares)
    covered = np.cumsum(np.sort(_counts(counts))[::-1])
    # whole tokens: in floating point 0.9 × 10 tokens might need a tenth
    needed = [np.ceil(share * covered[-1] - 1e-9) for share in shares]
    return tuple(int(np.searchsorted(covered, need) + 1) for need in needed)


def bits_per_pixel(grid: tuple[int, int], size: int, image_size: int, entropy_bits: float | None = None) -> float:
    """Bits of one code map over the pixels of a square image.

    With the nominal log2 K bits a token, or with `entropy_bits` a token: what an ideal entropy coder that knows only
    the code frequencies would need.
    """
    per_token = np.log2(size) if entropy_bits is None else entropy_bits
    return float(grid[0] * grid[1] * per_token / image_size**2)


def occurrences(codes: np.ndarray, size: int) -> csr_array:
    """How often each code occurs in each image: codes (N, H, W) in [0, K) -> sparse (N, K) int64."""
    from scipy.sparse import csr_array

    flat = np.asarray(codes).reshape(len(codes), -1)
    if flat.size and (int(flat.min()) < 0 or int(flat.max()) >= size):
        raise ValueError(f"codes must lie in [0, {size}); found {int(flat.min())} to {int(flat.max())}")
    starts = np.arange(len(flat) + 1) * flat.shape[1]
    found = csr_array((np.ones(flat.size, np.int64), flat.reshape(-1).astype(np.int64), starts), (len(flat), size))
    found.sum_duplicates()
    return found


@dataclass(frozen=True)
class ConceptUsage:
    """Tokens by concept value and code.

    Attributes:
        values: V concept values, sorted.
        codes: (U,) ids of the codes that occur.
        counts: (V, U) int64 tokens.
        images: (V,) images of each value.
        missing: images without a value, left out.
    """

    values: list
    codes: np.ndarray
    counts: np.ndarray
    images: np.ndarray
    missing: int

    @property
    def share(self) -> np.ndarray:
        """(V, U): of the tokens of a value's images, the share of each code; rows sum to 1."""
        return self.counts / np.maximum(self.counts.sum(1, keepdims=True), 1)


def by_concept(codes: np.ndarray, labels: np.ndarray, size: int) -> ConceptUsage:
    """Usage per concept value: codes (N, H, W), labels (N,) discrete, None or NaN where unknown."""
    index, values = levels(labels)
    table = _used(occurrences(codes, size))
    known = index >= 0
    return ConceptUsage(
        values=values,
        codes=table[1],
        counts=sum_rows(table[0][known], index[known], len(values)).toarray(),
        images=np.bincount(index[known], minlength=len(values)),
        missing=int((~known).sum()),
    )


@dataclass(frozen=True)
class Information:
    """Mutual information with a concept, beside what shuffled labels give.

    Attributes:
        bits: the estimate; an array for a value per code.
        chance, chance_high: mean and 97.5th percentile over permutations of the labels among the images.
        p: (1 + permutations that tell as much) / (1 + permutations): of so much by chance.
        concept_bits: entropy of the concept over images, the most that could be known.
        images, permutations: sample sizes.
        codes: (U,) ids for a value per code, else None.
    """

    bits: float | np.ndarray
    chance: float | np.ndarray
    chance_high: float | np.ndarray
    p: float | np.ndarray
    concept_bits: float
    images: int
    permutations: int
    codes: np.ndarray | None = None


def token_information(
    codes: np.ndarray, labels: np.ndarray, size: int, *, seed: int = 0, permutations: int = 100
) -> Information:
    """Bits that the code of one random token tells about the concept of its image.

    Plug-in mutual information I(code; value) of the (value, code) token table. It is biased upwards, more so with many
    codes and few images: read it against `chance`, which has the same bias because labels are shuffled among images.

    Args:
        codes: (N, H, W). labels: (N,) discrete; images without a value are left out.
    """

    def measure_table(table: np.ndarray, _: np.ndarray) -> np.ndarray:
        return entropy_bits(table.sum(0)) + entropy_bits(table.sum(1)) - entropy_bits(table.reshape(-1))

    table, _ = _used(occurrences(codes, size))
    result = _with_chance(table, labels, measure_table, seed, permutations)
    return Information(*map(float, result[:4]), *result[4:], permutations)


def presence_information(
    codes: np.ndarray, labels: np.ndarray, size: int, *, seed: int = 0, permutations: int | None = None
) -> Information:
    """Bits that the presence of each code anywhere in an image tells about the image's concept.

    Plug-in mutual information of (present or not, value) over images, for every code that occurs; in [0, 1] bits. Many
    permutations, because many codes are asked: unless told, 199 to 999, the fewer the larger the table.
    """

    table, used = _used(occurrences(codes, size))
    table = (table > 0).astype(np.int64)
    if permutations is None:
        work = table.nnz + 20 * len(used) * len(levels(labels)[1])
        permutations = int(np.clip(WORK // max(work, 1), 199, 999))
    result = _with_chance(table, labels, _presence_bits, seed, permutations)
    return Information(*result, permutations, used)


def drawn_information(
    having: np.ndarray, images: np.ndarray, codes: np.ndarray, *, seed: int = 0, permutations: int | None = None
) -> Information:
    """The same from counts, however many images there are: chance is drawn from what shuffled labels would count.

    Were labels shuffled, the images of each value that have a code would be a draw without replacement from the images
    of the values, which is multivariate hypergeometric. That knows of a code in how many images it is and nothing else,
    so codes that are in equally many share their draws, and others are drawn apart, which changes neither `chance` nor
    `chance_high` nor `p` of a code.

    Args:
        having: (V, U) images of each value that have each code. images: (V,) images of each value. codes: (U,) ids.
    """
    if not images.sum():
        raise ValueError("no image has a value of this concept")
    if permutations is None:
        permutations = int(np.clip(DRAWS // max(having.size, 1), 199, 999))
    bits, generator, told = _presence_bits(having, images), np.random.default_rng(seed), []
    shared: dict[int, np.ndarray] = {}
    for own, of in zip(bits, having.sum(0).tolist(), strict=True):
        if of not in shared:
            drawn = generator.multivariate_hypergeometric(images, of, permutations, method="marginals")
            shared[of] = _presence_bits(drawn.T, images)
        chance = shared[of]
        told.append(
            (chance.mean(), np.quantile(chance, 0.975), (1 + (chance >= own - 1e-12).sum()) / (1 + permutations))
        )
    mean, high, p = np.array(told).reshape(-1, 3).T
    return Information(bits, mean, high, p, float(entropy_bits(images)), int(images.sum()), permutations, codes)


def _presence_bits(present: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Bits that the presence of each code tells: images (V, U) of each value that have it, images (V,) -> (U,)."""
    both = np.stack([present, images[:, None] - present])  # (2, V, U)
    by_code = np.moveaxis(both, 2, 0)  # (U, 2, V)
    joint = entropy_bits(by_code.reshape(len(by_code), -1))
    return np.maximum(entropy_bits(images) + entropy_bits(by_code.sum(2)) - joint, 0)


def levels(labels: np.ndarray) -> tuple[np.ndarray, list]:
    """Discrete labels (N,) -> (N,) int64 index into the sorted values, -1 where None or NaN; and the values."""
    import pandas

    index, values = pandas.factorize(pandas.Series(labels).astype(object), sort=False)
    order = sorted(range(len(values)), key=lambda i: (isinstance(values[i], str), values[i]))
    rank = np.empty(len(values) + 1, np.int64)
    rank[order], rank[-1] = np.arange(len(values)), -1  # index -1 finds the last entry
    return rank[index], [values[i] for i in order]


def _with_chance(table, labels, statistic, seed, permutations) -> tuple:
    """The statistic of (V, U) sums; its mean, 97.5th percentile and p under shuffled labels; concept bits, images."""
    index, values = levels(labels)
    known = index >= 0
    table, index = table[known], index[known]
    images = np.bincount(index, minlength=len(values))
    if not len(index):
        raise ValueError("no image has a value of this concept")
    bits = statistic(sum_rows(table, index, len(values)).toarray(), images)
    generator = np.random.default_rng(seed)
    shuffled = np.stack(
        [
            statistic(sum_rows(table, generator.permutation(index), len(values)).toarray(), images)
            for _ in range(permutations)
        ]
    )
    high = np.quantile(shuffled, 0.975, axis=0)
    p = (1 + (shuffled >= bits - 1e-12).sum(0)) / (1 + permutations)  # what is equal may be rounded apart
    return bits, shuffled.mean(0), high, p, float(entropy_bits(images)), len(index)


def sum_rows(table: csr_array, index: np.ndarray, values: int) -> csr_array:
    """Sums the rows (N, K) that have each index (N,) in [0, values): sparse (values, K) int64."""
    from scipy.sparse import csr_array

    rows = len(index)
    member = csr_array((np.ones(rows, np.int64), (index, np.arange(rows))), shape=(values, rows))
    return member @ table


def _used(table: csr_array) -> tuple[csr_array, np.ndarray]:
    """Only the columns that hold something, and their numbers."""
    used = np.unique(table.indices)
    return table[:, used], used


def _stack(parts: list[np.ndarray], size: int) -> csr_array:
    """Counts the codes of each part: sparse (len(parts), size) int64."""
    from scipy.sparse import csr_array

    found = [np.unique(part, return_counts=True) for part in parts]
    starts = np.cumsum([0, *(len(codes) for codes, _ in found)])
    codes = np.concatenate([codes for codes, _ in found]) if found else np.empty(0, np.int64)
    if codes.size and (int(codes.min()) < 0 or int(codes.max()) >= size):
        raise ValueError(f"codes must lie in [0, {size}); found {int(codes.min())} to {int(codes.max())}")
    counts = np.concatenate([counts for _, counts in found]) if found else np.empty(0, np.int64)
    return csr_array((counts.astype(np.int64), codes.astype(np.int64), starts), shape=(len(parts), size))


def _counts(counts: np.ndarray) -> np.ndarray:
    counts = np.asarray(counts)
    if counts.ndim != 1 or not len(counts):
        raise ValueError(f"counts must be (K,) with K ≥ 1; got shape {counts.shape}")
    if counts.min() < 0:
        raise ValueError("counts must not be negative")
    return counts.astype(np.int64)
