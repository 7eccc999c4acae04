"""Pixels for the eye: crisp enlargements, heat maps with a legend, data URLs, and archives to take home."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Mapping

import numpy as np
from PIL import Image

_CODES = ("2a628f", "4aa3d1", "1d8a6b", "4aa3d1", "d9822b", "4aa3d1", "1d8a6b", "4aa3d1", "b0568f")
MARK_CELLS = "".join(  # the sign of the project: rectangles for an SVG of 32 × 32
    f'<rect x="{2 + 9 * (i % 3)}" y="{3 + 9 * (i // 3)}" width="7" height="7" rx="1.5" fill="#{colour}"/>'
    for i, colour in enumerate(_CODES)
)

# dark to light through violet and orange: even steps in lightness, so that it reads the same in print and for all eyes
_HEAT = np.array([[0, 0, 4], [59, 15, 112], [140, 41, 129], [222, 73, 104], [254, 159, 109], [252, 253, 191]], float)

_SIGNED = np.array([[24, 66, 110], [74, 163, 209], [245, 244, 240], [236, 160, 82], [168, 72, 20]], float)


def png(pixels: np.ndarray, side: int = 0) -> bytes:
    """PNG of (h, w, 3) uint8, enlarged by the smallest whole number that makes it at least `side` pixels wide.

    Whole numbers and hard edges: a browser would blur small images otherwise. There is an alpha channel because
    `st.image` turns what has none into JPEG.
    """
    scale = max(1, -(-side // pixels.shape[1]))
    data = io.BytesIO()
    Image.fromarray(pixels.repeat(scale, 0).repeat(scale, 1)).convert("RGBA").save(data, "PNG", compress_level=1)
    return data.getvalue()


def heat(values: np.ndarray, top: float) -> np.ndarray:
    """Values (..., h, w) from 0 to `top` as colours, dark to light, the lightest above: (..., h, w, 3) uint8."""
    steps = np.linspace(0, 1, len(_HEAT))
    table = (
        np.stack([np.interp(np.linspace(0, 1, 256), steps, channel) for channel in _HEAT.T], 1).round().astype(np.uint8)
    )
    return table[(np.clip(values / max(top, 1e-9), 0, 1) * 255).astype(np.uint8)]


def url(pixels: np.ndarray, side: int = 0) -> str:
    """Data URL of the `png` of a picture."""
    return "data:image/png;base64," + base64.b64encode(png(pixels, side)).decode()


def jpeg_url(data: bytes) -> str:
    """Data URL of a JPEG."""
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()


def error_top(errors: np.ndarray) -> float:
    """Where the colours of errors end: what one pixel in two hundred goes beyond, and never less than 0.02."""
    return max(float(np.quantile(errors, 0.995)), 0.02)


def urls(pictures: np.ndarray) -> list[str]:
    """Data URLs of small pictures (n, s, s, 3) uint8, for the cells of a table."""
    found = []
    for picture in pictures:
        data = io.BytesIO()
        Image.fromarray(picture).save(data, "JPEG", quality=85)
        found.append(jpeg_url(data.getvalue()))
    return found


def sprite(tiles: np.ndarray) -> tuple[bytes, int]:
    """Small pictures (n, s, s, 3) uint8 in one JPEG, row by row, and how many stand in a row."""
    count, side = tiles.shape[:2]
    across = max(1, int(np.ceil(np.sqrt(count))))
    sheet = np.zeros((-(-count // across) * across, side, side, 3), np.uint8)
    sheet[:count] = tiles
    sheet = sheet.reshape(-1, across, side, side, 3).swapaxes(1, 2).reshape(-1, across * side, 3)
    data = io.BytesIO()
    Image.fromarray(sheet).save(data, "JPEG", quality=85)
    return data.getvalue(), across


def archive(pictures: Mapping[str, np.ndarray]) -> bytes:
    """Zip of PNG files by name, (h, w, 3) uint8 each, in their own size."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_STORED) as file:
        for name, pixels in pictures.items():
            picture = io.BytesIO()
            Image.fromarray(pixels).save(picture, "PNG")
            file.writestr(f"{name}.png", picture.getvalue())
    return data.getvalue()


def signed(values: np.ndarray, top: float) -> np.ndarray:
    """Values (..., h, w) from -`top` to `top` as colours, blue over white to orange: (..., h, w, 3) uint8."""
    steps = np.linspace(-1, 1, len(_SIGNED))
    scaled = np.clip(values / max(top, 1e-9), -1, 1)
    return np.stack([np.interp(scaled, steps, channel) for channel in _SIGNED.T], -1).round().astype(np.uint8)
