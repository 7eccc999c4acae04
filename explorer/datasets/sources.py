"""What a place that images come from must say about itself, and how its rows are divided into splits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from explorer.datasets.values import concepts
from explorer.errors import BadInput

if TYPE_CHECKING:
    from explorer.progress import Progress

SPLITS = {  # what people call a split -> what it is called here
    "train": "train",
    "training": "train",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}

Item = bytes | Path | np.ndarray  # encoded image, its file, or (h, w[, 3]) uint8 pixels


@dataclass(frozen=True)
class Listing:
    """The rows of one split before any pixel is decoded.

    `items(rows)` yields the images of ascending `rows` in order; one that is missing is yielded as a BadInput.
    `skipped` are files that are no rows, with the reason; `notes` are sentences on what was left out or chosen.
    """

    names: Sequence[str]
    concepts: pd.DataFrame
    items: Callable[[np.ndarray], Iterator[Item | BadInput]]
    skipped: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """A place that images come from.

    Args:
        summary: one line for the user.
        native: side in pixels at which it is decoded if no size is asked for; None takes that of its pictures.
        splits: names of its splits, at least "train" and "test".
        key: of a split; a JSON value that changes whenever the content of the split does, cheap to compute.
        listing: of a split; may take long, and downloads what is missing.
    """

    summary: str
    native: int | None
    splits: tuple[str, ...]
    key: Callable[[str], Any]
    listing: Callable[[str, Progress | None], Listing]


def pick_split(asked: str, splits: Sequence[str]) -> str:
    """The split meant by `asked`: validation stands in for a missing test split and the other way round.

    `all` is every image of a source that came without splits; of others it means the test split.
    """
    split = "all" if str(asked).lower() == "all" else SPLITS.get(str(asked).lower(), "")
    stand_ins = {"validation": ("test",), "test": ("validation",), "all": ("test", "validation")}
    for candidate in (split, *stand_ins.get(split, ())):
        if candidate in splits:
            return candidate
    raise BadInput(f"unknown split '{asked}'; choose from {', '.join(splits)}")


def sample(total: int, count: int | None, seed: int = 0) -> np.ndarray:
    """`count` of `total` rows, ascending, drawn without replacement from all of them; all where `count` is not less.

    Folders are sorted by class, so the first rows of a set are not like the set. A larger sample contains a smaller
    one of the same seed.
    """
    if count is None or count >= total:
        return np.arange(total)
    return np.sort(np.random.default_rng(seed).permutation(total)[:count])


def concept_table(columns: pd.DataFrame) -> pd.DataFrame:
    """The concepts of some columns as `values.concepts` finds them, whose notes are in `attrs["notes"]`."""
    table, notes = concepts(columns)
    table.attrs["notes"] = list(notes)
    return table


def rank(column: pd.Series) -> int:
    """A place in an order of choices: 0 values of many images each, 1 of few, 2 quantities, 3 what tells nothing.

    A name, a number or a note of every image tells nothing of what images share.
    """
    values = column.nunique()
    if pd.api.types.is_float_dtype(column.dtype):
        return 2 if values > 1 else 3
    if not 2 <= values <= max(2, len(column) // 2):
        return 3
    return 0 if column.notna().sum() >= 4 * values else 1


def ordered(table: pd.DataFrame) -> pd.DataFrame:
    """The columns with the telling ones first, otherwise as they stand."""
    return table[sorted(table.columns, key=lambda name: rank(table[name]))]


def discrete(table: pd.DataFrame) -> list[str]:
    """Columns whose values can be told apart and counted: 2 to 1,000 of them, and at most one for every two rows."""
    found = []
    for name, column in table.items():
        if not pd.api.types.is_float_dtype(column.dtype):
            values = column.nunique()
            if 2 <= values <= min(1000, max(2, len(column) // 2)):
                found.append(name)
    return found


def continuous(table: pd.DataFrame) -> list[str]:
    """Columns of quantities that vary."""
    return [name for name, column in table.items() if pd.api.types.is_float_dtype(column) and column.nunique() > 1]


def beside_them(own: pd.DataFrame, more: pd.DataFrame, what: str) -> pd.DataFrame:
    """Columns of two tables of the same rows; a name that is taken gets ` (what)` at its end."""
    taken, names = set(map(str, own.columns)), {}
    for name in more.columns:
        chosen = str(name)
        while chosen in taken:
            chosen += f" ({what})"
        taken.add(chosen)
        names[name] = chosen
    return pd.concat([own, more.rename(columns=names)], axis=1)
