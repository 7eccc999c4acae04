"""Pictures into codes, and codes into pictures as a file would hold them: what every test of a network is made of."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from explorer.autoencoder import Autoencoder, Codebook, device_of, to_images, to_pixels
from explorer.precision import exact


def read(model: Autoencoder, books: Mapping[str, Codebook], pixels: np.ndarray) -> dict[str, np.ndarray]:
    """Codes of pictures (n, h, w, 3) uint8 in every layer that `books` names: `{layer: (n, H, W) int64}`."""
    return assigned(latents(model, pixels), books)


@exact()
@torch.inference_mode()
def latents(model: Autoencoder, pixels: np.ndarray) -> dict[str, Tensor]:
    """Latents of pictures (n, h, w, 3) uint8 in every layer: `{layer: (n, H, W, D)}`."""
    return model.encode(to_images(pixels, device_of(model)))


@exact()
@torch.inference_mode()
def assigned(found: Mapping[str, Tensor], books: Mapping[str, Codebook]) -> dict[str, np.ndarray]:
    """Codes of latents: `{layer: (n, H, W) int64}`."""
    return {name: book.assign(found[name]).cpu().numpy() for name, book in books.items()}


@exact()
@torch.inference_mode()
def decoded(model: Autoencoder, found: Mapping[str, Tensor]) -> Tensor:
    """What the decoder makes of some layers, the others left out: (n, 3, h, w) float32 in [0, 1]."""
    return model.decode(found).float()


def drawn(model: Autoencoder, found: Mapping[str, Tensor]) -> np.ndarray:
    """The same rounded to 8 bits, as a file would hold it: (n, h, w, 3) uint8."""
    return to_pixels(decoded(model, found))
