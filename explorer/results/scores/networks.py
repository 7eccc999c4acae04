"""What scores that ask a network need of the material, and how many images they take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from explorer.autoencoder import Codebook
    from explorer.results.scores.material import Material

PIXELS = 64  # of a side, of images of which a score takes as many as it says; of larger ones fewer


def lacking(material: Material, *, decoder: bool) -> str:
    """Why nothing can be asked of the network, in one sentence; empty where it can."""
    from explorer.autoencoder import no_decoder

    if material.model is None:
        return "There are codes only: no network that could read a changed picture, or draw a changed code."
    if not material.pictured:
        return "There are no pictures here that the network could read."
    return no_decoder(material.model) if decoder else ""


def books(material: Material) -> dict[str, Codebook]:
    """Codebooks of the layers that are asked for."""
    return {layer.name: material.encoding.codebook(layer.name) for layer in material.layers}


def chosen(among: np.ndarray, most: int, seed: int = 0) -> np.ndarray:
    """At most so many of some positions, in random order, always the same ones."""
    return np.random.default_rng([seed, 23]).permutation(among)[:most]


def affordable(material: Material, most: int, fewest: int) -> int:
    """How many images a score takes: `most` of 64 × 64 px, the fewer the more pixels they have, at least `fewest`."""
    pixels = material.subject.facts.image_size**2
    return int(np.clip(most * PIXELS**2 / max(pixels, 1), fewest, most))
