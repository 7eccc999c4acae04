"""Pictures by number, as tables, arrays and archives hold them, and the source that they make."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from explorer.datasets.sources import Item, Listing, Source
from explorer.datasets.stamps import divide
from explorer.errors import BadInput
from explorer.files import digest
from explorer.progress import Progress


@dataclass(frozen=True)
class Rows:
    """The pictures of one place, before they are divided into splits.

    Args:
        what: the place, for messages.
        key: a JSON value that changes whenever the content does.
        groups: rows of each split that the place has; those of "" belong to none.
        table: names and concepts of ascending rows.
        items: the pictures of ascending rows, in order, one at a time.
        stamped: as `items`, what a picture is known by, where that is not what is shown.
        native: side in pixels if it is known without looking at pictures.
        notes: sentences on what was left out or chosen; `told` gives those for which pictures must be looked at.
    """

    what: str
    key: Any
    groups: dict[str, np.ndarray]
    table: Callable[[np.ndarray], tuple[list[str], pd.DataFrame]]
    items: Callable[[np.ndarray], Iterator[Item | BadInput]]
    stamped: Callable[[np.ndarray], Iterator[Item | BadInput]] | None = None
    native: int | None = None
    skipped: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    told: Callable[[], tuple[str, ...]] = tuple


def source(rows: Rows) -> Source:
    """The source of these rows; without splits of its own it is divided by the content of the pictures."""
    groups = {split: np.asarray(found, np.int64) for split, found in rows.groups.items() if len(found)}
    if not groups:
        raise BadInput(f"there is no image in {rows.what}")
    divided = "train" in groups and ("test" in groups or "validation" in groups)
    notes = list(rows.notes)
    if divided and "" in groups:
        notes.append(f"{len(groups.pop('')):,} images of {rows.what} belong to no split and are left out")
    splits = divide(groups, rows.stamped or rows.items, digest(rows.key))

    def listing(split: str, progress: Progress | None) -> Listing:
        chosen = splits.rows(split, progress)
        names, concepts = rows.table(chosen)
        told = (*notes, *rows.told())
        return Listing(_unique(names), concepts, lambda some: rows.items(chosen[some]), rows.skipped, told)

    return Source(f"images in {rows.what}", rows.native, splits.names, splits.key, listing)


def _unique(names: Sequence[str]) -> list[str]:
    """Names of which none is there twice: the second of one name gets ` (2)`."""
    taken, seen, found = set(names), {}, []
    for name in names:
        number = seen.get(name, 0) + 1
        chosen = name
        while number > 1 and (chosen := f"{name} ({number})") in taken:
            number += 1
        seen[name] = number
        taken.add(chosen)
        found.append(chosen)
    return found
