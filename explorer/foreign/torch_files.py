"""Files that `torch.save` wrote: what they hold, with tensors mapped from the disk, and nothing of them run.

Since torch 1.6 they are zip archives of one pickle and of one part for each storage; before, several pickles and the
storages one after another. Sizes are checked against the file before anything is made of them.
"""

from __future__ import annotations

import io
import math
import mmap
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explorer.errors import BadInput
from explorer.foreign import pickles
from explorer.foreign.pickles import CONVERT, Storage, Stored

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001  # of files of before torch 1.6
TYPES = {
    "FloatStorage": torch.float32, "DoubleStorage": torch.float64, "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16, "LongStorage": torch.int64, "IntStorage": torch.int32,
    "ShortStorage": torch.int16, "CharStorage": torch.int8, "ByteStorage": torch.uint8, "BoolStorage": torch.bool,
    "UntypedStorage": torch.uint8,
}  # fmt: skip


DAMAGE = (  # what the readers of archives and numbers raise for a file that is damaged
    zipfile.BadZipFile, struct.error, zlib.error, EOFError, OSError, ValueError, KeyError, RuntimeError, OverflowError,
)  # fmt: skip


def read(path: Path, size: int) -> Any:
    """What a file of `size` bytes holds, with `Stored` in the place of tensors.

    Raises:
        BadInput: a file that is damaged, no file of torch, or one that could run code.
    """
    try:
        found, names = _modern(path, size) if zipfile.is_zipfile(path) else _legacy(path, size)
    except pickles.Unreadable as error:
        raise BadInput(f"{path.name} cannot be read: {error}; {CONVERT}") from None
    except BadInput:
        raise
    except DAMAGE:
        raise BadInput(f"{path.name} is damaged, or no file of torch; copy it again, or {CONVERT}") from None
    refused = pickles.harmful(names)
    if not refused and isinstance(found, pickles.Inert):  # a whole network
        plain = re.compile(r"(torch\._utils|collections|builtins|copyreg)\..*|torch\.\w*Storage")
        refused = sorted(name for name in names if not plain.fullmatch(name))
        refused = refused or sorted(names)
    if refused:
        raise BadInput(
            f"{path.name} holds more than weights ({', '.join(name[:60] for name in refused[:3])}) and could run code "
            f"when opened; {CONVERT}"
        )
    return found


class Opened:
    """The bytes of a file, mapped, from which tensors are made."""

    def __init__(self, path: Path, size: int) -> None:
        self.name, self.size = path.name, size
        self.bytes = np.memmap(path, np.uint8, "c")  # a private copy where someone writes into it

    def tensor(self, name: str, stored: Stored) -> Tensor:
        """The tensor called `name`; raises BadInput where its numbers are not in the file."""
        check(self.name, self.size, name, stored)
        storage = stored.storage
        if not math.prod(stored.shape):
            return torch.empty(stored.shape, dtype=stored.dtype)
        found = torch.from_numpy(self.bytes[storage.start : storage.start + storage.count * storage.dtype.itemsize])
        return found.view(stored.dtype).as_strided(stored.shape, stored.strides, stored.first)


def check(file: str, size: int, name: str, stored: Stored) -> None:
    """Raises BadInput if a tensor asks for more than the file holds."""
    storage, sides = stored.storage, (*stored.shape, *stored.strides, stored.first, stored.storage.count)
    whole = all(type(side) is int and 0 <= side < 2**48 for side in sides) and len(stored.shape) == len(stored.strides)
    if whole and math.prod(stored.shape):
        width = stored.dtype.itemsize
        last = stored.first + sum((side - 1) * step for side, step in zip(stored.shape, stored.strides, strict=True))
        held = storage.count * storage.dtype.itemsize
        inside = (last + 1) * width <= held and storage.start + held <= size and held % width == 0
        whole = inside and math.prod(stored.shape) * width <= size
    if not whole:
        raise BadInput(f"{file} is damaged: {name[:80]} claims more numbers than the file holds")


def _modern(path: Path, size: int) -> tuple[Any, set[str]]:
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        entries = {entry.filename.partition("/")[2]: entry for entry in archive.infolist()}
        if "constants.pkl" in entries or any(name.startswith("code/") for name in entries):
            raise BadInput(f"{path.name} is a TorchScript program, which would run when opened; {CONVERT}")
        if "data.pkl" not in entries:
            raise BadInput(f"{path.name} is a zip file, but not one of torch; {CONVERT}")
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries.values()):
            raise BadInput(f"{path.name} is no file of torch: its parts are compressed; {CONVERT}")
        if sum(entry.file_size for entry in entries.values()) > size:
            raise BadInput(f"{path.name} is damaged: its parts are larger than the file")
        if "byteorder" in entries and archive.read(entries["byteorder"])[:16] != b"little":
            raise BadInput(f"{path.name} was written by a machine of another byte order; {CONVERT}")

        def outside(key: Any) -> Storage:
            kind, number, count = _identity(key)
            entry = entries.get(f"data/{number}")
            if entry is None or count * kind.itemsize > entry.file_size:
                raise pickles.Unreadable("it names numbers that are not in it")
            file.seek(entry.header_offset)
            head = file.read(30)
            if head[:4] != b"PK\x03\x04":
                raise pickles.Unreadable("its parts are not where it says")
            return Storage(kind, count, entry.header_offset + 30 + sum(struct.unpack("<HH", head[26:30])))

        return pickles.load(io.BytesIO(archive.read(entries["data.pkl"])), MADE, outside)


def _legacy(path: Path, size: int) -> tuple[Any, set[str]]:
    no_torch = f"{path.name} is no file of torch; {CONVERT}"
    with path.open("rb") as opened:
        if opened.read(1) != b"\x80":
            raise BadInput(no_torch)
        with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as file:
            storages: dict[str, Storage] = {}

            def outside(key: Any) -> Any:
                if isinstance(key, tuple) and len(key) == 4 and key[0] == "module":
                    return key[1]  # the class of a module, with its source beside it
                kind, number, count = _identity(key)
                return storages.setdefault(number, Storage(kind, count))

            first, names = pickles.load(file, {})
            if first != MAGIC:
                harmful = pickles.harmful(names)
                raise BadInput(
                    f"{path.name} holds more than weights ({', '.join(harmful[:3])}) and could run code when opened; "
                    f"{CONVERT}"
                    if harmful
                    else f"{path.name} is a pickle, and not as torch.save writes it; {CONVERT}"
                )
            version, _ = pickles.load(file, {})
            machine, _ = pickles.load(file, {})
            if version != PROTOCOL or not isinstance(machine, dict) or not machine.get("little_endian", True):
                raise BadInput(no_torch)
            found, names = pickles.load(file, MADE, outside)
            keys, more = pickles.load(file, {})
            at = file.tell()
            for number in keys if isinstance(keys, list) else ():
                (count,) = struct.unpack("<q", file[at : at + 8])
                storage = storages.get(str(number))
                if storage is None or count < storage.count or at + 8 + count * storage.dtype.itemsize > size:
                    raise pickles.Unreadable("it names numbers that are not in it")
                storage.start = at + 8
                at += 8 + count * storage.dtype.itemsize
            return found, names | more


def _identity(key: Any) -> tuple[torch.dtype, str, int]:
    """Type, number and length of a storage."""
    if not isinstance(key, tuple) or len(key) < 5 or key[0] != "storage" or not isinstance(key[1], pickles.Name):
        raise pickles.Unreadable("it names parts that are no storages")
    kind = TYPES.get(key[1].text.rpartition(".")[2])
    if kind is None or type(key[4]) is not int or not 0 <= key[4] < 2**48 or (len(key) > 5 and key[5] is not None):
        raise pickles.Unreadable(f"its numbers are of the type {key[1].text[:60]}, which no weights have here")
    return kind, str(key[2])[:80], key[4]


def _tensor(storage: Any, first: Any = 0, shape: Any = (), strides: Any = (), *_: Any) -> Any:
    if not isinstance(storage, Storage) or not isinstance(shape, tuple) or not isinstance(strides, tuple):
        return pickles.Inert(pickles.Name("torch.Tensor"))
    return Stored(storage, first, shape, strides, storage.dtype)


def _typed(storage: Any, first: Any, shape: Any, strides: Any, _grad: Any, _hooks: Any, dtype: Any, *_: Any) -> Any:
    """As `_tensor`, of a type that no storage of its own has."""
    found, kind = _tensor(storage, first, shape, strides), getattr(torch, getattr(dtype, "text", "")[6:], None)
    if not isinstance(found, Stored) or not isinstance(kind, torch.dtype):
        return pickles.Inert(pickles.Name("torch.Tensor"))
    return Stored(storage, first, shape, strides, kind)


def _again(function: Any, _kind: Any, given: Any, *_: Any) -> Any:
    """A subclass of tensors: what it was made of."""
    made = MADE.get(function.text) if isinstance(function, pickles.Name) else None
    return made(*given) if made and isinstance(given, tuple) else pickles.Inert(function, given)


MADE: Mapping[str, Any] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_tensor_v3": _typed,
    "torch._utils._rebuild_parameter": lambda tensor, *_: tensor,
    "torch._utils._rebuild_parameter_with_state": lambda tensor, *_: tensor,
    "torch._tensor._rebuild_from_type_v2": _again,
}
