"""Colours of a map of very many points: at most 256, a byte for each point, in the palette and scale of other maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from plotly.colors import sequential

from explorer.charts.plots import PALETTES, THEMES, Theme
from explorer.charts.wording import short
from explorer.sheets.scatter import Colouring

NAMED = 20  # values with a colour of their own; the rest are grey


def colouring(
    values: np.ndarray,
    kind: Literal["discrete", "continuous", "code"],
    title: str,
    names: Sequence[str] = (),
    colours: np.ndarray | None = None,
    theme: Theme = "light",
) -> Colouring:
    """What points are coloured by.

    Args:
        values: (M,) places in `names`, their number where there is none; or numbers, NaN where there is none; or codes.
        title: what they are, with the unit. names: the most frequent first. colours: (K, 3) uint8, of codes.
    """
    if kind == "continuous":
        return _numbers(np.asarray(values, np.float64), title, theme)
    if kind == "code":
        return _codes(np.asarray(values), colours, title)
    return _names(np.asarray(values), names, title, theme)


def _numbers(values: np.ndarray, title: str, theme: Theme) -> Colouring:
    known = np.isfinite(values)
    ends = np.array([values[known].min(), values[known].max()]) if known.any() else np.array([0.0, 1.0])
    steps = 255
    kinds = np.full(len(values), steps, np.uint8)
    kinds[known] = np.rint((values[known] - ends[0]) / max(np.ptp(ends), 1e-12) * (steps - 1)).astype(np.uint8)
    scale = np.array([_rgb(colour) for colour in sequential.Viridis])  # as in the other maps
    at = np.linspace(0, len(scale) - 1, steps)
    palette = np.stack([np.interp(at, np.arange(len(scale)), channel) for channel in scale.T], 1)
    palette = np.vstack([palette, _rgb(THEMES[theme]["rest"])]).round().astype(np.uint8)
    missing = int((~known).sum())
    names = [(steps, "no value", missing)] if missing else []
    text = [f"{one:.4g}" for one in (ends[0], ends.mean(), ends[1])]
    return Colouring(kinds, palette, short(title, 40), names, text, steps)


def _codes(codes: np.ndarray, colours: np.ndarray, title: str) -> Colouring:
    """Each code in its own colour; of more than 256 codes, those of nearly one colour share their mean."""
    told = f"{short(title, 40)}: each in its own colour, as on the code maps"
    if len(colours) <= 256:
        return Colouring(codes.astype(np.uint8), colours.astype(np.uint8), told)
    parts = (colours.astype(np.int64) * np.array([6, 7, 6])) // 256
    cell = (parts[:, 0] * 7 + parts[:, 1]) * 6 + parts[:, 2]
    _, of = np.unique(cell, return_inverse=True)
    counts = np.bincount(of)
    palette = np.stack([np.bincount(of, channel) / counts for channel in colours.T.astype(float)], 1)
    return Colouring(of[codes].astype(np.uint8), palette.round().astype(np.uint8), told)


def _names(values: np.ndarray, names: Sequence[str], title: str, theme: Theme) -> Colouring:
    """The most frequent values in colours of their own, the rest and what has no value in grey."""
    counts = np.bincount(values, minlength=len(names) + 1)
    own = len(names) if len(names) <= NAMED else NAMED - 1
    kind = np.full(len(names) + 1, own, np.uint8)
    kind[:own] = np.arange(own)
    kind[-1] = own + 1
    palette = np.array([_shade(theme, at) for at in range(own)] + [_rgb(THEMES[theme]["rest"])] * 2)
    legend = [(at, short(names[at]), int(counts[at])) for at in range(own)]
    if len(names) > own:
        legend.append((own, f"other ({len(names) - own:,} values)", int(counts[own:-1].sum())))
    if counts[-1]:
        legend.append((own + 1, "no value", int(counts[-1])))
    return Colouring(kind[values], palette.round().astype(np.uint8), short(title, 40), legend)


def _shade(theme: Theme, at: int) -> np.ndarray:
    """A colour of the palette; in its second round, nearly half way to the colour of text, as points have no shapes."""
    palette = PALETTES[theme]
    colour = _rgb(palette[at % len(palette)])
    return colour if at < len(palette) else 0.55 * colour + 0.45 * _rgb(THEMES[theme]["text"])


def _rgb(text: str) -> np.ndarray:
    return np.array([int(text[i : i + 2], 16) for i in (1, 3, 5)], float)
