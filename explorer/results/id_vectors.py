"""What ids are made of: a vector of each image, from an encoding, and books that are asked for its codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis import ids
from explorer.analysis.usage import occurrences
from explorer.errors import BadInput
from explorer.results.id_choices import chain, grids

if TYPE_CHECKING:
    from explorer.analysis.ids import Maker
    from explorer.encodings import Encoding

MOST = 50_000  # images whose codes are turned into vectors at once


def of_images(
    encoding: Encoding, layers: list[str], of: str, rows: np.ndarray | None = None
) -> tuple[list[np.ndarray], str]:
    """A vector of each image for each of some layers, (N, D) float32 each, and which they are, `zq` or `ze`.

    With `rows` (n,) of these alone.

    Where no latents are known, as of a file of codes, those of the codes stand for them.

    Raises:
        BadInput: neither is a number.
    """
    if of == "ze":
        found = [encoding.pooled(layer, rows) for layer in layers]
        if all(np.isfinite(one).all() for one in found):
            return found, of
    found = [quantized(encoding, layer, rows) for layer in layers]
    if not all(np.isfinite(one).all() for one in found):
        raise BadInput("some images have latents that are no numbers, so no ids can be made of them")
    return found, "zq"


def quantized(encoding: Encoding, layer: str, rows: np.ndarray | None = None) -> np.ndarray:
    """(N, D) float32 means of the vectors of each image's codes; with `rows` (n,) of these alone."""
    vectors = encoding.codebook(layer).vectors.detach().cpu().numpy()
    height, width = encoding.layer(layer).grid
    parts = [np.empty((0, vectors.shape[1]), np.float32)]
    for start in range(0, len(encoding) if rows is None else len(rows), MOST):
        some = slice(start, min(start + MOST, len(encoding))) if rows is None else rows[start : start + MOST]
        codes = encoding.codes(layer, some)
        parts.append((occurrences(codes, len(vectors)) @ vectors / (height * width)).astype(np.float32))
    return np.concatenate(parts)


def half(images: int, seed: int = 0) -> np.ndarray:
    """Rows of the half that centres are fitted on, at most FITTED, ascending."""
    most = min(max(images // 2, 1), ids.FITTED)
    return np.sort(np.random.default_rng([seed, 11]).permutation(images)[:most])


def own_facts(encoding: Encoding) -> list[dict[str, Any]]:
    """What `id_choices` wants to know of the layers."""
    books = {layer.name: encoding.codebook(layer.name) for layer in encoding.layers}
    return [
        {"name": one.name, "grid": one.grid, "dim": one.dim,
         "codes": None if books[one.name].kind == "kmeans" else len(books[one.name])}
        for one in encoding.layers
    ]  # fmt: skip


def own(encoding: Encoding, way: str) -> Maker:
    """The checkpoint's own codebooks, of its residual quantizer or of its grids."""
    facts = own_facts(encoding)
    layers = chain(facts) if way == "residual" else grids(facts)
    books = tuple(encoding.codebook(layer).vectors.detach().cpu().numpy() for layer in layers)
    return ids.Residual(books) if way == "residual" else ids.Levels(books)
