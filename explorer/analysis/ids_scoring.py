"""Whether ids of images are any good: how well they use their codes, and whether ids that begin alike are alike.

Neighbours by id are all images in the order of how much of the id they share; those that share as much stand in no
order, so that what is told is what a random order of them gives on average.

Source: recall and nDCG as Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR techniques, 2002, with ties as
McSherry and Najork, Computing information retrieval performance measures efficiently in the presence of tied scores,
2008; collisions as Rajput et al., 2023, arXiv:2305.05065.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from explorer.analysis import ids, quality
from explorer.analysis.usage import entropy_bits

K = 10  # neighbours
THIN = 0.2  # of the bits that ids could hold; with less, they are called collapsed
PARTS = 20  # groups of images that an interval leaves out
BLOCK = 256  # queries at a time


def levels(found: np.ndarray, sizes: Sequence[int]) -> list[dict[str, Any]]:
    """One entry a level of ids (N, L) with `sizes` (L,) possible codes.

    `level` from 1, `size` possible codes, `used` of them, `coverage` = used / size, `entropy_bits` of the code at this
    level and `max_bits` = log2(size), `perplexity` = 2 ** entropy; of the id up to this level: `prefixes` that occur,
    `prefix_bits` their entropy, `collisions` the share of images that share it with another one, what that would be
    on average if each code were as likely (`collisions_even`), and `largest`, how many images share the commonest.
    """
    told, rows, images, possible = ids.prefixes(found), [], len(found), 1.0
    for level, size in enumerate(sizes):
        codes = np.bincount(found[:, level], minlength=size)
        buckets = np.bincount(told[:, level])
        possible = min(possible * size, 1e18)
        bits = float(entropy_bits(codes)) if images else 0.0
        rows.append({
            "level": level + 1, "size": int(size), "used": int((codes > 0).sum()),
            "coverage": float((codes > 0).sum() / size), "entropy_bits": abs(bits), "max_bits": float(np.log2(size)),
            "perplexity": float(2**bits), "prefixes": len(buckets), "prefix_bits": abs(float(entropy_bits(buckets))),
            "collisions": float(buckets[buckets > 1].sum() / max(images, 1)),
            "collisions_even": float(-np.expm1((images - 1) * np.log1p(-1 / possible))) if possible > 1 else 1.0,
            "largest": int(buckets.max(initial=0)),
        })  # fmt: skip
    return rows


def shared(queries: np.ndarray, found: np.ndarray) -> np.ndarray:
    """How many codes of each id (N, L) are those of each query (q, L), from the first on: (q, N) int64 in 0 … L."""
    same = np.ones((len(queries), len(found)), bool)
    total = np.zeros(same.shape, np.int64)
    for level in range(found.shape[1]):
        same &= queries[:, level, None] == found[None, :, level]
        total += same
    return total


def ranked(scores: np.ndarray, relevant: np.ndarray, k: int = K) -> tuple[np.ndarray, np.ndarray]:
    """Recall@k and nDCG@k of each query, averaged over every order of images with equal scores.

    Args:
        scores: (q, n) int, more is nearer; negative ones are left out. relevant: (q, n) bool.

    Returns:
        (q,) and (q,) float64 in [0, 1]; NaN where nothing is relevant.
    """
    discounts = np.concatenate([[0], np.cumsum(1 / np.log2(np.arange(2, k + 2)))])
    wanted = relevant.sum(1).astype(np.float64)
    recall, gained, before = np.zeros(len(scores)), np.zeros(len(scores)), np.zeros(len(scores))
    for score in range(int(scores.max(initial=0)), -1, -1):
        level = scores == score
        many, hits = level.sum(1), (level & relevant).sum(1)
        after = np.minimum(before + many, k)
        share = hits / np.maximum(many, 1)
        recall += share * (after - before)
        gained += share * (discounts[after.astype(int)] - discounts[before.astype(int)])
        before = after
    ideal = discounts[np.minimum(wanted, k).astype(int)]
    with np.errstate(invalid="ignore", divide="ignore"):
        return recall / np.minimum(wanted, k), gained / ideal


def truth(rows: np.ndarray, queries: np.ndarray, k: int = K) -> np.ndarray:
    """The `k` images nearest to each query by cosine of unit rows (N, F), never itself: (q, N) bool.

    Images as near as the last of them are taken in a fixed random order.
    """
    order = np.random.default_rng([len(rows), 31]).permutation(len(rows))
    found = np.zeros((len(queries), len(rows)), bool)
    k = min(k, len(rows) - 1)
    for start in range(0, len(queries), BLOCK):
        some = queries[start : start + BLOCK]
        near = np.round((rows[some] @ rows[order].T).astype(np.float64), 6)  # equal but for rounding is equal
        near[order[None, :] == some[:, None]] = -np.inf
        best = np.argsort(-near, axis=1, kind="stable")[:, :k]
        found[np.arange(start, start + len(some))[:, None], order[best]] = True
    return found


def neighbours(found: np.ndarray, queries: np.ndarray, relevant: np.ndarray, k: int = K) -> dict[str, np.ndarray]:
    """`recall` and `ndcg` (q,) of the neighbours by id, of ids (N, L), against `relevant` (q, N)."""
    parts = []
    for start in range(0, len(queries), BLOCK):
        some = queries[start : start + BLOCK]
        scores = shared(found[some], found)
        scores[np.arange(len(some)), some] = -1  # an image is no neighbour of itself
        parts.append(ranked(scores, relevant[start : start + BLOCK], k))
    recall, ndcg = (np.concatenate(one) for one in zip(*parts, strict=True))
    return {"recall": recall, "ndcg": ndcg}


def summed(found: dict[str, np.ndarray]) -> dict[str, dict[str, Any]]:
    """{mean, low, high, n} of each score, over queries."""
    return {name: quality.interval(values[np.isfinite(values)]) for name, values in found.items()}


def shuffled(found: np.ndarray, seed: int = 0) -> np.ndarray:
    """The same ids given to other images: buckets as large at every level, and nothing known of any image."""
    return found[np.random.default_rng([seed, 41]).permutation(len(found))]


def purity(found: np.ndarray, index: np.ndarray, *, seed: int = 0) -> list[dict[str, float]]:
    """How far the id up to each level tells a concept: AMI of ids (N, L) with values (N,), -1 where unknown.

    `ami` is 1 where one tells the other, about 0 by chance; `shuffled` the same of ids that were given to other images;
    `left` is the share of the concept's entropy that the id leaves open, 0 to 1, with `left_shuffled`.

    Source: Vinh, Epps and Bailey, 2010, with the arithmetic mean.
    """
    known = index >= 0
    told, others = ids.prefixes(found[known]), ids.prefixes(shuffled(found[known], seed))
    values, rows = index[known], []
    for level in range(found.shape[1]):
        rows.append({
            "ami": _ami(told[:, level], values), "shuffled": _ami(others[:, level], values),
            "left": left_open(told[:, level], values), "left_shuffled": left_open(others[:, level], values),
        })  # fmt: skip
    return rows


def ahead(ours: np.ndarray, theirs: np.ndarray, values: np.ndarray, *, seed: int = 0) -> dict[str, Any]:
    """How much better some groups tell a concept than others: {difference, low, high, n} of AMI, of groups (n,) twice.

    The 95 % interval leaves out one of PARTS groups of images at a time (grouped jackknife); no ends of few images.
    """
    from scipy.special import stdtrit

    gap, count = _ami(ours, values) - _ami(theirs, values), min(PARTS, len(values))
    if len(values) < 2 * PARTS:
        return {"difference": gap, "low": None, "high": None, "n": len(values)}
    part = np.random.default_rng([seed, 43]).permutation(len(values)) % count
    without = np.array([
        _ami(ours[part != one], values[part != one]) - _ami(theirs[part != one], values[part != one])
        for one in range(count)
    ])  # fmt: skip
    half = stdtrit(count - 1, 0.975) * np.sqrt((count - 1) / count * np.square(without - without.mean()).sum())
    return {"difference": gap, "low": float(gap - half), "high": float(gap + half), "n": len(values)}


def left_open(groups: np.ndarray, values: np.ndarray) -> float:
    """H(value | group) / H(value) of groups (n,) and values (n,) from 0, in [0, 1]; 1 tells nothing."""
    sizes = int(groups.max(initial=0)) + 1, int(values.max(initial=0)) + 1
    _, pairs = np.unique(groups * sizes[1] + values, return_counts=True)
    own = float(entropy_bits(np.bincount(values)))
    if own <= 0:
        return 1.0
    return float(np.clip((float(entropy_bits(pairs)) - float(entropy_bits(np.bincount(groups)))) / own, 0, 1))


def _ami(groups: np.ndarray, values: np.ndarray) -> float:
    from sklearn.metrics import adjusted_mutual_info_score

    if min(len(np.unique(groups)), len(np.unique(values))) < 2:
        return 0.0
    return float(adjusted_mutual_info_score(values, groups))


def attainable(rows: Sequence[dict[str, Any]], images: int) -> float:
    """Bits that whole ids could hold: those of all their codes, and no more than tell all images apart."""
    return float(min(np.log2(max(images, 1)), sum(row["max_bits"] for row in rows)))


def collapsed(rows: Sequence[dict[str, Any]], images: int) -> bool:
    """Whether ids hold less than THIN of the bits that they could, or less than half while most images share one."""
    most, bits = attainable(rows, images), rows[-1]["prefix_bits"]
    if images < 2:
        return False
    return bits <= 0 or bits < THIN * most or (bits < most / 2 and rows[-1]["largest"] > images / 2)


def sentence(rows: Sequence[dict[str, Any]], images: int) -> str:
    """What the levels say, in words."""
    last = rows[-1]
    if images < 2:
        return "One image has one id; what ids are worth shows with more."
    many, count = round(last["collisions"] * images), last["prefixes"]
    if collapsed(rows, images):
        return (
            f"Collapsed: {last['largest']:,} of {images:,} images share one id, and there "
            f"{'is 1 id' if count == 1 else f'are {count:,} ids'} in all; they hold {last['prefix_bits']:.1f} of the "
            f"{attainable(rows, images):.1f} bits that they could. Ids like these tell hardly anything apart."
        )
    alone = [row["level"] for row in rows if row["used"] == 1]
    idle = f" Level {alone[0]} has the same code in every image: it tells nothing apart." if alone else ""
    if not many:
        return f"Each of the {images:,} images has an id of its own.{idle}"
    return (
        f"{many:,} of {images:,} images ({many / images:.0%}) share their id with another one: there are {count:,} "
        f"ids, and {last['largest']:,} images have the commonest. If every code were as likely, "
        f"{last['collisions_even']:.0%} would.{idle}"
    )
