"""What painting codes into an image does: decode it with some cells' codes replaced, and read the picture again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from explorer.analysis.grids import cover

if TYPE_CHECKING:
    from explorer.autoencoder import Autoencoder, Codebook


@dataclass(frozen=True)
class Stroke:
    """What is painted on one layer.

    Attributes:
        where: (H, W) bool, painted cells. codes: (n,) painted, row by row. vectors: (n, D) of these codes.
    """

    where: np.ndarray
    codes: np.ndarray
    vectors: np.ndarray


@dataclass(frozen=True)
class Painted:
    """An image decoded before and after its codes were painted over.

    Attributes:
        before, after: (h, w, 3) uint8.
        difference: (h, w) float32 in [0, 1], absolute change of each pixel, mean over channels.
        inside, outside: mean of it over the pixels that painted cells cover, and over all others; nan where none are.
        read: {layer: (n,) codes} that the encoder reads in the painted cells of `after`.
    """

    before: np.ndarray
    after: np.ndarray
    difference: np.ndarray
    inside: float
    outside: float
    read: dict[str, np.ndarray]


def paint(
    model: Autoencoder,
    latents: Mapping[str, np.ndarray],
    strokes: Mapping[str, Stroke],
    books: Mapping[str, Codebook],
) -> Painted:
    """Decodes an image with painted codes in place of its own, beside the same without.

    The picture is read again as a file would hold it, in 8 bits. Where a network is not `joint`, only the finest layer
    of `latents` counts.

    Args:
        latents: (H, W, D) of each layer that the decoder gets. strokes: of layers among these.
        books: of each painted layer; those of k-means are not the model's own.
    """
    import torch

    from explorer.autoencoder import device_of, to_pixels

    device = device_of(model)
    own = {name: torch.from_numpy(np.array(found))[None].to(device) for name, found in latents.items()}
    changed = {name: found.repeat(2, 1, 1, 1) for name, found in own.items()}  # the first stays as it is
    for name, stroke in strokes.items():
        where = torch.from_numpy(np.asarray(stroke.where, bool)).to(device)
        changed[name][1, where] = torch.from_numpy(np.asarray(stroke.vectors)).to(changed[name])
    decoded = model.decode(changed).float()
    pixels = to_pixels(decoded)
    difference = (decoded[1] - decoded[0]).abs().mean(0).cpu().numpy()
    covered = np.zeros(difference.shape, bool)
    for stroke in strokes.values():
        covered |= cover(stroke.where, difference.shape)
    inside = float(difference[covered].mean()) if covered.any() else float("nan")
    outside = float(difference[~covered].mean()) if not covered.all() else float("nan")
    return Painted(pixels[0], pixels[1], difference, inside, outside, _read(model, pixels[1], strokes, books))


def _read(
    model: Autoencoder, pixels: np.ndarray, strokes: Mapping[str, Stroke], books: Mapping[str, Codebook]
) -> dict[str, np.ndarray]:
    """{layer: (n,) codes} of a picture in the painted cells."""
    if not strokes:
        return {}
    import torch

    from explorer.autoencoder import device_of, to_images

    found = model.encode(to_images(pixels[None], device_of(model)))
    read = {}
    for name, stroke in strokes.items():
        where = torch.from_numpy(np.asarray(stroke.where, bool))
        read[name] = books[name].assign(found[name][0].cpu()[where]).cpu().numpy()
    return read
