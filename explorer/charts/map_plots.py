"""Charts of a selection on a map: how a concept is spread among the selected images and among the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from explorer.charts.plots import PALETTES, THEMES, Theme, dress
from explorer.charts.wording import cut, ticks, whole

if TYPE_CHECKING:
    from explorer.analysis.points import Beside

VALUES = 16  # of a discrete concept in one chart


def beside(found: Beside, name: str, unit: str = "", *, theme: Theme = "light") -> go.Figure:
    """Shares of the selected images and of the rest, with 95 % intervals for the values of a discrete concept."""
    figure = go.Figure()
    shown = slice(0, VALUES if found.edges is None else None)
    labels = found.labels[shown]
    sides = (
        ("selected", found.share_inside, found.inside, found.selected, PALETTES[theme][1]),
        ("rest", found.share_outside, found.outside, found.rest, THEMES[theme]["rest"]),
    )
    for place, (side, shares, counts, total, colour) in enumerate(sides):
        common = {
            "x": np.arange(len(labels)) if found.edges is None else labels,
            "y": shares[shown].astype(np.float32),
            "name": f"{side} ({total:,})",
            "customdata": counts[shown],
            "text": [whole(label) for label in labels],
            "hovertemplate": f"<b>%{{text}}</b><br>%{{y:.1%}}: %{{customdata:,}} of {total:,} {side}<extra></extra>",
        }
        if found.edges is None:
            ends = {
                "array": (found.high[place] - shares)[shown],
                "arrayminus": (shares - found.low[place])[shown],
                "thickness": 1,
                "width": 2,
                "color": THEMES[theme]["muted"],
            }
            figure.add_trace(
                go.Bar(**common, textposition="none", marker={"color": colour, "line": {"width": 0}}, error_y=ends)
            )
        else:
            width = 2.5 if side == "selected" else 1.5
            figure.add_trace(go.Scatter(**common, mode="lines", line={"shape": "hvh", "color": colour, "width": width}))
    rarer = len(found.labels) - VALUES if found.edges is None else 0
    title = cut(f"{name} ({unit})" if unit else name, 40)
    figure.update_xaxes(title_text=f"{title}, {rarer:,} rarer values left out" if rarer > 0 else title, showgrid=False)
    if found.edges is None:
        figure.update_xaxes(ticks(labels))
    figure.update_yaxes(title_text="share of images", tickformat=".0%", rangemode="tozero")
    figure.update_layout(bargap=0.25, bargroupgap=0.05)
    dress(figure, theme, height=260, revision=name)
    return figure.update_layout(
        legend={"orientation": "h", "x": 1, "xanchor": "right", "y": 1.02, "yanchor": "bottom"}, margin_t=36
    )


def ring(figure: go.Figure, places: np.ndarray, points: np.ndarray, *, theme: Theme = "light") -> go.Figure:
    """Rings around points (n,) at their places (n, 2) or (n, 3); returns the figure."""
    text = THEMES[theme]["text"]
    trace = go.Scattergl if places.shape[1] == 2 else go.Scatter3d
    marker = {"size": 14, "symbol": "circle-open", "color": text, "line": {"width": 2, "color": text}}
    columns = {axis: places[:, i] for i, axis in enumerate("xyz"[: places.shape[1]])}
    return figure.add_trace(
        trace(
            **columns, mode="markers", marker=marker, customdata=points.astype(np.int32), hoverinfo="skip",
            showlegend=False,
        )
    )  # fmt: skip


def pin(figure: go.Figure, place: np.ndarray, name: str, *, theme: Theme = "light") -> go.Figure:
    """Points at a place (2,) on a map with an arrow and a name, above all points; returns the figure."""
    figure.add_annotation(
        x=float(place[0]), y=float(place[1]), text=f"<b>{cut(name, 40)}</b>", ax=46, ay=-46, arrowhead=2,
        arrowwidth=2.5,
        arrowcolor=PALETTES[theme][1], standoff=4, bgcolor=THEMES[theme]["hover"], bordercolor=PALETTES[theme][1],
        borderwidth=1.5, borderpad=4, font={"color": THEMES[theme]["text"], "size": 14},
    )  # fmt: skip
    return figure
