"""Charts of what codes tell of concepts, in bits beside chance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from explorer.charts.plots import BELOW, PALETTES, THEMES, Theme, dress
from explorer.charts.wording import cut, ticks


def bits(
    rows: Sequence[Mapping[str, Any]], title: str, *, by: str = "concept", chance: bool = True, theme: Theme = "light"
) -> go.Figure:
    """Bits with 95 % intervals, one line a concept or value and one colour a layer; grey is what chance reaches.

    Args:
        rows: each with `bits`, `low`, `high`, `chance`, `chance_high`, `n`, `q`, `layer` and what `by` names.
        title: of the axis, with its unit.
    """
    shades, colours = THEMES[theme], PALETTES[theme]
    names = list(dict.fromkeys(row[by] for row in rows))
    layers = list(dict.fromkeys(row["layer"] for row in rows))
    figure = go.Figure()
    if chance:
        figure.add_trace(_chance(rows, names, by, shades["rest"]))
    for place, layer in enumerate(layers):
        some, colour = [row for row in rows if row["layer"] == layer], colours[place % len(colours)]
        shift = 0.14 * (place - (len(layers) - 1) / 2) / max(len(layers) / 4, 1)
        figure.add_scatter(
            x=[row["bits"] for row in some],
            y=[names.index(row[by]) + shift for row in some],
            error_x={
                "array": [row["high"] - row["bits"] for row in some],
                "arrayminus": [row["bits"] - row["low"] for row in some],
                "color": colour, "thickness": 1.5, "width": 4,
            },
            mode="markers",
            name=cut(layer),
            marker={"size": 9, "color": colour, "symbol": [_symbol(row["q"]) for row in some], "line": {"width": 1.5}},
            customdata=[[row["low"], row["high"], row["q"], row["n"]] for row in some],
            hovertemplate=f"<b>{cut(layer, 60)}</b>: %{{x:.4f}} bits (95 % from %{{customdata[0]:.4f}} to "
            "%{customdata[1]:.4f})<br>q = %{customdata[2]:.2g}, %{customdata[3]:,} images<extra></extra>",
        )  # fmt: skip
    figure.add_vline(0, line={"color": shades["muted"], "width": 1, "dash": "dash"})
    figure.update_xaxes(title_text=title)
    figure.update_yaxes(
        title_text=cut(by, 40), showgrid=False, zeroline=False, range=[len(names) - 0.5, -0.5], **ticks(names)
    )
    dress(figure, theme, height=150 + 34 * len(names), revision=by)
    return figure.update_layout(legend=BELOW, showlegend=True)


def _chance(rows: Sequence[Mapping[str, Any]], names: list, by: str, colour: str) -> go.Bar:
    """How far 97.5 % of the shuffled labels stay below, once what chance tells on average is taken off."""
    tops = [max(row["chance_high"] - row["chance"] for row in rows if row[by] == name) for name in names]
    return go.Bar(
        x=tops, y=list(range(len(names))), orientation="h", name="chance (97.5 % stay inside)", width=0.6,
        marker={"color": colour, "line": {"width": 0}},
        hovertemplate="97.5 % of shuffled labels tell less than %{x:.4f} bits<extra></extra>",
    )  # fmt: skip


def _symbol(q: float) -> str:
    return "circle" if q < 0.05 else "circle-open"
