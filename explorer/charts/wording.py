"""Text of a dataset in a chart: plotly takes some of it for HTML, and gives a long name all the room there is."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from html import escape

from explorer.errors import printable

LONG = 18  # characters of a value beside a chart, so that a phone leaves half of its width to the chart
_LINE, _MOST = 60, 600  # of what is shown when a value is pointed at


def short(text: object, most: int = LONG) -> str:
    """A name of at most `most` characters, in one line."""
    words = printable(" ".join(str(text).split()))
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"


def cut(text: object, most: int = LONG) -> str:
    """A name of at most `most` characters, in one line, so that a chart shows it as it is."""
    return _escaped(short(text, most))


def whole(text: object) -> str:
    """All of a name in lines of 60 characters, and of more than 600 as much, so that a chart shows it as it is."""
    return "<br>".join(map(_escaped, textwrap.wrap(short(text, _MOST), _LINE))) or "–"


def ticks(names: Iterable[object], notes: Iterable[str] | None = None) -> dict[str, list]:
    """Names as the ticks of an axis whose values are 0, 1, 2, …, so that two that are cut alike stay two."""
    shown = [cut(name) for name in names]
    if notes is not None:
        shown = [f"{name} {note}" for name, note in zip(shown, notes, strict=True)]
    return {"tickmode": "array", "tickvals": list(range(len(shown))), "ticktext": shown}


def _escaped(text: str) -> str:
    """Text without what plotly, or MathJax beside it, makes something else of."""
    return escape(text, quote=False).replace("$", "&#36;").replace("%{", "&#37;{")
