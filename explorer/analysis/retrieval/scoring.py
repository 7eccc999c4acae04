"""How well an order by similarity finds images of the same value: precision@k, average precision@k, and chance.

One definition for all of them. An image is relevant to a query where both have the same value of a concept. What is
left out of a query's own order, itself and its copies, is neither ranked nor counted as relevant. precision@k is the
share of the first k that are relevant. AP@k is the mean of precision@i over the places i ≤ k of relevant images, over
min(k, R) for R relevant ones in all, so that 1 can be reached; mAP@k is its mean over queries. A query without another
relevant image has none.

Ties are broken by no rule: what is told is the mean over all orders of images that are equally similar. One code for
everything so scores what a random order scores, however the rows are sorted.

Sources: Manning, Raghavan and Schütze, Introduction to Information Retrieval, 2008, section 8.4; of ties McSherry and
Najork, Computing information retrieval performance measures efficiently in the presence of tied scores, 2008.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

DIGITS = 9  # of similarities; those that agree so far are equal: a product of the same vectors may differ in the last


@dataclass(frozen=True)
class Ranked:
    """The first k images of q queries, and which of them tie.

    Attributes:
        rows: (q, k) images, most similar first; -1 where there are no more.
        start: (q, k) the first place, from 0, of the images that tie with that of a place. size: (q, k) how many tie.
        level: (q, n) sparse, the images that tie with the last one where not all of them are among the first k.
        spare: (q,) the next image, which moves up when one before is left out; -1 for none.
    """

    rows: np.ndarray
    start: np.ndarray
    size: np.ndarray
    level: csr_array
    spare: np.ndarray


@dataclass(frozen=True)
class Found:
    """What the first k places of q queries hold.

    Attributes:
        average: (q,) AP@k in [0, 1]; precision: (q,) precision@k in [0, 1]; NaN without a relevant image.
        hits: (q,) relevant images among the first k, the mean over ties.
        moved: (2, q, k) by how much the AP and the precision of a query would change without the image at a place,
            of one order of those that tie; None of `chance`.
    """

    average: np.ndarray
    precision: np.ndarray
    hits: np.ndarray
    moved: np.ndarray | None = None


def rank(similarity: np.ndarray, k: int, seed: int = 0) -> Ranked:
    """The first k of each query by similarity (q, n), larger is nearer; -inf is what is left out of a query's order.

    Which of the images that tie are named is drawn by lot.
    """
    from scipy.sparse import csr_array

    similarity = np.round(similarity.astype(np.float64), DIGITS)
    queries, images = similarity.shape
    k, more = min(k, images), min(k + 1, images)
    if not k:
        empty, none = np.empty((queries, 0), np.int64), np.full(queries, -1)
        return Ranked(empty, empty, empty, csr_array((queries, images), dtype=bool), none)
    lots = similarity + np.random.default_rng(seed).random(similarity.shape) * 10.0 ** -(DIGITS + 1)
    rows = np.argpartition(-lots, more - 1, axis=1)[:, :more]
    rows = np.take_along_axis(rows, np.argsort(-np.take_along_axis(lots, rows, 1), axis=1), 1)
    values = np.take_along_axis(similarity, rows, 1)
    rows = np.where(np.isfinite(values), rows, -1)
    spare = rows[:, k] if more > k else np.full(queries, -1)
    rows, values = rows[:, :k], values[:, :k]
    first = np.ones_like(rows, bool)
    first[:, 1:] = values[:, 1:] != values[:, :-1]
    start = np.maximum.accumulate(np.where(first, np.arange(k), 0), axis=1)
    size = (values[:, :, None] == values[:, None, :]).sum(2)
    last = values[:, -1:]
    tied = (similarity == last).sum(1)  # of the whole order, with the last place
    over = np.flatnonzero((tied > size[:, -1]) & np.isfinite(last[:, 0]))
    size[over] = np.where(values[over] == last[over], tied[over, None], size[over])
    query, image = np.nonzero(similarity[over] == last[over])
    level = csr_array((np.ones(len(image), bool), (over[query], image)), shape=(queries, images))
    return Ranked(rows, start, size, level, spare)


def found(ranked: Ranked, relevance: tuple[np.ndarray, np.ndarray], relevant: np.ndarray, k: int) -> Found:
    """AP@k, precision@k and hits of q queries.

    Args:
        relevance: values (q,) of the queries and (n,) of the images, integers; equal ones are relevant.
        relevant: (q,) R, the relevant images of each query's whole order.
    """
    own, values = relevance
    same = (values[ranked.rows] == own[:, None]) & (ranked.rows >= 0)  # (q, k)
    places = np.arange(same.shape[1])
    counted = np.concatenate([np.zeros((len(same), 1)), np.cumsum(same, 1)], 1)  # relevant ones before each place
    before = np.take_along_axis(counted, ranked.start, 1)
    end = np.minimum(ranked.start + ranked.size, same.shape[1])
    within = np.take_along_axis(counted, end, 1) - before  # relevant ones that tie, (q, k)
    within = np.where(ranked.start + ranked.size > same.shape[1], _level(ranked, own, values)[:, None], within)
    size = ranked.size
    likely = np.where(ranked.rows >= 0, within / np.maximum(size, 1), 0)
    earlier = (places - ranked.start) * (within - 1) / np.maximum(size - 1, 1)  # of those that tie, given one is here
    gained = (likely * (1 + before + earlier) / (places + 1)).sum(1)
    hits = likely.sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        average = np.where(relevant > 0, gained / np.minimum(relevant, k), np.nan)
    spare = (values[ranked.spare] == own) & (ranked.spare >= 0)
    moved = _moved(np.column_stack([same, spare]).astype(np.float64), relevant, k)
    return Found(average, np.where(relevant > 0, hits / k, np.nan), hits, moved)


def _moved(same: np.ndarray, relevant: np.ndarray, k: int) -> np.ndarray:
    """(2, q, k): what AP and precision change by without each image; `same` (q, k + 1) is 1 where one is relevant.

    Images before it stay, those behind it move up a place and have one relevant image less before them, if it was one.
    """
    places, counted = np.arange(1, same.shape[1] + 1), np.cumsum(same, 1)
    gained = same * counted / places
    up = np.where(places > 1, same / np.maximum(places - 1, 1), 0)
    before = np.cumsum(gained, 1) - gained
    behind = [part.sum(1, keepdims=True) - np.cumsum(part, 1) for part in (up * counted, up)]
    without = (before + behind[0] - same * behind[1])[:, :-1]
    own, relevant = same[:, :-1], relevant[:, None]
    average = without / np.clip(relevant - own, 1, k) - gained[:, :-1].sum(1, keepdims=True) / np.clip(relevant, 1, k)
    return np.stack([average, (same[:, -1:] - own) / k]).astype(np.float32)


def _level(ranked: Ranked, own: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(q,) relevant images among those that tie with the last one."""
    query = np.repeat(np.arange(len(own)), np.diff(ranked.level.indptr))
    return np.bincount(query, values[ranked.level.indices] == own[query], len(own))


def chance(relevant: np.ndarray, ranked: np.ndarray, k: int) -> Found:
    """The mean of `found` over all orders: (q,) relevant images of (q,) that are ranked."""
    relevant, ranked = (np.asarray(one, np.float64)[:, None] for one in (relevant, ranked))
    places = np.arange(k)
    likely = np.where(places < ranked, relevant / np.maximum(ranked, 1), 0)
    gained = likely * (1 + places * (relevant - 1) / np.maximum(ranked - 1, 1)) / (places + 1)
    relevant, hits = relevant[:, 0], likely.sum(1)
    with np.errstate(invalid="ignore", divide="ignore"):
        average = np.where(relevant > 0, gained.sum(1) / np.minimum(relevant, k), np.nan)
    return Found(average, np.where(relevant > 0, hits / k, np.nan), hits)


def pooled_precision(hits: np.ndarray, relevant: np.ndarray, k: int) -> float:
    """All hits over all that could be had, Σ hits / Σ min(k, R), in [0, 1]; NaN without any.

    It is what the library `implicit` calls precision_at_k: queries with few relevant images count less than others.
    """
    some = np.asarray(relevant) > 0
    possible = np.minimum(np.asarray(relevant)[some], k).sum()
    return float(np.asarray(hits)[some].sum() / possible) if possible else float("nan")
