"""Parquet in the image layout of Hugging Face's datasets: a column of {bytes, path} and columns of labels."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from explorer.datasets.sources import SPLITS, Item, Listing, Source, concept_table, divide
from explorer.errors import BadInput
from explorer.files import digest
from explorer.progress import Progress

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 32  # rows read at once
MAX_COLUMNS = 200
MAX_ROWS = 50_000_000
_DAMAGE = (OSError, ValueError, LookupError, TypeError, NotImplementedError)  # what pyarrow's errors derive from
_SPLIT = re.compile(rf"(?:^|[/_.\-])({'|'.join(SPLITS)})(?=$|[/_.\-])", re.IGNORECASE)


def parquet_source(folder: Path, names: Sequence[str]) -> Source:
    """Parquet files of a folder; splits come from their relative paths. Raises BadInput if they hold no images.

    The key is the place, size and time of change of every file.
    """
    import pyarrow.parquet as pq

    files = [folder / name for name in sorted(names)]
    path = files[0] if len(files) == 1 else folder
    counts, schemas = [], []
    for file in files:
        try:
            metadata = pq.read_metadata(file)
            schemas.append(pq.read_schema(file))
        except _DAMAGE as error:
            raise _unreadable(file, error) from None
        counts.append(metadata.num_rows)
    image = _image_column(schemas[0], path)
    for file, schema in zip(files, schemas, strict=True):
        if image not in schema.names or schema.field(image).type != schemas[0].field(image).type:
            raise BadInput(f"'{file.name}' has no column '{image}' of images like that of '{files[0].name}'")
    starts = np.concatenate([[0], np.cumsum(counts)])
    if starts[-1] == 0:
        raise BadInput(f"there is no row in '{path}'")
    if starts[-1] > MAX_ROWS:
        raise BadInput(f"'{path}' says that it has {starts[-1]:,} rows; {MAX_ROWS:,} can be read")
    groups: dict[str, np.ndarray] = {}
    for position, file in enumerate(files):
        named = _SPLIT.findall(file.relative_to(folder).as_posix())
        split = SPLITS[named[-1].lower()] if named else ""
        rows = np.arange(starts[position], starts[position + 1])
        groups[split] = np.concatenate([groups.get(split, rows[:0]), rows])
    splits = divide(groups, lambda row: _row_label(files, starts, row))
    stats = [(file, file.stat()) for file in files]
    key = digest([[str(file.resolve()), info.st_size, info.st_mtime_ns] for file, info in stats])

    def listing(split: str, progress: Progress | None) -> Listing:
        rows = splits[split]
        names, concepts = _read_columns(files, starts, rows, schemas, image)
        return Listing(names, concepts, lambda some: _items(files, starts, rows[some], image))

    return Source(f"images in '{path}'", None, tuple(splits), lambda split: [key, split], listing)


def _unreadable(file: Path, error: Exception) -> BadInput:
    return BadInput(f"'{file.name}' is not a Parquet file that can be read ({' '.join(str(error).split())[:160]})")


def _row_label(files: list[Path], starts: np.ndarray, row: int) -> str:
    position = int(np.searchsorted(starts, row, side="right")) - 1
    return f"{files[position].name} row {row - starts[position]}"


def _features(schema: pa.Schema) -> dict[str, Any]:
    """What Hugging Face's datasets wrote about the columns; {} if nothing, or nothing sensible."""
    try:
        features = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return features if isinstance(features, dict) else {}


def _image_column(schema: pa.Schema, path: Path) -> str:
    import pyarrow as pa

    def is_binary(kind: pa.DataType) -> bool:
        return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)

    def holds_images(column: pa.Field) -> bool:
        if pa.types.is_struct(column.type):
            place = column.type.get_field_index("bytes")
            return place >= 0 and is_binary(column.type.field(place).type)
        return is_binary(column.type)

    possible = [column.name for column in schema if holds_images(column)]
    if not possible:
        raise BadInput(
            f"'{path}' has no column of images (a struct of bytes and path); its columns are "
            f"{', '.join(schema.names[:12])}"
        )
    features = _features(schema)
    told = [
        name for name in possible if isinstance(features.get(name), dict) and features[name].get("_type") == "Image"
    ]
    usual = [name for name in possible if name.lower() in ("image", "img", "jpg", "png")]
    return (told or usual or possible)[0]


def _read_columns(
    files: list[Path], starts: np.ndarray, rows: np.ndarray, schemas: list[pa.Schema], image: str
) -> tuple[list[str], pd.DataFrame]:
    """Names and concepts of `rows`: every scalar column, labels by their names where the file knows them."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    def is_scalar(kind: pa.DataType) -> bool:
        return (
            pa.types.is_integer(kind)
            or pa.types.is_floating(kind)
            or pa.types.is_boolean(kind)
            or pa.types.is_string(kind)
            or pa.types.is_large_string(kind)
        )

    kind = schemas[0].field(image).type
    has_path = pa.types.is_struct(kind) and kind.get_field_index("path") >= 0
    names: list[str] = []
    tables = []
    for position, file in enumerate(files):
        inside = rows[(rows >= starts[position]) & (rows < starts[position + 1])] - starts[position]
        if not len(inside):
            continue
        scalars = [column.name for column in schemas[position] if is_scalar(column.type) and column.name != image]
        columns = scalars[:MAX_COLUMNS]
        try:
            with pq.ParquetFile(file) as opened:
                table = opened.read(columns=[*columns, *([f"{image}.path"] if has_path else [])]).take(inside)
        except _DAMAGE as error:
            raise _unreadable(file, error) from None
        paths = pc.struct_field(table.column(image), "path").to_pylist() if has_path else [None] * len(inside)
        names += [str(path) if path else f"{file.name} row {row}" for path, row in zip(paths, inside, strict=True)]
        tables.append(table.select(columns).to_pandas())
    merged = pd.concat(tables, ignore_index=True)
    features = next(filter(None, map(_features, schemas)), {})
    for name in merged.columns:
        labels = features.get(name, {}).get("names") if isinstance(features.get(name), dict) else None
        if isinstance(labels, list) and pd.api.types.is_numeric_dtype(merged[name].dtype):
            codes = merged[name].fillna(-1).astype("int64")
            codes = codes.where((codes >= 0) & (codes < len(labels)), -1)
            unique = list(dict.fromkeys(str(label) for label in labels))
            place = np.array([unique.index(str(label)) for label in labels] + [-1])
            merged[name] = pd.Categorical.from_codes(place[codes], categories=unique)
    return names, concept_table(merged)


def _items(files: list[Path], starts: np.ndarray, rows: np.ndarray, image: str) -> Iterator[Item | BadInput]:
    """Yields the encoded images of ascending `rows`, holding one batch of a file at a time."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    for position, path in enumerate(files):
        inside = rows[(rows >= starts[position]) & (rows < starts[position + 1])] - starts[position]
        if not len(inside):
            continue
        try:
            with pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
                at = 0
                for group in range(file.num_row_groups):
                    length = file.metadata.row_group(group).num_rows
                    if np.searchsorted(inside, at) == np.searchsorted(inside, at + length):
                        at += length
                        continue
                    for batch in file.iter_batches(BATCH, row_groups=[group], columns=[image]):
                        wanted = inside[np.searchsorted(inside, at) : np.searchsorted(inside, at + len(batch))] - at
                        at += len(batch)
                        column = batch.column(0)
                        if pa.types.is_struct(column.type):
                            column = pc.struct_field(column, "bytes")
                        for row in wanted.tolist():
                            content = column[row].as_py()
                            yield BadInput("holds no bytes of an image") if content is None else content
        except _DAMAGE as error:
            raise _unreadable(path, error) from None
