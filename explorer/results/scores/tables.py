"""A table of concepts that the user names (`--concepts`), a row for each image; it adds to what the dataset knows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from explorer import access
from explorer.datasets import labelling, naming, tables
from explorer.datasets.sources import beside_them, concept_table
from explorer.datasets.values import short
from explorer.errors import BadInput
from explorer.files import file_digest

if TYPE_CHECKING:
    from explorer.datasets import Images

BYTES = 1 << 30  # of a table that is read


def digest_of(file: str) -> str | None:
    """Content of the table; None where none is named, BadInput where it cannot be read."""
    if not file:
        return None
    try:
        return file_digest(_place(file))
    except OSError as error:
        raise BadInput(f"'{short(file, 200)}' cannot be read ({error.strerror})") from None


def joined(own: pd.DataFrame, file: str, images: Images) -> pd.DataFrame:
    """The concepts of all N images beside those of a table; `attrs["notes"]` says what of it is not used.

    Rows belong to images by a column that names them (file_name, id …), else by the numbers of rows in a column `id`,
    else by their order, of which there must be as many as images.

    Args:
        own: N rows. file: path of a CSV, TSV, JSON lines or Parquet table; "" for none.

    Raises:
        BadInput: the table cannot be read, or nothing says which row is of which image.
    """
    if not file:
        return own
    place = _place(file)
    more, notes = read(place, images)
    found = concept_table(more)
    whole = beside_them(own, found.reset_index(drop=True).set_axis(own.index), place.name)
    whole.attrs["notes"] = [*notes, *(f"'{place.name}': {note}" for note in found.attrs.get("notes", ()))]
    return whole


def read(place: Path, images: Images) -> tuple[pd.DataFrame, list[str]]:
    """Columns of a table, a row for each of N images, and what a user should know."""
    try:
        content = place.read_bytes()
        table, said = tables.read(place.name, content)
    except BadInput as problem:
        raise BadInput(f"'{place.name}' {problem}") from None
    usual = [name for name in table.columns if naming.is_usual(name)]
    numbers = next((name for name in usual if str(name).lower() == "id"), None)
    try:
        found, notes = labelling.table(list(images.names), place.name, content)
        return found, notes
    except BadInput as problem:
        named = [name for name in usual if not _whole(table[name]).notna().all()]
        if named:
            raise BadInput(f"'{place.name}' {problem}") from None
    notes = [f"'{place.name}': {note}" for note in said]
    if not place.name.lower().endswith((".parquet", ".pq", ".jsonl", ".ndjson")):
        table = pd.DataFrame({name: tables.typed(table[name]) for name in table.columns}, index=table.index)
    if numbers is not None:
        return _by_number(table, numbers, place.name, images, notes), notes
    return _in_order(table, place.name, images), notes


def _place(file: str) -> Path:
    place = access.check(Path(file).expanduser())
    if not place.is_file():
        raise BadInput(f"there is no table '{short(file, 200)}'; give a CSV, TSV, JSON lines or Parquet file")
    if not place.name.lower().endswith(tables.SUFFIXES):
        raise BadInput(f"'{place.name}' is no table that can be read; give one of {', '.join(tables.SUFFIXES)}")
    if place.stat().st_size > BYTES:
        raise BadInput(f"'{place.name}' has {place.stat().st_size:,} bytes; tables of up to {BYTES:,} can be read")
    return place


def _whole(cells: pd.Series) -> pd.Series:
    """Cells as whole numbers from 0; NaN for any other."""
    found = pd.to_numeric(cells, errors="coerce").astype("float64")
    return found.where((found >= 0) & (found == found.round()))


def _numbered(images: Images) -> tuple[np.ndarray, int]:
    """(N,) number of each image in the file of codes that it is of, and how many are there; else its own row."""
    return getattr(images, "places", np.arange(len(images))), getattr(images, "of", len(images))


def _in_order(table: pd.DataFrame, name: str, images: Images) -> pd.DataFrame:
    rows, total = _numbered(images)
    if len(table) not in (total, len(images)):
        raise BadInput(
            f"'{name}' has {len(table):,} rows and no column that names images, and there are {total:,} images; give "
            "a row for each image in their order, or a column file_name or id"
        )
    return (table.iloc[rows] if len(table) == total else table).reset_index(drop=True)


def _by_number(table: pd.DataFrame, column: str, name: str, images: Images, notes: list[str]) -> pd.DataFrame:
    """Rows by the number of the image, from 0; what occurs twice with different values has no value."""
    rows, total = _numbered(images)
    numbers = _whole(table[column])
    outside = ~(numbers < total)
    if outside.all():
        raise BadInput(f"'{name}' names none of the {total:,} images: its column '{column}' has "
                       f"'{short(str(table[column].iloc[0]))}'; images are numbered from 0")  # fmt: skip
    if outside.any():
        first = short(str(table[column][outside].iloc[0]))
        notes.append(f"{int(outside.sum()):,} of {len(table):,} rows of '{name}', such as {first}, name no image here")
    kept = table[~outside].drop(columns=column).set_axis(numbers[~outside].astype(np.int64))
    kept = labelling.one_row_each(kept, [f"image {row}" for row in range(total)], name, notes)
    lacking = ~pd.Index(rows).isin(kept.index)
    if lacking.any():
        notes.append(f"{int(lacking.sum()):,} of {len(rows):,} images, such as image {rows[lacking][0]:,}, have no row "
                     f"in '{name}'")  # fmt: skip
    return kept.reindex(rows).reset_index(drop=True)
