"""Which codes mark which values of concepts, and which codes to put in their place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from explorer.analysis.usage import sum_rows

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from explorer.analysis.concepts.values import Concept

FEWEST = 5  # images that a code must stand in to be a marker


@dataclass(frozen=True)
class Swap:
    """A code and the one that takes its place.

    Attributes:
        code, to: numbers of codes.
        concept, value, to_value: a concept's place among those that were asked, and of its values: that which `code`
            marks and that which `to` marks; -1 where there is none.
        precision: average precision of `code` for `value` among the images that it was chosen on; NaN without a value.
    """

    code: int
    to: int
    concept: int = -1
    value: int = -1
    to_value: int = -1
    precision: float = float("nan")


def markers(counted: csr_array, concept: Concept) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The code whose presence marks each value best: counts (n, K) and a concept of the same n images.

    Returns:
        code (V,), -1 where none is in enough images; its average precision (V,); the share of the value's images (V,),
        which is what a code without a relation to it reaches.

    The average precision of a yes or no is P R + p (1 - R), with precision P, recall R and the share p of the value.
    """
    known = np.flatnonzero(concept.known)
    here, values = (counted[known] > 0).astype(np.int64), len(concept.values)
    codes, images = np.unique(here.indices, return_counts=True)
    codes, images = codes[images >= FEWEST], images[images >= FEWEST]
    of_value = np.bincount(concept.index[known], minlength=values)
    base = of_value / max(len(known), 1)
    if not len(codes):
        return np.full(values, -1), np.full(values, np.nan), base
    hits = sum_rows(here[:, codes], concept.index[known], values).toarray()  # (V, U)
    recall = hits / np.maximum(of_value, 1)[:, None]
    precision = hits / images * recall + base[:, None] * (1 - recall)
    best = precision.argmax(1)
    there = of_value > 0
    return np.where(there, codes[best], -1), np.where(there, precision.max(1), np.nan), base


def swaps(counted: csr_array, concepts: Sequence[Concept], most: int) -> list[Swap]:
    """At most so many swaps of a value's best code for that of another value, the best of each concept in turn.

    The values of a concept are in a ring, those that their code marks best first, and each one's code becomes that of
    the next value with another code. Concepts computed from the pixels come after all others.
    """
    rings = []
    for place, concept in enumerate(concepts):
        codes, precision, base = markers(counted, concept)
        above = np.where(codes >= 0, (precision - base) / np.maximum(1 - base, 1e-9), -np.inf)
        order = [int(value) for value in np.argsort(-above, kind="stable") if codes[value] >= 0]
        ring = []
        for step, value in enumerate(order):
            after = [other for other in order[step + 1 :] + order[:step] if codes[other] != codes[value]]
            if after:
                of = place, value, after[0], float(precision[value])
                ring.append(Swap(int(codes[value]), int(codes[after[0]]), *of))
        rings.append((concept.computed, ring))
    found = []
    for computed in (False, True):
        own = [ring for is_computed, ring in rings if is_computed == computed]
        for turn in range(max(map(len, own), default=0)):
            found += [ring[turn] for ring in own if turn < len(ring)]
    return found[:most]


def usual(counted: csr_array, most: int) -> list[Swap]:
    """The same without concepts: each of the codes in most images becomes the next of them."""
    codes, images = np.unique(counted.indices, return_counts=True)
    order = codes[np.argsort(-images, kind="stable")]
    if len(order) < 2:
        return []
    return [Swap(int(code), int(to)) for code, to in zip(order, np.roll(order, -1), strict=True)][:most]


def matched(vectors: np.ndarray, swap: Swap, used: np.ndarray, count: int) -> np.ndarray:
    """Other codes in use whose vectors are as far from that of `code` as that of `to`, the best matches first.

    Args:
        vectors: (K, D). used: (K,) bool. count: how many at most.
    """
    away = np.linalg.norm(np.asarray(vectors, np.float64) - np.asarray(vectors[swap.code], np.float64), axis=1)
    others = np.flatnonzero(used)
    others = others[(others != swap.code) & (others != swap.to)]
    return others[np.argsort(np.abs(away[others] - away[swap.to]), kind="stable")][:count]
