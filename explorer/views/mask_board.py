"""A picture whose patches are hidden by hand, for every view that hides some."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.sheets import Block, Go, Note, Piece
from explorer.sheets.cells import hexed, unhexed
from explorer.sheets.drawing import url

if TYPE_CHECKING:
    from explorer.study import Study

SIDE = 320  # pixels of the screen
HOW = "Press patches, or drag over them, to hide them or to show them again; arrow keys and space do the same."


PEEKS = (
    "This model predicts patches without their mean and deviation (norm_pix_loss), so hidden patches are put back with "
    "those of the original. Errors inside are smaller than what it could guess by itself; the baselines see nothing of "
    "the kind."
)


def board(
    name: str,
    pixels: np.ndarray,
    cells: np.ndarray,
    alt: str,
    *,
    share: int | None = None,
    live: Mapping[str, str] | None = None,
    answer: Callable[[np.ndarray], Mapping[str, str]] | None = None,
    waits: Sequence[str] = (),
) -> Piece:
    """A picture (h, w, 3) uint8 with patches `cells` (H, W) that are hidden; what is painted becomes the option `mask`.

    Args:
        share: of the patches, in %, that a button hides at random; None for no such button.
        live: `title`, `url` and `words` of a picture beside it, which `answer(cells)` gives anew while one paints.
    """
    grid = cells.shape

    def answered(message: Any) -> Any:
        asked = message.get("mask") if isinstance(message, dict) else None
        found = unhexed(asked, grid) if isinstance(asked, str) else None
        return None if found is None else answer(found)

    data = {
        "url": url(pixels), "rows": grid[0], "columns": grid[1], "alt": alt, "side": SIDE, "share": share,
        "cells": "".join("01"[int(one)] for one in cells.reshape(-1)), "live": live,
    }  # fmt: skip
    go = Go(carried={"mask": "{mask}"})
    return Piece(name, "maskboard", data, alt, go, None if answer is None else answered, waits)


def painted(text: str, grid: tuple[int, int]) -> tuple[np.ndarray | None, list[Block]]:
    """The cells (H, W) that the option `mask` names, or None and a sentence where it is of another grid."""
    cells = unhexed(text, grid)
    if cells is not None:
        return cells, []
    return None, [Note(f"The patches in the address are not those of a grid of {grid[0]} × {grid[1]}.", "warning")]


def text_of(cells: np.ndarray) -> str:
    """What the option `mask` is for these cells (H, W)."""
    return hexed(cells)


def peeks(study: Study) -> list[Block]:
    """Says that hidden patches are put back with something of the original, where they are."""
    return [Note(PEEKS, "warning")] if study.abilities()["peeks"] else []
