"""Images that were found, each once: copies of one are told beside it, and copies of what was asked for apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from explorer.analysis.retrieval import copies

if TYPE_CHECKING:
    from explorer.study import Picture, Study

Search: TypeAlias = Callable[[int], tuple[np.ndarray, np.ndarray]]  # k -> rows (≤ k,) and scores, the best first

MORE, MOST = 8, 256  # looked at first: so many more than are wanted; and at most


@dataclass(frozen=True)
class Distinct:
    """What was found.

    Attributes:
        rows, scores: (≤ k,) of images that are no copies of one another, the best first.
        copies: for each the other rows that were found and are copies of it, the best first.
        own: rows that are copies of what was asked for, the best first.
    """

    rows: np.ndarray
    scores: np.ndarray
    copies: tuple[np.ndarray, ...]
    own: np.ndarray


def distinct(study: Study, search: Search, k: int, picture: Picture | None = None) -> Distinct:
    """The best `k` of what `search` finds, copies apart; of a set so full of copies that MOST are too few, fewer.

    Args:
        picture: what was asked for, if it is a picture.
    """
    wanted = min(k + MORE, MOST)
    while True:
        rows, scores = search(wanted)
        first = _first(study, rows, picture)
        best = np.flatnonzero(first == np.arange(len(rows)))[:k]
        if len(best) == k or len(rows) < wanted or wanted >= MOST:
            break
        wanted = min(4 * wanted, MOST)
    others = tuple(rows[np.flatnonzero((first == place) & (np.arange(len(rows)) != place))] for place in best)
    return Distinct(rows[best], scores[best], others, rows[first < 0])


def _first(study: Study, rows: np.ndarray, picture: Picture | None) -> np.ndarray:
    """(n,) position of the first of `rows` that each is a copy of; -1 for copies of the picture."""
    if not len(rows):
        return np.empty(0, np.int64)
    shift = int(picture is not None)
    if study.images.pictured:
        pixels = study.images.read(rows)
        found = copies.groups(np.concatenate([picture.pixels[None], pixels]) if shift else pixels)
    else:
        shift = int(picture is not None and picture.row is not None)
        rows = np.concatenate([[picture.row], rows]) if shift else rows
        parts = [study.encoding.codes(layer.name, rows).reshape(len(rows), -1) for layer in study.layers]
        found = copies.same_codes(np.concatenate([part.astype(np.int64) for part in parts], 1))
    return found[shift:] - shift
