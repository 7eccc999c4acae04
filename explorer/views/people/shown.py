"""What cells of tables and pieces of a user's page show: small pictures, codes that are reasons, numbers of users."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.sheets import drawing

if TYPE_CHECKING:
    from explorer.datasets.interactions import Interactions
    from explorer.study import Study
    from explorer.study.relations import Reason

REASONS = 5  # codes that are named
WEAK = 0.01  # of the strongest reason: what adds less is none
BETWEEN = 128  # grey between pictures of a cell


def order(found: Interactions) -> np.ndarray:
    """(U,) users, those who looked at most first."""
    return np.argsort(-found.counts, kind="stable")


def numbered(found: Interactions) -> np.ndarray:
    """(U,) the number of each user, by how much they looked at."""
    number = np.empty(len(found.users), np.int64)
    number[order(found)] = np.arange(len(found.users))
    return number


def strong(because: Sequence[Reason]) -> list[Reason]:
    """The reasons that matter beside the strongest one."""
    return [one for one in because[:REASONS] if one.part >= WEAK * because[0].part]


def named(because: Sequence[Reason], names: dict[int, str]) -> str:
    return ", ".join(names.get(one.code) or f"{one.code:,}" for one in strong(because))


def tiles(study: Study, because: Sequence[Sequence[Reason]], count: int = 5, side: int = 32) -> np.ndarray:
    """(n, side, count · side, 3): what the codes look like that are the reasons of each."""
    found = np.full((len(because), side, count * side, 3), BETWEEN, np.uint8)
    for at, reasons in enumerate(because):
        for place, one in enumerate(strong(reasons)[:count]):
            tile = square(study.tiles(one.layer, np.array([one.code]))[0], side - 2)
            found[at, 1 : side - 1, place * side + 1 : (place + 1) * side - 1] = tile
    return found


def strips(study: Study, items: Sequence[np.ndarray], count: int = 4, side: int = 40) -> np.ndarray:
    """(n, side, count · side, 3): the first images of each."""
    found = np.full((len(items), side, count * side, 3), BETWEEN, np.uint8)
    for at, rows in enumerate(items):
        tiles = small(study, rows[:count], side)
        for place, tile in enumerate(tiles):
            found[at, :, place * side : (place + 1) * side] = square(tile, side)
    return found


def square(pixels: np.ndarray, side: int) -> np.ndarray:
    """(side, side, 3) of (s, s, 3), hard-edged."""
    at = np.arange(side) * len(pixels) // side
    return pixels[at][:, at]


def sprite(tiles: np.ndarray) -> dict[str, Any]:
    """Tiles (n, s, s, 3) as one picture for a script."""
    sheet, across = drawing.sprite(tiles)
    return {"url": drawing.jpeg_url(sheet), "side": tiles.shape[1], "across": across}


def small(study: Study, rows: np.ndarray, side: int) -> np.ndarray:
    from explorer.analysis.patches import smaller

    return smaller(study.shown.read(rows), side)
