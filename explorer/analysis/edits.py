"""Changed codes of one image as short text: `code:12-15=345,28=345;bottom:7=3`, cells numbered row by row."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from explorer.errors import BadInput

LETTERS = 900  # of a text that an address can carry


def written(edit: Mapping[str, np.ndarray], codes: Mapping[str, np.ndarray]) -> str:
    """What differs between painted codes {layer: (H, W)} and those of the image; empty where nothing does."""
    layers = []
    for name, painted in edit.items():
        flat, before = np.asarray(painted).reshape(-1), np.asarray(codes[name]).reshape(-1)
        cells = np.flatnonzero(flat != before)
        if not len(cells):
            continue
        new = (np.diff(cells, prepend=-2) != 1) | (np.diff(flat[cells], prepend=-1) != 0)
        firsts = np.flatnonzero(new)
        lasts = np.append(firsts[1:], len(cells)) - 1
        runs = (
            f"{cells[a]}{f'-{cells[b]}' if b > a else ''}={flat[cells[a]]}" for a, b in zip(firsts, lasts, strict=True)
        )
        layers.append(f"{name}:{','.join(runs)}")
    return ";".join(layers)


def read(text: str, codes: Mapping[str, np.ndarray], sizes: Mapping[str, int]) -> dict[str, np.ndarray]:
    """Painted codes {layer: (H, W)} of all layers from a text that `written` made.

    Args:
        codes: those of the image, {layer: (H, W)}. sizes: K of each layer.

    Raises:
        BadInput: a layer, a cell or a code that is not there, or no such text; one sentence.
    """
    edit = {name: np.array(found, np.int64) for name, found in codes.items()}
    for part in filter(None, text.split(";")):
        name, _, runs = part.rpartition(":")
        if name not in edit:
            raise BadInput(f"the edit paints a layer '{name[:80]}', which is not here; there are {', '.join(edit)}")
        flat = edit[name].reshape(-1)
        for run in runs.split(","):
            first, last, code = _run(run, name)
            if not first <= last < len(flat):
                raise BadInput(f"the edit paints cell {last} of {name}; choose from 0 to {len(flat) - 1}")
            if code >= sizes[name]:
                raise BadInput(f"the edit paints code {code} of {name}; choose from 0 to {sizes[name] - 1:,}")
            flat[first : last + 1] = code
    return edit


def _run(text: str, name: str) -> tuple[int, int, int]:
    """`12-15=345` -> (12, 15, 345)."""
    cells, _, code = text.partition("=")
    first, _, last = cells.partition("-")
    numbers = first, last or first, code
    if not all(one.isdecimal() and len(one) < 10 for one in numbers):
        raise BadInput(f"'{text[:80]}' in the edit of {name} is no change; write cell=code or first-last=code")
    return tuple(int(one) for one in numbers)
