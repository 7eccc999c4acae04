"""Small changes of pictures that a person would hardly call another picture, and changes of their colour alone.

Everything is uint8 in and uint8 out, as a file would hold it.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from explorer.analysis.grids import placed

QUALITY = 75  # of JPEG, on its scale to 100
BRIGHTER = 1.1
NOISE = 0.02 * 255  # standard deviation in 8-bit levels
DECODED = "decoded"  # a change that a network makes: decoded, then encoded
LUMA = (0.299, 0.587, 0.114)  # of red, green and blue, ITU-R BT.601


@dataclass(frozen=True)
class Transformation:
    """One way to change pictures.

    Attributes:
        title: what is done, for people.
        apply: pixels (n, h, w, 3) uint8 and a generator -> the same shape.
        back: a code map (n, H, W) of what `apply` gave -> where its cells stand in the picture before.
    """

    title: str
    apply: Callable[[np.ndarray, np.random.Generator], np.ndarray]
    back: Callable[[np.ndarray], np.ndarray] = lambda codes: codes


def shifted(pixels: np.ndarray, axis: int) -> np.ndarray:
    """Pixels (n, h, w, 3) one pixel further down (axis 1) or right (axis 2); the border is reflected."""
    room = [(1, 0) if place == axis else (0, 0) for place in range(4)]
    padded = np.pad(pixels, room, mode="reflect" if pixels.shape[axis] > 1 else "edge")
    return padded[:, : pixels.shape[1], : pixels.shape[2]]


def flipped(pixels: np.ndarray) -> np.ndarray:
    """Left and right exchanged: (n, h, w, 3) -> the same shape."""
    return np.ascontiguousarray(pixels[:, :, ::-1])


def jpeg(pixels: np.ndarray, quality: int = QUALITY) -> np.ndarray:
    """What is left after JPEG of a quality in [1, 100]: (n, h, w, 3) uint8 -> the same."""
    from PIL import Image

    found = np.empty_like(pixels)
    for place, one in enumerate(pixels):
        file = io.BytesIO()
        Image.fromarray(one).save(file, "JPEG", quality=quality)
        found[place] = np.asarray(Image.open(file).convert("RGB"))
    return found


def brighter(pixels: np.ndarray, times: float = BRIGHTER) -> np.ndarray:
    """Every value times `times`, at most 255."""
    return np.clip(np.rint(pixels.astype(np.float32) * times), 0, 255).astype(np.uint8)


def noisy(pixels: np.ndarray, generator: np.random.Generator, deviation: float = NOISE) -> np.ndarray:
    """Gaussian noise of a standard deviation in 8-bit levels added to every value."""
    noise = generator.standard_normal(pixels.shape, np.float32) * deviation
    return np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8)


def grey(pixels: np.ndarray) -> np.ndarray:
    """The luma of each pixel in all three channels (ITU-R BT.601): (n, h, w, 3) uint8 -> the same."""
    luma = np.rint(pixels.astype(np.float32) @ np.array(LUMA, np.float32)).astype(np.uint8)
    return np.repeat(luma[..., None], 3, -1)


def hue_rotated(pixels: np.ndarray) -> np.ndarray:
    """Hue turned by 120° at the same saturation and value (HSV), which is exact: red -> green -> blue -> red."""
    return np.ascontiguousarray(np.roll(pixels, 1, -1))


def _flipped_back(codes: np.ndarray) -> np.ndarray:
    return codes[:, :, ::-1] if placed(codes.shape[1:]) else codes


SMALL: dict[str, Transformation] = {
    "right": Transformation("shifted 1 px to the right", lambda pixels, _: shifted(pixels, 2)),
    "down": Transformation("shifted 1 px down", lambda pixels, _: shifted(pixels, 1)),
    "flipped": Transformation(
        "flipped left to right, its codes flipped back", lambda pixels, _: flipped(pixels), _flipped_back
    ),
    "jpeg": Transformation(f"saved as JPEG of quality {QUALITY}", lambda pixels, _: jpeg(pixels)),
    "brighter": Transformation(f"made {100 * BRIGHTER - 100:.0f} % brighter", lambda pixels, _: brighter(pixels)),
    "noisy": Transformation("given noise of 5 of 255 levels", noisy),
}
COLOURS: dict[str, Transformation] = {
    "grey": Transformation("made grey", lambda pixels, _: grey(pixels)),
    "hue": Transformation("given hues turned by 120°", lambda pixels, _: hue_rotated(pixels)),
}
