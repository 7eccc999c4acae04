"""Codes of every layer in one `.npz`, arrays (N, H, W) named after the layers, checked against a network's grids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from explorer.datasets.members import FREE, Array, npz_arrays
from explorer.errors import BadInput

if TYPE_CHECKING:
    from explorer.autoencoder import Layer


@dataclass(frozen=True)
class LayerCodes:
    """What a file holds of the layers of a network.

    Attributes:
        count: N, images.
        codes: {layer: (N, H, W)} whole numbers in [0, K).
        vectors: {layer: (K, D)} float32 of layers that have no codebook of their own, where the file gives one.
        latents: {layer: (N, H, W, D)} float32 of such layers; they count before codes.
        missing: layers that are not in the file.
    """

    count: int
    codes: dict[str, np.ndarray] = field(default_factory=dict)
    vectors: dict[str, np.ndarray] = field(default_factory=dict)
    latents: dict[str, np.ndarray] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


def read(path: Path, layers: Sequence[Layer], sizes: Mapping[str, int]) -> LayerCodes:
    """Codes and latents of the layers that a file has; nothing is unpickled, and sizes are checked first.

    Args:
        sizes: K of the layers that have a codebook of their own.

    Raises:
        BadInput: no layer is in it, or one does not fit; names the array and what is asked for.
    """
    if not path.is_file():
        raise BadInput(f"there is no file {path}; give an .npz with an array (N, H, W) of each layer, by its name")
    found = {one.name: one for one in npz_arrays(path)[0]}
    codes, vectors, latents = {}, {}, {}
    for layer in layers:
        height, width = layer.grid
        if f"{layer.name}.latents" in found:
            latents[layer.name] = _floats(path, found[f"{layer.name}.latents"], (height, width, layer.dim))
        elif layer.name in found:
            size = sizes.get(layer.name)
            if size is None:
                book = found.get(f"{layer.name}.vectors")
                if book is None:
                    raise BadInput(
                        f"layer '{layer.name}' has no codebook of its own; '{path.name}' needs '{layer.name}.vectors' "
                        f"(K, {layer.dim}) or '{layer.name}.latents' (N, {height}, {width}, {layer.dim}) besides"
                    )
                vectors[layer.name] = _floats(path, book, (layer.dim,))
                size = len(vectors[layer.name])
            codes[layer.name] = _codes(path, found[layer.name], (height, width), size)
    counts = {name: len(one) for name, one in (codes | latents).items()}
    if not counts:
        names = ", ".join(f"'{layer.name}'" for layer in layers)
        raise BadInput(f"'{path.name}' has no array of a layer; name one {names}, shape (N, H, W)")
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{count:,} of {name}" for name, count in counts.items())
        raise BadInput(f"'{path.name}' has codes of different numbers of images: {told}")
    missing = tuple(layer.name for layer in layers if layer.name not in counts)
    return LayerCodes(next(iter(counts.values())), codes, vectors, latents, missing)


def _codes(path: Path, array: Array, grid: tuple[int, int], size: int) -> np.ndarray:
    """(N, H, W); one image without the first axis will do."""
    if array.dtype.kind not in "iu":
        raise BadInput(f"{array} in '{path.name}' holds no whole numbers; codes are from 0 to {size - 1:,}")
    if array.shape not in (grid, (*array.shape[:1], *grid)):
        raise BadInput(f"{array} in '{path.name}' does not fit; give N × {grid[0]} × {grid[1]} codes")
    codes = _whole(path, array).reshape(-1, *grid).astype(np.int64)
    wrong = codes[(codes < 0) | (codes >= size)]
    if len(wrong):
        raise BadInput(f"'{array.name}' in '{path.name}' has code {wrong[0]:,}; choose from 0 to {size - 1:,}")
    return codes


def _floats(path: Path, array: Array, shape: tuple[int, ...]) -> np.ndarray:
    """(n, *shape) finite float32."""
    if array.dtype.kind not in "fiu" or array.shape[1:] != shape:
        asked = " × ".join(f"{length:,}" for length in shape)
        raise BadInput(f"{array} in '{path.name}' does not fit; give n × {asked} numbers")
    values = _whole(path, array).astype(np.float32)
    if not np.isfinite(values).all():
        raise BadInput(f"'{array.name}' in '{path.name}' holds NaN or infinity; no vector has such numbers")
    return values


def _whole(path: Path, array: Array) -> np.ndarray:
    if np.prod([float(length) for length in array.shape]) * max(array.dtype.itemsize, 8) > FREE:
        raise BadInput(f"{array} in '{path.name}' is too large to be read at once; write fewer images into a file")
    rows = np.arange(array.shape[0])
    return np.stack(list(array.rows(rows))) if len(rows) else np.empty(array.shape, array.dtype)
