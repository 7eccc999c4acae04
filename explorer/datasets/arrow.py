"""Arrow files and folders, as `save_to_disk` of Hugging Face's datasets and its cache leave them, read with pyarrow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer import access
from explorer.datasets.sources import SPLITS, Source
from explorer.datasets.tabular import DAMAGE, Table, split_of, tabular_source
from explorer.errors import BadInput
from explorer.files import read_json

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIXES = (".arrow", ".feather")
MARKS = ("state.json", "dataset_dict.json")  # of a folder that `save_to_disk` wrote
AGAIN = "write it again with `save_to_disk`, or with `to_parquet`"
_MAGIC = b"ARROW1"  # of the format with a table of contents; streams have none


def is_arrow_folder(folder: Path) -> bool:
    """Whether `save_to_disk` of Hugging Face's datasets wrote this folder."""
    return any((folder / mark).is_file() for mark in MARKS)


def arrow_source(path: Path) -> Source:
    """Images of an Arrow file or a folder of them; splits are those of a DatasetDict, or come from the files' names.

    Raises BadInput if there are no images, or a file is missing or damaged.
    """
    root = path if path.is_dir() else path.parent
    known: dict[str, Any] = {}
    if path.is_file():
        tables = [_table(path, split_of(path.name))]
    elif (path / "dataset_dict.json").is_file():
        tables = []
        for split in _strings(_json(path / "dataset_dict.json"), "splits"):
            part = _inside(path, split)
            tables += _saved(part, SPLITS.get(split.lower(), split_of(split)))
            known = known or _features(part)
    elif (path / "state.json").is_file():
        tables, known = _saved(path, None), _features(path)
    else:
        files = [file for file in sorted(path.rglob("*.arrow")) if not file.name.startswith(("cache-", "tmp"))]
        files = [file for file in files if access.within(file)]
        tables = [_table(file, split_of(file.relative_to(path).as_posix())) for file in files]
        known = _features(path)
    if not tables:
        raise BadInput(f"the Arrow folder '{path}' names no files; {AGAIN}")
    return tabular_source(str(path), root, tables, known)


def _saved(folder: Path, split: str | None) -> list[Table]:
    """The files of one saved dataset, in the order of its `state.json`."""
    state = _json(folder / "state.json")
    if state.get("_indices_data_files") or state.get("_indices_files"):
        raise BadInput(f"'{folder}' is a selection of rows by an older library; {AGAIN} after `flatten_indices`")
    entries = state.get("_data_files")
    names = [entry.get("filename") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    if not names or not all(isinstance(name, str) for name in names):
        raise BadInput(f"'state.json' in '{folder}' names no files; {AGAIN}")
    if split is None:
        split = SPLITS.get(str(state.get("_split")).lower(), "")
    return [_table(_inside(folder, name), split) for name in names]


def _inside(folder: Path, name: str) -> Path:
    if not name or name in (".", "..") or "/" in name or "\\" in name or "\x00" in name:
        raise BadInput(f"'{folder}' names a file outside of it, '{name[:80]}', which is not opened; {AGAIN}")
    return folder / name


def _json(path: Path) -> dict[str, Any]:
    try:
        found = read_json(path)
    except FileNotFoundError:
        raise BadInput(f"'{path.parent}' has no '{path.name}', so that its files are not known; {AGAIN}") from None
    except (OSError, ValueError) as error:
        raise BadInput(f"'{path}' is not JSON that can be read ({' '.join(str(error).split())[:120]})") from None
    if not isinstance(found, dict):
        raise BadInput(f"'{path}' is not as datasets writes it; {AGAIN}")
    return found


def _strings(found: dict[str, Any], key: str) -> list[str]:
    value = found.get(key)
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _features(folder: Path) -> dict[str, Any]:
    """What `dataset_info.json` says of the columns; {} if there is none."""
    place = folder / "dataset_info.json"
    found = _json(place).get("features") if place.is_file() else None
    return found if isinstance(found, dict) else {}


# Files


@contextmanager
def _opened(path: Path) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
    """Schema and batches of a file, memory-mapped; errors are sentences, here and in the block inside."""
    import pyarrow as pa

    try:
        with pa.memory_map(str(path)) as held:
            listed = held.read(len(_MAGIC)) == _MAGIC
            held.seek(0)
            if listed:
                reader = pa.ipc.open_file(held)
                yield reader.schema, (reader.get_batch(place) for place in range(reader.num_record_batches))
            else:
                reader = pa.ipc.open_stream(held)
                yield reader.schema, iter(reader)
    except FileNotFoundError:
        raise BadInput(f"'{path.name}' is missing in '{path.parent}'; copy the whole folder") from None
    except DAMAGE as error:
        why = " ".join(str(error).split())[:160]
        raise BadInput(f"'{path.name}' is not an Arrow file that can be read ({why})") from None


def _table(path: Path, split: str) -> Table:
    with _opened(path) as (schema, batches):
        count = sum(len(batch) for batch in batches)
    return Table(path, split, count, schema, partial(_read, path, frozenset(schema.names)), partial(_cells, path))


def _parts(path: Path, columns: list[str], rows: np.ndarray) -> Iterator[tuple[pa.RecordBatch, np.ndarray]]:
    """Batches with some columns, and which of their rows are wanted; checked, because offsets come from anywhere."""
    with _opened(path) as (_, batches):
        at = 0
        for batch in batches:
            wanted = rows[np.searchsorted(rows, at) : np.searchsorted(rows, at + len(batch))] - at
            at += len(batch)
            if len(wanted):
                chosen = batch.select(columns)
                chosen.validate(full=True)
                yield chosen, wanted


def _read(path: Path, names: frozenset[str], columns: list[str], rows: np.ndarray) -> pa.Table:
    """Some columns; `image.path` is the path in the column `image`, without its bytes."""
    import pyarrow as pa
    import pyarrow.compute as pc

    whole = {name: name if name in names else name.removesuffix(".path") for name in columns}
    found = []
    for batch, wanted in _parts(path, list(whole.values()), rows):
        held = {
            column: batch.column(column) if name == column else pc.struct_field(batch.column(column), "path")
            for name, column in whole.items()
        }
        found.append(pa.table(held).take(wanted))
    return pa.concat_tables(found)


def _cells(path: Path, column: str, rows: np.ndarray) -> Iterator[Any]:
    for batch, wanted in _parts(path, [column], rows):
        yield from (batch.column(0)[row].as_py() for row in wanted.tolist())
