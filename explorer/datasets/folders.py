"""Folders and zip files of images: class folders become the concept `class`, tables beside the images add columns."""

from __future__ import annotations

import os
import posixpath
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath

import pandas as pd

from explorer import access
from explorer.datasets import labelling, tables, unread
from explorer.datasets.images import SUFFIXES
from explorer.datasets.sources import SPLITS, Item, Listing, Source
from explorer.datasets.stamps import divide
from explorer.datasets.values import concepts, short
from explorer.errors import BadInput
from explorer.files import digest
from explorer.progress import Progress

VERSION = "tables 2"  # of what tables say about images; another one reads every folder anew
TABLE_BYTES = 256 * 1024 * 1024
DEEPEST = 64  # folders in folders
ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".7z", ".rar")  # within a folder or archive: named, not opened


@dataclass
class Found:
    """What lies under a root, as paths relative to it with forward slashes, and what its content is keyed by."""

    images: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    parquet: list[str] = field(default_factory=list)
    archives: list[str] = field(default_factory=list)
    stamps: list = field(default_factory=list)
    unread: list[str] = field(default_factory=list)  # pictures of kinds that are not read
    notes: list[str] = field(default_factory=list)


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


# Listing


def _scan(root: Path, below: str, found: Found, seen: set[tuple[int, int]]) -> None:
    """Adds what lies in `root / below`; links are followed, each folder once, and none that leads upwards."""
    info = os.stat(root / below)
    if (info.st_dev, info.st_ino) in seen:
        return
    seen.add((info.st_dev, info.st_ino))
    with os.scandir(root / below) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            name = posixpath.join(below, entry.name)
            if entry.name.startswith("."):
                continue
            if entry.is_symlink() and (why := _barred(root, entry.path)):
                found.notes.append(f"the link '{short(name)}' {why}")
                continue
            if entry.is_dir():
                if name.count("/") >= DEEPEST:
                    found.notes.append(f"folders more than {DEEPEST} deep, such as '{short(name)}', are left out")
                    continue
                _scan(root, name, found, seen)
            elif entry.is_file() and sort_in(name, found):
                info = entry.stat()
                found.stamps.append([name, info.st_size, info.st_mtime_ns])


def _barred(root: Path, link: str) -> str:
    """Why a link is not followed; empty where it is."""
    if not access.within(link):
        return "leads out of the folders that may be opened here, and is left out"
    if root.resolve().is_relative_to(os.path.realpath(link)):
        return "leads to the folder itself or above it, and is left out"
    return ""


def sort_in(name: str, found: Found) -> bool:
    """Adds a file to the images or tables; False if it is neither, or hidden."""
    parts = PurePosixPath(name).parts
    if any(part.startswith(".") or part == "__MACOSX" for part in parts):
        return False
    if parts[-1].lower().endswith(SUFFIXES):
        found.images.append(name)
    elif parts[-1].lower() in ("metadata.parquet", "metadata.pq"):
        found.tables.append(name)
    elif parts[-1].lower().endswith((".parquet", ".pq")):
        found.parquet.append(name)
    elif unread.kind(name):
        found.unread.append(name)
    elif parts[-1].lower().endswith((*tables.SUFFIXES, *tables.OTHERS)):
        found.tables.append(name)
    else:
        if parts[-1].lower().endswith(ARCHIVES):
            found.archives.append(name)
        return False
    return True


def named_source(
    what: str,
    found: Found,
    key: list,
    items: Callable[[Sequence[str]], Iterator[Item | BadInput]],
    table: Callable[[str], bytes],
) -> Source:
    """Images that lie in folders, wherever these are.

    Args:
        items: the images of some of `found.images`. table: content of one of the tables; raises BadInput with what is
            wrong as the end of a sentence.
    """
    images = sorted(found.images)
    if not images:
        more = "".join(f"; {sentence}" for sentence in unread.told(found.unread))
        raise BadInput(f"there is no image in {what}{more}; files ending in {', '.join(SUFFIXES)} are looked for")
    names = _shown(images)
    shared = len(_common_folders(names))
    inner = [PurePosixPath(name).parts[shared:] for name in names]
    groups: dict[str, list[int]] = {}
    for row, parts in enumerate(inner):
        split = SPLITS.get(parts[0].lower(), "") if len(parts) > 1 else ""
        groups.setdefault(split, []).append(row)
    stray = groups.pop("", [])
    strays: tuple[tuple[str, str], ...] = ()
    if groups:
        strays = tuple((names[row], f"lies outside the folders {', '.join(groups)}") for row in stray)
    else:
        groups = {"": stray}
    splits = divide(groups, lambda rows: items([images[row] for row in rows]), digest(VERSION, key))
    classes = [_class_of(parts[1:] if "" not in groups else parts) for parts in inner]

    @lru_cache(maxsize=1)
    def labelled() -> tuple[pd.DataFrame, tuple[str, ...]]:
        return _labelled(names, classes, [*found.tables, *found.parquet], table)

    def listing(split: str, progress: Progress | None) -> Listing:
        rows = splits.rows(split, progress)
        columns, notes = labelled()
        columns = columns.iloc[rows].reset_index(drop=True)
        for name in columns.select_dtypes("category"):
            columns[name] = columns[name].cat.remove_unused_categories()
        notes = (*found.notes, *unread.told(sorted(found.unread)), *_unopened(found.archives), *notes)
        listed = [names[row] for row in rows]
        return Listing(listed, columns, lambda some: items([images[row] for row in rows[some]]), strays, notes)

    return Source(f"images in {what}", None, splits.names, splits.key, listing)


def _labelled(
    names: list[str], classes: list[str], files: list[str], content: Callable[[str], bytes]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Concepts of all images, from their folders and from the tables beside them, and notes."""
    columns = pd.DataFrame(index=range(len(names)))
    if any(classes):
        columns["class"] = pd.Categorical([value or "(none)" for value in classes])
    listed, notes = labelling.columns(names, files, content)
    for name, values in listed.items():
        if name in columns:
            differ = int((values.notna() & (values.astype(str) != columns[name].astype(str))).sum())
            if differ:
                notes += (
                    f"'{name}' of the table stands in place of the folder's name, which differs for {differ:,} images",
                )
            values = values.astype(object).where(values.notna(), columns[name].astype(object))
        columns[name] = values
    found, said = concepts(columns)
    return found, (*notes, *said)


def _shown(names: list[str]) -> list[str]:
    """Names that every file and page can hold: those that are no UTF-8 as Windows-1252, else with their bytes."""
    taken = Counter(names)
    shown = []
    for name in names:
        try:
            name.encode()
        except UnicodeEncodeError:
            content = name.encode("utf-8", "surrogateescape")
            name = content.decode("cp1252", "backslashreplace")
            if name in taken:
                name = content.decode("utf-8", "backslashreplace")
            taken[name] += 1
        shown.append(name)
    return shown


def _unopened(archives: list[str]) -> tuple[str, ...]:
    if not archives:
        return ()
    return (f"{len(archives):,} archives within, such as '{short(min(archives))}', were not opened; unpack them",)


def _common_folders(names: list[str]) -> tuple[str, ...]:
    """Leading folders that all names share, such as the one that a zip was made from; never a split's."""
    shared: list[str] = []
    for parts in zip(*(PurePosixPath(name).parts[:-1] for name in names), strict=False):
        if len(set(parts)) > 1 or parts[0].lower() in SPLITS:
            break
        shared.append(parts[0])
    return tuple(shared)


def _class_of(parts: tuple[str, ...]) -> str:
    return unicodedata.normalize("NFC", parts[0]) if len(parts) > 1 else ""


def _table_bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > TABLE_BYTES:
            raise BadInput(f"has more than {TABLE_BYTES // 1024**2} MiB")
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"cannot be read ({error.strerror})") from None
