"""Concept columns on disk: discrete concepts as strings, continuous ones as numbers, missing values as null."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd


def columns(concepts: pd.DataFrame) -> dict[str, str]:
    """Column name of each concept; a dot means a nested field to Lance, so it becomes an underscore."""
    found: dict[str, str] = {}
    for concept in concepts.columns:
        name = "concept_" + str(concept).replace(".", "_")
        while name in found.values():
            name += "_"
        found[concept] = name
    return found


def to_arrow(values: pd.Series):
    """An Arrow array of strings, or of float64 where the concept is a number."""
    import pyarrow as pa

    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return pa.array(values.to_numpy(np.float64, na_value=np.nan), from_pandas=True)
    plain = values.astype(object)
    return pa.array([None if missing else str(v) for v, missing in zip(plain, plain.isna(), strict=True)], pa.string())


def describe(concepts: pd.DataFrame) -> list[dict[str, Any]]:
    """Name, column and, where a discrete concept has an order of its own, its categories."""
    facts = []
    for concept, column in columns(concepts).items():
        kind = concepts[concept].dtype
        few = isinstance(kind, pd.CategoricalDtype) and len(kind.categories) <= 1000
        categories = [str(value) for value in kind.categories] if few else None
        facts.append({"name": str(concept), "column": column, "categories": categories})
    return facts


def to_pandas(read: Callable[[str], Any], facts: list[dict[str, Any]], images: int) -> pd.DataFrame:
    """The concepts of N images: categories and float64 columns under their own names.

    Args:
        read: gives the Arrow column of a name, one after another, since the strings of all columns are many bytes.
    """
    import pyarrow as pa

    found = {}
    for fact in facts:
        column = read(fact["column"])
        number = pa.types.is_floating(column.type) or pa.types.is_integer(column.type)
        found[fact["name"]] = column.to_pandas() if number else _categories(column, fact["categories"])
    return pd.DataFrame(found, index=pd.RangeIndex(images))


def _categories(column, own: list[str] | None) -> pd.Series:
    """Strings as categories, in an order of their own or sorted; every string is looked at once, in Arrow."""
    import pyarrow.compute as pc

    coded = pc.dictionary_encode(column).combine_chunks()
    said = coded.dictionary.to_pylist()
    order = sorted(said) if own is None else own
    place = {value: position for position, value in enumerate(order)}
    codes = np.array([*(place.get(value, -1) for value in said), -1])
    return pd.Series(pd.Categorical.from_codes(codes[pc.fill_null(coded.indices, -1).to_numpy()], order))
