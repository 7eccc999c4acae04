"""The steps of a VQ layer for one cell: distances to all codes, margins of an image, and gradients."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from explorer.charts.plots import BELOW, PALETTES, THEMES, Theme, dress

MOST = 2_000  # codes of which each is a point; of more the far ones are thinned
BINS = 24


def distances(away: np.ndarray, order: np.ndarray, theme: Theme = "light") -> go.Figure:
    """Distances (K,) of one vector to all codes, in the `order` (K,) of how near they are."""
    K, colours = len(order), PALETTES[theme]
    ranks = np.arange(K) if K <= MOST else np.unique(np.geomspace(1, K, MOST).round().astype(np.int64)) - 1
    figure = go.Figure()
    for name, places, colour, size in (
        ("all codes", ranks[2:], THEMES[theme]["muted"], 4),
        ("winner", ranks[:1], colours[2], 11),
        ("runner-up", ranks[1:2], colours[1], 11),
    ):
        if len(places):
            figure.add_scatter(
                x=places + 1, y=away[order[places]].astype(np.float32), customdata=order[places], name=name,
                mode="markers", marker={"color": colour, "size": size},
                hovertemplate="code %{customdata}<br>distance %{y:.4g}<br>number %{x} by distance<extra></extra>",
            )  # fmt: skip
    dress(figure, theme, height=300)
    figure.update_xaxes(title_text="codes, nearest first", type="log" if K > MOST else "linear", nticks=6)
    figure.update_yaxes(title_text="distance ‖z − e‖", nticks=6, rangemode="tozero")
    return figure.update_layout(legend=BELOW)


def margins(found: np.ndarray, here: float, theme: Theme = "light") -> go.Figure:
    """Margins (m,) of the cells of an image, and the one of the chosen cell."""
    counts, edges = np.histogram(found, bins=min(BINS, max(4, len(found) // 4)))
    figure = go.Figure(
        go.Bar(
            x=(edges[:-1] + edges[1:]) / 2, y=counts, width=np.diff(edges), marker={"color": PALETTES[theme][0]},
            customdata=np.stack([edges[:-1], edges[1:]], 1), showlegend=False,
            hovertemplate="%{y} cells, margin<br>from %{customdata[0]:.3g} to %{customdata[1]:.3g}<extra></extra>",
        )
    )  # fmt: skip
    figure.add_vline(
        here, line={"color": PALETTES[theme][1], "width": 2}, annotation_text="this cell",
        annotation_position="top right" if here < edges.mean() else "top left",
    )  # fmt: skip
    dress(figure, theme, height=300)
    figure.update_xaxes(title_text="margin d₂ − d₁", nticks=6)
    figure.update_yaxes(title_text="cells of this image", nticks=6)
    return figure.update_layout(bargap=0.03)


def gradients(series: Mapping[str, np.ndarray], theme: Theme = "light") -> go.Figure:
    """Vectors (D,) by name, a bar for each number, side by side."""
    figure = go.Figure()
    colours = (PALETTES[theme][place] for place in (2, 1, 0))  # as on the cards
    for (name, values), colour in zip(series.items(), colours, strict=False):
        figure.add_bar(
            x=np.arange(1, len(values) + 1), y=values.astype(np.float32), name=name, marker={"color": colour},
            hovertemplate=f"{name}<br>number %{{x}}: %{{y:.3g}}<extra></extra>",
        )  # fmt: skip
    dress(figure, theme, height=300)
    figure.update_xaxes(title_text="numbers of the vector, 1 to d", nticks=9)
    figure.update_yaxes(title_text="gradient of the loss", nticks=6, exponentformat="power")
    return figure.update_layout(barmode="group", legend=BELOW)
