"""Tensors out of files that nobody vouches for: safetensors, and torch's own format without running any of it.

Names come without what wraps them in training (`wrapping`). Sizes are checked against the file before anything is
allocated, so a small file cannot claim to be large.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from explorer.errors import BadInput
from explorer.files import read_json, sized
from explorer.foreign import kinds, pickles, torch_files, wrapping

LARGEST_HEADER, LONGEST_NAME = 64 * 1024 * 1024, 1000
AGAIN = "copy or save it again"


@dataclass(frozen=True)
class Weights:
    """Tensors by name, on the CPU or without data, what else the file holds beside them, and what wraps them."""

    tensors: dict[str, Tensor]
    rest: Mapping[str, Any]
    wrappers: frozenset[str] = frozenset()


def read(path: Path, *, data: bool = True, prefix: str = "") -> Weights:
    """The tensors of a file; without `data` only their names, shapes and types (on torch's meta device).

    With a `prefix`, those whose names begin with it: a part of a model that may be larger than memory.

    Raises:
        BadInput: a file that is damaged, larger than memory, or more than tensors and plain values.
    """
    path = Path(path)
    kind, size = kinds.kind(path), path.stat().st_size
    if data and not prefix:
        fits_in_memory(path.name, size)
    if kind == kinds.SAFETENSORS:
        return Weights(_safetensors(path, data, prefix), {})
    if kind != kinds.TORCH:
        raise BadInput(f"{path.name} is no file of torch or safetensors; {pickles.CONVERT}")
    stored, rest, wrappers = wrapping.flatten(torch_files.read(path, size))
    opened, found = torch_files.Opened(path, size) if data else None, {}
    for old, name in _named(stored, prefix).items():
        torch_files.check(path.name, size, name, stored[old])
        one = stored[old]
        found[name] = opened.tensor(name, one) if opened else torch.empty(one.shape, dtype=one.dtype, device="meta")
    return Weights(found, rest, frozenset(wrappers))


def _named(names: Mapping[str, Any], prefix: str) -> dict[str, str]:
    """Names in a file, and what they are without the shells of training: those that begin with `prefix`."""
    if long := next((name for name in names if len(name) > LONGEST_NAME), None):
        raise BadInput(f"a tensor has a name of {len(long):,} letters, {long[:40]}…, which no network has")
    return {old: new for old, new in wrapping.cleaned(names).items() if new.startswith(prefix)}


def tensors(files: Sequence[Path], *, data: bool, prefix: str = "") -> dict[str, Tensor]:
    """The tensors of several files, by their names without `prefix`, which they all begin with."""
    found: dict[str, Tensor] = {}
    for file in files:
        found |= read(file, data=data, prefix=prefix).tensors
    return without(found, prefix)


def without(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Tensors by their names after a prefix, without averages of them and what counts how averages were made."""
    found = {name.removeprefix(prefix): value for name, value in tensors.items()}
    counts = wrapping.COUNTS if wrapping.averaged(prefix) else ()
    return {name: one for name, one in found.items() if not name.startswith("model_ema.") and name not in counts}


def fits_in_memory(name: str, size: int) -> None:
    """Raises BadInput if `size` bytes are more than is free."""
    import psutil

    free = psutil.virtual_memory().available
    if size > free:
        raise BadInput(f"{name} has {sized(size)}, and {sized(free)} of memory are free")


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
            if not all(0 <= side <= 8 * size for side in entry["shape"]) or math.prod(entry["shape"]) > 8 * size:
                raise ValueError("more numbers than there are bits")
    except BadInput:
        raise
    except OSError as error:
        raise BadInput(f"{name} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError, OverflowError):
        raise BadInput(f"{name} is damaged: its header is not that of a safetensors file; {AGAIN}") from None
    if 8 + length + end != size:
        raise BadInput(f"{name} is damaged: {size:,} bytes where its header says {8 + length + end:,}; {AGAIN}")
    return found


def weights_of(folder: Path, names: tuple[str, ...], prefix: str = "") -> tuple[Path, ...]:
    """The weights of a folder: the first of `names` that is there, or the parts that its index names; or else a variant
    of it, such as `model.fp16.safetensors`.

    With a `prefix`, the parts that hold tensors whose names begin with it; the others need not be there.

    Raises:
        BadInput: nothing of that name, an index that is damaged, or that names what is not in the folder.
    """
    variants = [name for known in names for name in _variants(folder, known)]
    for name in (*names, *variants):
        if (folder / name).is_file():
            return (folder / name,)
        stem, _, kind = name.rpartition(".")
        stem, _, variant = stem.partition(".")
        for index in (f"{name}.index.json", f"{stem}.{kind}.index.{variant}.json" if variant else ""):
            if index and (folder / index).is_file():
                return _parts(folder / index, prefix)
    there = sorted(file.name for file in folder.iterdir() if kinds.is_weights(file))
    beside = f"; there are {', '.join(there[:3])}, which have another name" if there else ""
    raise BadInput(f"{folder.name} has no {' or '.join(names)}{beside}")


def _variants(folder: Path, name: str) -> list[str]:
    """Names that weights of half precision and the like have in its place, fp16 first."""
    stem, _, kind = name.rpartition(".")
    first, last = re.escape(stem), rf"\.{kind}(?:\.index\.json)?"
    whole = re.compile(rf"{first}\.([\w-]+?){last}|{first}\.{kind}\.index\.([\w-]+)\.json")
    matches = [match for file in folder.iterdir() if (match := whole.fullmatch(file.name))]
    found = {match[1] or match[2] for match in matches}
    found = {variant for variant in found if not re.fullmatch(r".*-\d+-of-\d+", variant)}
    return [f"{stem}.{one}.{kind}" for one in sorted(found, key=lambda one: (one not in ("fp16", "bf16"), one))]


def _parts(index: Path, prefix: str) -> tuple[Path, ...]:
    folder = index.parent
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


def _safetensors(path: Path, data: bool, prefix: str) -> dict[str, Tensor]:
    entries = header(path)
    names = _named(entries, prefix)
    if not data:
        return {new: torch.empty(entries[old]["shape"], device="meta") for old, new in names.items()}
    from safetensors import safe_open

    try:
        with safe_open(path, "pt") as file:
            return {new: file.get_tensor(old) for old, new in names.items()}
    except Exception as error:  # safetensors raises its own and plain ones; all mean the same here
        raise BadInput(f"{path.name} is damaged: {error}") from None
