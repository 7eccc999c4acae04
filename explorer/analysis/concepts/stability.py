"""Whether two trainings of one config find the same codes: of the same images, at the same places.

Numbers of codes mean nothing, so codes are compared by what they do: which tokens they own. Every interval and every
null treats the image, not the token, as the sampling unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

PERMUTATIONS = 20
GROUPS = 40  # of images, left out one after another
CELLS = 2_000_000  # pairs of codes for which the expected information is summed; of more it is drawn
DRAWS = 5
DENSE = 2_048  # codes that are matched in the best way; of more greedily
METRICS = ("ami", "iou", "agreed")


@dataclass(frozen=True)
class Found:
    """A number, its 95 % interval, and its mean and 97.5th percentile where images are permuted."""

    mean: float
    low: float
    high: float
    null: float
    null_high: float


@dataclass(frozen=True)
class Stability:
    """How far the codes of two networks agree.

    Attributes:
        ami: adjusted mutual information of the two codes of a token: 1 where one tells the other, 0 by chance.
        iou: of a code and its partner, tokens that both own over those that either owns; mean over codes, in [0, 1].
        agreed: share of tokens whose two codes are partners, in [0, 1].
        images, tokens: how many. used: codes that occur, of each network. matched: codes that have a partner.
        same: of these, those whose partner has their number: 1 or 2 by chance, all where both began with one codebook.
        greedy: whether partners are chosen greedily, because there are many: the best choice would give no less.
    """

    ami: Found
    iou: Found
    agreed: Found
    images: int
    tokens: int
    used: tuple[int, int]
    matched: int
    same: int
    greedy: bool


def compare(first: np.ndarray, second: np.ndarray, *, seed: int = 0) -> Stability | None:
    """Agreement of codes (N, H, W) and (N, H, W) of the same N images; None of one image, or of one code only.

    Partners are found on one half of the images (Hungarian method, largest IoU) and scored on the other, and the other
    way round. Intervals are of the jackknife over groups of images. The null gives each image the codes of another one,
    so that it holds what the usual place of a code brings.

    Source: Vinh, Epps and Bailey, Information theoretic measures for clusterings comparison, 2010, for the AMI with the
    arithmetic mean; Kuhn, The Hungarian method for the assignment problem, 1955.
    """
    (numbers, first), (others, second) = (renumbered(codes) for codes in (first, second))
    images, size = len(first), (len(numbers), len(others))
    if images < 2 or min(size) < 2:
        return None
    generator = np.random.default_rng(seed)
    groups = generator.permutation(images) % min(GROUPS, images)
    table = contingency(first, second, groups, size)
    expected = expected_information(*table.margins(table.total), seed=seed)
    ends = _jackknife(table, expected)
    null = np.empty((PERMUTATIONS, len(METRICS)))
    for draw in range(PERMUTATIONS):
        moved = contingency(first, second[generator.permutation(images)], groups, size)
        null[draw] = _measured(moved, _halves(moved), expected)
    partner = partners(table, table.total)
    have = partner >= 0
    found = {
        name: Found(*ends[:, place].tolist(), float(null[:, place].mean()), float(np.quantile(null[:, place], 0.975)))
        for place, name in enumerate(METRICS)
    }
    same = int((numbers[have] == others[partner[have]]).sum())
    return Stability(**found, images=images, tokens=first.size, used=size, matched=int(have.sum()), same=same,
                     greedy=max(size) > DENSE)  # fmt: skip


@dataclass(frozen=True)
class Table:
    """Tokens by group of images and pair of codes: pair u is of codes `first[u]` and `second[u]`, both (U,).

    `counts` (G, U), sparse, are the tokens, `total` (U,) their sums; `size` says how many codes there are of each.
    """

    first: np.ndarray
    second: np.ndarray
    counts: csr_array
    total: np.ndarray
    size: tuple[int, int]

    def margins(self, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Tokens of each code of both, of tokens (U,) of each pair."""
        of = ((self.first, self.size[0]), (self.second, self.size[1]))
        return tuple(np.bincount(codes, tokens, size) for codes, size in of)


def renumbered(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers (U,) of the codes that occur, and codes (N, …) as positions among them (N, P)."""
    numbers, position = np.unique(codes, return_inverse=True)
    return numbers, position.reshape(len(codes), -1)


def contingency(first: np.ndarray, second: np.ndarray, groups: np.ndarray, size: tuple[int, int]) -> Table:
    """The table of codes (N, P) twice and the group of each image (N,)."""
    from scipy.sparse import coo_array

    pairs, place = np.unique(first * size[1] + second, return_inverse=True)
    of = np.repeat(groups, first.shape[1])
    shape = (int(groups.max()) + 1, len(pairs))
    counts = coo_array((np.ones(of.size), (of, place.reshape(-1))), shape=shape).tocsr()
    return Table(pairs // size[1], pairs % size[1], counts, np.asarray(counts.sum(0)).reshape(-1), size)


def adjusted(table: Table, tokens: np.ndarray, expected: float) -> float:
    """Adjusted mutual information of tokens (U,), given what is expected by chance, in nats."""
    count = tokens.sum()
    joint, *single = ((_weighed(count) - _weighed(one).sum()) / count for one in (tokens, *table.margins(tokens)))
    room = sum(single) / 2 - expected
    return float((sum(single) - joint - expected) / room) if room > 1e-12 else 0.0


def expected_information(first: np.ndarray, second: np.ndarray, *, seed: int = 0) -> float:
    """Mutual information in nats that tokens of these margins, (A,) and (B,), have by chance, each token by itself.

    Summed over the hypergeometric distribution of each cell, to eight deviations of its mean (Vinh, Epps and Bailey,
    2010, equation 24); of more than CELLS cells the mean of draws.
    """
    first, second = first[first > 0], second[second > 0]
    if len(first) * len(second) > CELLS:
        return _drawn(first, second, seed)
    from scipy.special import gammaln

    count = int(first.sum())
    factorial = gammaln(np.arange(count + 1) + 1.0)
    rows = max(1, 20_000 // len(second))
    return float(
        sum(_expected(first[at : at + rows], second, count, factorial) for at in range(0, len(first), rows))
    )  # fmt: skip


def _expected(first: np.ndarray, second: np.ndarray, count: int, factorial: np.ndarray) -> float:
    a, b = (one.reshape(-1).astype(np.int64) for one in np.broadcast_arrays(first[:, None], second[None, :]))
    mean = a * b / count
    spread = np.sqrt(mean * (1 - a / count) * (1 - b / count))
    low = np.maximum(np.maximum(1, a + b - count), np.floor(mean - 8 * spread - 12)).astype(np.int64)
    high = np.minimum(np.minimum(a, b), np.ceil(mean + 8 * spread + 12)).astype(np.int64)
    steps = np.maximum(high - low + 1, 0)
    a, b = np.repeat(a, steps), np.repeat(b, steps)
    n = np.repeat(low, steps) + np.arange(steps.sum()) - np.repeat(np.cumsum(steps) - steps, steps)
    log = factorial[a] + factorial[b] + factorial[count - a] + factorial[count - b]
    log -= factorial[count] + factorial[n] + factorial[a - n] + factorial[b - n] + factorial[count - a - b + n]
    return float((n / count * (np.log(count) + np.log(n) - np.log(a) - np.log(b)) * np.exp(log)).sum())


def _drawn(first: np.ndarray, second: np.ndarray, seed: int) -> float:
    generator, found = np.random.default_rng([seed, 24]), []
    left, right = (np.repeat(np.arange(len(one)), one.astype(np.int64)) for one in (first, second))
    for _ in range(DRAWS):
        pairs = np.unique(left * len(second) + generator.permutation(right), return_counts=True)[1]
        found.append(_weighed(pairs).sum() - _weighed(first).sum() - _weighed(second).sum())
    return float(np.mean(found) / first.sum() + np.log(first.sum()))


def partners(table: Table, tokens: np.ndarray) -> np.ndarray:
    """(A,) the partner of each code of the first network, -1 for none, so that the sum of IoU over pairs is largest."""
    from scipy.optimize import linear_sum_assignment

    overlap = _iou(table, tokens)
    found = np.full(table.size[0], -1)
    if max(table.size) > DENSE:
        return _greedy(table, overlap)
    dense = np.zeros(table.size)
    dense[table.first, table.second] = overlap
    rows, columns = linear_sum_assignment(dense, maximize=True)
    there = dense[rows, columns] > 0
    found[rows[there]] = columns[there]
    return found


def _greedy(table: Table, overlap: np.ndarray) -> np.ndarray:
    found, taken = [-1] * table.size[0], [False] * table.size[1]
    order = np.argsort(-overlap, kind="stable")
    for one, other in zip(table.first[order].tolist(), table.second[order].tolist(), strict=True):
        if found[one] < 0 and not taken[other]:
            found[one], taken[other] = other, True
    return np.array(found)


def _iou(table: Table, tokens: np.ndarray) -> np.ndarray:
    """(U,) tokens of each pair over those that either of its codes owns."""
    first, second = table.margins(tokens)
    either = first[table.first] + second[table.second] - tokens
    return tokens / np.maximum(either, 1)


def _matched(table: Table, tokens: np.ndarray, partner: np.ndarray) -> tuple[float, float]:
    """Mean IoU over codes, and share of tokens that agree, of tokens (U,) given the partner (A,) of each code."""
    pair = partner[table.first] == table.second
    used = max(int((margin > 0).sum()) for margin in table.margins(tokens))
    return float(_iou(table, tokens)[pair].sum() / max(used, 1)), float(tokens[pair].sum() / max(tokens.sum(), 1))


def _halves(table: Table) -> list[np.ndarray]:
    """Tokens (U,) of every other group, and of the others."""
    return [np.asarray(table.counts[start::2].sum(0)).reshape(-1) for start in (0, 1)]


def _measured(table: Table, halves: list[np.ndarray], expected: float, chosen: list | None = None) -> np.ndarray:
    """METRICS of the tokens (U,) of both halves; partners of each are found on the other, unless they are given."""
    chosen = chosen or [partners(table, half) for half in reversed(halves)]
    scored = [_matched(table, half, partner) for half, partner in zip(halves, chosen, strict=True)]
    return np.array([adjusted(table, sum(halves), expected), *np.mean(scored, axis=0)])


def _jackknife(table: Table, expected: float) -> np.ndarray:
    """METRICS, and the ends of their 95 % intervals: (3, 3)."""
    from scipy.special import stdtrit

    halves, count = _halves(table), table.counts.shape[0]
    chosen = [partners(table, half) for half in reversed(halves)]
    estimate, tokens = _measured(table, halves, expected, chosen), table.total.sum()
    left_out = []
    for group in range(count):
        gone = table.counts[[group]].toarray().reshape(-1)
        rest = [half - gone if group % 2 == place else half for place, half in enumerate(halves)]
        share = tokens / max(tokens - gone.sum(), 1)  # what is expected by chance falls as one over the tokens
        left_out.append(_measured(table, rest, expected * share, chosen))
    spread = np.square(np.array(left_out) - np.mean(left_out, axis=0)).sum(0) * (count - 1) / count
    half = stdtrit(count - 1, 0.975) * np.sqrt(spread)
    return np.stack([estimate, estimate - half, np.minimum(estimate + half, 1)])


def _weighed(counts: np.ndarray) -> np.ndarray:
    return counts * np.log(np.where(counts > 0, counts, 1))
