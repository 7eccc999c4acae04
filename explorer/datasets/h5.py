"""Arrays of HDF5 files, read in blocks; no link is followed that leaves the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from explorer.datasets.arrays import Array, array_source
from explorer.datasets.sources import Source
from explorer.errors import BadInput

MOST, DEEPEST = 1000, 8  # arrays of a file, and groups inside groups
LARGEST_CHUNK = 1 << 29  # bytes of an unpacked chunk, which HDF5 holds whole
MAX_RATIO, FREE = 900, 1 << 30  # as of `.npz`
BLOCK, LARGEST_BLOCK = 1 << 22, 1 << 28  # bytes read at once, and where a row of chunks is larger
_DAMAGE = (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError, AttributeError)


def h5_source(path: Path) -> Source:
    """Pictures of an HDF5 file, such as 3dshapes; groups count as parts of names. Raises BadInput."""
    arrays: list[Array] = []
    left_out: list[str] = []
    with _opened(path) as file:
        _walk(path, file, "", arrays, left_out)
    if left_out and not arrays:
        raise BadInput(f"'{path.name}': {left_out[0]}")
    return array_source(path, arrays, left_out)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import h5py

    try:
        with h5py.File(path, "r", locking=False) as file:
            yield file
    except BadInput:
        raise
    except _DAMAGE as error:
        why = (str(error).splitlines() or [type(error).__name__])[0][:160]
        raise BadInput(f"'{path.name}' is not an HDF5 file that can be read ({why}); copy or save it again") from None


def _walk(path: Path, group: Any, prefix: str, arrays: list[Array], left_out: list[str]) -> None:
    import h5py

    if prefix.count("/") > DEEPEST:
        raise BadInput(f"'{path.name}' is damaged: its groups lie in each other, or too deep")
    for name in group:
        place = f"{prefix}{name}"
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            left_out.append(f"'{place[:80]}' is a link, which is not followed, and is left out")
            continue
        one = group[name]
        if isinstance(one, h5py.Group):
            _walk(path, one, f"{place}/", arrays, left_out)
        elif isinstance(one, h5py.Dataset):
            why = _unfit(one)
            if why:
                left_out.append(f"'{place[:80]}' {why} and is left out")
            else:
                dtype = np.dtype("U1") if _is_text(one) else one.dtype
                arrays.append(Array(place, tuple(one.shape), dtype, partial(_rows, path, place)))
        if len(arrays) + len(left_out) > MOST:
            raise BadInput(f"'{path.name}' has more than {MOST:,} arrays; save one array of all pictures")


def _unfit(one: Any) -> str:
    """Why an array is not read; "" if it can be."""
    if one.is_virtual or one.external:
        return "keeps its numbers in another file, which is not opened,"
    if not one.shape or (one.dtype.kind not in "buif" and not _is_text(one)):
        return "holds no rows of numbers"
    size, stored = (
        float(np.prod([float(length) for length in one.shape])) * one.dtype.itemsize,
        one.id.get_storage_size(),
    )
    if one.chunks and float(np.prod([float(length) for length in one.chunks])) * one.dtype.itemsize > LARGEST_CHUNK:
        return f"is kept in pieces of more than {LARGEST_CHUNK // 1024**2} MiB"
    if size > FREE and size > MAX_RATIO * max(stored, 1):
        return f"would unpack to {size / max(stored, 1):,.0f} times its size, as decompression bombs do,"
    return ""


def _is_text(one: Any) -> bool:
    import h5py

    return h5py.check_string_dtype(one.dtype) is not None


def _rows(path: Path, name: str, rows: np.ndarray) -> Iterator[np.ndarray]:
    """Reads blocks that hold wanted rows, each once, a whole row of chunks where that is not too large."""
    if not len(rows):
        return
    with _opened(path) as file:
        one = file[name]
        each = max(int(np.prod(one.shape[1:])) * one.dtype.itemsize, 1)
        block = max(1, BLOCK // each)
        if one.chunks and one.chunks[0] * each <= LARGEST_BLOCK:
            block = max(1, block // one.chunks[0]) * one.chunks[0]
        for first in np.unique(rows // block * block).tolist():
            wanted = rows[np.searchsorted(rows, first) : np.searchsorted(rows, first + block)]
            held = (one.asstr(errors="replace") if _is_text(one) else one)[int(wanted[0]) : int(wanted[-1]) + 1]
            yield from (np.array(held[row - wanted[0]], held.dtype) for row in wanted.tolist())
