"""Charts of relations between users and products: what each method finds, beside chance and the best there could be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from explorer.charts.plots import BELOW, PALETTES, THEMES, Theme, dress
from explorer.charts.wording import cut, whole

KINDS = {  # what a method goes by -> what the legend calls it, and its place in the palette
    "codes": ("codes of this checkpoint", 0),
    "content": ("other content: pixels, colours, an untrained network", 4),
    "behaviour": ("what other users looked at", 1),
    "random": ("random", 7),
}


def methods(
    rows: Sequence[Mapping[str, Any]],
    title: str,
    marks: Mapping[str, float] | None = None,
    *,
    percent: bool = True,
    theme: Theme = "light",
) -> go.Figure:
    """A dot with its 95 % interval for each method, the best on top; dashed lines at `marks`, {what: value}.

    Args:
        rows: `{name, kind, value, low, high}` in [0, 1]; `kind` of KINDS; ends may be None.
        title: of the horizontal axis, with its unit. percent: whether values are shown as such.
    """
    scale = 100 if percent else 1
    shades, colours = THEMES[theme], PALETTES[theme]
    ordered = sorted(rows, key=lambda row: row["value"])
    places = {row["name"]: at for at, row in enumerate(ordered)}
    figure = go.Figure()
    for kind, (name, colour) in KINDS.items():
        some = [row for row in ordered if row["kind"] == kind]
        if not some:
            continue
        figure.add_scatter(
            x=[scale * row["value"] for row in some], y=[places[row["name"]] for row in some], mode="markers",
            name=name, marker={"size": 11, "color": colours[colour]},
            error_x={
                "type": "data", "symmetric": False, "thickness": 2.5, "width": 0, "color": colours[colour],
                "array": [scale * (_end(row, "high") - row["value"]) for row in some],
                "arrayminus": [scale * (row["value"] - _end(row, "low")) for row in some],
            },
            customdata=[[whole(row["name"]), _between(row, percent)] for row in some],
            hovertemplate="%{customdata[0]}<br>%{customdata[1]}<extra></extra>",
        )  # fmt: skip
    top = max([scale * (row["high"] or row["value"]) for row in rows] + [scale * at for at in (marks or {}).values()])
    for said, at in (marks or {}).items():
        figure.add_vline(
            scale * at, line={"color": shades["muted"], "width": 1.5, "dash": "dash"},
            annotation={
                "text": said, "font_color": shades["text"], "yshift": 16,
                "xanchor": "right" if scale * at > top / 2 else "left",
            },
        )  # fmt: skip
    figure.update_xaxes(title_text=title, range=[-0.02 * top, 1.06 * top or 1], showgrid=True, zeroline=False)
    figure.update_yaxes(
        tickmode="array", tickvals=list(range(len(ordered))), ticktext=[cut(row["name"], 24) for row in ordered],
        range=[-0.7, len(ordered) - 0.3], showgrid=False, zeroline=False,
    )  # fmt: skip
    dress(figure, theme, height=150 + 34 * len(ordered) + 20 * len({row["kind"] for row in rows}), revision=title)
    return figure.update_layout(legend={**BELOW, "traceorder": "normal"}, showlegend=True, margin_t=44, margin_b=96)


def _end(row: Mapping[str, Any], end: str) -> float:
    return row["value"] if row[end] is None else row[end]


def _between(row: Mapping[str, Any], percent: bool) -> str:
    form = "{:.1%}" if percent else "{:.4f}"
    ends = "" if row["low"] is None else f", 95 %: {form.format(row['low'])} – {form.format(row['high'])}"
    return form.format(row["value"]) + ends
