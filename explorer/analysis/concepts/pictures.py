"""What can be said of any image from its pixels alone: how light, colourful and busy it is, and its background.

These are concepts that come with every dataset, and what a code must tell more than to be of interest.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

SIDE = 64  # pixels that an image is reduced towards, so that a large one has no more edges than a small copy of it
AT_ONCE = 2**21  # numbers of images that are looked at together: what stays in a processor's cache
LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)  # of red, green and blue; Rec. 709
STEP = 0.1  # in lightness, between neighbouring pixels, that makes an edge
LIKE = 24  # of 255 in red, green and blue, at most: what looks like the border
GREY = 0.04  # saturation below which an image has no hue
FRAME = 1 / 32  # of the side that is border, at least a pixel
HUES = {  # name -> where it ends, in degrees of hue; red goes on from 345
    "red": 15, "orange": 42, "yellow": 70, "green": 160, "cyan": 200, "blue": 255, "purple": 300, "pink": 345,
}  # fmt: skip
NAMES = (*HUES, "grey")
NUMBERS = ("lightness", "saturation", "edges", "background share", "background lightness")
CONCEPTS = ("lightness", "hue", "saturation", "edges", "background share", "background lightness", "background hue")
_SHARES = tuple(f"{place}{name} share" for place in ("", "background ") for name in HUES)
COLUMNS = (*CONCEPTS, *(f"{place}hue {axis}" for place in ("", "background ") for axis in "xy"), *_SHARES)


def measure(pixels: np.ndarray) -> pd.DataFrame:
    """What images (n, h, w, 3) uint8 are like, a row each; the columns are COLUMNS.

    - `lightness`: mean luma, 0 black to 1 white.
    - `saturation`: mean over pixels of the largest less the smallest of red, green and blue, 0 grey to 1 pure; not
      divided by the value, so that dark pixels are not colourful.
    - `hue`: the named hue that most colour is of, each pixel counting by its saturation; `grey` below GREY.
    - `edges`: share of pairs of pixels, side by side and one below the other, whose luma differs by more than STEP.
    - `background share`: of pixels that look like the border at an end of their row or column.
    - `background lightness`, `background hue`: of the border.
    - `hue x`, `hue y`: mean cosine and sine of the hue, weighted by saturation; `red share` …: of all colour, 0 in an
      image without any.
    """
    if pixels.ndim != 4 or pixels.shape[-1] != 3:
        raise ValueError(f"pixels must be (n, h, w, 3); got shape {pixels.shape}")
    size = max(1, AT_ONCE // max(1, pixels[:1].size))
    parts = [_measured(reduced(pixels[start : start + size])) for start in range(0, len(pixels), size)]
    found = {name: np.concatenate([part[name] for part in parts]) if parts else np.empty(0) for name in COLUMNS}
    for name in ("hue", "background hue"):
        found[name] = pd.Categorical.from_codes(found[name].astype(np.int64), list(NAMES))
    return pd.DataFrame(found)


def reduced(pixels: np.ndarray, side: int = SIDE) -> np.ndarray:
    """Images (n, h, w, 3) averaged in whole blocks to `side` to 2 `side` pixels; small ones stay. float32, [0, 255]."""
    step = max(1, min(pixels.shape[1:3]) // side)
    height, width = (length // step * step for length in pixels.shape[1:3])
    whole = pixels[:, :height, :width].astype(np.float32)
    if step == 1:
        return whole
    return whole.reshape(len(pixels), height // step, step, width // step, step, 3).mean((2, 4))


def features(table: pd.DataFrame) -> np.ndarray:
    """What `measure` found as (n, F) float64, each column of mean 0 and deviation 1, or 0 where all are the same.

    The hue is its cosine and sine, and the share of each named hue.
    """
    numbers = table[[name for name in COLUMNS if name not in ("hue", "background hue")]].to_numpy(np.float64)
    numbers = np.where(np.isfinite(numbers), numbers, np.nanmean(numbers, 0) if len(numbers) else 0)
    spread = numbers.std(0)
    return np.where(spread > 1e-9, (numbers - numbers.mean(0)) / np.where(spread > 1e-9, spread, 1), 0.0)


def _measured(pixels: np.ndarray) -> dict[str, np.ndarray]:
    """COLUMNS of images (n, h, w, 3) float32 in [0, 255]; hues as positions in NAMES."""
    luma = pixels @ (LUMA / 255)
    frame = border(pixels)
    found = {"lightness": luma.mean((1, 2)), "edges": _edges(luma), "background share": _background(pixels)}
    found["background lightness"] = (frame @ (LUMA / 255)).mean(1)
    for place, of in (("", pixels.reshape(len(pixels), -1, 3)), ("background ", frame)):
        saturation, hue, vector, shares = _colour(of)
        found |= {f"{place}hue": hue, f"{place}hue x": vector[:, 0], f"{place}hue y": vector[:, 1]}
        found |= {f"{place}{name} share": shares[:, number] for number, name in enumerate(HUES)}
        found |= {} if place else {"saturation": saturation}
    return found


def border(pixels: np.ndarray) -> np.ndarray:
    """The pixels along the four sides of images (n, h, w, 3): (n, m, 3)."""
    depth = _depth(pixels)
    inside = np.zeros(pixels.shape[1:3], bool)
    inside[depth : pixels.shape[1] - depth, depth : pixels.shape[2] - depth] = True
    return pixels[:, ~inside]


def _depth(pixels: np.ndarray) -> int:
    return max(1, round(FRAME * min(pixels.shape[1:3])))


def _edges(luma: np.ndarray) -> np.ndarray:
    """(n, h, w) -> (n,) share of pairs of neighbours that differ by more than STEP; 0 of a single pixel."""
    across, down = (np.abs(np.diff(luma, axis=axis)) > STEP for axis in (2, 1))
    pairs = across[0].size + down[0].size
    return (across.sum((1, 2)) + down.sum((1, 2))) / max(pairs, 1)


def _background(pixels: np.ndarray) -> np.ndarray:
    """(n, h, w, 3) -> (n,) share of pixels like one of the four borders that they lie between."""
    depth, like = _depth(pixels), np.zeros(pixels.shape[:3], bool)
    for edge in (
        pixels[:, :, :depth].mean(2, keepdims=True), pixels[:, :, -depth:].mean(2, keepdims=True),
        pixels[:, :depth].mean(1, keepdims=True), pixels[:, -depth:].mean(1, keepdims=True),
    ):  # fmt: skip
        like |= _near(pixels, edge)
    return like.mean((1, 2))


def _near(pixels: np.ndarray, edge: np.ndarray) -> np.ndarray:
    found = np.ones(pixels.shape[:3], bool)
    for channel in range(3):
        found &= np.abs(pixels[..., channel] - edge[..., channel]) <= LIKE
    return found


def _colour(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Saturation (n,), hue (n,) as a position in NAMES, its vector (n, 2) and shares of HUES (n, 8) of (n, m, 3)."""
    red, green, blue = (pixels[..., channel] / 255 for channel in range(3))
    chroma = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
    x, y = red - (green + blue) / 2, np.float32(np.sqrt(0.75)) * (green - blue)
    degrees = np.arctan2(y, x) * np.float32(180 / np.pi)
    bins = _BINS[degrees.astype(np.int16)]
    index = bins + len(HUES) * np.arange(len(pixels))[:, None]
    colour = np.bincount(index.reshape(-1), chroma.reshape(-1), len(HUES) * len(pixels)).reshape(len(pixels), -1)
    saturation, total = chroma.mean(1), colour.sum(1, keepdims=True)
    shares = colour / np.where(total > 0, total, 1)
    hue = np.where(saturation < GREY, len(HUES), colour.argmax(1))
    return saturation, hue, np.stack([x.mean(1), y.mean(1)], 1), shares


def _named() -> np.ndarray:
    """(360,) position in HUES of each degree; -1 to -180 are found from its end."""
    found = np.searchsorted(list(HUES.values()), np.arange(360), side="right")
    return (found % len(HUES)).astype(np.int64)


_BINS = _named()
