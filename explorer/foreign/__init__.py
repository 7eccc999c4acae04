"""Checkpoints that other libraries wrote: recognised by what is in them, opened without running any of it.

Each format is one file with a function `recognise(place)`, and one line in FORMATS.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from explorer.errors import BadInput
from explorer.files import digest, file_digest
from explorer.foreign import (
    adapters,
    autoencoders,
    keras,
    llamagen,
    mae,
    pythae,
    reading,
    taming,
    taps,
    var,
    vqvae,
    vqvae2,
)
from explorer.foreign.recognition import LARGEST, SINGLE, SMALLEST, Found, Place

ASKED = re.compile(r"(?P<path>.+)@(?P<size>[0-9]{1,5})?(?P<taps>(?:,[A-Za-z0-9_.]+)*)")
CHOICES = "checkpoints of diffusers, transformers, taming-transformers and others open as well, see FORMATS.md"
CONFIGS = ("config.json", "model_index.json", "model_config.json")


FORMATS: tuple[Callable[[Place], Found | None], ...] = (  # how each is recognised; the first that knows a place has it
    autoencoders.recognise,
    keras.recognise,
    pythae.recognise,
    vqvae.recognise,
    vqvae2.recognise,
    var.recognise,
    taming.recognise,
    llamagen.recognise,
    mae.recognise,
)


def split(path: str | Path) -> tuple[Path, int | None, tuple[str, ...]]:
    """`folder@128,encoder.mid` -> the folder, the image size and the modules asked for; None and () without them."""
    text = str(path)
    match = ASKED.fullmatch(text)
    if match is None or Path(text).exists():
        return Path(text), None, ()
    size, names = int(match["size"]) if match["size"] else None, tuple(filter(None, match["taps"].split(",")))
    if size is not None and not SMALLEST <= size <= LARGEST:
        raise BadInput(f"image size {size} is out of range; choose from {SMALLEST} to {LARGEST}")
    if len(names) > taps.MOST:
        raise BadInput(f"{len(names)} layers from inside are too many; choose up to {taps.MOST}")
    return Path(match["path"]), size, names


def join(path: Path, size: int | None, names: Sequence[str] = ()) -> str:
    """What `split` takes apart."""
    return f"{path}@{','.join([str(size or ''), *names])}" if size or names else str(path)


def recognise(path: str | Path) -> Found | None:
    """What the file or folder is, or None; `@128` at its end asks for images of 128 pixels.

    Raises:
        BadInput: a file that is damaged or holds more than weights, or a format that is nearly right, with what is
            wrong.
    """
    place, size, names = split(path)
    try:
        stat = place.stat()
    except OSError:
        return None
    found = _recognise(place.resolve(), size, stat.st_mtime_ns, stat.st_size)
    return replace(found, taps=names) if found and names else found


@functools.lru_cache(maxsize=64)
def _recognise(path: Path, size: int | None, modified: int, length: int) -> Found | None:
    if path.is_file() and path.suffix.lower() not in SINGLE:
        return None
    place = Place(path, size)
    found = next((found for found in (look(place) for look in FORMATS) if found), None)
    if found is None and path.is_dir() and len(inside := candidates(path)) == 1:
        return recognise(f"{inside[0]}@{size}" if size else inside[0])
    return found


def candidates(folder: Path) -> list[Path]:
    """What in a folder could be a checkpoint: files with weights, and folders with a config."""
    try:
        files = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in SINGLE and path.is_file()]
        return files + sorted({path.parent for name in CONFIGS for path in folder.glob(f"*/{name}")})
    except OSError:
        return []  # a folder that may not be read holds nothing for us


def skeleton(found: Found) -> nn.Module:
    """The adapter without weights; raises BadInput where the sizes of its config cannot be."""
    try:
        with torch.device("meta"):
            model = found.build()
            return taps.Tapped(model.eval(), found.taps) if found.taps else model
    except BadInput:
        raise
    except (RuntimeError, TypeError, ValueError, ZeroDivisionError, OverflowError, AttributeError) as error:
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise BadInput(f"the config of this {found.format} cannot be used: {why}") from None


def load(found: Found, name: str) -> nn.Module:
    """The adapter with its weights, in eval mode on the CPU.

    Raises:
        BadInput: tensors that are missing, left over, of other shapes or not finite; more than fits into memory.
    """
    what = f"{name} ({found.format})"
    read = found.read or functools.partial(reading.tensors, prefix=found.prefix)
    if not found.prefix:
        reading.fits_in_memory(name, sum(file.stat().st_size for file in found.files))
    model, shapes = skeleton(found), found.rename(read(found.files, data=False))
    adapters.compare(model.network, shapes, what)  # before any data is read
    reading.fits_in_memory(name, 4 * sum(value.numel() for value in shapes.values()))
    adapters.assign(model.network, found.rename(read(found.files, data=True)), what)
    if empty := adapters.unfilled(model):
        raise BadInput(f"{what} leaves {', '.join(empty[:3])} without values")
    return model.eval().requires_grad_(False)


def fingerprint(found: Found) -> str:
    """Content hash of the weights, the format and the image size."""
    parts = [_digest(file, file.stat().st_mtime_ns, file.stat().st_size) for file in found.files]
    return digest("foreign", found.format, found.image_size, found.taps, parts)


@functools.lru_cache(maxsize=64)
def _digest(path: Path, modified: int, length: int) -> str:
    return file_digest(path)
