"""Columns of a table as concepts that can be judged: categories or numbers, or one sentence on why not."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

MOST_VALUES = 200  # of a category; with more, a value has too few images in nearly every set
FEWEST = 5  # images of a value; rarer ones are left out, by name
FIFTHS = 5


@dataclass(frozen=True)
class Concept:
    """What is known of each of N images.

    Attributes:
        name: of the column.
        index: (N,) int64 position in `values`, -1 where unknown or left out; of numbers, the fifth of the images.
        values: names of the values, in their order.
        numbers: (N,) float64, NaN where unknown; None of a category.
        computed: whether it is computed from the pixels, such as lightness.
        rare: values with fewer than FEWEST images, which are left out.
    """

    name: str
    index: np.ndarray
    values: tuple[str, ...]
    numbers: np.ndarray | None = None
    computed: bool = False
    rare: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.index)

    @property
    def known(self) -> np.ndarray:
        """(N,) bool, images that have a value."""
        return self.index >= 0

    def of(self, rows: np.ndarray) -> Concept:
        """The same of some of the images."""
        return replace(self, index=self.index[rows], numbers=None if self.numbers is None else self.numbers[rows])


def prepared(name: str, column: pd.Series, *, computed: bool = False) -> Concept | str:
    """The concept of a column (N rows), or one sentence on why it is not judged.

    Numbers, dates and numbers that were written as text are numbers; everything else, and numbers with at most 12
    different whole values, is a category.
    """
    found = _read(column)
    known = column.notna().to_numpy() if found is None else np.isfinite(found)
    if not known.any():
        return f"{name} has no value in any of these {len(column):,} images"
    values = column[known].nunique() if found is None else len(np.unique(found[known]))
    if values < 2:
        only = str(column[known].iloc[0])[:40]
        return f"{name} is {only} in every image that has a value, so there is nothing to tell apart"
    if found is not None and (values > 12 or not np.allclose(found[known] % 1, 0)):
        return _number(name, found, computed)
    if values == known.sum() and values > 2:
        return f"{name} has another value in each of {values:,} images, so no two images share one"
    if values > MOST_VALUES:
        return f"{name} has {values:,} values; at most {MOST_VALUES} are judged: group them in a column of their own"
    return _category(name, column, computed)


def _read(column: pd.Series) -> np.ndarray | None:
    """The same as `_quantity`; of categories each is read once, not every row."""
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return _quantity(column)
    column = column.cat.remove_unused_categories()  # one that no image has does not say what the others are
    found = _quantity(pd.Series(column.cat.categories))
    return None if found is None else np.append(found, np.nan)[column.cat.codes]


def _quantity(column: pd.Series) -> np.ndarray | None:
    """(N,) float64 of a column of numbers, dates, or numbers as text; None of anything else."""
    if pd.api.types.is_bool_dtype(column):
        return None
    if pd.api.types.is_datetime64_any_dtype(column):
        days = (column - pd.Timestamp(0, tz=column.dt.tz)) / pd.Timedelta(days=1)
        return days.to_numpy(np.float64, na_value=np.nan)
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(np.float64, na_value=np.nan)
    text = column.astype(object)
    numbers = pd.to_numeric(text, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    if text.notna().any() and np.isfinite(numbers[text.notna().to_numpy()]).all():
        return numbers
    dates = text.dropna().astype(str)
    if len(dates) and dates.str.match(r"^\d{4}-\d{1,2}-\d{1,2}").all():
        when = pd.to_datetime(text, errors="coerce", utc=True, format="ISO8601")
        if when.notna().sum() == len(dates):
            return _quantity(when)
    return None


def _number(name: str, numbers: np.ndarray, computed: bool) -> Concept | str:
    known = np.isfinite(numbers)
    cut = pd.qcut(numbers[known], FIFTHS, duplicates="drop")
    if len(cut.categories) < 2:
        return f"{name} is {np.median(numbers[known]):.4g} in nearly all images, so there is nothing to tell apart"
    index = np.full(len(numbers), -1, np.int64)
    index[known] = cut.codes
    return Concept(name, index, _spans(cut.categories), np.where(known, numbers, np.nan), computed)


def _spans(fifths: pd.IntervalIndex) -> tuple[str, ...]:
    """Names of the fifths, with as many digits as tell their ends apart: those of years differ in the fourth."""
    edges = [fifths[0].left, *fifths.right]
    for digits in range(3, 18):
        named = [f"{edge:.{digits}g}" for edge in edges]
        if len(set(named)) == len(named):
            break
    return tuple(f"{low} to {high}" for low, high in itertools.pairwise(named))


def _category(name: str, column: pd.Series, computed: bool) -> Concept | str:
    own = [str(one) for one in column.cat.categories] if isinstance(column.dtype, pd.CategoricalDtype) else []
    codes, names = _written(column)
    counts = dict(zip(names, np.bincount(codes[codes >= 0], minlength=len(names)).tolist(), strict=True))
    order = own or sorted(counts, key=lambda one: (not _is_number(one), float(one) if _is_number(one) else 0, one))
    rare = tuple(one for one in order if 0 < counts.get(one, 0) < FEWEST)
    values = tuple(one for one in order if counts.get(one, 0) >= FEWEST)
    if len(values) < 2:
        return f"{name} has fewer than {FEWEST} images of all its values but one, too few to tell them apart"
    place = {one: position for position, one in enumerate(values)}
    index = np.array([*(place.get(one, -1) for one in names), -1], np.int64)[codes]
    return Concept(name, index, values, None, computed, rare)


def _written(column: pd.Series) -> tuple[np.ndarray, pd.Index]:
    """What every row says as text: its position (N,) in the different ones, -1 where nothing is known; and these."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        text, of = column.cat.categories.map(str), column.cat.codes.to_numpy()
    else:
        text, of = column.astype(object).where(column.notna(), None), np.arange(len(column))
        text = text.map(lambda value: None if value is None else str(value))
    merged, names = pd.factorize(text)  # values that are written alike
    return np.append(merged, -1)[of], names


def _is_number(text: str) -> bool:
    try:
        return np.isfinite(float(text))
    except ValueError:
        return False
