"""What a prior is conditioned on: the values of one concept column, or ranges of a quantity."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from explorer.datasets.values import concepts, short
from explorer.errors import BadInput

MOST = 256  # values; with more, most have too few images to be learned
BINS = 8  # ranges of a quantity, with equally many training images each
LISTED = 20  # values that a sentence names
NONE = ("", "none", "no class")  # how no class is asked for


@dataclass(frozen=True)
class Condition:
    """A column as classes 0, 1, …: one for each value, or for each range of a quantity.

    Attributes:
        column: its name. values: what each class is called, in order.
        edges: inner ends of the ranges, one less than values: class i is above `edges[i - 1]` and at most `edges[i]`.
            Empty for a column of values.
        counts: training images of each class.
    """

    column: str
    values: tuple[str, ...]
    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.values)

    @classmethod
    def fit(cls, column: pd.Series, known: Sequence[str] = ()) -> Condition:
        """The classes of a column over the training images (N rows).

        Values stand in the order of their categories, else numbers before words. Quantities, dates (as years) and
        durations (as seconds) become at most BINS ranges with about equally many images each.

        Args:
            known: names of all columns, for a sentence that offers the others.

        Raises:
            BadInput: no values, one value only, or more than MOST.
        """
        others = [one for one in known if one != column.name]
        instead = f"; or choose from {_listed(others)}" if others else ""
        typed = _typed(column)
        if pd.api.types.is_numeric_dtype(typed.dtype):
            found = _ranges(str(column.name), typed.to_numpy(np.float64, na_value=np.nan), instead)
        else:
            found = _values(str(column.name), typed, instead)
        classes = found.classes(column)
        counts = np.bincount(classes[classes >= 0], minlength=len(found))
        return replace(found, counts=tuple(counts.tolist()))

    @classmethod
    def read(cls, facts: dict[str, Any]) -> Condition:
        """What `facts` wrote; raises KeyError, TypeError or ValueError where that is something else."""
        values, edges = tuple(str(one) for one in facts["values"]), tuple(float(one) for one in facts["edges"])
        counts = tuple(int(one) for one in facts["counts"])
        if not 1 <= len(values) <= MOST or len(set(values)) < len(values):
            raise ValueError("values")
        if edges and (len(edges) != len(values) - 1 or not np.isfinite(edges).all() or list(edges) != sorted(edges)):
            raise ValueError("edges")
        if counts and (len(counts) != len(values) or not all(0 <= one < 2**53 for one in counts)):
            raise ValueError("counts")
        return cls(str(facts["column"]), values, edges, counts)

    def facts(self) -> dict[str, Any]:
        """The same for JSON."""
        return asdict(self)

    def classes(self, series: pd.Series) -> np.ndarray:
        """(N,) int64 class of each row; −1 where it has no value, or one that no training image has.

        A quantity beyond those of training belongs to the range at that end.
        """
        series = _typed(series)
        if self.edges:
            numbers = pd.to_numeric(series.astype(object), errors="coerce").to_numpy(np.float64, na_value=np.nan)
            found = np.searchsorted(self.edges, numbers, side="left")  # NaN comes last
            return np.where(np.isfinite(numbers), found, -1).astype(np.int64)
        place = {value: index for index, value in enumerate(self.values)}
        return np.array([place.get(_text(value), -1) for value in series.astype(object)], np.int64)

    def index(self, text: str) -> int:
        """The class that `text` names, by its value or by a number of its range; −1 for no class.

        Raises:
            BadInput: no training image has that value; lists those there are.
        """
        text = str(text).strip()
        alike = [index for index, value in enumerate(self.values) if value.casefold() == text.casefold()]
        if text in self.values:
            return self.values.index(text)
        if len(alike) == 1:
            return alike[0]
        if text.casefold() in NONE:
            return -1
        number = _number(text)
        if self.edges and number is not None:
            return int(np.searchsorted(self.edges, number, side="left"))
        if number is not None and (whole := _text(number)) in self.values:  # 3.0 of a column of counts
            return self.values.index(whole)
        wanted = "a number, " if self.edges else ""
        raise BadInput(
            f"no training image has {self.column} '{short(text)}'; choose from {wanted}{_listed(self.values)}, or none"
        )


def _values(name: str, column: pd.Series, instead: str) -> Condition:
    counts = column.astype(object).map(_text, na_action="ignore").value_counts()
    present = [value for value in counts.index if value and counts[value]]
    if len(present) > MOST:
        raise BadInput(
            f"the column '{short(name)}' has {len(present):,} values, and a prior takes at most {MOST}: group them in "
            f"a column of their own{instead}"
        )
    _check_some(name, present, instead)
    if isinstance(column.dtype, pd.CategoricalDtype):
        order = [value for value in map(_text, column.cat.categories) if value in set(present)]
    else:
        order = sorted(present, key=lambda one: (_number(one) is None, _number(one) or 0.0, one))
    return Condition(name, tuple(order))


def _ranges(name: str, numbers: np.ndarray, instead: str) -> Condition:
    numbers = numbers[np.isfinite(numbers)]
    _check_some(name, np.unique(numbers)[:2].tolist(), instead)
    low, high = float(numbers.min()), float(numbers.max())
    cuts = np.unique(np.quantile(numbers, np.arange(1, BINS) / BINS, method="lower"))
    inner = tuple(float(cut) for cut in cuts if cut < high)
    edges = (low, *inner, high)
    for digits in range(3, 18):  # years differ in the fourth
        ends = [f"{edge:.{digits}g}" for edge in edges]
        names = [one if one == other else f"{one} to {other}" for one, other in itertools.pairwise(ends)]
        if len(set(names)) == len(names) and len(set(ends)) == len(set(edges)):
            break
    return Condition(name, tuple(names), inner)


def _check_some(name: str, values: list, instead: str) -> None:
    if not values:
        raise BadInput(f"the column '{short(name)}' has no value in any training image{instead}")
    if len(values) == 1:
        only = short(str(values[0]))
        raise BadInput(
            f"the column '{short(name)}' is {only} in every training image, so there is nothing to ask for{instead}"
        )


def _typed(series: pd.Series) -> pd.Series:
    """A column of any type as categories or numbers, as those of a dataset are."""
    if isinstance(series.dtype, pd.CategoricalDtype) or series.dtype == np.float64:
        return series
    table, notes = concepts(series.to_frame())
    if str(series.name) in table:
        return table[str(series.name)]
    if len(table.columns) == 1:
        return table.iloc[:, 0]  # a duration is called "… (seconds)"
    if not series.notna().any():
        return series.astype("float64")
    raise BadInput(notes[0] if notes else f"the column '{short(str(series.name))}' holds no values")


def _text(value: object) -> str:
    """What a value is called; "" for none. Whole numbers have no decimals, whatever they are kept as."""
    if value is None or (isinstance(value, float) and not np.isfinite(value)) or value is pd.NA or value is pd.NaT:
        return ""
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return f"{value:.0f}"
    return str(value)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def _listed(values: Sequence[str]) -> str:
    more = f" and {len(values) - LISTED:,} more" if len(values) > LISTED else ""
    return ", ".join(short(value, 40) for value in values[:LISTED]) + more
