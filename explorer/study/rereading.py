"""Whether codes come back: pictures that were decoded of them are encoded again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from explorer.errors import BadInput
from explorer.priors import folder
from explorer.study import passes
from explorer.study.priors import decoded

if TYPE_CHECKING:
    from explorer.autoencoder import Autoencoder, Codebook
    from explorer.priors.folder import Facts
    from explorer.study import Study

BATCH, HELD_OUT = 64, 100  # images at a time; images that samples are set beside


def kept(study: Study, facts: Facts, codes: Mapping[str, np.ndarray], pixels: np.ndarray) -> np.ndarray:
    """Share of the cells of each code map that the encoder finds again in its picture, over all levels: (n,) in [0, 1].

    Args:
        codes: {level: (n, H, W)}. pixels: (n, h, w, 3) uint8, decoded of them.
    """
    again = study.through(read, pixels, list(codes), folder.books(facts.path))
    same = [(again[name] == values).reshape(len(values), -1) for name, values in codes.items()]
    return np.concatenate(same, 1).mean(1)


def of_held_out(study: Study, facts: Facts, most: int = HELD_OUT) -> np.ndarray | None:
    """The same share of up to `most` held-out images, (n,); None where they are not encoded, or not there any more."""
    try:
        if not study.encoded:
            return None
        rows = np.sort(np.random.default_rng(0).permutation(len(study.images))[:most])
        codes = {level.name: study.encoding.codes(level.name, rows).astype(np.int64) for level in facts.levels}
    except BadInput:
        return None
    return kept(study, facts, codes, decoded(study, facts, codes))


@passes.through
def read(
    model: Autoencoder, pixels: np.ndarray, layers: list[str], books: Mapping[str, Codebook]
) -> dict[str, np.ndarray]:
    """Codes (n, H, W) of some layers of pictures (n, h, w, 3) uint8; `books` of layers without codes of their own."""
    from explorer.autoencoder import device_of, to_images

    found: dict[str, list[np.ndarray]] = {name: [] for name in layers}
    for start in range(0, len(pixels), BATCH):
        latents = model.encode(to_images(pixels[start : start + BATCH], device_of(model)))
        for name, parts in found.items():
            book = books.get(name) or model.codebooks[name]
            parts.append(book.assign(latents[name]).cpu().numpy())
    return {name: np.concatenate(parts) for name, parts in found.items()}
