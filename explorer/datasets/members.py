"""Arrays in the files of NumPy, `.npy` and the members of `.npz`, whose headers are checked before anything is read."""

from __future__ import annotations

import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from explorer.errors import BadInput

MAX_MEMBERS = 1000
MAX_RATIO = 900  # unpacked over packed bytes of a member beyond `FREE`; binary sprites come to 120, a bomb to 1030
FREE = 1 << 30  # bytes that may be read at once, and unpacked whatever the ratio
BLOCK = 1 << 22  # bytes of a stream read at once
USUAL = ("images", "image", "imgs", "img", "x", "pictures", "pixels", "data", "features", "arr0")
_DAMAGE = (ValueError, SyntaxError, TypeError, EOFError, OverflowError, RecursionError, struct.error, zlib.error)


@dataclass(frozen=True)
class Array:
    """One array of a file, of which nothing has been read yet.

    Args:
        name: as the file has it; groups are told by slashes.
        rows: yields the entries of ascending rows along the first axis, one at a time, whatever its size.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    rows: Callable[[np.ndarray], Iterator[np.ndarray]]

    def __str__(self) -> str:
        return f"'{self.name}' ({' × '.join(f'{length:,}' for length in self.shape)} {self.dtype.name})"


def npz_arrays(path: Path) -> tuple[list[Array], list[str]]:
    """Arrays of an `.npz` file, of which the headers are checked, and sentences on what cannot be read of it.

    Raises:
        BadInput: it is no zip, or anything about it is suspicious.
    """
    arrays: list[Array] = []
    left_out: list[str] = []
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_MEMBERS:
                raise BadInput(f"'{path.name}' has {len(entries):,} arrays; {MAX_MEMBERS:,} can be read")
            for entry in entries:
                found = _member(path, archive, entry)
                (left_out if isinstance(found, str) else arrays).append(found)
    except BadInput:
        raise
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, *_DAMAGE) as error:
        raise BadInput(f"'{path.name}' is not an .npz file that can be read ({_why(error)})") from None
    return arrays, left_out


def _member(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Array | str:
    """An array of the zip, or why it is left out."""
    name = entry.filename.removesuffix(".npy")
    if entry.filename == name:
        return f"'{name[:80]}' is no array and is left out"
    if entry.flag_bits & 1 or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BadInput(f"'{path.name}' is encrypted or packed with an unusual method; write it with numpy.savez")
    ratio = entry.file_size / max(entry.compress_size, 1)
    if entry.file_size > FREE and ratio > MAX_RATIO:
        raise BadInput(
            f"'{name[:80]}' in '{path.name}' would unpack to {ratio:,.0f} times its size, {entry.file_size:,} bytes; "
            "this is taken for a decompression bomb; save it with numpy.savez, uncompressed"
        )
    with archive.open(entry) as opened:
        found = header(name, opened)
        start = opened.tell()
    if isinstance(found, str):
        return found
    shape, fortran, dtype = found
    if start + size_of(shape, dtype) > entry.file_size:
        raise BadInput(
            f"'{name[:80]}' in '{path.name}' is damaged: it states more numbers than it holds; save it again"
        )
    if entry.compress_type == zipfile.ZIP_STORED:
        begin = _begin(path, entry)
        if begin + entry.file_size > path.stat().st_size:
            raise BadInput(f"'{path.name}' is cut off within '{name[:80]}'; copy it again")
        return Array(name, shape, dtype, partial(mapped, path, begin + start, shape, dtype, fortran))
    if fortran and len(shape) > 1:
        if size_of(shape, dtype) > FREE:
            raise BadInput(
                f"'{name[:80]}' in '{path.name}' is in Fortran order and too large to be read at once; save "
                "numpy.ascontiguousarray of it"
            )
        return Array(name, shape, dtype, partial(_whole, path, entry.filename, start, shape, dtype))
    return Array(name, shape, dtype, partial(_streamed, path, entry.filename, start, shape, dtype))


def header(name: str, file: Any) -> tuple[tuple[int, ...], bool, np.dtype] | str:
    """Shape, order and type that the header of an `.npy` states; a sentence for what is pickled or structured."""
    read: Callable
    try:
        version = np.lib.format.read_magic(file)
        if version not in ((1, 0), (2, 0)):
            return f"'{name[:80]}' has named fields, which are no pictures or labels, and is left out"
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of headers that Python 2 wrote
            shape, fortran, dtype = read(file)
    except _DAMAGE as error:
        raise BadInput(f"'{name[:80]}' is not an .npy array that can be read ({_why(error)})") from None
    if dtype.hasobject:
        return f"'{name[:80]}' is pickled, which could run any program when it is opened, and is left out"
    if dtype.names or dtype.subdtype or not dtype.itemsize or min(shape, default=1) < 0:
        return f"'{name[:80]}' has named fields or no size, and is left out"
    return tuple(int(length) for length in shape), fortran, dtype


def size_of(shape: tuple[int, ...], dtype: np.dtype) -> int:
    size = dtype.itemsize
    for length in shape:
        size *= length
    return size


def _why(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__


def _begin(path: Path, entry: zipfile.ZipInfo) -> int:
    """Where the bytes of a stored entry begin: its local header has a length of its own."""
    with path.open("rb") as file:
        file.seek(entry.header_offset)
        header = file.read(30)
    if len(header) < 30 or header[:4] != b"PK\x03\x04":
        raise BadInput(f"'{path.name}' is damaged: '{entry.filename[:80]}' is not where it should be; save it again")
    return entry.header_offset + 30 + sum(struct.unpack("<2H", header[26:30]))


# Rows


def mapped(
    path: Path, start: int, shape: tuple[int, ...], dtype: np.dtype, fortran: bool, rows: np.ndarray
) -> Iterator[np.ndarray]:
    if size_of(shape, dtype) == 0:
        return
    held = np.memmap(path, dtype, "r", start, shape, "F" if fortran else "C")
    for row in rows.tolist():
        yield np.array(held[row])


def _streamed(
    path: Path, member: str, start: int, shape: tuple[int, ...], dtype: np.dtype, rows: np.ndarray
) -> Iterator[np.ndarray]:
    """Reads through the member to the last row that is wanted, a few megabytes at a time."""
    each = size_of(shape[1:], dtype)
    if not len(rows) or not each:
        return
    block = max(1, BLOCK // each)  # rows
    try:
        with zipfile.ZipFile(path) as archive, archive.open(member) as file:
            _exactly(file, start)
            for first in range(0, int(rows[-1]) + 1, block):
                count = min(block, int(rows[-1]) + 1 - first)
                held = np.frombuffer(_exactly(file, count * each), dtype).reshape(count, *shape[1:])
                wanted = rows[np.searchsorted(rows, first) : np.searchsorted(rows, first + count)]
                for row in wanted.tolist():
                    yield np.array(held[row - first])
    except (zipfile.BadZipFile, *_DAMAGE) as error:
        raise BadInput(f"'{member[:80]}' in '{path.name}' is damaged ({_why(error)}); save it again") from None


def _whole(
    path: Path, member: str, start: int, shape: tuple[int, ...], dtype: np.dtype, rows: np.ndarray
) -> Iterator[np.ndarray]:
    try:
        with zipfile.ZipFile(path) as archive, archive.open(member) as file:
            _exactly(file, start)
            held = np.frombuffer(_exactly(file, size_of(shape, dtype)), dtype).reshape(shape, order="F")
    except (zipfile.BadZipFile, *_DAMAGE) as error:
        raise BadInput(f"'{member[:80]}' in '{path.name}' is damaged ({_why(error)}); save it again") from None
    for row in rows.tolist():
        yield np.array(held[row])


def _exactly(file: Any, count: int) -> bytes:
    parts = []
    while count:
        part = file.read(min(count, BLOCK))
        if not part:
            raise EOFError("it ends too early")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
