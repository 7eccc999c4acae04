"""How numbers of any type become 8-bit pixels: one rule for a whole set of pictures, never one for each of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DIM = 17  # 8-bit pixels that stay below are no photograph as it is meant to be seen
BLOCK = 1 << 20  # numbers that are widened at once
OVERSHOOT = 0.05  # of a range of floats, which resampling adds at both ends, and which is cut off


@dataclass(frozen=True)
class Range:
    """The value that is black, the one that is white, and what a user should know; "" where pixels are as stored."""

    black: float
    white: float
    note: str = ""

    def pixels(self, values: np.ndarray) -> np.ndarray:
        """Numbers of any shape as uint8; what lies outside of the range is cut off, what is no number is black."""
        if values.dtype == np.uint8 and (self.black, self.white) == (0.0, 255.0):
            return values
        flat, pixels = values.reshape(-1), np.empty(values.size, np.uint8)
        for first in range(0, values.size, BLOCK):  # eight bytes each would be gigabytes of a large picture
            part = slice(first, first + BLOCK)
            scaled = (flat[part].astype(np.float64) - self.black) * (255.0 / (self.white - self.black)) + 0.5
            pixels[part] = np.clip(np.nan_to_num(scaled, nan=0.0), 0, 255)
        return pixels.reshape(values.shape)


def find(low: float, high: float, dtype: np.dtype, count: int) -> Range:
    """The rule for a set of which `count` pictures, drawn from all of it, hold values from `low` to `high`.

    8-bit pixels are as stored, unless none is above 16, as in masks of 0 and 1. Others have the first of these ranges
    that holds them, if they fill at least an eighth of it: 0 to 1, -0.5 to 0.5 and -1 to 1 for floats, which may lie a
    twentieth outside; 8, 10, 12, 14 or 16 bits; else black is the lowest of the values and white the highest.
    """
    if dtype.kind == "b":
        return Range(0.0, 1.0)
    if dtype == np.uint8 and high >= DIM:
        return Range(0.0, 255.0)
    if not np.isfinite([low, high]).all():
        low, high = 0.0, 1.0
    floats = dtype.kind == "f"
    usual = [(0.0, 1.0), (-0.5, 0.5), (-1.0, 1.0)] if floats else [(0.0, 1.0)] * (high <= 1)
    usual += [(0.0, 2.0**bits - 1) for bits in (8, 10, 12, 14, 16)]
    black, white = min(low, 0.0), high
    for least, most in usual:
        slack = OVERSHOOT * (most - least) * floats
        if least - slack <= low and high <= most + slack:
            if high - low >= (most - least) / 8 or low == high:
                black, white = least, most
            elif low - least > (most - least) / 8:
                black = low
            break
    else:
        black = low
    if black == white:
        white = black + 1
    return Range(
        black,
        white,
        f"values go from {low:.4g} to {high:.4g} in {count:,} pictures drawn from the set ({dtype.name}): {black:.4g} "
        f"is shown as black and {white:.4g} as white in every picture",
    )
