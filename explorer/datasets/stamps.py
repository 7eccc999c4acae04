"""What tells one picture from another wherever it lies: a stamp of its content, 64 bits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from explorer.errors import BadInput
from explorer.files import atomic_path, cache_folder, digest

if TYPE_CHECKING:
    from explorer.progress import Progress

VERSION = b"picture 4"  # of the rule; another one divides every set anew
WHOLE = 64 * 1024  # bytes up to which a file is read in full
BLOCK = 16 * 1024  # bytes of a larger one's start, middle and end
WORKERS, AT_ONCE = 8, 64


def stamp(item: bytes | Path | np.ndarray | BadInput) -> int:
    """The stamp of an encoded picture, its file or its pixels; equal bytes have equal stamps. 0 of what is not there.

    Of more than 64 KiB the length and three blocks are read, so that a million files cost little.
    """
    if isinstance(item, BadInput):
        return 0
    if isinstance(item, Path):
        try:
            with item.open("rb") as file:
                length = file.seek(0, 2)

                def part(start: int, count: int) -> bytes:
                    file.seek(start)
                    return file.read(count)

                return _hash(length, part)
        except OSError:
            return 0
    if isinstance(item, np.ndarray):
        return _hash_bytes(np.ascontiguousarray(item).tobytes())
    return _hash_bytes(bytes(item))


def pixel_stamps(pixels: np.ndarray) -> np.ndarray:
    """(N, h, w, 3) uint8 -> (N,) uint64: stamps of decoded pictures, whatever kind of file they came from."""
    return np.array([_digest(b"pixels", np.ascontiguousarray(one).data) for one in pixels], np.uint64)


def stamps(items: Iterable, key: object, count: int, progress: Progress | None = None) -> np.ndarray:
    """(N,) uint64 stamps of all items of a source, kept in the cache under the key of its content."""
    path = cache_folder() / "stamps" / f"{digest('stamps', VERSION.decode(), key)}.npy"
    try:
        found = np.load(path, allow_pickle=False)
        if found.shape == (count,) and found.dtype == np.uint64:
            return found
    except (OSError, ValueError, EOFError):
        pass  # not there yet, or damaged
    found = np.fromiter(_all(items, count, progress), np.uint64, count)
    with atomic_path(path) as temporary:
        np.save(temporary, found, allow_pickle=False)
    return found


def _all(items: Iterable, count: int, progress: Progress | None) -> Iterator[int]:
    items, done = iter(items), 0
    with ThreadPoolExecutor(WORKERS, "stamp") as pool:
        while batch := list(islice(items, AT_ONCE)):
            yield from pool.map(stamp, batch)
            done += len(batch)
            if progress is not None:
                progress.update(0, f"looking at {done:,} of {count:,} images")


def _hash_bytes(content: bytes) -> int:
    return _hash(len(content), lambda start, count: content[start : start + count])


def _hash(length: int, part) -> int:
    if length <= WHOLE:
        return _digest(length.to_bytes(8, "big"), part(0, length))
    starts = 0, (length - BLOCK) // 2, length - BLOCK
    return _digest(length.to_bytes(8, "big"), *(part(start, BLOCK) for start in starts))


def _digest(*parts) -> int:
    found = hashlib.blake2b(digest_size=8, person=VERSION)
    for part in parts:
        found.update(part)
    return int.from_bytes(found.digest(), "big")
