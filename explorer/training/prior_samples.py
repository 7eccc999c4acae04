"""What a prior draws while it is trained: sixteen samples, decoded by the checkpoint whose codes they are of."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from PIL import Image

from explorer.autoencoder import Codebook, device_of, no_decoder, to_pixels
from explorer.priors import Prior
from explorer.priors.sampling import Choices, sample

COLUMNS, ROWS = 8, 2
MOST = 4096  # places that are drawn while training, of all levels: more would take longer than the training
SHOWN = 32  # pixels of a code map at least, where there is no picture

Decode = Callable[[Mapping[str, np.ndarray]], np.ndarray]


def classes_of(values: int) -> np.ndarray:
    """Classes (16,) of the samples, in order; −1 where there are none."""
    count = COLUMNS * ROWS
    return np.arange(count) * values // count if values else np.full(count, -1)


def strip(prior: Prior, decode: Decode) -> Image.Image | None:
    """Sixteen samples in two rows, of classes in order, always with the same noise; None where that takes too long."""
    if sum(level.places for level in prior.levels) > MOST:
        return None
    codes = sample(prior, classes_of(prior.classes), Choices())
    pixels = decode({name: found.cpu().numpy() for name, found in codes.items()})
    rows = [np.concatenate(list(pixels[row * COLUMNS : (row + 1) * COLUMNS]), 1) for row in range(ROWS)]
    return Image.fromarray(np.concatenate(rows, 0))


def decoder(network: torch.nn.Module | None, books: Mapping[str, Codebook]) -> Decode:
    """Codes (n, H, W) of each level -> pictures (n, h, w, 3) uint8; the first level as grey where nothing decodes."""
    if network is None or no_decoder(network):
        return _maps

    @torch.inference_mode()
    def decode(codes: Mapping[str, np.ndarray]) -> np.ndarray:
        latents = {}
        for name, found in codes.items():
            book = books.get(name) or network.codebooks[name]
            latents[name] = book.lookup(torch.from_numpy(found).to(book.vectors.device)).to(device_of(network))
        return to_pixels(network.decode(latents).float())

    return decode


def _maps(codes: Mapping[str, np.ndarray]) -> np.ndarray:
    """Code maps as pictures: a grey for each code, in no order that means anything."""
    found = list(codes.values())[-1]
    shades = (found.astype(np.uint64) * np.uint64(2654435761) % np.uint64(2**32) >> np.uint64(24)).astype(np.uint8)
    scale = max(1, -(-SHOWN // max(found.shape[1:])))
    return np.repeat(shades.repeat(scale, 1).repeat(scale, 2)[..., None], 3, 3)
