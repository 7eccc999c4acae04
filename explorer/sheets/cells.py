"""Cells of a grid that are on, as text for an address."""

from __future__ import annotations

import numpy as np


def hexed(cells: np.ndarray) -> str:
    """Cells (H, W) bool as text for an address; `unhexed` reads it."""
    return np.packbits(cells.reshape(-1)).tobytes().hex()


def unhexed(text: str, grid: tuple[int, int]) -> np.ndarray | None:
    """Cells (H, W) bool of a text made by `hexed`; none are on in an empty one. None: it is of another grid."""
    count = grid[0] * grid[1]
    try:
        bits = np.unpackbits(np.frombuffer(bytes.fromhex(text or "00" * -(-count // 8)), np.uint8))
    except ValueError:
        return None
    fits = len(bits) == 8 * -(-count // 8) and not bits[count:].any()
    return bits[:count].reshape(grid).astype(bool) if fits else None
