"""Columns of the tables that lie beside images, a row for each image; what is not used is said, never guessed."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from explorer.datasets import naming, tables
from explorer.datasets.images import SUFFIXES
from explorer.datasets.values import short
from explorer.errors import BadInput

MOST = 20  # tables that are read; a table for each image is not one beside the images
_FIRST = ("metadata", "images", "labels", "data", "annotations")
_SURE = 0.9  # share of the rows that name an image where a column's name does not say that it does


def columns(
    names: Sequence[str], files: Sequence[str], content: Callable[[str], bytes]
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """The columns of all tables for the images `names`, and notes on what was left out.

    An image that a table does not list has no value of it, nor has one that it lists with different values; where
    tables differ the first one counts.

    Args:
        names: paths of the images below the root, with forward slashes. files: those of the tables.
        content: bytes of a table; may raise BadInput, with what is wrong as the end of a sentence.
    """
    found: dict[str, pd.Series] = {}
    notes: list[str] = []
    files = sorted(files, key=_place)
    if len(files) > MOST:
        notes.append(f"{len(files) - MOST:,} tables such as '{short(files[MOST])}' were not read: there are too many")
    for file in files[:MOST]:
        named = short(file)
        try:
            found_here, said = table(names, file, content(file))
        except BadInput as problem:
            notes.append(f"the table '{named}' was not read: it {problem}")
            continue
        notes += said
        for name, values in found_here.items():
            if name in found:
                both = found[name].notna() & values.notna()
                differ = int((found[name][both].astype(str) != values[both].astype(str)).sum())
                if differ:
                    notes.append(f"'{named}' has another '{short(name)}' of {differ:,} images than the table before it")
                values = found[name].astype(object).where(found[name].notna(), values.astype(object))
            found[name] = values
    return pd.DataFrame(found, index=range(len(names))), tuple(notes)


def _place(file: str) -> tuple:
    stem = posixpath.basename(file).lower().partition(".")[0]
    return (_FIRST.index(stem) if stem in _FIRST else len(_FIRST), file.count("/"), file)


def table(names: Sequence[str], file: str, content: bytes) -> tuple[pd.DataFrame, list[str]]:
    """The columns of one table for the images `names`, and notes; BadInput with the end of a sentence about it."""
    named = short(file)
    if file.lower().endswith(tables.OTHERS):
        raise BadInput("is of a spreadsheet; save it as CSV")
    cells, said = tables.read(file, content)
    notes = [f"'{named}': {note}" for note in said]
    images = naming.Images(names, posixpath.dirname(file))
    cells, column, found = _naming_column(cells, images, file)
    listed = cells[column].map(_name)
    cells = cells.drop(columns=column)
    if file.lower().endswith((".csv", ".tsv", ".tab")):
        cells = pd.DataFrame({name: tables.typed(cells[name]) for name in cells.columns}, index=cells.index)
    for which, what in (
        (naming.AMBIGUOUS, "could mean several images, and no image has its values"),
        (naming.NONE, "name no image here"),
    ):
        rows = np.flatnonzero(found == which)
        if len(rows):
            notes.append(
                f"{len(rows):,} of {len(found):,} rows of '{named}', such as '{short(listed.iat[rows[0]])}', {what}"
            )
    inside = {at for at, name in enumerate(names) if not images.folder or name.startswith(f"{images.folder}/")}
    missing = inside - set(found.tolist())
    if missing:
        first = short(names[min(missing)])
        notes.append(f"{len(missing):,} of {len(inside):,} images, such as '{first}', have no row in '{named}'")
    kept = cells[found >= 0].set_axis(found[found >= 0])
    return one_row_each(kept, names, named, notes).reindex(range(len(names))), notes


def _naming_column(table: pd.DataFrame, images: naming.Images, file: str) -> tuple[pd.DataFrame, str, np.ndarray]:
    """The table, its column that names images, and the image that each row means."""
    head = [str(name) for name in table.columns]
    pictures = images.find([name if name.lower().endswith(SUFFIXES) else "" for name in head]) >= 0
    if pictures.any() and file.lower().endswith((".csv", ".tsv", ".tab")):  # no line of titles
        rows = [head, *table.to_numpy(object).tolist()]
        table = pd.DataFrame(rows, columns=[f"column {at + 1}" for at in range(len(head))], dtype=object)
        column = table.columns[int(np.argmax(pictures))]
        return table, column, images.find(table[column].map(_name).tolist())
    order = naming.usual(table.columns)
    for column in order:
        listed = table[column].map(_name)
        if not naming.is_usual(column) and _other(listed):
            continue
        found = images.find(listed.tolist())
        share = (found != naming.NONE).mean()
        if share >= _SURE or (share > 0 and naming.is_usual(column)):
            return table, column, found
    usual = [column for column in order if naming.is_usual(column)]
    if not usual:
        raise BadInput("has no column that names images; call it file_name")
    raise BadInput(f"names none of the images here: its column '{short(usual[0])}' has names such as "
                   f"'{short(_name(table[usual[0]].iat[0]))}'")  # fmt: skip


def _other(listed: pd.Series) -> bool:
    """Whether cells are no names of images by their looks: few different ones, or numbers."""
    some = listed[listed != ""].head(1000)
    return some.nunique() < 0.5 * len(some) or not some.str.contains(r"[A-Za-z/\\]", regex=True).any()


def _name(cell: object) -> str:
    if cell is None or cell != cell:
        return ""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell)


def one_row_each(rows: pd.DataFrame, names: Sequence[str], file: str, notes: list[str]) -> pd.DataFrame:
    """One row for each image; of one that is listed several times the values on which all its rows agree."""
    again = rows.index.duplicated(keep=False)
    if not again.any():
        return rows
    result = rows[~again]
    several = {}
    for name in rows.columns:
        cells = rows[name][again].dropna()
        kinds = cells.astype(str).groupby(level=0).nunique()
        at_odds = kinds.index[kinds > 1]
        if len(at_odds):
            notes.append(
                f"'{file}' lists {len(at_odds):,} images more than once with different values of '{short(name)}', such "
                f"as '{short(names[at_odds[0]])}'; they have no value of it"
            )
        several[name] = cells[~cells.index.duplicated() & ~cells.index.isin(at_odds)]
    more = pd.DataFrame(several, index=rows.index[again].unique())
    return pd.concat([result.astype(object), more.astype(object)]).infer_objects()
