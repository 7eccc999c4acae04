"""Whether codes stay where a picture stays the same to a person: shifted by a pixel, saved as JPEG, decoded.

A code that changes when nothing that matters changed cannot stand for what matters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from explorer.analysis.concepts import passes
from explorer.analysis.concepts.shares import same
from explorer.analysis.concepts.transformations import DECODED, Transformation
from explorer.autoencoder import Autoencoder, Codebook


def kept(
    model: Autoencoder,
    books: Mapping[str, Codebook],
    batches: Iterable[np.ndarray],
    changes: Mapping[str, Transformation],
    *,
    decode: bool = True,
    seed: int = 0,
) -> dict[str, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Shares of tokens that stay under each change, and that an unrelated picture has at the same places.

    Args:
        books: codebooks of the layers that are asked for.
        batches: pixels (b, h, w, 3) uint8 of n images in random order: the unrelated one is the image before.
        decode: whether what the decoder makes of a picture is a change too, called DECODED.

    Returns:
        `{layer: {change: (stay (n,), unrelated (n,))}}`, shares in [0, 1]; NaN as unrelated to the only image.
    """
    names = ([DECODED] if decode else []) + list(changes)
    found: dict[tuple[str, str], list[tuple[np.ndarray, np.ndarray]]] = {
        (layer, name): [] for layer in books for name in names
    }
    before: dict[str, np.ndarray] = {}  # the last code map of the batch before
    for number, pixels in enumerate(batches):
        latents = passes.latents(model, pixels)
        plain = passes.assigned(latents, books)
        others = {layer: _shifted(codes, before.get(layer)) for layer, codes in plain.items()}
        for name in names:
            if name == DECODED:
                changed = _again(model, books, latents)
            else:
                made = changes[name].apply(pixels, np.random.default_rng([seed, number]))
                changed = {layer: changes[name].back(codes) for layer, codes in passes.read(model, books, made).items()}
            for layer, codes in changed.items():
                found[layer, name].append((same(codes, plain[layer]), same(codes, others[layer])))
        before = {layer: codes[-1:] for layer, codes in plain.items()}
    if before and sum(len(stay) for stay, _ in found[next(iter(books)), names[0]]) == 1:
        found = {key: [(stay, np.full(1, np.nan)) for stay, _ in parts] for key, parts in found.items()}
    joined = {key: tuple(np.concatenate(part) for part in zip(*parts, strict=True)) for key, parts in found.items()}
    return {layer: {name: joined[layer, name] for name in names} for layer in books}


def _shifted(codes: np.ndarray, last: np.ndarray | None) -> np.ndarray:
    """The code map of the image before; the first image of all gets that of the last one of its batch."""
    return np.concatenate([codes[-1:] if last is None else last, codes[:-1]])


def _again(model: Autoencoder, books: Mapping[str, Codebook], latents: Mapping) -> dict[str, np.ndarray]:
    """Codes of what the decoder makes of all layers together, or of each layer alone where it takes one at a time."""
    if model.joint:
        return passes.read(model, books, passes.drawn(model, latents))
    found = {}
    for layer in books:
        made = passes.drawn(model, {layer: latents[layer]})
        found |= passes.read(model, {layer: books[layer]}, made)
    return found
