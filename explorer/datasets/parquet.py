"""Parquet in the image layout of Hugging Face's datasets: a column of {bytes, path} and columns of labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.datasets.sources import Source
from explorer.datasets.tabular import DAMAGE, Table, split_of, tabular_source
from explorer.errors import BadInput

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 32  # rows read at once, and fewer of large pictures
BATCH_BYTES = 64 * 1024**2  # that as many rows may take, whichever of the values of a dictionary they repeat


def parquet_source(folder: Path, names: Sequence[str], what: str | None = None) -> Source:
    """Parquet files of a folder; splits come from their relative paths. Raises BadInput if they hold no images.

    Args:
        what: what the user calls them; by default the file, or the folder of several.
    """
    tables = [_table(folder / name, split_of(name)) for name in sorted(names)]
    return tabular_source(what or str(tables[0].path if len(tables) == 1 else folder), folder, tables)


def _table(file: Path, split: str) -> Table:
    import pyarrow.parquet as pq

    try:
        count, schema = pq.read_metadata(file).num_rows, pq.read_schema(file)
    except DAMAGE as error:
        raise _unreadable(file, error) from None
    return Table(file, split, count, schema, partial(_read, file), partial(_cells, file))


def _unreadable(file: Path, error: Exception) -> BadInput:
    return BadInput(f"'{file.name}' is not a Parquet file that can be read ({' '.join(str(error).split())[:160]})")


def _read(file: Path, columns: list[str], rows: np.ndarray) -> pa.Table:
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as opened:
            return opened.read(columns=columns).take(rows)
    except DAMAGE as error:
        raise _unreadable(file, error) from None


def _count(group: Any, column: str) -> int:
    """How many rows of a group are read at once.

    A dictionary holds a value once, which rows may repeat as often as they like: 7 kB expand to 4 GB. None of its
    values is larger than the whole of it.
    """
    chunks = [group.column(number) for number in range(group.num_columns)]
    own = [chunk for chunk in chunks if chunk.path_in_schema.split(".")[0] == column]
    largest = max((chunk.total_uncompressed_size for chunk in own if chunk.has_dictionary_page), default=0)
    return max(1, min(BATCH, BATCH_BYTES // max(1, largest)))


def _cells(path: Path, column: str, rows: np.ndarray) -> Iterator[Any]:
    """Yields the cells of ascending `rows`, holding one batch at a time."""
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
            at = 0
            for group in range(file.num_row_groups):
                length = file.metadata.row_group(group).num_rows
                if np.searchsorted(rows, at) == np.searchsorted(rows, at + length):
                    at += length
                    continue
                count = _count(file.metadata.row_group(group), column)
                for batch in file.iter_batches(count, row_groups=[group], columns=[column]):
                    wanted = rows[np.searchsorted(rows, at) : np.searchsorted(rows, at + len(batch))] - at
                    at += len(batch)
                    yield from (batch.column(0)[row].as_py() for row in wanted.tolist())
    except DAMAGE as error:
        raise _unreadable(path, error) from None
