"""Tensors out of files that nobody vouches for: safetensors, and torch's own format without running any of it.

A `.pt`, `.pth`, `.bin` or `.ckpt` is read with `torch.load(weights_only=True)`, which builds tensors and plain Python
values and refuses everything else. Classes that training frameworks leave in their files, and that say nothing about
weights, become empty stand-ins, without importing anything. Sizes are checked against the file before anything is
allocated, so a small file cannot claim to be large.
"""

from __future__ import annotations

import json
import pickle
import struct
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from explorer.errors import BadInput
from explorer.files import read_json

LARGEST_HEADER = 64 * 1024 * 1024
AGAIN = "copy or save it again"
SAFETENSORS = ".safetensors"
TORCH = (".pt", ".pth", ".bin", ".ckpt")
HDF5, AGAIN = ".keras", "save the model again with `model.save('model.keras')`"  # of Keras
STAND_INS = ("argparse.", "pytorch_lightning.", "lightning.", "lightning_fabric.", "omegaconf.", "collections.")
HARMLESS = {"pathlib.PosixPath", "pathlib.WindowsPath", "pathlib.PurePosixPath", "typing.Any"}
CONVERT = (
    "save its weights with `safetensors.torch.save_file(model.state_dict(), 'model.safetensors')` where it was trained"
)


@dataclass(frozen=True)
class Weights:
    """Tensors by name, on the CPU or without data, and what else the file holds beside them."""

    tensors: dict[str, Tensor]
    rest: Mapping[str, Any]


def read(path: Path, *, data: bool = True, prefix: str = "") -> Weights:
    """The tensors of a file; without `data` only their names, shapes and types (on torch's meta device).

    With a `prefix`, those whose names begin with it: a part of a model that may be larger than memory.

    Raises:
        BadInput: a file that is damaged, larger than memory, or more than tensors and plain values.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
    except OSError as error:
        raise BadInput(f"{path.name} cannot be read: {error.strerror}") from None
    if data and not prefix:
        fits_in_memory(path.name, size)
    if path.suffix == SAFETENSORS:
        return Weights(_safetensors(path, data, prefix), {})
    found = _torch(path, size, data)  # mapped, so that what is not asked for is not read
    return Weights({name: value for name, value in found.tensors.items() if name.startswith(prefix)}, found.rest)


def tensors(files: Sequence[Path], *, data: bool, prefix: str = "") -> dict[str, Tensor]:
    """The tensors of several files, by their names without `prefix`, which they all begin with."""
    found: dict[str, Tensor] = {}
    for file in files:
        found |= read(file, data=data, prefix=prefix).tensors
    return without(found, prefix)


def without(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Tensors by their names after a prefix."""
    return {name.removeprefix(prefix): value for name, value in tensors.items()}


def fits_in_memory(name: str, size: int) -> None:
    """Raises BadInput if `size` bytes are more than is free."""
    import psutil

    free = psutil.virtual_memory().available
    if size > free:
        raise BadInput(f"{name} has {size / 2**30:.1f} GiB, and {free / 2**30:.1f} GiB of memory are free")


def header(path: Path, name: str | None = None) -> dict[str, Any]:
    """The header of a safetensors file, {name: {"dtype", "shape", "data_offsets"}}, checked against its size.

    `name` is what messages call the file.
    """
    name = name or path.name
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
            if not 2 <= length <= min(size - 8, LARGEST_HEADER):
                raise BadInput(f"{name} is damaged: it does not begin like a safetensors file; {AGAIN}")
            found = json.loads(file.read(length))
        found.pop("__metadata__", None)
        end = max((int(entry["data_offsets"][1]) for entry in found.values()), default=0)
        for entry in found.values():
            entry["shape"] = tuple(int(side) for side in entry["shape"])
    except BadInput:
        raise
    except OSError as error:
        raise BadInput(f"{name} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        raise BadInput(f"{name} is damaged: its header is not that of a safetensors file; {AGAIN}") from None
    if 8 + length + end != size:
        raise BadInput(f"{name} is damaged: {size:,} bytes where its header says {8 + length + end:,}; {AGAIN}")
    return found


def weights_of(folder: Path, names: tuple[str, ...], prefix: str = "") -> tuple[Path, ...]:
    """The weights of a folder: the first of `names` that is there, or the parts that its index names.

    With a `prefix`, the parts that hold tensors whose names begin with it; the others need not be there.

    Raises:
        BadInput: nothing of that name, an index that is damaged, or that names what is not in the folder.
    """
    for name in names:
        if (folder / name).is_file():
            return (folder / name,)
        index = folder / f"{name}.index.json"
        if not index.is_file():
            continue
        try:
            found = read_json(index)["weight_map"].items()
            parts = sorted({part for name, part in found if name.startswith(prefix)})
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise BadInput(f"{index.name} of {folder.name} is damaged; {AGAIN}") from None
        if not parts:
            raise BadInput(f"{index.name} of {folder.name} names nothing that begins with {prefix!r}")
        if any(not isinstance(part, str) or Path(part).name != part for part in parts):
            raise BadInput(f"{index.name} of {folder.name} names files outside its folder")
        if absent := [part for part in parts if not (folder / part).is_file()]:
            raise BadInput(f"{folder.name} lacks {', '.join(absent[:3])}, which its index names")
        return tuple(folder / part for part in parts)
    there = sorted(file.name for file in folder.iterdir() if file.suffix in (SAFETENSORS, *TORCH))
    beside = f"; there are {', '.join(there[:3])}, which are of another precision or name" if there else ""
    raise BadInput(f"{folder.name} has no {' or '.join(names)}{beside}")


def _safetensors(path: Path, data: bool, prefix: str) -> dict[str, Tensor]:
    entries = {name: entry for name, entry in header(path).items() if name.startswith(prefix)}
    if not data:
        return {name: torch.empty(entry["shape"], device="meta") for name, entry in entries.items()}
    from safetensors import safe_open

    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in entries}
    except Exception as error:  # safetensors raises its own and plain ones; all mean the same here
        raise BadInput(f"{path.name} is damaged: {error}") from None


def _torch(path: Path, size: int, data: bool) -> Weights:
    names = _globals(path, size)
    stand_ins = sorted(name for name in names if name.startswith(STAND_INS) or name in HARMLESS)
    refused = sorted(names - set(stand_ins))
    if refused:
        raise BadInput(
            f"{path.name} holds more than weights ({', '.join(refused[:3])}) and could run code when opened; {CONVERT}"
        )
    classes = [(type(name.rpartition(".")[2], (_StandIn,), {}), name) for name in stand_ins]
    modern = zipfile.is_zipfile(path)
    try:
        with torch.serialization.safe_globals(classes):
            found = torch.load(path, map_location="cpu" if data else "meta", weights_only=True, mmap=modern or None)
    except pickle.UnpicklingError:
        raise BadInput(f"{path.name} holds more than weights and could run code when opened; {CONVERT}") from None
    except (RuntimeError, EOFError, ValueError, LookupError, TypeError, AttributeError, AssertionError, OSError):
        raise BadInput(f"{path.name} is damaged, or no file of torch; copy it again, or {CONVERT}") from None
    tensors, rest = _state(found)
    for name, tensor in tensors.items():
        if tensor.numel() * tensor.element_size() > size:
            raise BadInput(f"{path.name} is damaged: {name} claims more numbers than the file holds")
    return Weights(tensors, rest)


class _StandIn:
    """Takes the place of a class of a training framework; keeps what was set on it, does nothing."""

    def __init__(self, *_: Any, **__: Any) -> None: ...
    def __setstate__(self, state: Any) -> None:
        self.state = state


def _globals(path: Path, size: int) -> set[str]:
    """What the pickle in a file would import beyond tensors, read without running it; nothing of a file of before
    torch 1.6, where `torch.load` refuses it alone."""
    if not zipfile.is_zipfile(path):
        with path.open("rb") as file:
            if file.read(1) != b"\x80":
                raise BadInput(f"{path.name} is no file of torch; {CONVERT}")
        return set()
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    inside = {entry.filename.partition("/")[2] for entry in entries}
    if "constants.pkl" in inside or any(name.startswith("code/") for name in inside):
        raise BadInput(f"{path.name} is a TorchScript program, which would run when opened; {CONVERT}")
    if "data.pkl" not in inside:
        raise BadInput(f"{path.name} is a zip file, but not one of torch; {CONVERT}")
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise BadInput(f"{path.name} is no file of torch: its parts are compressed; {CONVERT}")
    if sum(entry.file_size for entry in entries) > size:
        raise BadInput(f"{path.name} is damaged: its parts are larger than the file")
    try:
        return set(torch.serialization.get_unsafe_globals_in_checkpoint(path))
    except (ValueError, RuntimeError, pickle.UnpicklingError, IndexError) as error:
        raise BadInput(f"{path.name} is damaged: {str(error).splitlines()[0]}") from None


def _state(found: Any) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The state dict in what a file holds, and the rest: `model`, `state_dict` and the like, or the whole.

    The prefix that training on several devices puts before every name is taken off.
    """
    if isinstance(found, Mapping):
        for key in ("state_dict", "model_state_dict", "model", "module", "ema", "net"):
            if isinstance(found.get(key), Mapping) and any(isinstance(v, Tensor) for v in found[key].values()):
                return _tensors(found[key]), {str(k): v for k, v in found.items() if k != key}
        if tensors := _tensors(found):
            return tensors, {str(k): v for k, v in found.items() if not isinstance(v, Tensor)}
    raise BadInput("the file holds no weights by name; save a state_dict")


def _tensors(found: Mapping[Any, Any]) -> dict[str, Tensor]:
    tensors = {str(name): value for name, value in found.items() if isinstance(value, Tensor)}
    several = all(name.startswith("module.") for name in tensors)
    return {name.removeprefix("module."): value for name, value in tensors.items()} if several else tensors
