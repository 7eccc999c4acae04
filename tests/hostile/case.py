"""What a hostile case is, and the parts that several of them are made of."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

INSPECT, RECONSTRUCT, USAGE, LIST = "inspect", "reconstruct", "usage", "list"
WORDS = {  # of the command line; {at} is the case's own folder, {name} what is opened there
    INSPECT: ("inspect", "{at}/{name}"),
    RECONSTRUCT: ("reconstruct", "vqvae-digits", "{at}/{name}", "--out", "{at}/out"),
    USAGE: ("usage", "vqvae-digits", "--dataset", "{at}/{name}", "--split", "all"),
    LIST: ("list",),
}
REFUSED, TAKEN, EITHER = (2,), (0,), (0, 2)
TENSOR = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}


@dataclass(frozen=True)
class Case:
    """One hostile input.

    Attributes:
        write: makes it in a folder; the second argument is a file that must not be there afterwards, a canary.
        name: what is opened, below that folder.
        opened: key of WORDS, or the words themselves.
        ends: exit codes that are right. says: words that the output has, whatever the exit.
        environment: beside the usual one; {at} is the case's folder.
    """

    kind: str
    title: str
    write: Callable[[Path, Path], None]
    name: str
    opened: str | tuple[str, ...] = INSPECT
    ends: tuple[int, ...] = REFUSED
    says: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{self.kind}: {self.title}"

    def words(self, at: Path) -> list[str]:
        words = WORDS[self.opened] if isinstance(self.opened, str) else self.opened
        return [word.format(at=at, name=self.name) for word in words]


def one_file(kind: str, name: str, made: Mapping[str, Callable[[], bytes] | bytes], **more: Any) -> list[Case]:
    """Cases that are one file each: title -> its bytes, or what makes them."""

    def writing(body: Callable[[], bytes] | bytes) -> Callable[[Path, Path], None]:
        return lambda at, canary: _put(at / name, body() if callable(body) else body)

    return [Case(kind, title, writing(body), name, **more) for title, body in made.items()]


def one_folder(kind: str, made: Mapping[str, Callable[[Path], None]], **more: Any) -> list[Case]:
    """Cases that are a folder each: title -> what fills it."""

    def writing(fill: Callable[[Path], None]) -> Callable[[Path, Path], None]:
        def write(at: Path, canary: Path) -> None:
            (at / "it").mkdir()
            fill(at / "it")

        return write

    return [Case(kind, title, writing(fill), "it", **more) for title, fill in made.items()]


def _put(path: Path, body: bytes) -> None:
    path.write_bytes(body)


def torch_zip(pickled: bytes, storages: Sequence[bytes] = (), **files: bytes) -> bytes:
    """A file as `torch.save` writes it, around any pickle."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        for number, storage in enumerate(storages):
            archive.writestr(f"archive/data/{number}", storage)
        for name, body in ({"byteorder": b"little", "version": b"3\n"} | files).items():
            archive.writestr(f"archive/{name}", body)
    return held.getvalue()


def torch_old(pickled: bytes) -> bytes:
    """A file as PyTorch before 1.6 wrote it, around any pickle."""
    sizes = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}
    head = b"".join(pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, sizes))
    return head + pickled + pickle.dumps([], 2)


def tensors(header: Any, data: bytes = bytes(4)) -> bytes:
    """A file of safetensors around any header: what becomes JSON, or its bytes."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def pixels(seed: int = 0, side: int = 32, channels: int = 3) -> np.ndarray:
    """Noise, (side, side, channels) uint8."""
    return np.random.default_rng(seed).integers(0, 255, (side, side, channels), np.uint8)


def picture(kind: str, seed: int = 0, side: int = 32, **options: Any) -> bytes:
    """A sound picture in a format of Pillow's."""
    held = io.BytesIO()
    Image.fromarray(pixels(seed, side)).save(held, kind, **options)
    return held.getvalue()


def sound_pictures(folder: Path, count: int = 8) -> Path:
    """A folder with so many sound PNG."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / f"{number}.png").write_bytes(picture("PNG", number))
    return folder


def zipped(entries: Mapping[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of names and bytes."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", packing) as archive:
        for name, body in entries.items():
            archive.writestr(name, body)
    return held.getvalue()


def bomb(name: str, beside: Mapping[str, bytes], start: bytes = b"", filled: bytes = b"\0") -> bytes:
    """A zip of some entries, and one that begins so and unpacks to 4 GB of one letter; made without unpacking it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = packer.compress(start) + packer.flush(zlib.Z_FULL_FLUSH)
    one = packer.compress(filled * (1 << 24)) + packer.flush(zlib.Z_FULL_FLUSH)  # which can stand any number of times
    packed = head + one * 255 + packer.flush()
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for inner, body in beside.items():
            archive.writestr(inner, body)
        archive.writestr(name, packed, zipfile.ZIP_STORED)
        entry = archive.filelist[-1]
        entry.compress_type, entry.file_size = zipfile.ZIP_DEFLATED, len(start) + 255 * (1 << 24)
    return held.getvalue()
