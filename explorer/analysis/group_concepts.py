"""Whether groups of codes hold concepts: what each is tied to, and what groups keep of what codes tell.

Groups are made without labels; beside them stand random groups of the same sizes, whose codes are as often used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from explorer.analysis.concepts import features, probes, readings
from explorer.analysis.concepts import profile as profiles
from explorer.analysis.concepts.folds import folds
from explorer.analysis.concepts.scoring import Estimate
from explorer.analysis.concepts.values import Concept
from explorer.analysis.selection import adjust
from explorer.analysis.usage import entropy_bits, occurrences

RANDOM = 20  # random groups whose bits are counted
PROBED = 5  # of those, how many a probe reads
BLOCKS = 20  # of images, left out one after another
NEAR = 8  # codes that are used about as often change places in a random group


@dataclass(frozen=True)
class Tie:
    """The value of a concept that a group is tied to: chosen on one half of the images, counted on the other.

    Attributes:
        ratio: how much more common the value is where the group has more cells than in the median image. low, high:
            95 % interval. q: after Benjamini and Hochberg over the groups. inside, having, outside, lacking: images.
    """

    concept: str
    value: str
    ratio: float
    low: float
    high: float
    q: float
    inside: int
    having: int
    outside: int
    lacking: int

    @property
    def sure(self) -> bool:
        """Whether it holds on the images that it was not chosen on."""
        return self.q < profiles.SURE and self.low > 1


def shares(codes: np.ndarray, groups: np.ndarray, count: int) -> np.ndarray:
    """The share of the cells of each image that each group has: codes (N, H, W), groups (K,) or -1 -> (N, G)."""
    found = np.asarray(groups)[np.asarray(codes, np.int64).reshape(len(codes), -1)]
    known = found >= 0
    row = np.broadcast_to(np.arange(len(found))[:, None], found.shape)[known]
    counted = np.bincount(row * count + found[known], minlength=len(found) * count)
    return counted.reshape(len(found), count) / found.shape[1]


def ties(shares: np.ndarray, concepts: Sequence[Concept], seed: int = 0) -> list[Tie | None]:
    """What each group (N, G) is tied to; None where nothing stands out on the half that it is looked for in."""
    order = np.random.default_rng([seed, 47]).permutation(len(shares))
    choose, count = (np.sort(rows) for rows in np.array_split(order, 2))
    have = shares > np.median(shares, 0)
    kept = [one for one in concepts if not one.computed] or list(concepts)
    if not kept:
        return [None] * shares.shape[1]
    first, second = ([_counted(have[rows], one.of(rows)) for one in kept] for rows in (choose, count))
    q = np.stack([adjust(p) for p in np.concatenate([one.p for one in first], 1)])  # (G, all values)
    starts = np.cumsum([0, *(len(one.values) for one in kept)])
    low = np.concatenate([one.low for one in first], 1)
    best = np.where((q < profiles.SURE) & (low > 1), low, 0)
    found: list[Tie | None] = []
    for group, values in enumerate(best):
        at = int(values.argmax())
        place = int(np.searchsorted(starts, at, "right")) - 1
        found.append(second[place].tie(kept[place], group, at - starts[place]) if values[at] > 1 else None)
    chosen = [place for place, one in enumerate(found) if one is not None]
    for place, value in zip(chosen, adjust(np.array([found[place].q for place in chosen])), strict=True):
        found[place] = replace(found[place], q=float(value))
    return found


@dataclass(frozen=True)
class _Counted:
    """Images of each of V values where each of G groups has many cells, and elsewhere: `profile.Shares`, (G, V)."""

    inside: np.ndarray
    outside: np.ndarray
    ratio: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray

    def tie(self, concept: Concept, group: int, value: int) -> Tie:
        """One cell of it, with p in place of q."""
        ends = (float(one[group, value]) for one in (self.ratio, self.low, self.high, self.p))
        counts = (self.inside, self.outside)
        (inside, having), (outside, lacking) = ((int(one[group, value]), int(one[group].sum())) for one in counts)
        return Tie(concept.name, concept.values[value], *ends, inside, having, outside, lacking)


def _counted(have: np.ndarray, concept: Concept) -> _Counted:
    from scipy.stats import hypergeom

    member = (concept.index[:, None] == np.arange(len(concept.values))).astype(np.float64)  # (n, V)
    inside = have.T.astype(np.float64) @ member
    outside = member.sum(0) - inside
    having, lacking = inside.sum(1, keepdims=True), outside.sum(1, keepdims=True)
    rows = zip(inside, outside, having[:, 0], lacking[:, 0], strict=True)
    ratio, low, high = np.stack([profiles.risk_ratio(*row) for row in rows], 1)
    chance = hypergeom(having + lacking, inside + outside, having)
    p = np.minimum(1, 2 * np.minimum(chance.cdf(inside), chance.sf(inside - 1)))
    return _Counted(inside, outside, ratio, low, high, np.where((having > 0) & (lacking > 0), p, 1.0))


def at_random(groups: np.ndarray, tokens: np.ndarray, seed: int) -> np.ndarray:
    """Groups (K,) of the same sizes and about the same tokens, otherwise random; -1 stays where it is.

    Codes are put in the order of their tokens, and each run of NEAR of them is shuffled.
    """
    kept = np.flatnonzero(groups >= 0)
    order = kept[np.argsort(-tokens[kept], kind="stable")]
    generator, found = np.random.default_rng([seed, 53]), np.array(groups)
    for start in range(0, len(order), NEAR):
        run = order[start : start + NEAR]
        found[run] = groups[generator.permutation(run)]
    return found


def kept_bits(codes: np.ndarray, groups: np.ndarray, count: int, concepts: Sequence[Concept]) -> list[dict[str, Any]]:
    """How many of the bits that a token's code tells of a concept its group still tells, beside random groups.

    Mutual information of the tables of tokens, of the codes that are in a group. `share` of the codes' bits with a 95 %
    interval that leaves out blocks of images (Efron and Stein, The jackknife estimate of variance, 1981); `random`:
    the mean of RANDOM random groupings, `random_high` the most. None where the codes tell nothing.
    """
    from scipy.special import stdtrit

    size = len(groups)
    counts = occurrences(codes, size)
    tokens = np.asarray(counts.sum(0)).reshape(-1)
    others = [at_random(groups, tokens, seed) for seed in range(RANDOM)]
    block = np.random.default_rng(59).permutation(len(codes)) % min(BLOCKS, len(codes))
    found = []
    for concept in concepts:
        tables = np.stack(
            [
                _table(counts, np.where(block == number, concept.index, -1), len(concept.values))
                for number in range(int(block.max()) + 1)
            ]
        )  # (B, V, K)
        whole = tables.sum(0)
        value = _share(whole, groups, count)
        random = [_share(whole, one, count) for one in others]
        without = np.array([_share(whole - one, groups, count) for one in tables])
        half = stdtrit(len(without) - 1, 0.975) * np.sqrt((len(without) - 1) * np.var(without))
        ends = {"low": max(value - half, 0.0), "high": min(value + half, 1.0)}
        told = {"share": value, **ends, "random": float(np.mean(random)), "random_high": float(max(random))}
        found.append({"concept": concept.name, "bits": _bits(whole[:, groups >= 0]), **told})
    return found


def _table(counts: Any, index: np.ndarray, values: int) -> np.ndarray:
    """Tokens (V, K) of each value and code."""
    from explorer.analysis.usage import sum_rows

    known = index >= 0
    return sum_rows(counts[known], index[known], values).toarray().astype(np.float64)


def _bits(table: np.ndarray) -> float:
    return float(entropy_bits(table.sum(0)) + entropy_bits(table.sum(1)) - entropy_bits(table.reshape(-1)))


def _share(table: np.ndarray, groups: np.ndarray, count: int) -> float:
    """Bits of groups over bits of codes, of a table (V, K); 0 where codes tell nothing."""
    known = groups >= 0
    member = np.zeros((int(known.sum()), count))
    member[np.arange(len(member)), groups[known]] = 1
    bits = _bits(table[:, known])
    return min(_bits(table[:, known] @ member) / bits, 1.0) if bits > 1e-9 else 0.0


def probe(codes: np.ndarray, size: int, concepts: Sequence[Concept]) -> list[Estimate]:
    """What a linear probe tells of each concept from the bag of codes (N, H, W) in [0, K), on images it has not seen.

    Balanced accuracy, or R² of a number.
    """
    answers = probes.linear(features.bag(features.counts(codes, size)), concepts, folds(len(codes)))
    return [readings.scored(one, said) for one, said in zip(concepts, answers, strict=True)]


def probed(
    codes: np.ndarray, groups: np.ndarray, count: int, concepts: Sequence[Concept], whole: Sequence[Estimate]
) -> list[dict[str, Any]]:
    """The same from the bag of groups and of random groups, beside that of codes, `whole`.

    {concept, number, codes, groups, low, high, random, random_high, n}; the interval is of `groups`.
    """
    tokens = np.asarray(occurrences(codes, len(groups)).sum(0)).reshape(-1)

    def of(grouping: np.ndarray) -> list[Estimate]:
        known = np.where(grouping >= 0, grouping, count)  # codes in no group are one more
        return probe(known[np.asarray(codes, np.int64)], count + 1, concepts)

    own, random = of(groups), [of(at_random(groups, tokens, seed)) for seed in range(PROBED)]
    found = []
    for place, concept in enumerate(concepts):
        others = [one[place].score for one in random]
        told = {"codes": whole[place].score, "groups": own[place].score, "low": own[place].low}
        told |= {"high": own[place].high, "random": float(np.mean(others)), "random_high": float(max(others))}
        found.append({"concept": concept.name, "number": concept.numbers is not None, **told, "n": own[place].n})
    return found
