"""Counts of the codes of an Encoding, made in one pass over its blocks and kept beside its index where that takes time.

`<layer>.tally.npz` holds a `Tally`; `<layer>.<digest>.npz` the codes by the values of some concepts, whose digest it
is. Neither is part of the encoding: what is missing or damaged is counted again.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis import tallies
from explorer.errors import BadInput
from explorer.files import atomic_path, cache_folder

if TYPE_CHECKING:
    from explorer.encodings import Encoding

BROKEN = OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile
KEPT = 4_000_000  # tokens from which on counts are kept: fewer are counted at once


def of_layer(encoding: Encoding, layer: str) -> tallies.Tally:
    """How often the codes of a layer occur; BadInput for an encoding that is damaged."""
    size = len(encoding.codebook(layer))

    def opened(file: Any) -> tallies.Tally:
        found = tallies.Tally(int(file["images"]), *(file[name] for name in ("tokens", "having")),
                              float(file["entropy"]), file["without"])  # fmt: skip
        if found.images != encoding.images or found.tokens.shape != (size,) or found.having.shape != (size,):
            raise ValueError("it is of other codes")
        return found

    def made() -> tuple[tallies.Tally, dict[str, np.ndarray]]:
        found = tallies.tally(encoding.blocks(layer), size, encoding.images)
        return found, {name: np.asarray(getattr(found, name)) for name in found.__dataclass_fields__}

    return _kept(encoding, layer, "tally", opened, made)


def by_values(encoding: Encoding, layer: str, concepts: Sequence[tuple[np.ndarray, int]]) -> list[tallies.ByValue]:
    """Codes of a layer by the values of several concepts: of each the position (N,) of every value, -1 for none, and V.

    Raises:
        BadInput: an encoding that is damaged.
    """
    size, said = len(encoding.codebook(layer)), hashlib.sha256()
    for index, values in concepts:
        said.update(f"{values} ".encode())
        said.update(np.asarray(index, np.int32).data)

    def opened(file: Any) -> list[tallies.ByValue]:
        found = [
            tallies.ByValue(*(file[f"{name}.{at}"] for name in tallies.ByValue.__dataclass_fields__))
            for at in range(len(concepts))
        ]
        if any(one.tokens.shape != (values, size) for one, (_, values) in zip(found, concepts, strict=True)):
            raise ValueError("it is of other codes")
        return found

    def made() -> tuple[list[tallies.ByValue], dict[str, np.ndarray]]:
        found = tallies.by_values(encoding.blocks(layer), size, concepts)
        return found, {f"{name}.{at}": part for at, one in enumerate(found) for name, part in one.__dict__.items()}

    return _kept(encoding, layer, said.hexdigest()[:16], opened, made)


def _kept(encoding: Encoding, layer: str, name: str, opened: Callable, made: Callable) -> Any:
    """What is kept under a name, or made now and kept where the set is so large that counting it takes time."""
    path = cache_folder() / "postings" / str(encoding.facts["key"]) / f"{layer}.{name}.npz"
    if not _large(encoding, layer):
        return _made(encoding, made)[0]
    with suppress(*BROKEN), np.load(path, allow_pickle=False) as file:
        return opened(file)
    found, arrays = _made(encoding, made)
    with suppress(OSError):  # a full disk, or a folder that only others may write: it is counted again the next time
        _write(path, arrays)
    return found


def _large(encoding: Encoding, layer: str) -> bool:
    height, width = encoding.layer(layer).grid
    return encoding.images * height * width >= KEPT


def _made(encoding: Encoding, made: Callable) -> Any:
    try:
        return made()
    except ValueError as error:
        raise BadInput(f"{encoding.path.name} is damaged ({error}); delete it and encode again") from None


def _write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)
