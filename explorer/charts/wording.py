"""Text of a dataset in a chart: plotly takes some of it for HTML, and gives a long name all the room there is."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from html import escape

LONG = 18  # characters of a value beside a chart, so that a phone leaves half of its width to the chart
_LINE, _MOST = 60, 600  # of what is shown when a value is pointed at


def cut(text: object, most: int = LONG) -> str:
    """A name of at most `most` characters, in one line, as text."""
    words = " ".join(str(text).split())
    return escape(words if len(words) <= most else words[: most - 1].rstrip() + "…", quote=False)


def whole(text: object) -> str:
    """All of a name in lines of 60 characters, and of more than 600 as much, as text."""
    words = " ".join(str(text).split())
    words = words if len(words) <= _MOST else words[: _MOST - 1] + "…"
    return "<br>".join(escape(line, quote=False) for line in textwrap.wrap(words, _LINE)) or "–"


def ticks(names: Iterable[object], notes: Iterable[str] | None = None) -> dict[str, list]:
    """Names as the ticks of an axis whose values are 0, 1, 2, …, so that two that are cut alike stay two."""
    shown = [cut(name) for name in names]
    if notes is not None:
        shown = [f"{name} {note}" for name, note in zip(shown, notes, strict=True)]
    return {"tickmode": "array", "tickvals": list(range(len(shown))), "ticktext": shown}
