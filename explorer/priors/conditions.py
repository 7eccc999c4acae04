"""What a prior is conditional on: one column of concepts as classes."""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from explorer.errors import BadInput

MOST, BINS = 256, 8  # values of a column at most; bins of a column of numbers


@dataclass(frozen=True)
class Condition:
    """A column as classes 0, 1, …: one for each value, or for each range between `edges` of a column of numbers.

    Attributes:
        column: its name. values: what each class is called. edges: inner ends of the ranges; empty for values.
        counts: training images of each class.
    """

    column: str
    values: tuple[str, ...]
    edges: tuple[float, ...] = ()
    counts: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.values)

    @classmethod
    def fit(cls, column: pd.Series) -> Condition:
        """The classes of a column of training images; raises BadInput where it has none, or too many."""
        name = str(column.name)
        known = column.dropna()
        if not len(known):
            raise BadInput(f"no image has a value of '{name}'; choose another column to be conditional on")
        if pd.api.types.is_float_dtype(column.dtype):
            inner = np.unique(np.quantile(known.to_numpy(float), np.arange(1, BINS) / BINS))
            ends = [f"{end:.4g}" for end in inner]
            first, last = [f"below {ends[0]}"], [f"from {ends[-1]}"]
            values = [*first, *(f"{low} to {high}" for low, high in itertools.pairwise(ends)), *last]
            found = cls(name, tuple(values), tuple(float(edge) for edge in inner))
        else:
            counted = known.astype(str).value_counts()
            if len(counted) > MOST:
                raise BadInput(f"'{name}' has {len(counted):,} values; a prior is conditional on at most {MOST}")
            own = known.cat.categories.astype(str) if hasattr(known, "cat") else sorted(counted.index)
            found = cls(name, tuple(value for value in own if value in counted.index))
        counts = np.bincount(np.maximum(found.classes(known), 0), minlength=len(found))
        return cls(found.column, found.values, found.edges, tuple(counts.tolist()))

    @classmethod
    def read(cls, facts: dict[str, Any]) -> Condition:
        """What `facts` wrote; raises KeyError, TypeError or ValueError where that is something else."""
        values, edges = tuple(str(one) for one in facts["values"]), tuple(float(one) for one in facts["edges"])
        counts = tuple(int(one) for one in facts["counts"])
        if not 1 <= len(values) <= MOST or (edges and len(edges) != len(values) - 1):
            raise ValueError("values")
        return cls(str(facts["column"]), values, edges, counts)

    def facts(self) -> dict[str, Any]:
        """The same for JSON."""
        return asdict(self)

    def classes(self, column: pd.Series) -> np.ndarray:
        """(N,) int64 class of each value; −1 where it is missing, or was never seen."""
        if self.edges:
            numbers = pd.to_numeric(column, errors="coerce").to_numpy(float)
            return np.where(np.isnan(numbers), -1, np.searchsorted(self.edges, numbers, side="right")).astype(np.int64)
        places = {value: place for place, value in enumerate(self.values)}
        return np.array([-1 if pd.isna(one) else places.get(str(one), -1) for one in column], np.int64)

    def index(self, text: str) -> int:
        """The class of a value as text; raises BadInput that lists the values."""
        if text in self.values:
            return self.values.index(text)
        if self.edges:
            try:
                return int(np.searchsorted(self.edges, float(text), side="right"))
            except ValueError:
                pass
        shown = ", ".join(self.values[:20]) + (f" and {len(self) - 20} more" if len(self) > 20 else "")
        raise BadInput(f"the prior knows no {self.column} '{text[:100]}'; choose from {shown}")
