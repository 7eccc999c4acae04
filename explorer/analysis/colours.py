"""Colours for codes, chosen so that codes with near vectors look alike, and code maps painted with them."""

from __future__ import annotations

import numpy as np

CENTRE = 0.68  # OKLab lightness of the mean code
REACH = np.array([0.27, 0.17, 0.17])  # farthest from the centre in lightness, b (blue to yellow), a (green to red)


def colour_codes(vectors: np.ndarray, counts: np.ndarray | None = None) -> np.ndarray:
    """An sRGB colour for each codebook vector: (K, D) -> (K, 3) uint8, deterministic.

    The three main directions of the vectors, weighted by use, become lightness, blue–yellow and green–red of OKLab,
    where distance is about what the eye sees. Lightness and blue–yellow come first because colour-blind readers see
    them too. Directions are half whitened, so that the second and third stay visible, and far vectors are drawn in
    smoothly; colours outside sRGB lose chroma, never hue. Codes that are never used get a colour but no say.

    Args:
        vectors: (K, D) finite.
        counts: (K,) tokens of each code; all the same if None or all zero.

    Source: Ottosson, A perceptual color space for image processing, 2020.
    """
    vectors = np.asarray(vectors, np.float64)
    if vectors.ndim != 2 or not np.isfinite(vectors).all():
        raise ValueError(f"vectors must be (K, D) without NaN or infinity; got shape {vectors.shape}")
    weights = np.ones(len(vectors)) if counts is None or not np.sum(counts) else np.asarray(counts, np.float64)
    points = _main_directions(vectors, weights)  # (K, 3)
    scale = np.sqrt(np.average((points**2).sum(1), weights=weights)) if len(points) else 0.0
    points = points / scale if scale > 0 else points
    points = points / np.sqrt(1 + (points**2).sum(1, keepdims=True))  # inside the unit ball
    lightness, b, a = (points * REACH).T
    return oklab_to_srgb(np.stack([CENTRE + lightness, a, b], 1))


def oklab_to_srgb(colours: np.ndarray) -> np.ndarray:
    """OKLab (K, 3) with L in [0, 1] -> sRGB (K, 3) uint8; chroma is lowered, lightness and hue kept, until it fits."""
    low, high = np.zeros(len(colours)), np.ones(len(colours))
    fits = _in_gamut(_linear(colours))
    for _ in range(16):
        middle = (low + high) / 2
        inside = _in_gamut(_linear(colours * np.stack([np.ones_like(middle), middle, middle], 1)))
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    chroma = np.where(fits, 1.0, low)
    linear = _linear(colours * np.stack([np.ones_like(chroma), chroma, chroma], 1)).clip(0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.rint(encoded * 255).astype(np.uint8)


def srgb_to_oklab(colours: np.ndarray) -> np.ndarray:
    """sRGB (..., 3) uint8 -> OKLab (..., 3) float64: L in [0, 1], a, b in about [-0.4, 0.4]."""
    encoded = np.asarray(colours, np.float64) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    return np.cbrt(linear @ np.linalg.inv(_LMS_TO_RGB).T) @ np.linalg.inv(_LAB_TO_LMS).T


def paint(codes: np.ndarray, colours: np.ndarray, scale: int = 1) -> np.ndarray:
    """A code map as a picture: codes (H, W), colours (K, 3) uint8 -> (H × scale, W × scale, 3) uint8, hard edges."""
    return np.repeat(np.repeat(colours[np.asarray(codes)], scale, 0), scale, 1)


_LAB_TO_LMS = np.array(
    [[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728], [1, -0.0894841775, -1.2914855480]]
)
_LMS_TO_RGB = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)


def _linear(colours: np.ndarray) -> np.ndarray:
    """OKLab (K, 3) -> linear sRGB (K, 3), outside [0, 1] where the screen cannot show it."""
    return (colours @ _LAB_TO_LMS.T) ** 3 @ _LMS_TO_RGB.T


def _in_gamut(linear: np.ndarray) -> np.ndarray:
    return ((linear >= -1e-6) & (linear <= 1 + 1e-6)).all(1)


def _main_directions(vectors: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted principal components, half whitened: (K, D) -> (K, 3), zeros where D < 3."""
    points = np.zeros((len(vectors), 3))
    if not len(vectors):
        return points
    centred = vectors - np.average(vectors, axis=0, weights=weights)
    covariance = (centred * (weights / weights.sum())[:, None]).T @ centred  # (D, D)
    variances, directions = np.linalg.eigh(covariance)
    variances, directions = variances[::-1][:3], directions[:, ::-1][:, :3]
    # a direction is only known up to its sign: the largest entry is made positive
    largest = np.abs(directions).argmax(0)
    directions = directions * np.sign(directions[largest, np.arange(directions.shape[1])])
    keep = variances > 1e-12 * max(variances[0], 1e-300)
    projected = centred @ directions[:, keep] / variances[keep] ** 0.25
    points[:, : projected.shape[1]] = projected
    return points
