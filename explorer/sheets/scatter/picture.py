"""A map of many points as a picture, for where nobody can point at it: what the app's canvas shows, drawn by numpy."""

from __future__ import annotations

import numpy as np

from explorer.sheets.scatter import Colouring, Packed

WIDE = 820  # pixels
MARGIN = 18


def drawn(packed: Packed, colouring: Colouring, wide: int = WIDE) -> np.ndarray:
    """(h, w, 4) uint8 with nothing behind them: points averaged on each pixel, the more opaque the more of them."""
    high = int(np.clip((wide - 2 * MARGIN) * packed.shown[1] / packed.shown[0], 300, wide) + 2 * MARGIN)
    scale = min((wide - 2 * MARGIN) / packed.shown[0], (high - 2 * MARGIN) / packed.shown[1])
    steps = packed.shown / 65_535 * scale
    left, top = (wide - packed.shown[0] * scale) / 2, (high - packed.shown[1] * scale) / 2
    x = np.rint(left + packed.columns[:, 0] * steps[0]).astype(np.int64)
    y = np.rint(high - top - packed.columns[:, 1] * steps[1]).astype(np.int64)
    at = np.clip(y, 0, high - 2) * wide + np.clip(x, 0, wide - 2)
    colours = colouring.palette.astype(np.float64)[colouring.kinds[packed.order]]
    many = np.zeros(wide * high)
    sums = np.zeros((3, wide * high))
    for shift in (0, 1, wide, wide + 1):
        many += np.bincount(at + shift, minlength=wide * high)
        for channel in range(3):
            sums[channel] += np.bincount(at + shift, colours[:, channel], wide * high)
    there = many > 0
    low = 0.5 if many.sum() > 2 * there.sum() else 0.85
    crowd = np.log1p(4 * many[there].mean()) if there.any() else 1.0
    opaque = np.where(there, np.minimum(1, low + (1 - low) * np.log(np.maximum(many, 1)) / crowd), 0)
    pixels = np.vstack([sums / np.maximum(many, 1), 255 * opaque])
    return pixels.T.reshape(high, wide, 4).round().astype(np.uint8)
