"""Charts of samples of a prior: how near they are to training images, and which class is read from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.charts.code_plots import SEQUENTIAL
from explorer.charts.plots import BELOW, PALETTES, THEMES, Theme, dress
from explorer.charts.wording import cut, ticks, whole

DASHES = ("solid", "solid", "dot")


def nearness(counts: Mapping[str, Sequence[int]], *, theme: Theme = "light") -> go.Figure:
    """How many maps repeat at least so many cells of a training map, a line for each set; half of the map is marked.

    Args:
        counts: {what: (cells + 1,) maps whose nearest training map shares 0, 1, … cells}.
    """
    shades, colours = THEMES[theme], PALETTES[theme]
    figure = go.Figure()
    for place, (name, found) in enumerate(counts.items()):
        found = np.asarray(found, np.float64)
        at_least = 100 * found[::-1].cumsum()[::-1] / max(found.sum(), 1)
        cells = np.arange(len(found))
        figure.add_scatter(
            x=100 * cells / max(len(found) - 1, 1), y=at_least, mode="lines", name=name, customdata=cells,
            line={"shape": "vh", "width": 2.5, "dash": DASHES[place % 3],
                  "color": shades["muted"] if place == 2 else colours[place]},
            hovertemplate="%{y:.1f} % repeat %{customdata} cells (%{x:.0f} %) or more<extra>" + name + "</extra>",
        )  # fmt: skip
    figure.add_vline(
        50, line={"color": shades["muted"], "width": 1, "dash": "dash"},
        annotation={"text": "half", "font_color": shades["muted"], "xanchor": "left"},
    )  # fmt: skip
    figure.update_xaxes(title_text="cells as in one training image (%)", range=[0, 100.5])
    figure.update_yaxes(title_text="maps with so many or more (%)", range=[0, 103])
    dress(figure, theme, revision="nearness")
    return figure.update_layout(legend=BELOW, hovermode="closest")


def read_as(
    tables: Mapping[str, Sequence[Sequence[int]]], values: Sequence[str], column: str, *, theme: Theme = "light"
) -> go.Figure:
    """Which value was read (columns) where which was asked for (rows), as shares of each row; a panel for each table.

    Args:
        tables: {what: (V, V) counts}. values: names of V values. column: what they are values of.
    """
    from plotly.subplots import make_subplots

    figure = make_subplots(1, len(tables), subplot_titles=list(tables), horizontal_spacing=0.06, shared_yaxes=True)
    for place, table in enumerate(tables.values(), 1):
        counts = np.asarray(table, np.float64)
        share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
        told = [
            [[whole(a), whole(b), int(counts[row, at]), int(counts[row].sum())] for at, b in enumerate(values)]
            for row, a in enumerate(values)
        ]
        figure.add_heatmap(
            z=100 * share, x=list(range(len(values))), y=list(range(len(values))), customdata=told, zmin=0, zmax=100,
            colorscale=SEQUENTIAL[theme], showscale=place == 1, row=1, col=place,
            colorbar={"title": {"text": "% of row", "side": "top"}, "orientation": "h", "thickness": 10, "len": 0.5,
                      "outlinewidth": 0, "x": 0, "xanchor": "left", "yref": "container", "y": 0, "yanchor": "bottom"},
            hovertemplate=f"{cut(column, 60)}: %{{customdata[0]}}<br>read as <b>%{{customdata[1]}}</b><br>%{{z:.0f}} % "
            "(%{customdata[2]} of %{customdata[3]})<extra></extra>",
        )  # fmt: skip
    dress(figure, theme, height=210 + 22 * max(len(values), 5), revision=column)
    figure.update_xaxes(**ticks(values), title_text="read as", showgrid=False, zeroline=False)
    figure.update_yaxes(**ticks(values), autorange="reversed", showgrid=False, zeroline=False)
    figure.update_yaxes(title_text=cut(column, 40), col=1)
    return figure.update_layout(margin_t=40)
