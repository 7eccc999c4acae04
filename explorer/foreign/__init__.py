"""Checkpoints that other libraries wrote: recognised by what is in them, opened without running any of it.

Each format is one file with a function `recognise(place)`, and one line in FORMATS.
"""

from __future__ import annotations

import functools
import os
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
    dalle,
    emu3,
    keras,
    kinds,
    llamagen,
    mae,
    magvit2,
    maskgit,
    nearest_embed,
    perceptual,
    pythae,
    pytorch_vae,
    reading,
    refusals,
    runs,
    sonnet,
    taming,
    taps,
    titok,
    var,
    vqvae,
    vqvae2,
    wrapping,
)
from explorer.foreign.recognition import LARGEST, SMALLEST, Found, Place

ASKED = re.compile(r"(?P<path>.+)@(?P<size>[0-9]{1,5})?(?P<taps>(?:,[A-Za-z0-9_.=-]+)*)")
CHOICES = "checkpoints of diffusers, transformers, taming-transformers and others open as well, see FORMATS.md"
CONFIGS = ("config.json", "model_index.json", "model_config.json")


FORMATS: tuple[Callable[[Place], Found | None], ...] = (  # how each is recognised; the first that knows a place has it
    autoencoders.recognise,
    emu3.recognise,
    sonnet.recognise,
    keras.recognise,
    pythae.recognise,
    pytorch_vae.recognise,
    nearest_embed.recognise,
    perceptual.recognise,
    vqvae.recognise,
    vqvae2.recognise,
    dalle.recognise,
    var.recognise,
    magvit2.recognise,
    maskgit.recognise,
    titok.recognise,
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
    choices = tuple(tuple(name.split("=", 1)) for name in names if "=" in name)
    inside = tuple(name for name in names if "=" not in name)
    # not where a link leads: in the Hub's cache that has neither the name nor the files beside
    found = _recognise(Path(os.path.abspath(place)), size, choices, stat.st_mtime_ns, stat.st_size)
    return replace(found, taps=inside) if found and inside else found


@functools.lru_cache(maxsize=64)
def _recognise(
    path: Path, size: int | None, choices: tuple[tuple[str, str], ...], modified: int, length: int
) -> Found | None:
    place = Place(path, size, dict(choices))
    found = _first(place) if path.is_dir() else _of_folder(place) or _of_file(place)
    if found is None and path.is_dir():
        inside = [file] if (file := runs.weights(path)) else candidates(path)
        if len(inside) == 1 and inside[0].is_dir():
            return _recognise(inside[0], size, choices, modified, length)
        if len(inside) == 1:
            place = Place(inside[0], size, dict(choices), given=True)
            found = _of_file(place)
    if found and (unknown := sorted(place.choices.keys() - place.used)):
        raise BadInput(f"{path.name} leaves no choice of {', '.join(unknown)}")
    return replace(found, picked=(*found.picked, *(value for _, value in choices))) if found and choices else found


def _first(place: Place) -> Found | None:
    """The first format that knows a place."""
    found = next((found for found in (look(place) for look in FORMATS) if found), None)
    return replace(found, prefix=place.prefix + found.prefix) if found and place.prefix else found


def _of_folder(place: Place) -> Found | None:
    """A single file beside its config, which opens as their folder does, with these weights."""
    folder, stem = place.path.parent, re.split(r"[.-]", place.path.name)[0]
    if not any((folder / name).is_file() for name in CONFIGS) or not kinds.is_weights(place.path):
        return None
    whole = Place(folder, place.image_size, place.choices)
    whole.used = place.used
    try:
        found = _first(whole)
    except BadInput:
        return None  # what is beside it is of something else
    if found is None or place.path in found.files:
        return found
    same = len(found.files) == 1 and re.split(r"[.-]", found.files[0].name)[0] == stem
    return replace(found, files=(place.path,)) if same else None


def _of_file(place: Place) -> Found | None:
    """A single file: what is below the first prefix that a format knows, averages before the last step."""
    if place.kind is None:
        return None
    names = set(place.whole.tensors)
    if shell := wrapping.mixed(names):
        raise BadInput(f"{place.path.name} has {shell} before some of its names only; save all with it or without")
    ways = wrapping.prefixes(names, place.whole.wrappers)
    place.used.add("weights")
    if asked := place.choices.get("weights"):
        ways = [way for way in ways if way == f"{asked}."]
    fault, found = None, None
    ways = sorted(ways, key=lambda way: wrapping.order(way, names))
    more = [] if asked else [way for way in wrapping.prefixes(names, every=True) if way not in ways]
    for way in (*ways, *more):
        if fault and way in more:
            break
        try:
            found = _first(place.below(way) if way else place)
        except BadInput as error:
            fault = fault or error
        if found:
            notes, rivals = wrapping.told(way, names, asked)
            return replace(found, notes=(*found.notes, *notes), picked=(way,) if rivals else ())
    if shell := wrapping.mixed(names):
        raise BadInput(
            f"{place.path.name} has {shell}. before some of its names only; save all of them with it or without"
        )
    if fault:
        raise fault
    if asked:
        few = ", ".join(way[:-1] for way in wrapping.prefixes(names, place.whole.wrappers)[1:6]) or "no others"
        raise BadInput(f"{place.path.name} has no weights of a known kind below {asked}; it has {few}")
    return None


def unknown(path: str | Path) -> str:
    """What a file is that no format knows, and what to give instead, as far as it shows; "" where it does not."""
    place = Place(split(path)[0], None)
    if Place(place.path.parent, None).config.get("format") == 1:
        return f"is a part of the checkpoint {place.path.parent.name}; give that folder"
    return refusals.explain(place.whole.tensors) if place.kind else ""


def candidates(folder: Path) -> list[Path]:
    """What in a folder could be a checkpoint: files with weights, and folders with a config."""
    try:
        files = [path for path in sorted(folder.iterdir()) if kinds.is_weights(path)]
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
    return digest("foreign", found.format, found.image_size, found.taps, parts, *found.picked)


@functools.lru_cache(maxsize=64)
def _digest(path: Path, modified: int, length: int) -> str:
    return file_digest(path)
