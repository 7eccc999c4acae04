"""A linear probe on bags of codes that is fitted once and then asked of other pictures: changed, damaged, recoloured.

Ridge regression on indicators of the values (Hastie, Tibshirani and Friedman, The Elements of Statistical Learning,
2009, section 4.2), its penalty chosen by leaving one fitted image out. It answers with the value whose indicator, in
units of its spread, is largest, so that a rare value is not drowned. Numbers are judged as fifths of the images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from explorer.analysis.usage import occurrences

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from explorer.analysis.concepts.values import Concept

ALPHAS = tuple(10.0**power for power in range(-3, 4))
FEWEST = 4  # images that a probe is fitted on


@dataclass(frozen=True)
class Probe:
    """Weights for each concept. Attributes: weights: (F, V), offsets: (V,), -inf for a value that no image had."""

    concepts: tuple[str, ...]
    weights: tuple[np.ndarray, ...]
    offsets: tuple[np.ndarray, ...]
    fitted: int

    def scores(self, bags: csr_array) -> list[np.ndarray]:
        """How much speaks for each value: bags (n, F) -> (n, V) for each concept."""
        return [bags @ weights + offsets for weights, offsets in zip(self.weights, self.offsets, strict=True)]

    def values(self, bags: csr_array) -> list[np.ndarray]:
        """(n,) position of the value that is said, for each concept; the first one where nothing was learned."""
        return [found.argmax(1) for found in self.scores(bags)]


def bags(codes: np.ndarray, size: int) -> csr_array:
    """Bags of codes of length 1: (n, H, W) in [0, K) -> square roots of their shares (Hellinger), sparse (n, K)."""
    return occurrences(codes, size).astype(np.float64).sqrt() / np.sqrt(max(np.prod(codes.shape[1:]), 1))


def fit(features: csr_array, concepts: Sequence[Concept]) -> Probe:
    """A probe for each concept: features (n, F) and concepts of the same n images; unknown ones are left out."""
    found: list = [None] * len(concepts)
    for group in _alike(concepts):
        known = np.flatnonzero(concepts[group[0]].known)
        members = [concepts[place].index[known][:, None] == np.arange(len(concepts[place].values)) for place in group]
        weights, offsets = _ridge(features[known], np.concatenate(members, 1).astype(np.float64))
        stops = np.cumsum([member.shape[1] for member in members])[:-1]
        for place, *one in zip(group, np.split(weights, stops, 1), np.split(offsets, stops), strict=True):
            found[place] = one
    return Probe(
        tuple(one.name for one in concepts), tuple(one[0] for one in found), tuple(one[1] for one in found),
        features.shape[0],
    )  # fmt: skip


def _alike(concepts: Sequence[Concept]) -> list[list[int]]:
    """Concepts that are known of the same images, which one fit does for."""
    groups: dict[bytes, list[int]] = {}
    for place, one in enumerate(concepts):
        groups.setdefault(one.known.tobytes(), []).append(place)
    return list(groups.values())


def _ridge(features: csr_array, member: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weights (F, V) and offsets (V,) for indicators (m, V); zeros where there are too few images."""
    from sklearn.linear_model import RidgeCV

    there = member.any(0)
    if len(member) < FEWEST:
        return np.zeros((features.shape[1], len(there))), np.where(there, 0, -np.inf)
    spread = member.std(0)
    targets = (member - member.mean(0)) / np.where(spread > 0, spread, 1)
    model = RidgeCV(alphas=ALPHAS, alpha_per_target=True).fit(features, targets)
    offsets = np.broadcast_to(model.intercept_, there.shape)
    return model.coef_.reshape(len(there), -1).T, np.where(there, offsets, -np.inf)
