"""Folders and zip files of images: class folders become the concept `class`, tables beside the images add columns."""

from __future__ import annotations

import io
import os
import posixpath
import re
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
import pandas as pd

from explorer.datasets import unread
from explorer.datasets.images import MAX_BYTES, SUFFIXES
from explorer.datasets.sources import SPLITS, Item, Listing, Source, concept_table
from explorer.datasets.stamps import divide
from explorer.errors import BadInput
from explorer.files import digest
from explorer.progress import Progress

TABLES = ("metadata.csv", "images.csv")
TABLE_BYTES = 256 * 1024 * 1024
FILE_COLUMNS = ("file_name", "filename", "file", "image", "path", "image_path", "name")
MAX_ENTRIES = 50_000  # of a zip
MAX_RATIO = 200  # unpacked over packed bytes of a zip's entry of more than 1 MiB
MAX_UNPACKED = 64 * 1024**3  # of all images of a zip


@dataclass
class Found:
    """What lies under a root, as paths relative to it with forward slashes, and what its content is keyed by."""

    images: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    parquet: list[str] = field(default_factory=list)
    stamps: list = field(default_factory=list)
    unread: list[str] = field(default_factory=list)  # pictures of kinds that are not read


def scan(root: Path) -> Found:
    """Lists what lies in and below a folder; raises BadInput if it may not be read."""
    found = Found()
    try:
        _scan(root, "", found, set())
    except PermissionError as error:
        raise BadInput(f"the folder '{error.filename}' may not be read: permission denied") from None
    return found


def folder_source(root: Path, found: Found) -> Source:
    """Images in and below a folder, as `scan` found them. Raises BadInput if there is none.

    The key is the place of the folder and the relative path, size and time of change of every image and table.
    """
    key = [str(root.resolve()), sorted(found.stamps)]

    def items(names: Sequence[str]) -> Iterator[Item]:
        return (root / name for name in names)

    return named_source(f"the folder '{root}'", found, key, items, lambda name: _table_bytes(root / name))


def zip_source(path: Path) -> Source:
    """Images in a zip file, read without unpacking it to disk. Raises BadInput on anything suspicious.

    The key is the path, size and checksum of every image and table. Zip files within it are ignored.
    """
    _check_directory(path)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = {entry.filename: entry for entry in archive.infolist() if not entry.is_dir()}
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, struct.error) as error:
        raise BadInput(f"'{path.name}' is not a zip file that can be read ({error})") from None
    if len(entries) > MAX_ENTRIES:
        raise BadInput(_too_many(path.name, f"{len(entries):,} entries"))
    found = Found()
    for name, entry in entries.items():
        _check_entry(path.name, entry)
        if sort_in(name, found):
            found.stamps.append([name, entry.file_size, entry.CRC])
    if sum(entries[name].file_size for name in found.images) > MAX_UNPACKED:
        raise BadInput(f"the images in '{path.name}' unpack to more than {MAX_UNPACKED // 1024**3} GiB")

    def items(names: Sequence[str]) -> Iterator[Item | BadInput]:
        with zipfile.ZipFile(path) as archive:
            for name in names:
                yield _entry_bytes(archive, entries[name])

    def table(name: str) -> bytes:
        with zipfile.ZipFile(path) as archive:
            content = _entry_bytes(archive, entries[name])
        if isinstance(content, BadInput):
            raise BadInput(f"'{name}' in '{path.name}' {content}")
        return content

    return named_source(f"'{path.name}'", found, sorted(found.stamps), items, table)


# Listing


def _scan(root: Path, below: str, found: Found, seen: set[tuple[int, int]]) -> None:
    """Adds what lies in `root / below`; links are followed, each folder once."""
    info = os.stat(root / below)
    if (info.st_dev, info.st_ino) in seen:
        return
    seen.add((info.st_dev, info.st_ino))
    with os.scandir(root / below) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            name = posixpath.join(below, entry.name)
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                _scan(root, name, found, seen)
            elif entry.is_file() and sort_in(name, found):
                info = entry.stat()
                found.stamps.append([name, info.st_size, info.st_mtime_ns])


def sort_in(name: str, found: Found) -> bool:
    """Adds a file to the images or tables; False if it is neither, or hidden."""
    parts = PurePosixPath(name).parts
    if any(part.startswith(".") or part == "__MACOSX" for part in parts):
        return False
    if parts[-1].lower().endswith(SUFFIXES):
        found.images.append(name)
    elif parts[-1].lower() in TABLES:
        found.tables.append(name)
    elif parts[-1].lower().endswith(".parquet"):
        found.parquet.append(name)
    elif unread.kind(name):
        found.unread.append(name)
    else:
        return False
    return True


def named_source(
    what: str,
    found: Found,
    key: list,
    items: Callable[[Sequence[str]], Iterator[Item | BadInput]],
    table: Callable[[str], bytes],
) -> Source:
    images = sorted(found.images)
    if not images:
        more = "".join(f"; {sentence}" for sentence in unread.told(found.unread))
        raise BadInput(f"there is no image in {what}{more}; files ending in {', '.join(SUFFIXES)} are looked for")
    shared = len(_common_folders(images))
    inner = [PurePosixPath(name).parts[shared:] for name in images]
    groups: dict[str, list[int]] = {}
    for row, parts in enumerate(inner):
        split = SPLITS.get(parts[0].lower(), "") if len(parts) > 1 else ""
        groups.setdefault(split, []).append(row)
    stray = groups.pop("", [])
    strays: tuple[tuple[str, str], ...] = ()
    if groups:
        strays = tuple((images[row], f"lies outside the folders {', '.join(groups)}") for row in stray)
    else:
        groups = {"": stray}
    splits = divide(groups, lambda rows: items([images[row] for row in rows]), digest(key))
    in_split_folder, left_out = "" not in groups, unread.told(sorted(found.unread))

    def listing(split: str, progress: Progress | None) -> Listing:
        rows = splits.rows(split, progress)
        names = [images[row] for row in rows]
        classes = [_class_of(inner[row][1:] if in_split_folder else inner[row]) for row in rows]
        columns = pd.DataFrame(index=range(len(names)))
        if any(classes):
            columns["class"] = pd.Categorical([value or "(none)" for value in classes])
        for file in found.tables:
            for column, values in (
                _read_table(what, file, table(file), images).iloc[rows].reset_index(drop=True).items()
            ):
                columns[column] = values.combine_first(columns[column]) if column in columns else values
        return Listing(
            names, concept_table(columns), lambda some: items([names[row] for row in some]), strays, left_out
        )

    return Source(f"images in {what}", None, splits.names, splits.key, listing)


def _common_folders(names: list[str]) -> tuple[str, ...]:
    """Leading folders that all names share, such as the one that a zip was made from; never a split's."""
    shared: list[str] = []
    for parts in zip(*(PurePosixPath(name).parts[:-1] for name in names), strict=False):
        if len(set(parts)) > 1 or parts[0].lower() in SPLITS:
            break
        shared.append(parts[0])
    return tuple(shared)


def _class_of(parts: tuple[str, ...]) -> str:
    return parts[0] if len(parts) > 1 else ""


# Tables beside the images


def _read_table(what: str, file: str, content: bytes, names: Sequence[str]) -> pd.DataFrame:
    """The columns of a CSV table, one row for each of `names`; missing where the table says nothing of an image."""
    try:
        table = pd.read_csv(io.BytesIO(content), nrows=5_000_000, encoding="utf-8-sig", skipinitialspace=True)
    except (ValueError, OSError) as error:
        raise BadInput(f"'{file}' in {what} is not a CSV table: {' '.join(str(error).split())[:160]}") from None
    table = table.iloc[:, :200].rename(columns=lambda name: str(name).strip())
    column = next((name for wanted in FILE_COLUMNS for name in table.columns if name.lower() == wanted), None)
    if column is None:
        raise BadInput(f"'{file}' in {what} names no images; it needs a column {', '.join(FILE_COLUMNS[:-1])}")
    listed = table[column].astype(str).str.strip().str.replace("\\", "/")
    folder = posixpath.dirname(file)
    places = {posixpath.normpath(posixpath.join(folder, name)): row for row, name in reversed(list(enumerate(listed)))}
    by_name = {PurePosixPath(name).name: row for name, row in places.items()}
    rows = np.full(len(names), -1)
    for position, name in enumerate(names):
        pure = PurePosixPath(name)
        if not folder or name.startswith(folder + "/"):
            exact = places.get(name, places.get(str(pure.with_suffix(""))))
            rows[position] = exact if exact is not None else by_name.get(pure.name, by_name.get(pure.stem, -1))
    if not (rows >= 0).any():
        raise BadInput(f"the column '{column}' of '{file}' in {what} names none of its images, such as '{names[0]}'")
    return table.drop(columns=column).reindex(rows).reset_index(drop=True)


def _table_bytes(path: Path) -> bytes:
    if path.stat().st_size > TABLE_BYTES:
        raise BadInput(f"the table '{path}' has more than {TABLE_BYTES // 1024**2} MiB")
    return path.read_bytes()


# Zip files come from anywhere


def _check_directory(path: Path) -> None:
    """Refuses a table of contents that is too long, before zipfile builds an object for each of its entries."""
    room = MAX_ENTRIES * 512  # bytes: 46 of each entry, its name and extras
    with path.open("rb") as file:
        start = max(0, path.stat().st_size - (1 << 17))
        file.seek(start)
        tail = file.read()
    ends = [
        struct.unpack("<2H2I", tail[m.start() + 8 : m.start() + 20]) for m in re.finditer(b"PK\x05\x06", tail[:-16])
    ]
    records = [m.start() for m in re.finditer(b"PK\x06\x06", tail)]
    ends += [struct.unpack("<4Q", tail[at + 24 : at + 56]) for at in records if len(tail) >= at + 56]
    if not ends:
        raise BadInput(f"'{path.name}' is not a zip file that can be read (it has no table of contents)")
    marked = 0xFFFF, 0xFFFFFFFF  # "see the larger record"
    count = max((end[1] for end in ends if end[1] != marked[0]), default=0)
    size = max((end[2] for end in ends if end[2] != marked[1]), default=0)
    if count > MAX_ENTRIES or size > room:
        listed = f"{count:,} entries" if count > MAX_ENTRIES else "too long a table of contents"
        raise BadInput(_too_many(path.name, listed))
    if b"PK\x06\x07" in tail and not records:
        raise BadInput(f"'{path.name}' is not a zip file that can be read (its table of contents is damaged)")


def _too_many(archive: str, listed: str) -> str:
    return f"'{archive}' has {listed}; a zip may have {MAX_ENTRIES:,}; unpack it and give the folder"


def _check_entry(archive: str, entry: zipfile.ZipInfo) -> None:
    """Refuses the whole archive for one entry that only an attack, or an accident as bad, would contain."""
    name = entry.orig_filename.replace("\\", "/")
    if name.startswith("/") or ".." in name.split("/") or re.match(r"[A-Za-z]:", name) or "\x00" in name:
        raise BadInput(f"'{archive}' has an entry that leads out of it, '{name[:80]}'; make a zip of a plain folder")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise BadInput(f"'{archive}' has a symbolic link, '{name[:80]}'; make a zip of the files themselves")
    if entry.flag_bits & 1:
        raise BadInput(f"'{archive}' is encrypted; make a zip without a password")
    if entry.file_size > 1024**2 and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
        raise BadInput(
            f"'{name[:80]}' in '{archive}' would unpack to {entry.file_size / max(entry.compress_size, 1):,.0f} times "
            f"its size; images are at most {MAX_RATIO} times smaller, so this is taken for a decompression bomb"
        )


def _entry_bytes(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes | BadInput:
    """The content of an entry, never more than it declares or `MAX_BYTES`."""
    if entry.file_size > MAX_BYTES:
        return BadInput(f"has {entry.file_size:,} bytes; an image may have {MAX_BYTES:,}")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return BadInput("is packed with an unusual method; make the zip with deflate")
    try:
        with archive.open(entry) as file:
            return file.read(MAX_BYTES + 1)[: entry.file_size]
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        OSError,
        ValueError,
        EOFError,
        RuntimeError,
        struct.error,
    ) as error:
        return BadInput(f"is damaged in the zip ({error})")
    except zipfile.zlib.error as error:
        return BadInput(f"is damaged in the zip ({error})")
