"""What tells one picture from another wherever it lies, a stamp of its content, and the splits that follow from it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer import fence
from explorer.errors import BadInput
from explorer.files import atomic_path, cache_folder, digest

if TYPE_CHECKING:
    from explorer.datasets.sources import Item
    from explorer.progress import Progress

VERSION = b"picture 4"  # of the rule; another one divides every set anew
WHOLE = 64 * 1024  # bytes up to which a file is read in full
BLOCK = 16 * 1024  # bytes of a larger one's start, middle and end
WORKERS, AT_ONCE = 8, 64
HELD = 64 * 1024**2  # bytes of pictures that are held at once
HELD_OUT = 0.1  # share that becomes the test split of a source without one
FEW = 10  # copies of one image that are never divided


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


def pixel_stamp(pixels: np.ndarray) -> int:
    """The stamp of a decoded picture, (h, w, 3) uint8, whatever kind of file it came from."""
    return _digest(b"pixels", np.ascontiguousarray(pixels).data)


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
        while batch := batch_of(items, AT_ONCE):
            yield from pool.map(stamp, batch)
            done += len(batch)
            fence.beat()
            if progress is not None:
                progress.update(0, f"looking at {done:,} of {count:,} images")


def batch_of(items: Iterator, count: int, most: int = HELD) -> list:
    """The next items, at most so many, and fewer where the files that they hold have more than `most` bytes."""
    batch, size = [], 0
    for item in islice(items, count):
        batch.append(item)
        size += len(item) if isinstance(item, bytes) else getattr(item, "nbytes", 0)
        if size > most:
            break
    return batch


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


# Splits


def share(text: str) -> float:
    """A number in [0, 1) that depends on nothing but `text`: uniform over texts, the same everywhere."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:6], "big") / 2**48


@dataclass(frozen=True)
class Division:
    """How the rows of a source fall into splits; nothing is read before the rows of a divided split are asked for.

    Args:
        own: rows of each split that the source came with; empty where its rows are divided here.
        everything: all rows.
        items: yields the images of ascending rows.
        content: what the source says about its content.
    """

    own: dict[str, np.ndarray]
    everything: np.ndarray
    items: Callable[[np.ndarray], Iterator[Item | BadInput]]
    content: Any

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.own) or ("train", "test", "all")

    def key(self, split: str) -> Any:
        """Changes whenever the images of the split do."""
        return [self.content, split] if self.own or split == "all" else [self.content, split, "by content"]

    def rows(self, split: str, progress: Progress | None = None) -> np.ndarray:
        """Ascending rows of a split; a divided set is looked at once, which may take long."""
        if self.own:
            return self.own[split]
        if split == "all":
            return self.everything
        held_out = _held_out(stamps(self.items(self.everything), self.content, len(self.everything), progress))
        return self.everything[held_out if split == "test" or len(held_out) == 1 else ~held_out]


def divide(
    rows: dict[str, Sequence[int]], items: Callable[[np.ndarray], Iterator[Item | BadInput]], content: Any
) -> Division:
    """Makes sure that there is a split to train on and one to test on.

    A source that has both keeps what it has. Otherwise an image's own content says where it belongs, one in ten to the
    test split: it stays there when others come or go, and wherever it is moved, linked, zipped or copied, and copies
    of an image are in one split. With two images or more neither split is empty; a single image is both. The split
    `all` then holds every image.
    """
    own = {split: np.sort(np.asarray(found, np.int64)) for split, found in rows.items() if len(found)}
    everything = np.sort(np.concatenate(list(own.values())))
    whole = "train" in own and ("test" in own or "validation" in own)
    return Division(own if whole else {}, everything, items, content)


def _held_out(found: np.ndarray) -> np.ndarray:
    """(N,) stamps -> (N,) bool, whether an image is for testing.

    Copies of one image that are more than a tenth of a set are divided: no part of the set would be like the others.
    """
    shares = found / 2.0**64
    values, kind, counts = np.unique(found, return_inverse=True, return_counts=True)
    for place in np.flatnonzero(counts > max(FEW, HELD_OUT * len(found))):
        same = np.flatnonzero(kind == place)
        shares[same] = [share(f"{values[place]} {number}") for number in range(len(same))]
    held_out = shares < HELD_OUT
    if not held_out.any():
        held_out = shares == shares.min()
    elif held_out.all():
        held_out = shares < shares.max()
    if held_out.all() or not held_out.any():  # a few copies of one image
        held_out = np.arange(len(found)) == 0
    return held_out
