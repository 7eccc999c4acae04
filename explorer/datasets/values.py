"""Columns of any type as concepts: values that can be counted, quantities with an order, or left out with a note."""

from __future__ import annotations

import datetime
import decimal
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    import pyarrow as pa

MAX_VALUES = 50  # distinct whole numbers up to which a column is a concept with values, not a quantity
MAX_COLUMNS = 200
MAX_LABELS = 20  # columns that a column of lists becomes at most
MAX_TEXT = 1000  # characters of a value that are kept
_LABEL = re.compile(r"label|class|target|categor|digit|identity|(^|_)id$", re.IGNORECASE)
_DEPTH = 3  # of structs in structs


def concepts(columns: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Gives every column the type that says what it is: categories for values, float64 for quantities.

    Whole numbers with at most 50 distinct values are values (a count of doors), and so are those of a column whose
    name says that it holds labels; other numbers, decimals, dates (in years) and durations (in seconds) are quantities.
    Fields of structs are columns of their own, and each frequent label of a column of lists is one with yes and no.

    Returns: the table, and a sentence for whatever was left out or is not what it was.
    """
    notes: list[str] = []
    table: dict[str, pd.Series] = {}
    plain = [(str(name), columns.iloc[:, at]) for at, name in enumerate(columns.columns)]
    for name, column in _flat(plain, notes):
        if len(table) >= MAX_COLUMNS:
            notes.append(f"only the first {MAX_COLUMNS} columns are read; '{short(name)}' and those after it are not")
            break
        for title, values in _columns(name, column, notes):
            while title in table:
                title += " (2)"
            table[title] = values
    return pd.DataFrame(table, index=columns.index).reset_index(drop=True), tuple(notes)


def readable(schema: pa.Schema) -> tuple[list[str], tuple[str, ...]]:
    """Columns of an Arrow schema that can become concepts, and a note on each other: bytes are not even read."""
    import pyarrow.types as kinds

    def why_not(kind: pa.DataType) -> str:
        if any(is_bytes(kind) for is_bytes in (kinds.is_binary, kinds.is_large_binary, kinds.is_fixed_size_binary)):
            return "it holds bytes"
        if kinds.is_struct(kind):
            return next(filter(None, (why_not(kind.field(at).type) for at in range(kind.num_fields))), "")
        if kinds.is_list(kind) or kinds.is_large_list(kind) or kinds.is_fixed_size_list(kind):
            inner = kind.value_type
            labels = kinds.is_string(inner) or kinds.is_large_string(inner) or kinds.is_integer(inner)
            labels = labels or kinds.is_boolean(inner) or kinds.is_dictionary(inner) or kinds.is_null(inner)
            return "" if labels else f"its lists hold {inner}, no labels"
        return "it holds a map" if kinds.is_map(kind) or kinds.is_union(kind) else ""

    reasons = {field.name: why_not(field.type) for field in schema}
    notes = tuple(f"the column '{short(name)}' is left out: {why}" for name, why in reasons.items() if why)
    return [name for name, why in reasons.items() if not why][: MAX_COLUMNS + 1], notes


def short(text: str, most: int = 60) -> str:
    """A name that fits into a sentence."""
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"


def _flat(columns: list[tuple[str, pd.Series]], notes: list[str], depth: int = 0) -> Iterator[tuple[str, pd.Series]]:
    """The columns, those of structs replaced by their fields."""
    for name, column in columns:
        known = column.dropna() if column.dtype == object else ()
        if not len(known) or not all(isinstance(value, dict) for value in known):
            yield name, column
        elif depth >= _DEPTH:
            notes.append(f"the column '{short(name)}' is left out: it is nested too deep")
        else:
            fields = dict.fromkeys(str(field) for value in known for field in value)
            rows = [value if isinstance(value, dict) else {} for value in column]
            inner = [
                (f"{name}.{field}", pd.Series([row.get(field) for row in rows], column.index, object))
                for field in list(fields)[: MAX_COLUMNS + 1]
            ]
            yield from _flat(inner, notes, depth + 1)


def _columns(name: str, column: pd.Series, notes: list[str]) -> list[tuple[str, pd.Series]]:
    """What one column becomes: itself with a type, several, or nothing and a note."""
    if not column.notna().any():
        notes.append(f"the column '{short(name)}' is left out: it is empty")
        return []
    if isinstance(column.dtype, pd.CategoricalDtype):
        return [(name, _category(column))]
    if pd.api.types.is_bool_dtype(column.dtype):
        return [(name, column.map({True: "yes", False: "no"}).astype("category"))]
    if pd.api.types.is_complex_dtype(column.dtype):
        notes.append(f"the column '{short(name)}' is left out: it holds complex numbers")
        return []
    if pd.api.types.is_numeric_dtype(column.dtype):
        return [(name, _numbers(name, column))]
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return [(name, _years(name, pd.to_datetime(column, utc=True), notes))]
    if pd.api.types.is_timedelta64_dtype(column.dtype):
        return [(f"{name} (seconds)", column.dt.total_seconds())]
    if column.dtype == object:
        return _objects(name, column, notes)
    return [(name, _text(column))]


def _objects(name: str, column: pd.Series, notes: list[str]) -> list[tuple[str, pd.Series]]:
    """As `_columns`, of a column that pandas has no type for."""
    known = column.dropna()
    kinds = {type(value) for value in known}

    def all_are(*types: type) -> bool:
        return all(issubclass(kind, types) for kind in kinds)

    if all_are(bool, np.bool_):
        return [(name, column.map({True: "yes", False: "no"}, na_action="ignore").astype("category"))]
    if all_are(int, float, decimal.Decimal, np.number) and not any(issubclass(kind, bool) for kind in kinds):
        return [(name, _numbers(name, pd.to_numeric(column.map(float, na_action="ignore"))))]
    if all_are(datetime.date):  # a datetime is a date
        return [(name, _years(name, pd.to_datetime(column, utc=True, errors="coerce"), notes))]
    if all_are(datetime.timedelta):
        return [(f"{name} (seconds)", column.map(lambda value: value.total_seconds(), na_action="ignore"))]
    if all_are(datetime.time):
        hours = column.map(lambda at: at.hour + at.minute / 60 + at.second / 3600, na_action="ignore")
        return [(f"{name} (hours)", hours.astype("float64"))]
    if all_are(list, tuple, np.ndarray, set, frozenset):
        return _lists(name, column, notes)
    if any(issubclass(kind, (bytes, bytearray, memoryview)) for kind in kinds):
        notes.append(f"the column '{short(name)}' is left out: it holds bytes")
        return []
    if any(issubclass(kind, (list, dict, np.ndarray)) for kind in kinds):
        column = column.map(lambda value: json.dumps(value, default=str, ensure_ascii=False), na_action="ignore")
    return [(name, _text(column))]


def _lists(name: str, column: pd.Series, notes: list[str]) -> list[tuple[str, pd.Series]]:
    """A column with yes and no for each frequent label of a column of lists."""
    told = [None if value is None or (isinstance(value, float)) else list(value) for value in column]
    items = {type(item) for value in told if value is not None for item in value if item is not None}
    if not items or not all(issubclass(kind, (str, bool, int, np.integer, np.bool_)) for kind in items):
        what = "nothing" if not items else "no labels but " + ", ".join(sorted(kind.__name__ for kind in items))
        notes.append(f"the column '{short(name)}' is left out: its lists hold {what}")
        return []
    sets = [None if value is None else {str(item).strip()[:MAX_TEXT] for item in value if item is not None}
            for value in told]  # fmt: skip
    counts = Counter(label for labels in sets if labels is not None for label in labels if label)
    frequent = [label for label, count in counts.most_common(MAX_LABELS) if count > 1 or len(counts) <= MAX_LABELS]
    if not frequent:
        notes.append(f"the column '{short(name)}' is left out: none of its {len(counts):,} labels occurs twice")
        return []
    rest = f"; the other {len(counts) - len(frequent):,} are left out" if len(counts) > len(frequent) else ""
    notes.append(
        f"the lists of '{short(name)}' became yes and no for {len(frequent)} of {len(counts):,} labels, such as "
        f"'{short(f'{name}: {frequent[0]}')}'{rest}"
    )
    found = []
    for label in frequent:
        values = [None if labels is None else "yes" if label in labels else "no" for labels in sets]
        found.append((f"{name}: {label}", pd.Series(pd.Categorical(values, ["no", "yes"]), column.index)))
    return found


def _category(column: pd.Series) -> pd.Series:
    """A category whose values are text."""
    names = [str(value) for value in column.cat.categories]
    if names == list(column.cat.categories) and all(type(value) is str for value in column.cat.categories):
        return column
    unique = list(dict.fromkeys(names))
    place = np.array([unique.index(value) for value in names] + [-1])
    return pd.Series(pd.Categorical.from_codes(place[column.cat.codes], categories=unique), index=column.index)


def _text(column: pd.Series) -> pd.Series:
    """Values as text without blanks at their ends; one of blanks only is none."""
    text = column.map(lambda value: str(value).strip()[:MAX_TEXT] or None, na_action="ignore").astype(object)
    return text.where(text.notna(), None).astype("category")


def _years(name: str, moments: pd.Series, notes: list[str]) -> pd.Series:
    """Moments as years with a fraction, which have an order and a distance."""
    naive = moments.dt.tz_localize(None).to_numpy("datetime64[s]")
    start = naive.astype("datetime64[Y]")
    length = (start + 1).astype("datetime64[s]") - start.astype("datetime64[s]")
    years = start.astype(np.int64) + 1970 + (naive - start.astype("datetime64[s]")) / length
    notes.append(f"the dates of '{short(name)}' are counted in years: 2020.5 is the middle of 2020")
    return pd.Series(np.where(np.isnat(naive), np.nan, years), index=moments.index)


def _numbers(name: str, column: pd.Series) -> pd.Series:
    most = 10**5 if _LABEL.search(name) else MAX_VALUES
    numbers = pd.Series(column.to_numpy("float64", na_value=np.nan), index=column.index)
    known = numbers[np.isfinite(numbers)]
    whole = len(known) > 0 and bool((known == known.round()).all())
    if not whole or known.nunique() > most:
        return numbers
    values = np.sort(known.unique())
    codes = np.where(np.isfinite(numbers), np.searchsorted(values, numbers.fillna(values[0])), -1)
    return pd.Series(
        pd.Categorical.from_codes(codes, categories=[f"{value:.0f}" for value in values]), index=column.index
    )
