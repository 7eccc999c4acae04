"""Arrays and config out of `.keras` files, a zip archive with JSON and HDF5 inside, and of `.h5`, without Keras."""

from __future__ import annotations

import io
import json
import math
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explorer.errors import BadInput
from explorer.foreign import kinds, reading

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
LARGEST_CONFIG = 16 * 1024 * 1024
MOST, DEEPEST = 20_000, 24  # objects in an HDF5 file, and groups inside groups
UNUSED = ("optimizer", "seed_generator", "seed_generators", "metrics")  # groups that only training needs


def config(path: Path) -> dict[str, Any]:
    """What `config.json` says of the layers.

    Raises:
        BadInput: a file that is damaged, or not as Keras writes it.
    """
    try:
        found = json.loads(_member(path, CONFIG, LARGEST_CONFIG))
    except BadInput:
        raise
    except (ValueError, RecursionError):
        raise BadInput(f"{path.name} is damaged: its {CONFIG} is no JSON; {kinds.AGAIN}") from None
    if not isinstance(found, dict):
        raise BadInput(f"{path.name} is damaged: its {CONFIG} names no layers; {kinds.AGAIN}")
    return found


def read(path: Path, *, data: bool) -> dict[str, Tensor]:
    """Arrays of a `.keras` or `.h5` file by their place in it; without `data` only shapes, on torch's meta device.

    Raises:
        BadInput: a file that is damaged, larger than memory, points outside itself, or claims more than it holds.
    """
    import h5py

    if kinds.kind(path) == kinds.KERAS:
        held = _member(path, WEIGHTS)
    else:
        reading.fits_in_memory(path.name, path.stat().st_size)
        held = path.read_bytes()
    try:
        with h5py.File(io.BytesIO(held), "r") as file:
            sets: dict[str, Any] = {}
            _walk(file, "", sets, set(), path.name)
            _check(sets, len(held), path.name)
            if not data:
                return {name: torch.empty(one.shape, device="meta") for name, one in sets.items()}
            return {name: torch.from_numpy(np.asarray(one.astype("float32")[()])) for name, one in sets.items()}
    except BadInput:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError) as error:
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise BadInput(f"{path.name} is damaged: its weights cannot be read: {why}; {kinds.AGAIN}") from None


def legacy(path: Path) -> tuple[dict[str, Any] | None, bool]:
    """What an `.h5` file of Keras says of its layers, None without; and whether it holds weights of Keras at all.

    Raises:
        BadInput: a file that is damaged.
    """
    import h5py

    try:
        with h5py.File(path, "r") as file:
            told = file.attrs.get("model_config")
            if told is None:
                return None, "layer_names" in file.attrs or "vars" in file
            if len(told) > LARGEST_CONFIG:
                raise BadInput(f"the model_config of {path.name} is larger than {LARGEST_CONFIG:,} bytes")
            found = json.loads(told)
    except BadInput:
        raise
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, RecursionError) as error:
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise BadInput(
            f"{path.name} is damaged: it cannot be read as HDF5: {why}; if Keras 2 wrote it, {kinds.AGAIN} there"
        ) from None
    if not isinstance(found, dict):
        raise BadInput(f"{path.name} is damaged: its model_config names no layers; {kinds.AGAIN}")
    return found, True


def _member(path: Path, name: str, limit: int | None = None) -> bytes:
    """One file of the zip; Keras stores all of them as they are, so that sizes can be believed."""
    try:
        size = path.stat().st_size
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            outside = [e.filename for e in entries if _leaves(e.filename)]
            if outside:
                raise BadInput(f"{path.name} names files outside its folder ({outside[0]!r}); {kinds.AGAIN}")
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
                raise BadInput(f"{path.name} is compressed, which Keras does not do; {kinds.AGAIN}")
            if sum(entry.file_size for entry in entries) > size:
                raise BadInput(f"{path.name} is damaged: its parts are larger than the file; {kinds.AGAIN}")
            found = [entry for entry in entries if entry.filename == name]
            if len(found) != 1:
                raise BadInput(f"{path.name} has {len(found) or 'no'} {name}; {kinds.AGAIN}")
            if limit is not None and found[0].file_size > limit:
                raise BadInput(f"{name} of {path.name} is larger than {limit:,} bytes")
            reading.fits_in_memory(path.name, found[0].file_size)
            return archive.read(found[0])
    except BadInput:
        raise
    except OSError as error:
        raise BadInput(f"{path.name} cannot be read: {error.strerror or error}") from None
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, ValueError, EOFError):
        raise BadInput(f"{path.name} is damaged, or no `.keras` file of Keras 3; {kinds.AGAIN}") from None


def _leaves(name: str) -> bool:
    """Whether a path in the zip would lie outside the folder it is unpacked to."""
    place = PurePosixPath(name.replace("\\", "/"))
    return place.is_absolute() or ".." in place.parts or ":" in name


def _walk(group: Any, prefix: str, found: dict[str, Any], seen: set[int], what: str) -> None:
    """Collects the arrays below a group; no link is followed that leaves the file or goes by a name."""
    import h5py

    address = h5py.h5o.get_info(group.id).addr
    if address in seen or prefix.count("/") > DEEPEST:
        raise BadInput(f"{what} is damaged: its groups lie in each other, or too deep")
    seen.add(address)
    for name in group:
        place = f"{prefix}{name}"
        if name in UNUSED:
            continue
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise BadInput(f"{what} points elsewhere with the link {place}, which is not followed; {kinds.AGAIN}")
        one = group[name]
        if isinstance(one, h5py.Group):
            _walk(one, f"{place}/", found, seen, what)
        elif isinstance(one, h5py.Dataset):
            found[place] = one
        if len(found) > MOST:
            raise BadInput(f"{what} is damaged: it has more than {MOST:,} arrays")


def _check(sets: dict[str, Any], held: int, what: str) -> None:
    """Every array lies whole in the file, before any is read."""
    total = 0
    for place, one in sets.items():
        if one.is_virtual or one.external:
            raise BadInput(f"{what} keeps {place} in another file, which is not opened; {kinds.AGAIN}")
        if one.shape is None or one.dtype.kind not in "fiu":
            raise BadInput(f"{what} is damaged: {place} holds no numbers")
        if one.chunks or one.compression:
            raise BadInput(f"{what} has {place} compressed or in pieces, which Keras does not do; {kinds.AGAIN}")
        size = math.prod(one.shape) * one.dtype.itemsize
        total += size
        if total > held or one.id.get_storage_size() != size:
            raise BadInput(f"{what} is damaged: {place} claims more numbers than the file holds")
