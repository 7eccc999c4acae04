"""Generated images with known factors: one object on a background, any number of them, the same on every machine.

Every factor is drawn uniformly and independently of all others, so that a code that follows one factor cannot
get the credit from another one. The factors of image `row` are hashes of (seed, split, row, factor): no state, no
loop over images, and image 1,000,000 costs as much as image 0.

Train and test never share an image, by construction: object centres lie on a lattice of 1/16 pixel, train takes
the points of one colour of its checkerboard and test those of the other.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from explorer.errors import BadInput

VERSION = 1  # of the pixels: changed whenever an image changes
NATIVE = 64  # side in pixels that radii, texture periods and the lattice refer to
SPLITS = ("train", "test")

COLOURS = {
    "red": (222, 45, 48),
    "orange": (250, 132, 20),
    "yellow": (250, 208, 30),
    "green": (38, 166, 68),
    "cyan": (24, 190, 205),
    "blue": (40, 84, 220),
    "purple": (142, 62, 186),
    "pink": (250, 120, 178),
}
RADII = {"small": 9.0, "medium": 13.0, "large": 18.0}  # pixels at 64 × 64
BACKGROUNDS = {  # name -> (height from the top in 0..1, colour) of a vertical gradient
    "white": ((0.0, (250, 250, 248)), (1.0, (232, 232, 230))),
    "grey": ((0.0, (128, 130, 134)), (1.0, (104, 106, 110))),
    "night": ((0.0, (10, 12, 30)), (1.0, (34, 38, 66))),
    "sunset": ((0.0, (74, 58, 104)), (0.5, (196, 140, 140)), (1.0, (250, 218, 176))),
    "field": ((0.0, (176, 206, 234)), (0.52, (222, 234, 242)), (0.56, (92, 96, 66)), (1.0, (62, 68, 46))),
}
FACTORS: dict[str, tuple[str, ...]] = {
    "shape": ("circle", "square", "triangle", "star", "cross", "ring", "heart", "moon"),
    "colour": tuple(COLOURS),
    "size": tuple(RADII),
    "texture": ("plain", "stripes", "checks", "dots"),
    "background": tuple(BACKGROUNDS),
}
CONTINUOUS = ("x", "y", "angle")

_REACH = 1.12  # farthest point of any shape from its centre, in radii
_LATTICE = 16  # object centres per pixel, along each axis
_PERIOD = 7.0  # of a texture, pixels at 64 × 64
_CHUNK = 128  # images rendered at once: their windows stay in the processor's cache


def factors(rows: np.ndarray, split: str, seed: int = 0) -> dict[str, np.ndarray]:
    """The factors of images `rows` of a split.

    Args:
        rows: (n,) integers ≥ 0, in any order.
        split: "train" or "test".

    Returns:
        For each of `FACTORS` (n,) int8 positions in its tuple of names; for `x` and `y` (n,) float32, the object's
        centre as a fraction of the side from the left and top; for `angle` (n,) float32, degrees in [0, 360),
        clockwise. Raises BadInput on an unknown split.
    """
    if split not in SPLITS:
        raise BadInput(f"unknown split '{split}' of shapes; choose from {', '.join(SPLITS)}")
    rows = np.asarray(rows)
    if rows.size and rows.min() < 0:
        raise BadInput(f"rows of shapes start at 0, not {rows.min()}")
    parity = SPLITS.index(split)
    key = _mix(np.array([seed], np.int64).view(np.uint64) * np.uint64(2) + np.uint64(parity))
    base = _mix(rows.astype(np.uint64) ^ key)
    found = {}
    for stream, (name, values) in enumerate(FACTORS.items()):
        found[name] = _below(base, stream, len(values)).astype(np.int8)
    margin = int(np.ceil((_REACH * max(RADII.values()) + 1.0) * _LATTICE / 2)) * 2
    steps = NATIVE * _LATTICE - 2 * margin  # even
    column = margin + _below(base, 10, steps)
    line = margin + 2 * _below(base, 11, steps // 2)
    line += (column + line + parity) % 2
    found["x"] = (column / (NATIVE * _LATTICE)).astype(np.float32)
    found["y"] = (line / (NATIVE * _LATTICE)).astype(np.float32)
    found["angle"] = (_below(base, 12, 1 << 24) * (360.0 / (1 << 24))).astype(np.float32)
    return found


def render(factors: dict[str, np.ndarray], size: int = NATIVE) -> np.ndarray:
    """Draws one image per row of `factors`, anti-aliased at `size` × `size` pixels.

    Args:
        factors: as from `factors`; the discrete ones may also be arrays of names.

    Returns: (n, size, size, 3) uint8. Raises BadInput on an unknown name and on a size outside 8..4096.
    """
    drawn = _checked(factors, size)
    profiles = _profiles(size)
    images = np.empty((len(drawn["x"]), size, size, 3), np.uint8)
    for rows, here, radius in _alike(drawn, size):
        images[rows] = profiles[here["background"]].astype(np.uint8)[:, :, None]
        _draw(images, rows, here, radius, profiles)
    return images


def images(rows: np.ndarray, split: str, seed: int = 0, size: int = NATIVE) -> np.ndarray:
    """Images `rows` of a split: (n, size, size, 3) uint8."""
    return render(factors(rows, split, seed), size)


def masks(factors: dict[str, np.ndarray], size: int = NATIVE) -> np.ndarray:
    """Where the object is: pixels of which it covers at least half, of each row of `factors`.

    Args:
        factors: as for `render`.

    Returns: (n, size, size) bool. Raises BadInput as `render` does.
    """
    drawn = _checked(factors, size)
    found = np.zeros((len(drawn["x"]), size, size), bool)
    for rows, here, radius in _alike(drawn, size):
        left, top, _, _, cover = _placed(here, radius, size)
        window = cover.shape[1]
        windows = sliding_window_view(found, (window, window), axis=(1, 2), writeable=True)
        windows[rows, top, left] = cover >= 0.5
    return found


def _checked(factors: dict[str, np.ndarray], size: int) -> dict[str, np.ndarray]:
    """Factors as positions and numbers, all of one length."""
    if not 8 <= size <= 4096:
        raise BadInput(f"shapes can be drawn at 8 to 4096 pixels, not {size}")
    drawn = {name: _positions(name, factors[name]) for name in FACTORS}
    drawn |= {name: np.atleast_1d(np.asarray(factors[name], np.float32)) for name in CONTINUOUS}
    return dict(zip(drawn, np.broadcast_arrays(*drawn.values()), strict=True))


def _alike(drawn: dict[str, np.ndarray], size: int) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray], float]]:
    """Rows of one size of object, a chunk at a time and sorted by shape, their factors, and its radius in pixels."""
    chunk = max(1, _CHUNK * NATIVE**2 // size**2)
    for start in range(0, len(drawn["x"]), chunk):
        for position, radius in enumerate(RADII.values()):
            rows = start + np.flatnonzero(drawn["size"][start : start + chunk] == position)
            if len(rows):
                rows = rows[np.argsort(drawn["shape"][rows], kind="stable")]
                yield rows, {name: values[rows] for name, values in drawn.items()}, radius * size / NATIVE


def _placed(here: dict, radius: float, side: int) -> tuple[np.ndarray, ...]:
    """Objects of `radius` pixels in windows around them: left and top (n,) of each, the object's own axes u (to its
    right) and v (down), and how much of each pixel it covers, in [0, 1]: (n, window, window) each.
    """
    window = min(side, int(np.ceil(2 * (_REACH * radius + 1.0))) + 1)
    x, y = here["x"] * side, here["y"] * side  # of the centre, in pixels from the corner of the image
    left = np.clip(np.floor(x - window / 2 + 0.5).astype(np.intp), 0, side - window)
    top = np.clip(np.floor(y - window / 2 + 0.5).astype(np.intp), 0, side - window)
    cells = np.arange(window, dtype=np.float32) + np.float32(0.5)
    dx = (left - x).astype(np.float32)[:, None] + cells
    dy = (top - y).astype(np.float32)[:, None] + cells
    turn = np.deg2rad(here["angle"])[:, None]
    cos, sin = np.cos(turn), np.sin(turn)
    u = (cos * dx)[:, None, :] + (sin * dy)[:, :, None]
    v = (cos * dy)[:, :, None] - (sin * dx)[:, None, :]

    distance = np.empty_like(u)
    bounds = np.searchsorted(here["shape"], np.arange(len(FACTORS["shape"]) + 1))
    for outline, start, stop in zip(_OUTLINES.values(), bounds[:-1], bounds[1:], strict=True):
        if stop > start:
            distance[start:stop] = outline(u[start:stop], v[start:stop], radius)
    return left, top, u, v, np.clip(np.subtract(np.float32(0.5), distance, out=distance), 0, 1, out=distance)


def _draw(images: np.ndarray, rows: np.ndarray, here: dict, radius: float, profiles: np.ndarray) -> None:
    """Draws one object of `radius` pixels into each of `images[rows]`; only a window around it is computed."""
    scale = images.shape[1] / NATIVE
    left, top, u, v, cover = _placed(here, radius, images.shape[1])
    window = cover.shape[1]
    tone = np.zeros_like(u)
    for position, pattern in enumerate(_PATTERNS.values(), start=1):
        some = np.flatnonzero(here["texture"] == position)
        if len(some):
            tone[some] = pattern(u[some], v[some], _PERIOD * scale, scale)
    tone *= cover

    first, second = _TONES[0][here["colour"]], _TONES[1][here["colour"]]
    lines = top[:, None] + np.arange(window)
    behind = profiles[here["background"][:, None], lines].transpose(0, 2, 1)[..., None]  # (n, 3, window, 1)
    pixels = cover[:, None] * (first[:, :, None, None] - behind)
    pixels += behind
    pixels += tone[:, None] * (second - first)[:, :, None, None]
    windows = sliding_window_view(images, (window, window), axis=(1, 2), writeable=True)
    windows[rows, top, left] = pixels.astype(np.uint8)  # `behind` carries the + 0.5 that rounds


def _positions(name: str, values: np.ndarray) -> np.ndarray:
    """Positions in FACTORS[name] of values that are positions or names."""
    values = np.atleast_1d(np.asarray(values))
    known = FACTORS[name]
    if values.dtype.kind in "OUST":
        place = {value: position for position, value in enumerate(known)}
        unknown = sorted({str(value) for value in values} - set(known))
        if unknown:
            raise BadInput(f"unknown {name} '{unknown[0]}'; choose from {', '.join(known)}")
        return np.array([place[str(value)] for value in values], np.int8)
    if values.size and not (values.min() >= 0 and values.max() < len(known)):
        raise BadInput(f"{name} is a position from 0 to {len(known) - 1} or one of {', '.join(known)}")
    return values


def _profiles(size: int) -> np.ndarray:
    """(backgrounds, size, 3) float32: the colour of every background at every line, plus 0.5 for rounding."""
    heights = (np.arange(size) + 0.5) / size
    rows = []
    for stops in BACKGROUNDS.values():
        where = [height for height, _ in stops]
        rows.append([np.interp(heights, where, [colour[channel] for _, colour in stops]) for channel in range(3)])
    return np.array(rows, np.float32).transpose(0, 2, 1).round() + np.float32(0.5)


def _tones() -> tuple[np.ndarray, np.ndarray]:
    """The colours and their darker second tones, both (colours, 3) float32."""
    first = np.array(list(COLOURS.values()), np.float32)
    return first, first * np.float32(0.66)


_TONES = _tones()


# Randomness: splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014) as a counter.


def _mix(bits: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        bits = bits + np.uint64(0x9E3779B97F4A7C15)
        bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def _below(base: np.ndarray, stream: int, bound: int) -> np.ndarray:
    """Uniform integers in [0, bound), independent for each stream."""
    bits = _mix(base ^ _mix(np.array([stream], np.uint64)))
    return ((bits >> np.uint64(32)) * np.uint64(bound) >> np.uint64(32)).astype(np.int64)


# Outlines: signed distance in pixels, negative inside; exact near the edge, which is all that anti-aliasing needs.


def _length(u, v):
    return np.sqrt(u * u + v * v)  # half the time of np.hypot, and nothing here overflows


def _circle(u, v, r):
    return _length(u, v) - np.float32(0.93 * r)


def _square(u, v, r):
    return np.maximum(np.abs(u), np.abs(v)) - np.float32(0.79 * r)


def _triangle(u, v, r):
    return np.maximum(v, np.float32(0.75**0.5) * np.abs(u) - np.float32(0.5) * v) - np.float32(0.56 * r)


def _star(u, v, r):
    c, s = np.float32(np.cos(np.pi / 5)), np.float32(np.sin(np.pi / 5))
    u, v = np.abs(u), -v
    for k in (c, -c):  # fold the plane onto one half of one point
        over = 2 * np.maximum(k * u - s * v, 0)
        u, v = u - over * k, v + over * s
    u, v = np.abs(u), v - np.float32(_REACH * r)
    along, down = np.float32(0.5 * s), np.float32(0.5 * c - 1.0)  # the edge from the tip, with inner radius 0.5
    return (v * along - u * down) / np.float32(np.hypot(along, down))


def _cross(u, v, r):
    u, v = np.abs(u), np.abs(v)
    long, wide = np.maximum(u, v), np.minimum(u, v)
    return np.maximum(long - np.float32(1.02 * r), wide - np.float32(0.36 * r))


def _ring(u, v, r):
    return np.abs(_length(u, v) - np.float32(0.78 * r)) - np.float32(0.24 * r)


def _heart(u, v, r):
    h = np.float32(1.1 * r / 1.783)  # a square on its corner with two half discs of radius h on its upper edges
    u, v = np.abs(u), v - np.float32(0.369) * h
    half = np.float32(0.5**0.5)
    return np.minimum((u + np.abs(v)) * half, _length(u - half * h, v + half * h)) - h


def _moon(u, v, r):
    return np.maximum(_length(u, v) - np.float32(r), np.float32(0.82 * r) - _length(u - np.float32(0.56 * r), v))


_OUTLINES = dict(zip(FACTORS["shape"], (_circle, _square, _triangle, _star, _cross, _ring, _heart, _moon), strict=True))


# Textures: how much of the second tone, 0..1. They turn and move with the object.


def _wave(u, period):
    """Signed distance to the edges of bands of half a period, in pixels; the middle band is positive."""
    turns = u * np.float32(1 / period)
    turns -= np.rint(turns)
    return np.float32(0.25 * period) - np.abs(turns) * np.float32(period)


def _stripes(u, v, period, scale):
    return np.clip(_wave(u, period) + np.float32(0.5), 0, 1)


def _checks(u, v, period, scale):
    across, along = np.clip(_wave(u, 1.5 * period), -0.5, 0.5), np.clip(_wave(v, 1.5 * period), -0.5, 0.5)
    return np.float32(0.5) + 2 * across * along


def _dots(u, v, period, scale):
    u, v = u * np.float32(1 / period), v * np.float32(1 / period)
    return np.clip(np.float32(0.5) + np.float32(0.33 * period) - _length(u - np.rint(u), v - np.rint(v)) * period, 0, 1)


_PATTERNS = {"stripes": _stripes, "checks": _checks, "dots": _dots}
