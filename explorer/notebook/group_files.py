"""Groups of codes as a table, `layer, code, group, name`: out for a spreadsheet, and in from anyone's hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from explorer import notebook
from explorer.datasets import tables
from explorer.errors import BadInput
from explorer.sheets.spreadsheet import csv_of

if TYPE_CHECKING:
    import pandas as pd

GROUPS = 4_000  # at most
FORMULAS = ("=", "+", "-", "@", "\t", "\r")
WANTED = "a header with code and group, and name if there are names"


@dataclass(frozen=True)
class Read:
    """Groups that a file has. Attributes: groups: codes of each, in the order of the file; names: of each, or ""."""

    groups: tuple[tuple[int, ...], ...]
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()


def table(layer: str, groups: Sequence[Sequence[int]], names: Sequence[str]) -> pd.DataFrame:
    """A row for each code: layer, code, group (from 0), name."""
    import pandas as pd

    rows = [(layer, int(code), at, names[at]) for at, group in enumerate(groups) for code in group]
    return pd.DataFrame(rows, columns=["layer", "code", "group", "name"])


def written(layer: str, groups: Sequence[Sequence[int]], names: Sequence[str]) -> str:
    """The table as CSV that no spreadsheet runs."""
    return csv_of(table(layer, groups, names))


def read(file: str, content: bytes, layer: str, sizes: Mapping[str, int]) -> Read:
    """Groups of the codes of a layer in a file.

    Args:
        file: its name. layer: whose codes they are, where the file has no column layer, or several layers.
        sizes: K of each layer.

    Raises:
        BadInput: one sentence on what is wrong.
    """
    try:
        cells, notes = tables.read(file, content)
    except BadInput as problem:
        raise BadInput(f"{file} {problem}; save a CSV table with {WANTED}") from None
    columns = {str(name).strip().lower(): name for name in cells.columns}
    missing = [name for name in ("code", "group") if name not in columns]
    if missing:
        have = ", ".join(map(str, list(cells.columns)[:6]))
        raise BadInput(f"{file} has no column {' and no column '.join(missing)}, it has {have}; it needs {WANTED}")
    cells = cells.rename(
        columns={columns[name]: name for name in ("code", "group", "name", "layer") if name in columns}
    )
    cells = _of_layer(file, cells, layer, sizes)
    codes = _codes(file, cells["code"], layer, sizes[layer])
    found: dict[str, list[int]] = {}
    called: dict[str, str] = {}
    names = cells["name"] if "name" in cells else [""] * len(cells)
    at: dict[int, str] = {}
    for code, group, name in zip(codes, cells["group"], names, strict=True):
        group, name = _plain(group), _plain(name)
        if not group:
            raise BadInput(f"{file} gives code {code:,} no group; write one, or leave the code out")
        if at.setdefault(code, group) != group:
            raise BadInput(f"{file} has code {code:,} in two groups, {at[code][:20]} and {group[:20]}; a code has one")
        if code not in found.setdefault(group, []):
            found[group].append(code)
        if name and called.setdefault(group, name) != name:
            raise BadInput(f"{file} gives group {group[:20]} two names, {called[group][:20]} and {name[:20]}")
    if len(found) > GROUPS:
        raise BadInput(f"{file} has {len(found):,} groups; {GROUPS:,} can be read")
    fit = tuple(notebook.named(called[group], "group") if group in called else _unless_number(group) for group in found)
    return Read(
        tuple(tuple(sorted(codes)) for codes in found.values()), fit, tuple(f"{file}: {note}" for note in notes)
    )


def _of_layer(file: str, cells: pd.DataFrame, layer: str, sizes: Mapping[str, int]) -> pd.DataFrame:
    """The rows of a layer; all where the file names none."""
    if "layer" not in cells:
        return cells
    said = cells["layer"].astype(str).map(_plain)
    unknown = sorted(set(said) - set(sizes) - {""})
    if unknown:
        raise BadInput(
            f"{file} has codes of a layer {unknown[0][:40]!r}, and there is none; choose from {', '.join(sizes)}"
        )
    mine = cells[(said == layer) | (said == "")]
    if not len(mine):
        others = ", ".join(sorted(set(said)))
        raise BadInput(f"{file} has codes of {others} and none of {layer}; choose that layer")
    return mine


def _codes(file: str, cells: pd.Series, layer: str, size: int) -> list[int]:
    found = []
    for cell in cells:
        text = _plain(cell)
        number = text.removesuffix(".0")
        if not number.isascii() or not number.isdecimal():
            raise BadInput(f"{file} has {text[:20]!r} where a code should be; codes are whole numbers")
        if len(number) > 9 or int(number) >= size:
            raise BadInput(f"{file} has code {number[:12]}, and layer {layer} has codes 0 to {size - 1:,}")
        found.append(int(number))
    return found


def _plain(cell: object) -> str:
    """A cell as text, without the quote that keeps a spreadsheet from running it."""
    import pandas as pd

    text = "" if pd.api.types.is_scalar(cell) and pd.isna(cell) else str(cell).strip()
    return text[1:].strip() if text.startswith("'") and text[1:].startswith(FORMULAS) else text


def _unless_number(group: str) -> str:
    """A group that is called by a word has that as its name."""
    return "" if group.removesuffix(".0").isdecimal() else notebook.named(group, "group")
