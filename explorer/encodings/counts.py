"""Counts of the codes of an Encoding, made in a pass over its blocks and kept beside its index where that takes time.

`<layer>.tally.npz` is a `Tally`, `<layer>.<digest>.npz` the codes by the values of the concept whose digest it is.
Neither is part of the encoding: what is missing or damaged is counted again.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis import tallies
from explorer.errors import BadInput
from explorer.files import atomic_path, cache_folder

if TYPE_CHECKING:
    from explorer.encodings import Encoding

KEPT = 4_000_000  # tokens from which on counts are kept: fewer are counted at once
VALUES = 1000  # of a concept, up to which it is counted before a page asks
BROKEN = OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile


def of_layer(encoding: Encoding, layer: str) -> tallies.Tally:
    """How often the codes of a layer occur; BadInput for an encoding that is damaged."""
    size, path = len(encoding.codebook(layer)), _path(encoding, layer, "tally")

    def fits(found: tallies.Tally) -> bool:
        return found.images == encoding.images and found.tokens.shape == found.having.shape == (size,)

    if (found := _opened(path, tallies.Tally, fits)) is None:
        found = _made(encoding, lambda: tallies.tally(encoding.blocks(layer), size, encoding.images))
        _keep(path, found)
    return found


@dataclass(frozen=True)
class Lengths:
    """(N,) float32 lengths of the bags of codes, weighted by tf–idf."""

    each: np.ndarray


def lengths(encoding: Encoding, layer: str) -> np.ndarray:
    """Lengths (N,) float32 of the bags of a layer's codes, by which a cosine divides; BadInput as above."""
    from explorer.analysis.retrieval import bags

    path = _path(encoding, layer, "lengths")
    if (found := _opened(path, Lengths, lambda one: one.each.shape == (encoding.images,))) is None:
        said = bags.weights_of(of_layer(encoding, layer).having, encoding.images)
        blocks, size = encoding.blocks(layer), len(encoding.codebook(layer))
        found = Lengths(_made(encoding, lambda: tallies.lengths(blocks, size, said.idf)))
        _keep(path, found)
    return found.each


def by_values(encoding: Encoding, layer: str, concepts: Sequence[tuple[np.ndarray, int]]) -> list[tallies.ByValue]:
    """Codes of a layer by the values of concepts: of each the position (N,) of every image's value, -1 for none, and V.

    Those that are not kept are counted in one pass.

    Raises:
        BadInput: an encoding that is damaged.
    """
    size, found = len(encoding.codebook(layer)), []
    for index, values in concepts:
        path = _path(encoding, layer, lambda index=index, values=values: _digest(index, values))
        fits = (values, size)
        found.append((path, _opened(path, tallies.ByValue, lambda one, fits=fits: one.tokens.shape == fits)))
    asked = [concept for concept, (_, one) in zip(concepts, found, strict=True) if one is None]
    made = iter(_made(encoding, lambda: tallies.by_values(encoding.blocks(layer), size, asked)) if asked else ())
    told = []
    for path, one in found:
        told.append(next(made) if one is None else one)
        if one is None:
            _keep(path, told[-1])
    return told


def prepare(encoding: Encoding) -> None:
    """Counts a large encoding and its own concepts as pages will ask, so that the first one finds them there."""
    from explorer.analysis import codes
    from explorer.analysis.concepts import values

    large = [layer.name for layer in encoding.layers if _large(encoding, layer.name)]
    asked: list[tuple[np.ndarray, int]] = []
    for name, column in encoding.concepts().items() if large else ():
        (index, found, _), judged = codes.indexed(column), values.prepared(str(name), column)
        ways = {len(found): index} if 0 < len(found) <= VALUES else {}
        if not isinstance(judged, str) and not np.array_equal(judged.index, ways.get(len(judged.values))):
            asked.append((judged.index.astype(np.int16), len(judged.values)))
        asked += [(one.astype(np.int16), many) for many, one in ways.items()]
    for layer in large:
        lengths(encoding, layer)
        by_values(encoding, layer, asked)


def _large(encoding: Encoding, layer: str) -> bool:
    height, width = encoding.layer(layer).grid
    return encoding.images * height * width >= KEPT


def _path(encoding: Encoding, layer: str, name: str | Callable[[], str]) -> Path | None:
    """Where counts of a large layer are kept; None of a small one."""
    if not _large(encoding, layer):
        return None
    called = name if isinstance(name, str) else name()
    return cache_folder() / "postings" / str(encoding.facts["key"]) / f"{layer}.{called}.npz"


def _digest(index: np.ndarray, values: int) -> str:
    said = hashlib.sha256(f"{values} ".encode())
    said.update(np.ascontiguousarray(index, np.int32).data)
    return said.hexdigest()[:16]


def _opened(path: Path | None, kind: type, fits: Callable[[Any], bool]) -> Any | None:
    """What is kept, a dataclass of arrays and numbers; None where it is missing, damaged or of something else."""
    if path is None:
        return None
    with suppress(*BROKEN), np.load(path, allow_pickle=False) as file:
        parts = (file[name] for name in kind.__dataclass_fields__)
        found = kind(*(part if part.ndim else part.item() for part in parts))
        return found if fits(found) else None
    return None


def _keep(path: Path | None, found: Any) -> None:
    """Keeps it; where the disk is full, others alone may write or the cache is deleted, it is counted again."""
    if path is not None:
        with suppress(OSError, BadInput), atomic_path(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **{name: getattr(found, name) for name in found.__dataclass_fields__})


def _made(encoding: Encoding, made: Callable[[], Any]) -> Any:
    try:
        return made()
    except ValueError as error:
        raise BadInput(f"{encoding.path.name} is damaged ({error}); delete it and encode again") from None
