"""A last look at every figure that is drawn: what names of strangers hold stays text, whichever chart it is in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.errors import printable

if TYPE_CHECKING:
    import plotly.graph_objects as go

_LONGEST = 5_000  # characters of any text, with what they are escaped by
PLACES = {"name", "text", "hovertext", "hovertemplate", "texttemplate", "customdata", "meta", "legendgroup", "x", "y"}
_FOREIGN = re.compile(r"<(?!/?(b|br|extra)>)")  # a tag that charts of ours do not write
_FOREIGN_IN_NAMES = re.compile(r"<(?!br>)")
_ODD = re.compile("[<$\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def as_text(figure: go.Figure) -> go.Figure:
    """The figure with every tag that no chart of ours writes there as text: whatever a name holds, it leads nowhere.

    Names are escaped where they are put in (`charts/wording.py`); this holds for what was forgotten there.
    """
    for trace in figure.data:
        for place in PLACES & set(trace):
            found = trace[place]
            if (clean := _cleaned(found, "template" in place)) is not found:
                trace[place] = clean
    figure.layout = _cleaned(figure.layout.to_plotly_json(), True)
    return figure


def _cleaned(value: Any, ours: bool) -> Any:
    """A value of a figure, or itself if there is nothing to clean; `ours`: words of a chart with names in them."""
    if isinstance(value, str):
        if len(value) <= _LONGEST and not _ODD.search(value):
            return value
        foreign = _FOREIGN if ours else _FOREIGN_IN_NAMES
        return printable(foreign.sub("&lt;", value[:_LONGEST]).replace("$", "&#36;"))
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "OU":
            return value
        made = np.empty(value.size, object)
        made[:] = [_cleaned(one, ours) for one in value.ravel()]
        return made.reshape(value.shape)
    if isinstance(value, Mapping):
        return {key: _cleaned(one, ours and key not in ("ticktext", "categoryarray")) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_cleaned(one, ours) for one in value]
    return value
