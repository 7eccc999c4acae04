"""What an Encoding is on disk: its files, the names of its columns, and the index of its codes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer import places
from explorer.encodings import postings
from explorer.files import read_json, special

if TYPE_CHECKING:
    from explorer.autoencoder import Layer

FORMAT = 1
MARKER = "encoding.json"  # written last, so that what has it is complete
JOURNAL = "unfinished.json"  # which inputs the fragments already there belong to
RECORDS = "unfinished"  # folder with a record of each of them
CLAIMS = "claims"  # in it: who makes which


def complete(folder: Path, key: str | None = None) -> dict[str, Any] | None:
    """Facts of a complete Encoding with this `key` (any, if None), or None where it is missing, cut off or another."""
    try:
        facts = read_json(folder / MARKER)
        sizes = facts["files"]
        if places.remote(folder) is not None:  # what is there was looked at when the marker was fetched
            sizes = {name: size for name, size in sizes.items() if "/" not in name}
        fits = facts["format"] == FORMAT and (key is None or facts["key"] == key) and bool(sizes)
        fits = fits and not special(folder)
        return facts if fits and all((folder / name).stat().st_size == size for name, size in sizes.items()) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def column_of(kind: str, layer: str) -> str:
    """Name of the column with the `codes`, `distances`, `pooled`, `sample` or `positions` of a layer.

    Lance takes a dot for the path of a nested field.
    """
    return f"{kind}_{layer.replace('.', '-')}"


def is_ours(folder: Path) -> bool:
    """Whether `folder` is an Encoding, complete or not, readable or not."""
    return any((folder / name).is_file() for name in (MARKER, JOURNAL, f"{RECORDS}/{CLAIMS}"))


def build_postings(folder: Path, layer: Layer, codes: int, images: int, where: Path | None = None) -> None:
    """Builds the inverted index of one layer from the dataset in `folder`, in its folder `postings` or in `where`."""
    dataset = places.dataset(folder)
    columns = [column_of("codes", layer.name), column_of("distances", layer.name)]
    cells = layer.grid[0] * layer.grid[1]

    def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        rows = max(1, 1_000_000 // cells)
        for batch in dataset.to_batches(columns=columns, batch_size=rows, batch_readahead=1, fragment_readahead=1):
            codes, distances = (batch.column(name).flatten().to_numpy() for name in columns)
            yield codes, distances

    postings.build(where or folder / "postings", layer.name, codes, images, cells, batches)
    there = places.remote(folder) if where is None else None
    if there is not None:
        there.push(f"postings/{layer.name}.tokens.npy", move=True)
        there.push(f"postings/{layer.name}.offsets.npy")
