"""Columns of Arrow and Parquet tables: which one holds the pictures, what lies in a cell of it, what the others say."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from explorer.datasets.images import SUFFIXES
from explorer.datasets.sources import Item, concept_table
from explorer.datasets.values import readable
from explorer.errors import BadInput

if TYPE_CHECKING:
    import pyarrow as pa

USUAL = ("image", "images", "img", "imgs", "jpg", "jpeg", "png", "webp", "picture", "pictures", "photo", "pixels")
PATHS = ("file_name", "filename", "image_path", "img_path", "image_file", "filepath", "file_path", "path", "file")


@dataclass(frozen=True)
class Pictures:
    """The column that holds the pictures, its type, and what a user should know about the choice."""

    column: str
    kind: pa.DataType
    notes: tuple[str, ...] = ()


def features(schema: pa.Schema) -> dict[str, Any]:
    """What Hugging Face's datasets wrote about the columns; {} if nothing, or nothing sensible."""
    try:
        found = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def pictures(schema: pa.Schema, known: Mapping[str, Any], what: str, peek: Callable[[str], Any]) -> Pictures:
    """The column of pictures: the one that the file declares, else one of a usual name, else the first possible one.

    Args:
        known: what Hugging Face's datasets says of the columns; {} if nothing.
        what: the table, for messages.
        peek: the first value of a column that is not missing.

    Raises:
        BadInput: there is none, in one sentence that says what the nearest column holds instead.
    """
    possible = [column.name for column in schema if _holds(column.type)]
    if not possible:
        for name in sorted(schema.names, key=lambda name: _place(name, (*USUAL, *PATHS))):
            if _is_text(schema.field(name).type) and str(peek(name) or "").lower().endswith(SUFFIXES):
                possible = [name]
                break
    if not possible:
        raise BadInput(_none(schema, what, peek))
    told = [name for name in possible if "Image" in json.dumps(known.get(name))]
    usual = sorted((name for name in possible if name.lower() in USUAL), key=lambda name: _place(name, USUAL))
    chosen = (told or usual or possible)[0]
    kind, notes = schema.field(chosen).type, []
    others = [name for name in possible if name != chosen]
    if others:
        notes.append(f"of {len(possible)} columns of images '{chosen}' is shown, {_listed(others)} not")
    if _is_list(_plain(kind)):
        notes.append(f"'{chosen}' holds a list of images in each row; the first is shown")
    return Pictures(chosen, kind, tuple(notes))


def content(value: Any, root: Path | None) -> Item | BadInput:
    """The picture in a cell: bytes, or the file that it names.

    Args:
        value: the cell as Python has it: bytes, a path, {bytes, path}, or a list of these.
        root: the only folder that files may lie in; relative paths start there. None: no file is opened.
    """
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict):
        value = value["path"] if value.get("bytes") is None else value["bytes"]
    if isinstance(value, bytes):
        return value or BadInput("holds no bytes of an image")
    if not isinstance(value, str) or not value:
        return BadInput("holds no bytes of an image")
    shown = value if len(value) < 120 else f"…{value[-100:]}"
    if root is None:
        return BadInput(f"holds no image but a path, '{shown}'")
    try:
        place, within = (root / value.replace("\\", "/")).resolve(), root.resolve()
        if not place.is_relative_to(within):
            return BadInput(f"names the file '{shown}', which lies outside the folder of the table and is not opened")
        return place if place.is_file() else BadInput(f"holds no bytes of an image, and '{shown}' is not there")
    except (OSError, ValueError, RuntimeError):
        return BadInput(f"names the file '{shown}', which cannot be opened")


def path_of(value: Any) -> str | None:
    """The path that a cell of pictures tells, beside its bytes or instead of them."""
    if isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, dict):
        value = value.get("path")
    return value if isinstance(value, str) and value else None


def paths_field(pictures: Pictures) -> str | None:
    """The part of the column that tells paths, as Parquet names it; None if there is none."""
    import pyarrow as pa

    kind = _plain(pictures.kind)
    if _is_text(kind):
        return pictures.column
    if pa.types.is_struct(kind) and kind.get_field_index("path") >= 0:
        return f"{pictures.column}.path"
    return None


def beside(schema: pa.Schema, pictures: Pictures) -> tuple[list[str], tuple[str, ...]]:
    """Names of the columns that become concepts, and a note on each other; `pictures` tells of those of pictures."""
    import pyarrow as pa

    rest = [column for column in schema if column.name != pictures.column and not _holds(column.type)]
    return readable(pa.schema(rest))


def concepts(table: pd.DataFrame, known: Mapping[str, Any]) -> pd.DataFrame:
    """The table of concepts: labels by their names where the file knows them."""
    table = table.copy()
    for name in table.columns:
        labels = known[name].get("names") if isinstance(known.get(name), dict) else None
        if isinstance(labels, list) and pd.api.types.is_numeric_dtype(table[name].dtype):
            codes = table[name].fillna(-1).astype("int64")
            codes = codes.where((codes >= 0) & (codes < len(labels)), -1)
            places: dict[str, int] = {}
            place = np.array([places.setdefault(str(label), len(places)) for label in labels] + [-1])
            table[name] = pd.Categorical.from_codes(place[codes], categories=list(places))
    return concept_table(table)


# Types


def _plain(kind: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _is_list(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def _is_binary(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind)


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    kind = _plain(kind)
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _holds(kind: pa.DataType) -> bool:
    """Whether a column can hold pictures: bytes, {bytes, path}, or a list of these; bytes may all be missing."""
    import pyarrow as pa

    kind = _plain(kind)
    if _is_list(kind):
        kind = _plain(kind.value_type)
    if pa.types.is_struct(kind):
        place = kind.get_field_index("bytes")
        inner = kind.field(place).type if place >= 0 else pa.null()
        named = kind.get_field_index("path") >= 0
        return _is_binary(inner) or (place >= 0 and named and pa.types.is_null(inner))
    return _is_binary(kind)


def _place(name: str, order: tuple[str, ...]) -> int:
    return order.index(name.lower()) if name.lower() in order else len(order)


def _listed(names: list[str]) -> str:
    quoted = [f"'{name}'" for name in names[:5]] + ([f"{len(names) - 5} more"] if len(names) > 5 else [])
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


def _none(schema: pa.Schema, what: str, peek: Callable[[str], Any]) -> str:
    """Why no column holds pictures, with what to do about it."""
    for name in sorted(schema.names, key=lambda name: _place(name, (*USUAL, "url", "image_url", *PATHS))):
        kind = schema.field(name).type
        value = str(peek(name) or "") if _is_text(kind) else ""
        if value.startswith(("http://", "https://")) and name.lower() in (*USUAL, "url", "image_url"):
            return f"'{what}' holds addresses of images ('{name}') and no images; download them into a folder first"
        if value.startswith(("data:image/", "/9j/", "iVBORw0KGgo", "UklGR", "R0lGOD")):
            return (
                f"'{what}' keeps its images as base64 text in the column '{name}'; write a column of bytes instead, "
                "with base64.b64decode"
            )
        if name.lower() in USUAL and _is_list(kind):
            return (
                f"the column '{name}' of '{what}' is of type {str(kind)[:80]}, numbers instead of image files; write "
                "them as an .npy array, or as PNG bytes"
            )
    return (
        f"'{what}' has no column of images (bytes, or a struct of bytes and path); its columns are "
        f"{', '.join(schema.names[:12])}"
    )
