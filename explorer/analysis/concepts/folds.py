"""Which images a probe is fitted on and which it is scored on: never the same one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

FIT = 1_500  # images that a probe is fitted on, at most: the cost of one grows with their cube
WAYS = ((FIT, 5), (2 * FIT, 2))  # images, at most -> folds; with more, one split: FIT are fitted on, the others scored


@dataclass(frozen=True)
class Folds:
    """A division of n images. Attributes: number: (n,) fold of each image that is scored in it, -1 if in none."""

    number: np.ndarray

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """(rows to fit on, rows to score) of each fold; every image is scored once at most."""
        for fold in range(self.number.max() + 1):
            fit = np.flatnonzero(self.number != fold)
            yield fit[np.argsort(_order(len(self.number))[fit])][:FIT], np.flatnonzero(self.number == fold)

    @property
    def scored(self) -> np.ndarray:
        """Rows that are scored."""
        return np.flatnonzero(self.number >= 0)


def folds(images: int, seed: int = 0) -> Folds:
    """Folds of `images` images at random: five of few, two of more, and one split of many."""
    shuffled = np.random.default_rng([seed, 11]).permutation(images)
    number = np.full(images, -1)
    ways = next((ways for most, ways in WAYS if images < most), 1)
    if ways > 1:
        number[shuffled] = np.arange(images) % ways
    else:
        number[shuffled[FIT:]] = 0
    return Folds(number)


def _order(images: int) -> np.ndarray:
    return np.random.default_rng([images, 13]).permutation(images)
