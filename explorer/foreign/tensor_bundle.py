"""Numbers out of TensorFlow's checkpoints, without TensorFlow: `x.index` and `x.data-00000-of-00001`, a tensor bundle.

The index is a sorted table of small protocol buffers, in the format of LevelDB; the data are the numbers as they are.
An entry of the index is the graph of the objects that were saved, which says whose numbers they are. Everything that a
file claims is checked against its size before anything is allocated, and checksums where they stand.
Sources: tensorflow/core/util/tensor_bundle, tensorflow/core/protobuf/{tensor_bundle,trackable_object_graph}.proto
"""

from __future__ import annotations

import glob
import math
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from explorer.errors import BadInput
from explorer.foreign import protobuf, reading
from explorer.foreign.checksums import crc32c

MAGIC, FOOTER, TRAILER = 0xDB4775248B80FB57, 48, 5
LARGEST, MOST = 64 * 1024 * 1024, 100_000  # bytes of an index, and arrays or objects in it
GRAPH, VALUE = "_CHECKPOINTABLE_OBJECT_GRAPH", "VARIABLE_VALUE"
TYPES = {1: "<f4", 2: "<f8", 3: "<i4", 9: "<i8", 19: "<f2"}  # of DataType, those of weights
STRING, BFLOAT16 = 7, 14


@dataclass(frozen=True)
class Entry:
    """Where an array lies: its type, shape, file, and place and checksum in it."""

    dtype: int
    shape: tuple[int, ...]
    shard: int
    offset: int
    size: int
    checksum: int


@dataclass(frozen=True)
class Object:
    """One thing that was saved: what is below it by name, and the keys of its own arrays by name."""

    children: Mapping[str, int]
    values: Mapping[str, str]


class Bundle:
    """A tensor bundle; opening it reads the index alone.

    Raises:
        BadInput: a file that is damaged, compressed, or claims what its files do not hold.
    """

    def __init__(self, index: Path) -> None:
        self.index, self.name = index, index.name
        try:
            if index.stat().st_size > LARGEST:
                raise BadInput(f"{self.name} is larger than {LARGEST:,} bytes, which no index of weights is")
            pairs = dict(_table(index.read_bytes(), self.name))
            shards, big = _header(pairs.pop(b"", b""))
            self.entries = {key.decode(): _entry(value) for key, value in pairs.items()}
        except BadInput:
            raise
        except OSError as error:
            raise BadInput(f"{self.name} cannot be read: {error.strerror or error}") from None
        except (ValueError, IndexError, struct.error, UnicodeError, TypeError) as error:
            raise BadInput(f"{self.name} is damaged: {error}; {reading.AGAIN}") from None
        if big or not 1 <= shards <= 1000:
            raise BadInput(f"{self.name} is damaged or of a machine with another order of bytes; {reading.AGAIN}")
        stem = index.with_suffix("")
        self.files = tuple(stem.with_name(f"{stem.name}.data-{i:05d}-of-{shards:05d}") for i in range(shards))
        self._check()

    def _check(self) -> None:
        """Every array lies whole in its file."""
        if absent := [file.name for file in self.files if not file.is_file()]:
            raise BadInput(f"{self.name} needs {', '.join(absent[:3])} beside it, which is not there")
        sizes = [file.stat().st_size for file in self.files]
        for key, entry in self.entries.items():
            inside = 0 <= entry.shard < len(sizes) and 0 <= entry.offset <= sizes[entry.shard] - entry.size
            width = 2 if entry.dtype == BFLOAT16 else np.dtype(TYPES.get(entry.dtype, "V1")).itemsize
            known = entry.dtype in TYPES or entry.dtype == BFLOAT16
            if entry.size < 0 or not inside or (known and math.prod(entry.shape) * width != entry.size):
                raise BadInput(f"{self.name} is damaged: {key} claims more numbers than the data hold; {reading.AGAIN}")

    def tensor(self, key: str, *, data: bool) -> Tensor:
        """An array; without `data` only its shape, on torch's meta device."""
        entry = self.entries.get(key)
        if entry is None or (entry.dtype not in TYPES and entry.dtype != BFLOAT16):
            raise BadInput(f"{self.name} holds no numbers of the name {key}")
        if not data:
            return torch.empty(entry.shape, device="meta")
        held = self._bytes(key)
        if entry.dtype == BFLOAT16:
            wide = np.frombuffer(held, "<u2").astype("<u4") << 16
            return torch.from_numpy(wide.view("<f4").reshape(entry.shape))
        return torch.from_numpy(np.frombuffer(held, TYPES[entry.dtype]).astype(np.float32).reshape(entry.shape))

    def objects(self) -> list[Object]:
        """The graph of the objects that were saved, the first of which is the root; empty where there is none."""
        entry = self.entries.get(GRAPH)
        if entry is None:
            return []
        if entry.dtype != STRING or entry.size > LARGEST:
            raise BadInput(f"{self.name} is damaged: its graph of objects is none; {reading.AGAIN}")
        try:
            return _graph(self._bytes(GRAPH))
        except (ValueError, IndexError, struct.error, UnicodeError, TypeError) as error:
            raise BadInput(f"{self.name} is damaged: its graph of objects cannot be read: {error}") from None

    def _bytes(self, key: str) -> bytes:
        entry = self.entries[key]
        file = self.files[entry.shard]
        reading.fits_in_memory(file.name, entry.size)
        with file.open("rb") as opened:
            opened.seek(entry.offset)
            held = opened.read(entry.size)
        if len(held) != entry.size or (entry.dtype != STRING and _masked(crc32c(held)) != entry.checksum):
            raise BadInput(f"{file.name} is damaged: the checksum of {key} is another; {reading.AGAIN}")
        return held


def _table(held: bytes, name: str) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a sorted string table."""
    if len(held) < FOOTER or struct.unpack("<Q", held[-8:])[0] != MAGIC:
        raise BadInput(f"{name} is damaged: it does not end like the index of a TensorFlow checkpoint; {reading.AGAIN}")
    _, at = _handle(held, len(held) - FOOTER)
    place, _ = _handle(held, at)
    count = 0
    for _, value in _block(held, place):
        for pair in _block(held, _handle(value, 0)[0]):
            count += 1
            if count > MOST:
                raise ValueError(f"more than {MOST:,} arrays")
            yield pair


def _handle(held: bytes, at: int) -> tuple[tuple[int, int], int]:
    offset, at = protobuf.varint(held, at)
    size, at = protobuf.varint(held, at)
    return (offset, size), at


def _block(held: bytes, place: tuple[int, int]) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a block, each key of which tells only how it differs from the one before."""
    offset, size = place
    end = offset + size
    if end + TRAILER > len(held) - FOOTER:
        raise ValueError("a block lies outside the file")
    if held[end] != 0:
        raise ValueError("its blocks are compressed, which TensorFlow does not do")
    if _masked(crc32c(held[offset : end + 1])) != struct.unpack("<I", held[end + 1 : end + TRAILER])[0]:
        raise ValueError("the checksum of a block is another")
    if size < 4 or (restarts := 4 * struct.unpack("<I", held[end - 4 : end])[0] + 4) > size:
        raise ValueError("a block has no end")
    at, key, last = offset, b"", end - restarts
    while at < last:
        shared, at = protobuf.varint(held, at)
        fresh, at = protobuf.varint(held, at)
        length, at = protobuf.varint(held, at)
        if shared > len(key) or at + fresh + length > last:
            raise ValueError("an entry lies outside its block")
        key = key[:shared] + held[at : at + fresh]
        yield key, held[at + fresh : at + fresh + length]
        at += fresh + length


def _masked(checksum: int) -> int:
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _header(message: bytes) -> tuple[int, int]:
    """How many files there are, and whether numbers begin with their large end."""
    fields = protobuf.fields(message)
    return int(fields.get(1, [0])[-1]), int(fields.get(2, [0])[-1])


def _entry(message: bytes) -> Entry:
    fields = protobuf.fields(message)

    def number(index: int) -> int:
        value = fields.get(index, [0])[-1]
        if not isinstance(value, int):
            raise ValueError("a number is none")
        return value

    if 7 in fields:
        raise ValueError("an array is stored in slices, which is not supported")
    sides = [protobuf.fields(one).get(1, [0])[-1] for one in protobuf.fields(fields.get(2, [b""])[-1]).get(2, [])]
    if any(not isinstance(side, int) or side >= 1 << 31 for side in sides):
        raise ValueError("an array has no shape")
    return Entry(number(1), tuple(sides), number(3), number(4), number(5), number(6))


def _graph(held: bytes) -> list[Object]:
    """The objects of a string tensor with one string: its length, a checksum of that, and a protocol buffer."""
    length, at = protobuf.varint(held, 0)
    if at + 4 + length != len(held):
        raise ValueError("its length is another")
    found = []
    for node in protobuf.fields(held[at + 4 :]).get(1, []):
        fields = protobuf.fields(node)
        children, values = {}, {}
        for child in map(protobuf.fields, fields.get(1, [])):
            children[child.get(2, [b""])[-1].decode()] = int(child.get(1, [0])[-1])
        for value in map(protobuf.fields, fields.get(2, [])):
            values[value.get(1, [b""])[-1].decode()] = value.get(3, [b""])[-1].decode()
        found.append(Object(children, values))
        if len(found) > MOST:
            raise ValueError(f"more than {MOST:,} objects")
    if any(not 0 <= target < len(found) for one in found for target in one.children.values()):
        raise ValueError("an object is named that is not there")
    return found


def index_of(path: Path) -> Path | None:
    """The index of a checkpoint by itself, its data or its folder; of several in a folder that which its list names.

    Raises:
        BadInput: several, and no list that says which.
    """
    if path.is_file():
        stem = re.sub(r"\.data-\d{5}-of-\d{5}$", "", path.name)
        found = path if path.suffix == ".index" else path.with_name(f"{stem}.index")
        return found if found.is_file() and (found == path or stem != path.name) else None
    if (inside := path / "variables/variables.index").is_file():
        return inside
    several: list[Path] = []
    try:
        several = [file for file in sorted(path.glob("*.index")) if any(path.glob(f"{glob.escape(file.stem)}.data-*"))]
        listed = (path / "checkpoint").read_text(encoding="utf-8", errors="replace")[:4096]
    except OSError:
        listed = ""
    if len(several) > 1:
        latest = re.match(r'model_checkpoint_path: "([^"/\\]+)"', listed)
        named = [file for file in several if latest and file.stem == latest[1]]
        if len(named) != 1:
            raise BadInput(
                f"{path.name} has {len(several)} checkpoints of TensorFlow ({several[0].name}, {several[1].name}); "
                "give the .index file of one"
            )
        return named[0]
    return several[0] if several else None
