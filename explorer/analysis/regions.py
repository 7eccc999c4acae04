"""A selection of points on one of two maps as short text, which an address can carry, and what it holds."""

from __future__ import annotations

import numpy as np

CORNERS = 80  # of a region, at most
SCALE = 1_000  # steps along each axis of the frame


def outlined(text: str) -> tuple[int, np.ndarray] | None:
    """The map (0 or 1) and the corners (V, 2) of "a:12,34;56,78;…", in thousandths of the frame; None for no such text.

    Corners may lie outside of the frame.
    """
    side = {"a:": 0, "b:": 1}.get(text[:2])
    parts = [corner.split(",") for corner in text[2:].split(";")]
    if side is None or not 3 <= len(parts) <= CORNERS or any(len(part) != 2 for part in parts):
        return None
    try:
        corners = np.array([[int(one) for one in part] for part in parts], np.float64)
    except (ValueError, OverflowError):
        return None
    return (side, corners / SCALE) if np.abs(corners).max() <= 100 * SCALE else None


def listed(text: str) -> np.ndarray | None:
    """The images of "i:17;33", (n,) int64; None for no such text."""
    parts = text[2:].split(";")
    if text[:2] != "i:" or not all(part.isdecimal() and len(part) < 12 for part in parts):
        return None
    return np.array([int(part) for part in parts], np.int64)


def valued(text: str) -> tuple[str, str] | None:
    """The concept and the value of "v:shape=square"; None for no such text."""
    concept, equal, value = text[2:].partition("=")
    return (concept, value) if text[:2] == "v:" and equal else None


def inside(corners: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Which places (M, 2) lie within a polygon (V, 2), by the even-odd rule: (M,) bool.

    In the same numbers and the same order as the browser's script, so that both find the same points.
    """
    x, y = places.astype(np.float64).T
    within = np.zeros(len(places), bool)
    before = corners[-1]
    for corner in corners:
        (xi, yi), (xj, yj) = corner, before
        if yi != yj:
            within ^= ((yi > y) != (yj > y)) & (x < (xj - xi) * (y - yi) / (yj - yi) + xi)
        before = corner
    return within
