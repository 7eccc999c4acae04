"""What there is to see, as data: a Sheet of blocks, which the app, the demo, a one-file report and `--json` each draw.

A block says what is shown, never how. Text of others, such as file names, is plain text: whoever draws it escapes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from explorer.sheets.figures import as_text
from explorer.sheets.scatter import Scatter

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

Theme = Literal["light", "dark"]


@dataclass(frozen=True)
class Go:
    """Where a click leads: a view (None is the same one) and what is carried there, such as `code=17`.

    Values may hold `{row}`, `{column}` or `{point}`, of where the click was; those of a Piece what its script tells.
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
    level: Literal[2, 3] = 2


@dataclass(frozen=True)
class Note:
    """A sentence: quiet below a chart, plain for what is found, info in place of something, or a warning."""

    text: str
    tone: Literal["quiet", "plain", "info", "warning"] = "quiet"
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
    """Pixels (h, w, 3) uint8 with what is said below them, and where a click leads; `row` as in the dataset, if any."""

    pixels: np.ndarray
    title: str = ""
    note: str = ""
    alt: str = ""
    help: str = ""
    go: Go | None = None
    row: int | None = None


@dataclass(frozen=True)
class Pictures:
    """Pictures side by side, hard-edged at any size.

    Attributes:
        name: unique on the sheet. width: pixels of each. archive: name of a zip of them to take home, if any.
        grow: whether they fill the row, or keep their width. columns: how many share a row; 0 for what has room.
    """

    name: str
    pictures: Sequence[Picture]
    width: int = 130
    grow: bool = True
    archive: str = ""
    columns: int = 0


@dataclass(frozen=True)
class Strip:
    """Pictures of one thing in one row at any width, what is said below them, and where they lead; `row` as above."""

    pictures: Sequence[Picture]
    title: str
    note: str = ""
    links: Sequence[Link] = ()
    row: int | None = None


@dataclass(frozen=True)
class Strips:
    """Strips in frames, as many side by side as are at least `width` pixels wide; `archive` as in Pictures."""

    name: str
    strips: Sequence[Strip]
    width: int = 345
    archive: str = ""


@dataclass(frozen=True)
class Drop:
    """Where one's own pictures are dropped; a face that has one place for that elsewhere draws nothing here."""


@dataclass(frozen=True)
class Choose:
    """Where the image that is looked at is chosen, on a long page; else that stands above all blocks."""


@dataclass(frozen=True)
class Gather:
    """Images `rows` (n,) that can be kept as a set, by a face that keeps any; others draw nothing.

    `source` is where they were found, in a few words, `model` the fingerprint of the checkpoint that chose them, or "".
    """

    name: str
    rows: np.ndarray
    source: str = ""
    model: str = ""


@dataclass(frozen=True)
class Name:
    """Where a code, or all of a `group`, gets a name from the user; a face that keeps none draws nothing."""

    layer: str
    code: int
    group: tuple[int, ...] = ()


@dataclass(frozen=True)
class Act:
    """A button that `does` something and tells where that leads, or what to say; `asks` is a question before it."""

    name: str
    label: str
    icon: str
    does: Callable[[], Go | str]
    help: str = ""
    asks: str = ""


@dataclass(frozen=True)
class Receive:
    """Where a file of some `endings` is dropped; `take` is told its name and bytes and answers as Act's `does`."""

    name: str
    label: str
    endings: Sequence[str]
    take: Callable[[str, bytes], Go | str]
    help: str = ""


@dataclass(frozen=True)
class CodeMap:
    """A grid of codes as colours; a click on a cell leads to `go`, `{point}` being its code.

    Attributes:
        codes: (H, W). colours: (K, 3) uint8. notes: (H, W) texts that pointing at a cell shows.
        code: cells with this code are outlined; None for none. cell: the one that was clicked, (row, column).
        behind: (h, w, 3) uint8, seen at `opacity` below 1. waits: names of the parts that a click replaces.
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
    waits: Sequence[str] = ()


@dataclass(frozen=True)
class Piece:
    """Something to touch that a script of ours draws, the same in the app, the demo and the report.

    Attributes:
        name: unique on the sheet. script: its name in `sheets/pieces/`. data: what it draws, as JSON.
        alt: what a reader who does not see it is told.
        go: where what was touched leads, its names in braces filled in by what the script tells.
        others: where it leads instead, by what the script tells as `to`.
        answer: what the script asks -> what it is told, both JSON; None: nobody answers. What comes is not trusted.
        waits: names of the parts of the sheet that a touch replaces.
    """

    name: str
    script: str
    data: Mapping[str, Any]
    alt: str
    go: Go | None = None
    answer: Callable[[Any], Any] | None = None
    waits: Sequence[str] = ()
    others: Mapping[str, Go] = field(default_factory=dict)


@dataclass(frozen=True)
class Chart:
    """A figure, drawn for a light or a dark page.

    Attributes:
        name: unique on the sheet. alt: what a reader who does not see it is told.
        go: where a click on a mark leads; `{point}` is the first entry of its customdata; or a function of that entry.
        also: what a click carries besides, {name: a value for each such entry}.
        tiles: (n, s, s, 3) uint8 thumbnails shown beside the pointer, by the same entry.
        select: whether marks can be selected with a lasso, where there is a pointer; by the same entry, too.
        aspect: width over height of what is drawn, to make the chart so high; 0 for the height that the figure has.
    """

    name: str
    figure: Callable[[Theme], go.Figure]
    alt: str
    go: Go | Callable[[int], Go] | None = None
    also: Mapping[str, Sequence[int]] = field(default_factory=dict)
    tiles: Callable[[], np.ndarray] | None = None
    width: Literal["stretch"] | int = "stretch"
    select: bool = False
    aspect: float = 0

    def drawn(self, theme: Theme) -> go.Figure:
        """The figure as a page shows it, where what names hold is text."""
        return as_text(self.figure(theme))


@dataclass(frozen=True)
class Column:
    """How a column of a table is called, what it means, and how its numbers are written (a d3/printf format)."""

    label: str
    help: str = ""
    format: str = ""
    pinned: bool = False  # stays in sight when the table is moved sideways


@dataclass(frozen=True)
class Table:
    """Rows with named columns, in the order of `columns`; a click on a row leads to `go`, `{point}` being column `by`.

    Attributes:
        go: or a function of column `by`. by: a column of whole numbers, shown or not.
        pictures: (n, s, s, 3) uint8 of each row, for columns of pictures.
        pages: what sorts it when it has more rows than are shown at once: {column: what to call that order}.
    """

    name: str
    frame: pd.DataFrame
    columns: Mapping[str, Column]
    pictures: Mapping[str, Callable[[pd.DataFrame], np.ndarray]] = field(default_factory=dict)
    go: Go | Callable[[int], Go] | None = None
    by: str = ""
    height: int = 0
    sorts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Link:
    """A way to another view, or to another choice in the same one."""

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
    """A result that is not there yet, of `subject` if not of the sheet's; `begin`: made unasked.

    Of the kind "score" the options are the names of several, which are made as one work.
    """

    kind: str
    options: Any
    title: str
    about: str = ""
    begin: bool = False
    subject: Any = None


@dataclass(frozen=True)
class Row:
    """Blocks side by side, one under another where there is less than `width` pixels for each.

    Attributes:
        even: whether all are equally wide; else each is as wide as it needs to be. boxed: each in a frame.
        shares: how wide each is beside the others; empty for `even`.
    """

    parts: Sequence[Sequence[Block]]
    width: int = 380
    even: bool = True
    boxed: bool = False
    shares: Sequence[float] = ()


@dataclass(frozen=True)
class More:
    """Blocks that are there when they are opened."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Part:
    """Blocks that are replaced together, such as what belongs to the cell of a map that was clicked."""

    name: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Later:
    """Blocks that take a moment: they are made when those before them are drawn."""

    make: Callable[[], Sequence[Block]]


Block = (  # one a kind; `walk` knows those that hold others
    Heading | Note | Cards | Pictures | Strips | Drop | Choose | Gather | Name | Act | Receive | CodeMap | Piece | Chart
    | Table | Link | Download | Controls | Missing | Row | More | Part | Later | Scatter
)  # fmt: skip


@dataclass(frozen=True)
class Sheet:
    """Blocks from top to bottom, and the numbers that they show, as `--json` prints them.

    A number that takes a moment is a function without arguments; `told` calls it.
    """

    blocks: Sequence[Block]
    numbers: Mapping[str, Any] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        """All numbers."""
        return {name: value() if callable(value) else value for name, value in self.numbers.items()}


def walk(blocks: Sequence[Block]) -> list[Block]:
    """All blocks, those inside of others too, in reading order."""
    found: list[Block] = []
    for block in blocks:
        found.append(block)
        if isinstance(block, Row):
            found += [inner for part in block.parts for inner in walk(part)]
        elif isinstance(block, (More, Part)):
            found += walk(block.blocks)
        elif isinstance(block, Later):
            found += walk(block.make())
    return found


def filled(target: Go, /, **where: Any) -> dict[str, Any]:
    """What a click carries, with `{row}`, `{column}`, `{point}` and what else a script tells filled in."""
    return {
        name: value.format(**where) if isinstance(value, str) and "{" in value else value
        for name, value in target.carried.items()
    }
