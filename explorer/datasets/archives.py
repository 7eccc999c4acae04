"""Zip files of images, which come from anywhere: read without unpacking, refused where they look like an attack."""

from __future__ import annotations

import re
import stat
import struct
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from explorer.datasets.folders import Found, named_source, sort_in
from explorer.datasets.images import MAX_BYTES
from explorer.datasets.sources import Item, Source
from explorer.datasets.values import short
from explorer.errors import BadInput

MAX_ENTRIES = 50_000  # of a zip
MAX_RATIO = 200  # unpacked over packed bytes of a zip's entry of more than 1 MiB
MAX_UNPACKED = 64 * 1024**3  # of all images of a zip


def zip_source(path: Path) -> Source:
    """Images in a zip file, read without unpacking it to disk. Raises BadInput on anything suspicious.

    The key is the path, size and checksum of every image and table. Zip files within it are ignored.
    """
    _check_directory(path)
    try:
        with zipfile.ZipFile(path) as archive:
            listed = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, struct.error) as error:
        raise BadInput(f"'{path.name}' is not a zip file that can be read ({error})") from None
    if len(listed) > MAX_ENTRIES:
        raise BadInput(_too_many(path.name, f"{len(listed):,} entries"))
    found = Found()
    entries: dict[str, zipfile.ZipInfo] = {}
    for name, entry in zip(_names(listed), listed, strict=True):
        if name.endswith("/"):
            continue
        _check_entry(path.name, entry)
        if name in entries:
            found.notes.append(f"'{short(name)}' is in '{path.name}' more than once; the last one is shown")
        entries[name] = entry
    for name, entry in entries.items():
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
            raise content
        return content

    return named_source(f"'{path.name}'", found, sorted(found.stamps), items, table)


def _names(entries: list[zipfile.ZipInfo]) -> list[str]:
    """Paths of entries with forward slashes, decoded as whoever packed them meant.

    Names that are not marked as UTF-8 are UTF-8 all the same if they can be, Japanese Windows' if that makes kana or
    several kanji of all of them, else what zipfile took them for (DOS).
    """
    marked = [bool(entry.flag_bits & 0x800) for entry in entries]
    raw = [b"" if told else entry.orig_filename.encode("cp437") for entry, told in zip(entries, marked, strict=True)]
    odd = [name for name in raw if not name.isascii()]
    encoding = next((one for one in ("utf-8", "cp932") if all(_is(one, name) for name in odd)), "cp437")
    return [
        (entry.orig_filename if told else name.decode(encoding)).replace("\\", "/")
        for entry, told, name in zip(entries, marked, raw, strict=True)
    ]


def _is(encoding: str, name: bytes) -> bool:
    try:
        text = name.decode(encoding)
    except UnicodeDecodeError:
        return False
    return encoding != "cp932" or bool(re.search(r"[\u3040-\u30ff]|[\u4e00-\u9fff]{2}", text))


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
