"""What there is to see, as data: a Sheet of blocks, which the app, the demo, a one-file report and `--json` each draw.

A block says what is shown, never how it is drawn. Text of others, such as file names, is plain text here; whoever
draws it escapes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

Theme = Literal["light", "dark"]


@dataclass(frozen=True)
class Go:
    """Where a click leads: a view (None is the same one) and what is carried there, such as `code=17`.

    In the blocks below, values may hold `{row}`, `{column}` or `{point}`, filled in by where the click was.
    """

    view: str | None = None
    carried: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Heading:
    """A heading, with help, and the data of what is below it to take home as CSV under the name `file`."""

    text: str
    help: str = ""
    data: Callable[[], pd.DataFrame] | None = None
    file: str = ""


@dataclass(frozen=True)
class Note:
    """A sentence: quiet below a chart, info in place of something, or a warning that should not be missed."""

    text: str
    tone: Literal["quiet", "info", "warning"] = "quiet"
    help: str = ""


@dataclass(frozen=True)
class Card:
    """A number with its name, what to read it beside, and help."""

    label: str
    value: str
    note: str = ""
    help: str = ""


@dataclass(frozen=True)
class Cards:
    """Numbers side by side; at most `columns` in a row."""

    cards: Sequence[Card]
    columns: int = 5


@dataclass(frozen=True)
class Picture:
    """Pixels (h, w, 3) uint8 with what is said below them, and where a click leads."""

    pixels: np.ndarray
    title: str = ""
    note: str = ""
    alt: str = ""
    help: str = ""
    go: Go | None = None


@dataclass(frozen=True)
class Pictures:
    """Pictures side by side, hard-edged at any size.

    Attributes:
        name: unique on the sheet. width: pixels of the screen of each.
        grow: whether they fill the row, or keep their width.
        archive: name of a zip of them to take home; empty for none.
    """

    name: str
    pictures: Sequence[Picture]
    width: int = 130
    grow: bool = True
    archive: str = ""


@dataclass(frozen=True)
class CodeMap:
    """A grid of codes as colours; a click on a cell leads to `go`.

    Attributes:
        codes: (H, W). colours: (K, 3) uint8. notes: (H, W) texts that pointing at a cell shows.
        code: cells with this code are outlined; None for none. cell: the one that was clicked, (row, column).
        behind: (h, w, 3) uint8 picture that shows through at `opacity` below 1.
    """

    name: str
    codes: np.ndarray
    colours: np.ndarray
    notes: Sequence[Sequence[str]]
    title: str = ""
    alt: str = ""
    code: int | None = None
    cell: tuple[int, int] | None = None
    behind: np.ndarray | None = None
    opacity: float = 1.0
    go: Go | None = None
    width: int = 256


@dataclass(frozen=True)
class Chart:
    """A figure, drawn for a light or a dark page.

    Attributes:
        name: unique on the sheet. alt: what a reader who does not see it is told.
        go: where a click on a mark leads; `{point}` is the first entry of its customdata.
        also: what a click carries besides, {name: a value for each such entry}.
        tiles: (n, s, s, 3) uint8 thumbnails shown beside the pointer, by the same entry.
        select: whether marks can be selected with a lasso, where there is a pointer; by the same entry, too.
        aspect: width over height of what is drawn, to make the chart so high; 0 for the height that the figure has.
    """

    name: str
    figure: Callable[[Theme], go.Figure]
    alt: str
    go: Go | None = None
    also: Mapping[str, Sequence[int]] = field(default_factory=dict)
    tiles: Callable[[], np.ndarray] | None = None
    width: Literal["stretch"] | int = "stretch"
    select: bool = False
    aspect: float = 0


@dataclass(frozen=True)
class Column:
    """How a column of a table is called, what it means, and how its numbers are written (a d3/printf format)."""

    label: str
    help: str = ""
    format: str = ""


@dataclass(frozen=True)
class Table:
    """Rows with named columns, in the order of `columns`; a click on a row leads to `go`, `{point}` being column `by`.

    Attributes:
        pictures: (n, s, s, 3) uint8 of each row, for columns of pictures.
        pages: what sorts it when it has more rows than are shown at once: {column: what to call that order}.
    """

    name: str
    frame: pd.DataFrame
    columns: Mapping[str, Column]
    pictures: Mapping[str, Callable[[pd.DataFrame], np.ndarray]] = field(default_factory=dict)
    go: Go | None = None
    by: str = ""
    height: int = 0
    sorts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Link:
    """A way to another view."""

    label: str
    icon: str
    go: Go


@dataclass(frozen=True)
class Download:
    """A file to take home, made when it is asked for."""

    label: str
    file: str
    data: Callable[[], bytes | str]
    help: str = ""


@dataclass(frozen=True)
class Controls:
    """The choices that stand here: names of fields of the view's options."""

    names: Sequence[str]


@dataclass(frozen=True)
class Missing:
    """A result that is not there yet: what it is, and whether it is made without being asked for."""

    kind: str
    options: Any
    title: str
    about: str = ""
    begin: bool = False


@dataclass(frozen=True)
class Row:
    """Blocks side by side, one under another where there is less than `width` pixels for each.

    Attributes:
        even: whether all are equally wide; else each is as wide as it needs to be.
        boxed: whether each stands in a frame.
    """

    parts: Sequence[Sequence[Block]]
    width: int = 380
    even: bool = True
    boxed: bool = False


@dataclass(frozen=True)
class More:
    """Blocks that are there when they are opened."""

    title: str
    blocks: Sequence[Block]


Block = Heading | Note | Cards | Pictures | CodeMap | Chart | Table | Link | Download | Controls | Missing | Row | More


@dataclass(frozen=True)
class Sheet:
    """Blocks from top to bottom, and the numbers that they show, as `--json` prints them."""

    blocks: Sequence[Block]
    numbers: Mapping[str, Any] = field(default_factory=dict)


def walk(blocks: Sequence[Block]) -> list[Block]:
    """All blocks, those inside of rows and of `More` too, in reading order."""
    found: list[Block] = []
    for block in blocks:
        found.append(block)
        if isinstance(block, Row):
            found += [inner for part in block.parts for inner in walk(part)]
        elif isinstance(block, More):
            found += walk(block.blocks)
    return found


def filled(target: Go, **where: Any) -> dict[str, Any]:
    """What a click carries, with `{row}`, `{column}` and `{point}` filled in."""
    return {
        name: value.format(**where) if isinstance(value, str) and "{" in value else value
        for name, value in target.carried.items()
    }
