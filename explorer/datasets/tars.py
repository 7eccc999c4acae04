"""Tar archives, indexed once and then read by place; a packed one is kept unpacked, as one file, in the cache."""

from __future__ import annotations

import bz2
import errno
import gzip
import lzma
import shutil
import tarfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from explorer import fence
from explorer.datasets.images import MAX_BYTES
from explorer.errors import BadInput, explained
from explorer.files import atomic_path, cache_folder, digest

MAX_MEMBERS = 5_000_000
MAX_RATIO, FREE = 200, 1 << 30  # unpacked over packed bytes, once so many bytes are unpacked
LARGEST_READ = 1 << 24  # bytes of a header: long names and the like, which are held in memory
RESERVE = 64 * 1024**2  # bytes left free on the disk
PADDING = 1 << 17  # bytes after the end of an archive that mean nothing
_OPENERS: dict[bytes, Callable] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
_DAMAGE = (tarfile.TarError, OSError, ValueError, OverflowError)


@dataclass(frozen=True)
class Member:
    """One file of an archive, and where its bytes are."""

    name: str
    start: int
    size: int


@dataclass(frozen=True)
class Index:
    """What an archive holds: its files, and (name, reason) of what is not read."""

    members: tuple[Member, ...]
    skipped: tuple[tuple[str, str], ...]


def index(path: Path) -> Index:
    """Looks through an archive once, without reading its pictures. Raises BadInput where it is none, or a bomb."""
    info = path.stat()
    return _index(path, info.st_size, info.st_mtime_ns)


def contents(path: Path, members: Sequence[Member]) -> Iterator[bytes | BadInput]:
    """Yields the bytes of some members, in any order."""
    with _plain(path).open("rb") as file:
        for member in members:
            if member.size > MAX_BYTES:
                yield BadInput(f"has {member.size:,} bytes; an image may have {MAX_BYTES:,}")
                continue
            try:
                file.seek(member.start)
                parts, left = [], member.size
                while left and (part := file.read(min(left, LARGEST_READ))):
                    parts.append(part)
                    left -= len(part)
            except (OSError, OverflowError) as error:
                yield BadInput(f"is damaged in the archive ({_why(error)})")
                continue
            yield BadInput("is cut off in the archive") if left else b"".join(parts)


@lru_cache(maxsize=64)
def _index(path: Path, size: int, changed: int) -> Index:
    members: list[Member] = []
    skipped: list[tuple[str, str]] = []
    with _plain(path).open("rb") as plain:
        file = _Bounded(plain, path.name)
        try:
            with tarfile.open(fileobj=file, mode="r:", encoding="utf-8", errors="replace") as archive:
                while (one := archive.next()) is not None:
                    archive.members.clear()  # it would hold all of them
                    why = _unfit(one)
                    if why:
                        skipped.append((one.name[:200], why))
                    elif one.isreg():
                        members.append(Member(one.name.removeprefix("./"), one.offset_data, one.size))
                    if len(members) + len(skipped) > MAX_MEMBERS:
                        raise BadInput(
                            f"'{path.name}' has more than {MAX_MEMBERS:,} files; unpack it and give the folder"
                        )
                why = _end(file, archive.offset)
        except BadInput:
            raise
        except _DAMAGE as error:
            why = f"is damaged ({_why(error)})"
            if not members:
                raise BadInput(f"'{path.name}' is not a tar archive that can be read ({_why(error)})") from None
    if why:
        skipped.append((path.name, f"{why}; of it the {len(members):,} files before that are read"))
    return Index(tuple(members), tuple(skipped))


def _unfit(one: tarfile.TarInfo) -> str:
    """Why a member is not read; "" of plain files and folders."""
    if one.isdir():
        return ""
    if one.issym() or one.islnk():
        return "is a link, which is not followed"
    if one.issparse():
        return "is kept with holes; pack it again without --sparse"
    if not one.isreg():
        return "is no file but a device or the like"
    if one.name.startswith("/") or ".." in one.name.replace("\\", "/").split("/"):
        return "leads out of the archive"
    return ""


def _end(file: Any, place: int) -> str:
    """What is wrong with the end of an archive: it has to be a block of zeros with little behind it."""
    file.seek(place)
    block = file.read(512)
    if len(block) < 512:
        return "has no end, so it may be cut off"
    if any(block):
        return "is damaged, or cut off"
    rest = 0
    while part := file.read(LARGEST_READ):
        rest += len(part)
        if rest > PADDING and any(part):
            return "goes on after its end, as joined archives do"
    return ""


def _why(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__


class _Bounded:
    """A file that gives no more at once than a header may have: long names are held in memory."""

    def __init__(self, file: Any, name: str) -> None:
        self.file, self.name = file, name
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= LARGEST_READ:
            raise BadInput(f"'{self.name}' has a header of {size:,} bytes, which no archive needs; pack it again")
        return self.file.read(size)


def _plain(path: Path) -> Path:
    """The archive itself, or of a packed one a copy in the cache that is not. Raises BadInput on a bomb."""
    with path.open("rb") as file:
        start = file.read(8)
        opener = next((found for begins, found in _OPENERS.items() if start.startswith(begins)), None)
        if opener is None:
            return path
        info = path.stat()
        target = cache_folder() / "unpacked" / f"{digest(str(path.resolve()), info.st_size, info.st_mtime_ns)}.tar"
        if target.exists():
            return target
        file.seek(0)
        most = max(FREE, MAX_RATIO * info.st_size)
        with explained(f"unpack '{path.name}'", target), atomic_path(target) as temporary:
            try:
                _unpack(opener(file), temporary, path.name, most)
            except BadInput:
                raise
            except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, ValueError) as error:
                raise BadInput(f"'{path.name}' is damaged or cut off ({_why(error)}); copy it again") from None
    return target


def _unpack(packed: Any, target: Path, name: str, most: int) -> None:
    done = 0
    with packed, target.open("wb") as file:
        while part := packed.read(LARGEST_READ):
            done += file.write(part)
            fence.beat()
            if done > most:
                raise BadInput(
                    f"'{name}' would unpack to more than {MAX_RATIO} times its size; images hardly get smaller, so it "
                    "is taken for a decompression bomb"
                )
            if shutil.disk_usage(target.parent).free < RESERVE:
                raise OSError(errno.ENOSPC, "too little is free")
