"""Tables with a column of pictures, in any number of files of one schema: Parquet and Arrow."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from explorer.datasets import columns
from explorer.datasets.rows import Rows, source
from explorer.datasets.sources import SPLITS, Item, Source
from explorer.errors import BadInput

if TYPE_CHECKING:
    import pyarrow as pa

MAX_ROWS = 50_000_000
DAMAGE = (OSError, ValueError, LookupError, TypeError, NotImplementedError, MemoryError)  # of pyarrow's errors
_SPLIT = re.compile(rf"(?:^|[/_.\-])({'|'.join(SPLITS)})(?=$|[/_.\-])", re.IGNORECASE)


@dataclass(frozen=True)
class Table:
    """One file of a table.

    Args:
        path: of the file; split: that its rows belong to, "" if none; count: of its rows.
        read: some columns of ascending rows, as a table.
        cells: the cells of one column at ascending rows, as Python has them, holding few at a time.
    """

    path: Path
    split: str
    count: int
    schema: pa.Schema
    read: Callable[[list[str], np.ndarray], pa.Table]
    cells: Callable[[str, np.ndarray], Iterator[Any]]


def split_of(name: str) -> str:
    """The split that a relative path tells, such as `data/train-00000-of-00002.parquet`; "" if none."""
    named = _SPLIT.findall(name)
    return SPLITS[named[-1].lower()] if named else ""


def tabular_source(
    what: str, root: Path, tables: Sequence[Table], known: Mapping[str, Any] | None = None, notes: tuple[str, ...] = ()
) -> Source:
    """The pictures and concepts of the rows of `tables`. Raises BadInput if they hold no images.

    Args:
        what: the file or folder, for messages.
        root: the folder in which files that a table names may lie.
        known: what Hugging Face's datasets says of the columns, if not in the files themselves.

    The key is the place, size and time of change of every file, and of the pictures that the table names.
    """
    first = tables[0]
    known = next(filter(None, (columns.features(table.schema) for table in tables)), known or {})
    found = columns.pictures(first.schema, known, what, lambda name: _first_value(first, name))
    for table in tables:
        if found.column not in table.schema.names or table.schema.field(found.column).type != found.kind:
            raise BadInput(
                f"'{table.path.name}' has no column '{found.column}' of images like that of '{first.path.name}'"
            )
    starts = np.concatenate([[0], np.cumsum([table.count for table in tables])]).astype(np.int64)
    if starts[-1] == 0:
        raise BadInput(f"there is no row in '{what}'")
    if starts[-1] > MAX_ROWS:
        raise BadInput(f"'{what}' says that it has {starts[-1]:,} rows; {MAX_ROWS:,} can be read")
    groups: dict[str, list[np.ndarray]] = {}
    for table, start in zip(tables, starts, strict=False):
        groups.setdefault(table.split, []).append(np.arange(start, start + table.count))

    def parts(rows: np.ndarray) -> Iterator[tuple[Table, np.ndarray]]:
        for table, start in zip(tables, starts, strict=False):
            inside = rows[(rows >= start) & (rows < start + table.count)] - start
            if len(inside):
                yield table, inside

    def items(rows: np.ndarray) -> Iterator[Item | BadInput]:
        for table, inside in parts(rows):
            for value in table.cells(found.column, inside):
                yield columns.content(value, root)

    stats = [(table.path, table.path.stat()) for table in tables]
    key = [[str(path.resolve()), info.st_size, info.st_mtime_ns] for path, info in stats]
    return source(
        Rows(
            f"'{what}'",
            key + [_named(table, found, root) for table in tables],
            {split: np.concatenate(several) for split, several in groups.items()},
            lambda rows: _read(parts(rows), found, known),
            items,
            notes=(*notes, *found.notes, *columns.beside(first.schema, found)[1]),
        )
    )


def _read(
    parts: Iterator[tuple[Table, np.ndarray]], found: columns.Pictures, known: Mapping[str, Any]
) -> tuple[list[str], pd.DataFrame]:
    """Names and concepts: every scalar column, and where the pictures come from."""
    names: list[str] = []
    tables = []
    place = columns.paths_field(found)
    for table, rows in parts:
        scalars, _ = columns.beside(table.schema, found)
        wanted = [*scalars, *([place] if place else [])]
        read = table.read(wanted, rows) if wanted else None
        held = read.column(found.column).to_pylist() if place else [None] * len(rows)
        names += [columns.path_of(one) or f"{table.path.name} row {row}" for one, row in zip(held, rows, strict=True)]
        tables.append(read.select(scalars).to_pandas() if scalars else pd.DataFrame(index=range(len(rows))))
    return names, columns.concepts(pd.concat(tables, ignore_index=True), known)


def _named(table: Table, found: columns.Pictures, root: Path) -> str:
    """A digest of size and time of change of each file that a table names in the place of pictures; "" if none."""
    first, place = _first_value(table, found.column), columns.paths_field(found)
    if not isinstance(columns.content(first, None), BadInput) or columns.path_of(first) is None:
        return ""
    rows = np.arange(table.count)
    cells = table.read([place], rows).column(found.column).to_pylist() if place else table.cells(found.column, rows)
    known = hashlib.sha256()
    for path in map(columns.path_of, cells):
        try:
            info = os.stat(os.path.join(root, (path or "").replace("\\", "/")))
            known.update(f"{info.st_size} {info.st_mtime_ns}\n".encode())
        except (OSError, ValueError):
            known.update(b"-\n")
    return known.hexdigest()


def _first_value(table: Table, column: str) -> Any:
    rows = np.arange(min(table.count, 100))
    return next((value for value in table.cells(column, rows) if value is not None), None)
