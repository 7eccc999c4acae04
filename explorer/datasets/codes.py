"""Codes that any tokenizer wrote: the layers of a file that holds codes and no network, checked to the last number."""

from __future__ import annotations

import functools
import hashlib
import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from explorer.datasets import code_files
from explorer.datasets.code_files import ENDINGS, alone, holds
from explorer.datasets.sources import concept_table
from explorer.errors import BadInput
from explorer.files import file_digest

__all__ = ["ENDINGS", "SIZE", "Given", "Part", "alone", "facts", "fingerprint", "holds", "open_file"]

LARGEST = 2**24  # codes of a codebook
TOKENS = 2**16  # of one image
LAYERS = 32
DIM = 4096  # numbers of a vector
SIZE = 64  # pixels at which images of a dataset are shown beside codes, and maps of codes where there are none
NO_DECODER = "This file holds codes only. There is no network, so nothing can be decoded or encoded."
PLACED = "No codebook was given; codes are placed by the images that they share."
MEANS = "No codebook was given; each code stands at the mean of the latents {of}."
WANTED = "save 'codes' as whole numbers of shape (N, H, W), or (N, L) for tokens without a place"


@dataclass(frozen=True)
class Part:
    """One layer. Attributes: codes: (N, H, W) unsigned integers; size: K.

    codebook: (K, D) float32, None where none is given, or one that has no vector for some code: then `note` says so.
    latents: (N, D) or (N, H, W, D) float32, or None.
    """

    name: str
    codes: np.ndarray
    size: int
    codebook: np.ndarray | None
    latents: np.ndarray | None
    note: str = ""

    @property
    def grid(self) -> tuple[int, int]:
        return self.codes.shape[1], self.codes.shape[2]

    @property
    def kind(self) -> str:
        """Where its vectors come from: `learned` where given, `means` of latents, or `placed` by shared images."""
        return "learned" if self.codebook is not None else "placed" if self.latents is None else "means"

    @property
    def dim(self) -> int:
        """D of its vectors."""
        if self.codebook is not None:
            return self.codebook.shape[1]
        if self.latents is not None:
            return self.latents.shape[-1]
        return max(1, min(16, self.size - 1, len(self.codes) - 1, 2**26 // self.size))


@dataclass(frozen=True)
class Given:
    """A file of codes. Attributes: parts: its layers, coarse to fine; ids: name columns and what they say of each row.

    table: concepts that stand beside the codes. notes: what a user should know, a sentence each.
    """

    path: Path
    parts: tuple[Part, ...]
    ids: dict[str, list[str]]
    table: pd.DataFrame
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.parts[0].codes)


def open_file(path: Path) -> Given:
    """Reads a file of codes, once until it changes; BadInput in a sentence with the value and the remedy."""
    return _open(Path(path), _stamp(Path(path)))


def fingerprint(path: Path) -> str:
    """Content hash of the file."""
    return _fingerprint(Path(path), _stamp(Path(path)))


def facts(path: Path) -> dict[str, Any]:
    """Fields of the `Checkpoint` that a file of codes is; raises as `open_file` does."""
    found = open_file(path)
    layers = tuple(
        {"name": part.name, "grid": list(part.grid), "dim": part.dim, "codes": part.size} for part in found.parts
    )
    nothing = {"dataset": None, "settings": {}, "parameters": 0, "metrics": {}, "training": {}, "state": "done"}
    opening = (str(path), None) if alone(path) else None
    return nothing | {
        "path": path, "name": path.name, "family": "codes", "format": "codes", "image_size": SIZE, "layers": layers,
        "notes": found.notes, "no_decoder": NO_DECODER, "opening": opening,
    }  # fmt: skip


def _stamp(path: Path) -> tuple:
    """Changes when the file or a file of the folder does."""
    files = _files(path) if path.is_dir() else [path]
    return tuple((str(one), one.stat().st_mtime_ns, one.stat().st_size) for one in files)


def _files(path: Path) -> list[Path]:
    return sorted(Path(folder) / name for folder, _, inner in os.walk(path) for name in inner)


@functools.lru_cache(maxsize=64)
def _fingerprint(path: Path, stamp: tuple) -> str:
    if not path.is_dir():
        return file_digest(path)
    whole = hashlib.sha256()
    for one in _files(path):
        whole.update(f"{one.relative_to(path)}\0{file_digest(one, 64)}\0".encode())
    return whole.hexdigest()[:16]


@functools.lru_cache(maxsize=2)
def _open(path: Path, stamp: tuple) -> Given:
    held = code_files.read(path)
    wanted = [name for name in held.arrays if code_files.role(name) == "codes"]
    if not wanted:
        raise BadInput(f"'{path.name}' has no codes; {WANTED}")
    if len(wanted) > LAYERS:
        raise BadInput(f"'{path.name}' has {len(wanted)} layers of codes; {LAYERS} can be read")
    parts = sorted((_part(path, name, held.arrays) for name in wanted), key=lambda part: math.prod(part.grid))
    counts = {len(part.codes) for part in parts}
    if len(counts) > 1:
        listed = ", ".join(f"{len(part.codes):,} of '{part.name}'" for part in parts)
        raise BadInput(f"the layers of '{path.name}' are of different numbers of images: {listed}")
    if len({part.name for part in parts}) < len(parts):
        raise BadInput(f"'{path.name}' has two layers of one name; call them codes_top, codes_bottom …")
    ids, table = _named(held.table)
    concepts = concept_table(table)
    notes = [*held.notes, *concepts.attrs.get("notes", ())]
    for part in parts:
        notes += _told(part, len(parts) > 1)
    return Given(path, tuple(parts), ids, concepts, tuple(notes))


def _told(part: Part, several: bool) -> list[str]:
    """What a user should know of a layer."""
    of, found = f" ('{part.name}')" if several else "", []
    tokens, side = part.grid[1], math.isqrt(part.grid[1])
    if part.note:
        found.append(f"{part.note}.")
    if part.kind == "placed":
        found.append(PLACED.replace(".", f"{of}."))
    elif part.kind == "means":
        found.append(MEANS.format(of="of its tokens" if part.latents.ndim == 4 else "of the images that have it"))
    if part.codebook is None:
        found.append(f"The file does not say how many codes there are{of}: {part.size:,}, one more than the largest.")
    if part.grid[0] == 1 and tokens > 1 and side**2 == tokens:
        found.append(f"The {tokens:,} tokens of an image{of} are taken to have no place in it; if they are a grid of "
                     f"{side} × {side}, save codes.reshape(-1, {side}, {side}).")  # fmt: skip
    return found


def _named(table: pd.DataFrame) -> tuple[dict[str, list[str]], pd.DataFrame]:
    """Columns that name images, as text, and the others."""
    ids = {}
    for name in table.columns:
        if str(name).lower() in code_files.NAMES and table[name].notna().all():
            ids[str(name)] = [str(cell) for cell in table[name].tolist()]
    return ids, table.drop(columns=list(ids)).reset_index(drop=True)


def _part(path: Path, name: str, arrays: dict[str, np.ndarray]) -> Part:
    layer = re.sub(r"^codes[_.]?", "", name) or "code"
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,60}", layer) or not layer.strip("."):
        raise BadInput(
            f"the layer name {layer[:60]!r} in '{path.name}' has other signs than letters, digits, . _ and -"
        )
    end = name.removeprefix("codes")
    codes, book, note = _codes(path, name, arrays[name]), _floats(path, f"codebook{end}", arrays), ""
    size = int(codes.max()) + 1
    if book is not None:
        if book.ndim != 2 or not 1 <= book.shape[1] <= DIM or not len(book):
            raise BadInput(f"'codebook{end}' in '{path.name}' is {_by(book)}; give (K, D), a vector for each code")
        note = beyond(path, name, size, book)
        book, size = (None, size) if note else (book, len(book))
    if size > LARGEST:
        raise BadInput(f"'codebook{end}' in '{path.name}' has {size:,} vectors; {LARGEST:,} can be read")
    latents = _floats(path, f"latents{end}", arrays)
    if latents is not None:
        dim = latents.shape[-1] if book is None else book.shape[1]
        fits = [(len(codes), dim), (*codes.shape, dim)]
        if codes.shape[1] == 1 and latents.ndim == 3:
            latents = latents[:, None]
        if latents.shape not in fits or dim > DIM:
            raise BadInput(f"'latents{end}' in '{path.name}' is {_by(latents)}; give {_by(fits[0])}, or "
                           f"{_by(fits[1])}")  # fmt: skip
    return Part(layer, codes.astype(np.min_scalar_type(size - 1)), size, book, latents, note)


def beyond(path: Path, name: str, size: int, book: np.ndarray) -> str:
    """A sentence where there are more codes than vectors: then these are not the vectors of the codes."""
    if size <= len(book):
        return ""
    return (
        f"'{name}' in '{path.name}' has code {size - 1:,}, and 'codebook{name[5:]}' has {len(book):,} "
        f"vectors, for codes 0 to {len(book) - 1:,}; it is not used: give the whole codebook"
    )


def _codes(path: Path, name: str, codes: np.ndarray) -> np.ndarray:
    """(N, H, W) whole numbers from 0; BadInput for anything else."""
    what = f"'{name}' in '{path.name}'"
    if codes.dtype.kind not in "buif":
        raise BadInput(f"{what} holds {codes.dtype.name}, no numbers; {WANTED}")
    if codes.ndim == 1:
        codes = codes[:, None]
    if codes.ndim == 2:
        codes = codes[:, None]
    if codes.ndim != 3:
        more = "; save the levels of a residual quantizer as 'codes_0', 'codes_1' …" if codes.ndim == 4 else ""
        raise BadInput(f"{what} is {_by(codes)}; {WANTED}{more}")
    if not codes.size:
        raise BadInput(f"{what} is {_by(codes)}, so there is no code in it; {WANTED}")
    if math.prod(codes.shape[1:]) > TOKENS:
        raise BadInput(f"{what} has {math.prod(codes.shape[1:]):,} tokens for each image; {TOKENS:,} can be read")
    bad = ~np.isfinite(codes) | (codes != np.rint(codes)) if codes.dtype.kind == "f" else np.zeros(1, bool)
    if bad.any():
        raise BadInput(f"{what} has {codes[bad][0]} in row {int(np.argwhere(bad)[0][0]):,}, which is no whole number; "
                       "give the numbers of the codes, and their vectors as 'codebook'")  # fmt: skip
    if codes.dtype.kind in "if" and codes.min() < 0:
        row = int(np.argwhere(codes < 0)[0][0])
        raise BadInput(f"{what} has code {int(codes.min()):,}, first in row {row:,}; codes are numbered from 0: leave "
                       "out images or tokens that are padded")  # fmt: skip
    if codes.max() >= LARGEST:
        raise BadInput(f"{what} has code {int(codes.max()):,}; codebooks of up to {LARGEST:,} codes can be read: "
                       "number the codes that occur anew (numpy.unique with return_inverse)")  # fmt: skip
    return codes if codes.dtype.kind != "f" else codes.astype(np.int64)


def _floats(path: Path, name: str, arrays: dict[str, np.ndarray]) -> np.ndarray | None:
    """Finite float32 numbers; None where there is no such array."""
    found = arrays.get(name)
    if found is None:
        return None
    if found.dtype.kind not in "uif" or not found.ndim:
        raise BadInput(f"'{name}' in '{path.name}' holds {found.dtype.name}, no vectors of numbers")
    with np.errstate(over="ignore"):
        found = found.astype(np.float32)
    if not np.isfinite(found).all():
        row = int(np.argwhere(~np.isfinite(found))[0][0])
        raise BadInput(f"'{name}' in '{path.name}' has numbers that are not finite, first in row {row:,}")
    return found


def _by(found: np.ndarray | tuple[int, ...]) -> str:
    shape = found if isinstance(found, tuple) else found.shape
    return f"({', '.join(f'{length:,}' for length in shape)})"
