"""Sets of images that the user gathered: each is a concept of the images, kept by their content."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer import notebook
from explorer.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd

PREFIX = "set: "  # of the concept's name, so that it is no column of the dataset
IN, REST = "in", "rest"
CIRCULAR = "this set was chosen by what this checkpoint makes of the images: that its codes tell of it is no find"


@dataclass(frozen=True)
class Gathered:
    """One set of images.

    Attributes:
        name: as the user calls it. rows: (n,) of its images, ascending.
        source: where it was gathered, in a few words. made: the day.
        model: fingerprint of the checkpoint by whose codes or latents it was chosen; empty where it was by the eye or
            by names. What such codes tell of it is no find.
    """

    name: str
    rows: np.ndarray
    source: str = ""
    made: str = ""
    model: str = ""


def find(images: str) -> dict[str, Gathered]:
    """The sets of the images with a fingerprint, by name, in the order in which they were made."""
    return {name: _of(name, facts) for name, facts in notebook.read(_place(images)).items()}


def version(images: str) -> str | None:
    """Digest of all sets of these images; None where there are none."""
    return notebook.version(_place(images))


def keep(images: str, name: str, rows: Iterable[int], *, source: str = "", model: str = "") -> Gathered:
    """Keeps a new set; BadInput for a name that is taken or unfit, and for a set without images."""
    name, found = notebook.named(name, "set"), _rows(rows)
    with notebook.change(_place(images)) as sets:
        if name in sets:
            raise BadInput(f"there is a set '{name}' already; choose another name, or add to it")
        made = datetime.date.today().isoformat()
        sets[name] = {"rows": found, "source": source, "made": made, "model": model}
        return _of(name, sets[name])


def add(images: str, name: str, rows: Iterable[int], *, source: str = "", model: str = "") -> Gathered:
    """Adds images to a set that is there."""
    with notebook.change(_place(images)) as sets:
        before = _known(sets, name)
        sources = dict.fromkeys(filter(None, (*str(before.get("source", "")).split("; "), source)))
        rows = _rows([*before["rows"], *_rows(rows)])
        sets[name] = {**before, "rows": rows, "source": "; ".join(sources), "model": before.get("model") or model}
        return _of(name, sets[name])


def rename(images: str, name: str, new: str) -> None:
    """Calls a set otherwise, in its place; BadInput for a name that is taken or unfit."""
    new = notebook.named(new, "set")
    with notebook.change(_place(images)) as sets:
        _known(sets, name)
        if new != name and new in sets:
            raise BadInput(f"there is a set '{new}' already; choose another name")
        renamed = {new if one == name else one: facts for one, facts in sets.items()}
        sets.clear()
        sets.update(renamed)


def delete(images: str, name: str) -> None:
    """Forgets a set; its images stay."""
    with notebook.change(_place(images)) as sets:
        _known(sets, name)
        del sets[name]


def joined(table: pd.DataFrame, images: str) -> pd.DataFrame:
    """A table of N images with a column for each of their sets, "set: NAME", with the values "in" and "rest"."""
    import pandas as pd

    found = find(images)
    if not found:
        return table
    columns = {}
    for one in found.values():
        inside = np.zeros(len(table), bool)
        inside[one.rows[one.rows < len(table)]] = True
        name = f"{PREFIX}{one.name}"
        columns[f"{name} (gathered)" if name in table else name] = pd.Categorical.from_codes(
            (~inside).astype(int), [IN, REST]
        )
    return pd.concat([table, pd.DataFrame(columns, index=table.index)], axis=1)


def chosen_by(images: str, model: str) -> list[str]:
    """Names of the concepts that were chosen by a checkpoint's own codes or latents."""
    return [f"{PREFIX}{one.name}" for one in find(images).values() if one.model and one.model == model]


def table(images: str, names: Iterable[str]) -> pd.DataFrame:
    """A row for each image: its name, and yes or no for each set."""
    import pandas as pd

    data = pd.DataFrame({"name": list(names)})
    sets = joined(data[[]], images)
    return data.join(sets.astype(object).replace({IN: "yes", REST: "no"}))


def _place(images: str) -> Any:
    return notebook.place("sets", images)


def _known(sets: Mapping[str, Any], name: str) -> dict[str, Any]:
    if name not in sets:
        raise BadInput(f"there is no set '{name}' of these images; there are {', '.join(sets) or 'none'}")
    return sets[name]


def _of(name: str, facts: Mapping[str, Any]) -> Gathered:
    try:
        rows = np.array(facts["rows"], np.int64).reshape(-1)
        return Gathered(name, rows[rows >= 0], *(str(facts.get(one, "")) for one in ("source", "made", "model")))
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        raise BadInput(f"the set '{name[:60]}' is damaged; delete it, and gather it again") from None


def _rows(rows: Iterable[int]) -> list[int]:
    found = sorted({int(row) for row in rows})
    if not found:
        raise BadInput("a set needs images; choose some first")
    return found
