"""Decodes a source once into a memory-mapped file of uint8 pixels, with bounded memory and all or nothing."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice, repeat
from pathlib import Path

import numpy as np
import pandas as pd

from explorer import fence
from explorer.datasets import depths
from explorer.datasets.images import squared
from explorer.datasets.ranges import Range
from explorer.datasets.sources import Item, Listing, Source, sample
from explorer.datasets.stamps import batch_of, pixel_stamp, stamp
from explorer.errors import BadInput, explained
from explorer.files import atomic_path, cache_folder, digest, read_json, sized
from explorer.progress import Progress

FORMAT = 1
STAMPS = ("_stamp", "_pixels")  # columns of the index
WORKERS = min(8, os.cpu_count() or 1)
BATCH = 64  # images held at once, encoded and decoded, and fewer when they are large
BATCH_BYTES = 16 * 1024**2
ALONE = 8.0  # seconds that a suspect picture may take
_ALONE = threading.Lock()
RESERVE = 64 * 1024**2  # bytes left free on the disk
MAX_SKIPPED = 10_000  # files that are named; all are counted


@dataclass(frozen=True)
class Decoder:
    """How the pictures of a set become pixels.

    Attributes:
        moving: gets an element for each that has several frames.
        suspect: numbers of the first pictures of batches with one that ended a worker, so that each is decoded in a
            worker of its own.
    """

    size: int
    fit: str
    rules: Mapping[str, Range]
    suspect: tuple[int, ...] = ()
    moving: list = field(default_factory=list)

    def pixels(self, item: Item, *, apart: bool) -> np.ndarray:
        if apart:
            with _ALONE:  # they may be large
                return fence.ask(squared, item, self.size, self.fit, self.rules, what="", seconds=ALONE)
        return squared(item, self.size, self.fit, self.rules, self.moving)


@dataclass(frozen=True)
class Entry:
    """A decoded split, or the part of it that a limit leaves."""

    fingerprint: str
    pixels: np.ndarray  # (N, size, size, 3) uint8, memory-mapped
    rows: np.ndarray | None  # of `pixels`; None means all
    names: list[str]
    concepts: pd.DataFrame
    skipped: tuple[tuple[str, str], ...]
    lost: int  # how many were skipped; not all need have a name
    stamps: np.ndarray  # (N, 2) uint64 of each image: of its file, 0 where unknown, and of its pixels
    notes: tuple[str, ...] = ()

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Pixels of some rows, copied from the disk."""
        return np.array(self.pixels[rows if self.rows is None else self.rows[rows]])


Names = Mapping[int | None, str]  # of the entries that a split may be in: at a limit, and whole


def names_of(source: Source, split: str, size: int, fit: str, limit: int | None) -> dict[int | None, str]:
    """Names of the entries that a split at a limit may be in: digests of all that changes its pixels or their order."""
    content = source.key(split)
    return {
        kept: digest("images", FORMAT, content, split, size, fit, kept and f"a sample of {kept}")
        for kept in (limit, None)
    }


def decode(
    source: Source,
    name: str,
    split: str,
    size: int,
    fit: str,
    limit: int | None,
    suspect: tuple[int, ...],
    progress: Progress | None,
) -> Names:
    """Decodes a split unless that has been done; see `datasets` for the layout. Returns what `opened` needs.

    A worker that one of the pictures ends has said by `fence.beat` which of its batches it is in: with that number
    among `suspect`, the picture is skipped like any that is damaged.
    """
    folder, named = cache_folder() / "images", names_of(source, split, size, fit, limit)
    if any(_open(folder / one) is not None for one in named.values()):
        return named
    listing = source.listing(split, progress)
    total = len(listing.names)
    rows = sample(total, limit)
    target = folder / named[limit if len(rows) < total else None]
    _discard_leftovers(folder)
    shutil.rmtree(target, ignore_errors=True)  # a cleaner of old files took a part, or it is damaged
    rules = depths.rules(source, split, listing, progress)
    listing = replace(listing, notes=(*listing.notes, *(f"pixel {one.note}" for one in rules.values() if one.note)))
    _decode(listing, rows, target, Decoder(size, fit, rules, suspect), name, progress)
    return named


def opened(named: Names, limit: int | None) -> Entry:
    """A split that is decoded, by the names of its entries."""
    for one in (named[limit], named[None]):
        found = _open(cache_folder() / "images" / one)
        if found is not None:
            return _limited(*found, limit, named)
    raise BadInput("the decoded images are gone; open the dataset again")


def is_cached(source: Source, split: str, size: int, fit: str, limit: int | None = None) -> bool:
    """Whether `decode` of a split would do nothing."""
    named = names_of(source, split, size, fit, limit)
    return any(_whole(cache_folder() / "images" / one) for one in named.values())


def _whole(entry: Path) -> bool:
    return all((entry / name).exists() for name in ("meta.json", "index.parquet", "pixels.npy"))


def _open(folder: Path) -> tuple[Entry, np.ndarray, dict] | None:
    """The entry in `folder`, the source's rows that it holds, and its meta data; None if there is no whole one.

    What is damaged, or does not fit together, counts as not there, and is made again.
    """
    try:
        meta = read_json(folder / "meta.json")
        index = pd.read_parquet(folder / "index.parquet")
        pixels = np.load(folder / "pixels.npy", mmap_mode="r", allow_pickle=False)
        if pixels.dtype != np.uint8 or pixels.ndim != 4 or not 0 < len(pixels) == len(index):
            return None
        if not set(STAMPS) <= set(index):
            index = _stamped(folder, index, pixels)
        names, rows = index.pop("_name").tolist(), index.pop("_row").to_numpy()
        skipped = tuple((str(file), str(reason)) for file, reason, *_ in meta["skipped"])
        stamps = [index.pop(name).to_numpy() for name in STAMPS]
        lost = int(meta.get("lost", len(skipped)))
        notes = tuple(map(str, meta.get("notes", ())))
        if not all(isinstance(meta[name], int) and meta[name] >= len(pixels) for name in ("total", "asked")):
            return None
    except (OSError, ValueError, EOFError, TypeError, KeyError, AttributeError):
        return None
    return Entry("", pixels, None, names, index, skipped, lost, np.stack(stamps, 1), notes), rows, meta


def _stamped(folder: Path, index: pd.DataFrame, pixels: np.ndarray) -> pd.DataFrame:
    """The index of an entry that was made before pictures had stamps, with those of its pixels, once and for all."""
    of_pixels = np.fromiter((pixel_stamp(one) for one in pixels), np.uint64, len(pixels))
    found = index.assign(**dict(zip(STAMPS, (np.zeros(len(pixels), np.uint64), of_pixels), strict=True)))
    with contextlib.suppress(OSError), atomic_path(folder / "index.parquet") as temporary:  # a cache may be read-only
        found.to_parquet(temporary)
    return found


def _limited(entry: Entry, rows: np.ndarray, meta: dict, limit: int | None, named: Names) -> Entry:
    total = meta["total"]
    if limit is None or limit >= total:
        return replace(entry, fingerprint=named[None])
    if meta["asked"] == limit:
        return replace(entry, fingerprint=named[limit])
    chosen = sample(total, limit)
    inside = np.flatnonzero(np.isin(rows, chosen))
    if not len(inside):
        raise BadInput(f"none of the {limit:,} images could be read; ask for more than {limit:,}")
    concepts = entry.concepts.iloc[inside].reset_index(drop=True)
    names = [entry.names[row] for row in inside]
    wanted = set(chosen.tolist())
    skipped = tuple((file, reason) for file, reason, *row in meta["skipped"] if wanted.issuperset(row))
    lost = len(skipped) if entry.lost == len(entry.skipped) else entry.lost
    found = {"skipped": skipped, "lost": lost, "stamps": entry.stamps[inside]}
    return replace(entry, fingerprint=named[limit], rows=inside, names=names, concepts=concepts, **found)


def _decode(
    listing: Listing, rows: np.ndarray, target: Path, decoder: Decoder, name: str, progress: Progress | None
) -> None:
    """Writes an entry under a temporary name and renames it; whatever goes wrong, nothing is left behind."""
    size = decoder.size
    needed = len(rows) * size * size * 3
    action = f"decode '{name}' at {size} × {size} ({sized(needed)} in the cache, which EXPLORER_CACHE can move)"
    with explained(action, target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(target.parent).free < needed + RESERVE:
            raise OSError(errno.ENOSPC, "too little is free")
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.{os.getpid()}.", dir=target.parent))
        try:
            kept, skipped, stamps = _write_pixels(listing, rows, temporary / "pixels.npy", decoder, name, progress)
            index = listing.concepts.iloc[kept].reset_index(drop=True)
            index["_name"], index["_row"] = [listing.names[row] for row in kept], kept
            for column, values in zip(STAMPS, np.array(stamps, np.uint64).T, strict=True):
                index[column] = values
            index.to_parquet(temporary / "index.parquet")
            meta = {"format": FORMAT, "name": name, "total": len(listing.names), "asked": len(rows)}
            notes = [*listing.notes, *listing.concepts.attrs.get("notes", ()), *_first_frames(len(decoder.moving))]
            meta |= {"skipped": skipped[:MAX_SKIPPED], "lost": len(skipped), "notes": notes}
            (temporary / "meta.json").write_text(json.dumps(meta), encoding="utf-8")
            temporary.chmod(0o755)
            _flush(temporary)
            with contextlib.suppress(FileExistsError):  # another process was faster, with the same result
                _rename(temporary, target)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _write_pixels(
    listing: Listing, rows: np.ndarray, path: Path, decoder: Decoder, name: str, progress: Progress | None
) -> tuple[np.ndarray, list[tuple], list[tuple[int, int]]]:
    """Decodes `rows` in a pool of threads, a batch at a time, in order.

    Returns the rows written; file, reason and, where it has one, row of each of the others; stamps of those written.
    """

    def decoded(item: Item | BadInput, first: int) -> tuple[np.ndarray, int, int] | BadInput:
        fence.beat()
        try:
            if isinstance(item, BadInput):
                return item
            pixels = decoder.pixels(item, apart=first in decoder.suspect)
        except BadInput as problem:
            return problem
        return pixels, stamp(item), pixel_stamp(pixels)

    size = decoder.size
    kept: list[int] = []
    skipped: list[tuple] = list(listing.skipped)
    stamps: list[tuple[int, int]] = []
    items, remaining = listing.items(rows), iter(rows.tolist())
    with path.open("w+b") as file, ThreadPoolExecutor(WORKERS, "decode") as pool:
        _header(file, len(rows), size)
        for results in _batches(pool.map(decoded, batch, repeat(first)) for first, batch in _chunks(items, size)):
            good = []
            for row, result in zip(islice(remaining, len(results)), results, strict=True):
                if isinstance(result, BadInput):
                    skipped.append((listing.names[row], str(result), row))
                else:
                    kept.append(row)
                    good.append(result[0])
                    stamps.append(result[1:])
            if good:
                file.write(np.stack(good).data)
            if progress is not None:
                done = len(kept) + len(skipped)
                progress.update(0, f"decoding {Path(name).name}: {done:,} of {len(rows):,} images")
        if not kept:
            first = f"; the first, '{skipped[0][0]}', {skipped[0][1]}" if skipped else ""
            raise BadInput(f"none of the {len(rows):,} images in '{name}' could be read{first}")
        file.seek(0)
        _header(file, len(kept), size)
    return np.array(kept), skipped, stamps


def _first_frames(count: int) -> list[str]:
    if not count:
        return []
    which = "1 image has" if count == 1 else f"{count:,} images have"
    return [f"{which} several frames or pages; the first of each is taken"]


def _chunks(items: Iterator, size: int) -> Iterator[tuple[int, list]]:
    """Batches of items, each with the number of its first."""
    length, first = min(BATCH, max(WORKERS, BATCH_BYTES // (size * size * 3))), 0
    while chunk := batch_of(items, length):
        fence.beat(first)
        yield first, chunk
        first += len(chunk)


def _batches(batches: Iterator[Iterator]) -> Iterator[list]:
    for batch in batches:
        yield list(batch)


def _header(file, count: int, size: int) -> None:
    """NumPy's header; it leaves room for the first axis to change, so that it can be written again at the end."""
    shape = (count, size, size, 3)
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})


def _flush(folder: Path) -> None:
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _rename(temporary: Path, target: Path) -> None:
    try:
        os.rename(temporary, target)
    except OSError:
        if not target.exists():
            raise
        raise FileExistsError(str(target)) from None


def _discard_leftovers(folder: Path) -> None:
    """Removes what a killed decoding left: folders named for a process that is gone."""
    import psutil

    for path in folder.glob(".*.*.*"):
        process = path.name.split(".")[2]
        if process.isdigit() and not psutil.pid_exists(int(process)):
            shutil.rmtree(path, ignore_errors=True)
