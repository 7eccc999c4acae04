"""Datasets that are arrays: which one holds the pictures, what the others say of them, and how they are divided."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from explorer.datasets import factors, ranges
from explorer.datasets.images import MAX_PIXELS
from explorer.datasets.members import USUAL, Array
from explorer.datasets.rows import Rows, source
from explorer.datasets.sources import SPLITS, Source, concept_table, sample
from explorer.errors import BadInput
from explorer.lazy import cached_property

MAX_ROWS = 50_000_000
LEAST = 4  # pixels of a side: what is narrower is no picture but a table
CHANNELS = (1, 3, 4)
NUMBERS = "buif"
LABELS = 200, 1 << 30  # columns of an array that become concepts; bytes of it
LOOKED_AT = 500  # pictures of which the range of values is taken


@dataclass(frozen=True)
class Part:
    """An array with what its name says: the split, and what it holds in each of them."""

    array: Array
    split: str
    role: str


def array_source(path: Path, arrays: Sequence[Array], left_out: Sequence[str] = ()) -> Source:
    """The pictures among some arrays; arrays of as many rows are concepts. Raises BadInput where that is not clear.

    Args:
        path: the file or folder, whose size and time of change are the key.
        left_out: sentences on what of the file is not read.
    """
    what = f"'{path.name}'"
    shown, others = _chosen(what, [_part(array) for array in arrays])
    described, unread = _described(shown, others)
    stack = _Stack(path, shown, described)
    if not 0 < stack.starts[-1] <= MAX_ROWS:
        raise BadInput(f"{what} says that it has {stack.starts[-1]:,} pictures; 1 to {MAX_ROWS:,} can be read")
    return source(
        Rows(
            what,
            [str(path.resolve()), *_stamps(path), [str(array) for array in arrays]],
            {part.split: np.arange(*stack.starts[place : place + 2]) for place, part in enumerate(shown)},
            stack.table,
            stack.items,
            stack.values,
            native=min(-(-min(_side(shown[0].array.shape)) // 16) * 16, 64),
            notes=(*left_out, *unread),
            told=lambda: (stack.range.note,) if stack.range.note else (),
        )
    )


class _Stack:
    """The pictures of all splits, one after the other, and what describes them."""

    def __init__(self, path: Path, shown: Sequence[Part], described: dict[str, list[Part]]) -> None:
        self.path, self.shown, self.described = path, shown, described
        self.starts = np.concatenate([[0], np.cumsum([part.array.shape[0] for part in shown])]).astype(np.int64)

    def parts(self, rows: np.ndarray) -> Iterator[tuple[Part, np.ndarray]]:
        """Arrays and the rows of each that are asked for."""
        for place, part in enumerate(self.shown):
            start, end = self.starts[place : place + 2]
            yield part, rows[(rows >= start) & (rows < end)] - start

    @cached_property
    def range(self) -> ranges.Range:
        """The one rule by which numbers become pixels, from pictures drawn from all splits."""
        rows, low, high = sample(int(self.starts[-1]), LOOKED_AT), np.inf, -np.inf
        for part, inside in self.parts(rows):
            for values in part.array.rows(inside):
                if values.dtype.kind == "f":
                    values = values[np.isfinite(values)]
                if values.size:
                    low, high = min(low, float(values.min())), max(high, float(values.max()))
        return ranges.find(low, high, np.result_type(*(part.array.dtype for part in self.shown)), len(rows))

    def values(self, rows: np.ndarray) -> Iterator[np.ndarray]:
        """(h, w) or (h, w, C) numbers as they are stored: a picture stays the same where the range is another."""
        first = _layout(self.shown[0].array.shape) == "first"
        for part, inside in self.parts(rows):
            for values in part.array.rows(inside):
                values = np.moveaxis(values, 0, -1) if first else values
                yield values.astype(values.dtype.newbyteorder("="), copy=False)

    def items(self, rows: np.ndarray) -> Iterator[np.ndarray]:
        return (_picture(values, self.range) for values in self.values(rows))

    def table(self, rows: np.ndarray) -> tuple[list[str], pd.DataFrame]:
        names, tables = [], []
        for part, inside in self.parts(rows):
            names += [f"{part.array.name} {row}" for row in inside.tolist()]
            tables.append(_labels(self.path, part, self.described[part.split], inside))
        return names, concept_table(pd.concat(tables, ignore_index=True))


def _stamps(path: Path) -> list[list]:
    files = sorted(path.glob("*.npy")) if path.is_dir() else [path]
    return [[file.name, file.stat().st_size, file.stat().st_mtime_ns] for file in files]


def _part(array: Array) -> Part:
    """`train_images`, `x_train` and `train/images` are the images of the split train."""
    words = [word for word in re.split(r"[/_.\-\s]+", array.name) if word]
    split = next((SPLITS[word.lower()] for word in words if word.lower() in SPLITS), "")
    role = "".join(word.lower() for word in words if word.lower() not in SPLITS) if split else None
    return Part(array, split, array.name.lower().replace("_", "") if role is None else role)


# Which arrays are pictures


def _layout(shape: tuple[int, ...]) -> str | None:
    """ "grey" (N, h, w), "last" (N, h, w, C) or "first" (N, C, h, w); None of an array that is no stack of pictures."""
    if len(shape) == 3 and min(shape[1:]) >= LEAST + (shape[2] in CHANNELS):
        return "grey"
    if len(shape) == 4 and shape[3] in CHANNELS and min(shape[1:3]) >= LEAST:
        return "last"
    if len(shape) == 4 and shape[1] in CHANNELS and min(shape[2:]) >= LEAST:
        return "first"
    return None


def _side(shape: tuple[int, ...]) -> tuple[int, int]:
    first = 2 if _layout(shape) == "first" else 1
    return shape[first], shape[first + 1]


def _chosen(what: str, parts: Sequence[Part]) -> tuple[list[Part], list[Part]]:
    """The parts that are pictures, one a split, and the others; BadInput where none is, or several may be."""
    possible = [part for part in parts if part.array.dtype.kind in NUMBERS and _layout(part.array.shape)]
    roles = list(dict.fromkeys(part.role for part in possible))
    usual = [role for role in USUAL if role in roles]
    if not roles:
        raise BadInput(_none(what, [part.array for part in parts]))
    if len(roles) > 1 and not usual:
        listed = " or ".join(str(part.array) for part in possible[:4])
        raise BadInput(f"{what} has several arrays that may be the pictures: {listed}; name the right one 'images'")
    role = usual[0] if usual else roles[0]
    shown = [part for part in possible if part.role == role]
    if len({part.split for part in shown}) < len(shown):
        listed = " and ".join(str(part.array) for part in shown[:4])
        raise BadInput(f"{what} has several arrays of pictures for one split: {listed}; keep one of them")
    if any(part.array.shape[1:] != shown[0].array.shape[1:] for part in shown):
        listed = ", ".join(str(part.array) for part in shown)
        raise BadInput(f"the splits of {what} have pictures of different shapes: {listed}")
    if any(height * width > MAX_PIXELS for height, width in (_side(part.array.shape) for part in shown)):
        raise BadInput(
            f"pictures in {what} have more than {MAX_PIXELS // 10**6} million pixels; make them smaller first"
        )
    return shown, [part for part in parts if part not in shown]


def _none(what: str, arrays: Sequence[Array]) -> str:
    """Why no array is a stack of pictures, with what to do about the nearest one."""
    wanted = "save an array of shape (N, height, width) or (N, height, width, 3)"
    if not arrays:
        return f"{what} holds no array that can be read; {wanted}"
    numbers = [array for array in arrays if array.dtype.kind in NUMBERS] or arrays
    nearest = max(numbers, key=lambda array: np.prod([float(length) for length in array.shape]))
    shape = nearest.shape
    if nearest.dtype.kind not in NUMBERS:
        return f"the array {nearest} in {what} holds no numbers; {wanted}"
    if len(shape) == 2 or (len(shape) == 3 and shape[2] in CHANNELS):
        for channels in (1, 3):
            side = round((shape[1] / channels) ** 0.5)
            if len(shape) == 2 and side >= LEAST and side * side * channels == shape[1] and shape[0] != shape[1]:
                inner = (
                    f"(-1, {side}, {side})" if channels == 1 else f"(-1, 3, {side}, {side}) or (-1, {side}, {side}, 3)"
                )
                return f"the pictures {nearest} in {what} are flat; reshape them to {inner} and save them again"
        return f"the array {nearest} in {what} is one picture or a table, not a stack of pictures; {wanted}"
    if len(shape) == 4:
        return f"the pictures {nearest} in {what} have neither 1, 3 nor 4 channels; {wanted} with those to be shown"
    if len(shape) == 5:
        return f"the array {nearest} in {what} has five axes, as films and volumes have; {wanted} with frames of them"
    return f"the array {nearest} in {what} is no stack of pictures; {wanted}"


def _picture(values: np.ndarray, how: ranges.Range) -> np.ndarray:
    """(h, w) or (h, w, C) numbers -> (h, w) or (h, w, 3) uint8; transparency lies on white."""
    pixels = how.pixels(values)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        alpha = pixels[..., 3:].astype(np.float32) / 255
        pixels = np.rint(pixels[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
    return pixels


# What the other arrays say


def _described(shown: Sequence[Part], others: Sequence[Part]) -> tuple[dict[str, list[Part]], list[str]]:
    """Arrays that describe the pictures of each split, and sentences on those that do not."""
    found: dict[str, list[Part]] = {part.split: [] for part in shown}
    counts = {part.split: part.array.shape[0] for part in shown}
    unread = []
    for part in others:
        array, columns = part.array, int(np.prod(part.array.shape[1:])) if len(part.array.shape) < 3 else 0
        size = np.prod([float(length) for length in array.shape]) * array.dtype.itemsize
        if part.split not in found or not array.shape or array.shape[0] != counts[part.split]:
            unread.append(f"{array} has not as many rows as there are pictures and is left out")
        elif array.dtype.kind not in NUMBERS + "US" or not 1 <= columns <= LABELS[0] or size > LABELS[1]:
            unread.append(f"{array} is no column of labels and is left out")
        else:
            found[part.split].append(part)
    return found, unread


def _labels(path: Path, shown: Part, parts: Sequence[Part], rows: np.ndarray) -> pd.DataFrame:
    """The columns of the arrays that describe some pictures, with the names of the sets that are known."""
    columns: dict[str, np.ndarray] = {}
    values = {}
    for part in parts:
        read = [np.asarray(row) for row in part.array.rows(rows)]
        values[part.array.name] = np.stack(read).reshape(len(rows), -1) if read else np.zeros((0, 1))
    known = factors.named(path.stem, shown.array.shape, values)
    for part in () if known is not None else parts:
        held = values[part.array.name]
        if held.dtype.kind == "S":
            held = np.char.decode(held, "utf-8", "replace")
        name = part.role if part.split else part.array.name
        for place in range(held.shape[1]):
            columns[name if held.shape[1] == 1 else f"{name} {place}"] = held[:, place]
    return pd.DataFrame(known if known is not None else columns, index=range(len(rows)))
