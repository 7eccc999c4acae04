"""Charts of groups of codes: how far halves of the images agree, by the number of groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from explorer.charts.plots import BELOW, PALETTES, THEMES, Theme, dress

if TYPE_CHECKING:
    import pandas as pd


def by_count(table: pd.DataFrame, chosen: int, *, theme: Theme = "light") -> go.Figure:
    """Agreement of halves, of shuffled images, and the silhouette, by the number of groups; `chosen` is marked.

    Columns of `table`: groups, silhouette and, where there are halves, ami, low, high, null. `customdata`: the number.
    """
    figure, colours, shades = go.Figure(), PALETTES[theme], THEMES[theme]
    if "ami" in table:
        figure.add_scatter(
            x=table["groups"], y=table["ami"], mode="lines+markers", name="halves agree", customdata=table["groups"],
            line={"color": colours[0]}, marker={"size": 7},
            error_y={
                "array": table["high"] - table["ami"], "arrayminus": table["ami"] - table["low"], "thickness": 1,
                "width": 3, "color": colours[0],
            },
            hovertemplate="%{x} groups<br>halves agree: %{y:.2f}<extra></extra>",
        )  # fmt: skip
        figure.add_scatter(
            x=table["groups"], y=table["null"], mode="lines", name="shuffled images", customdata=table["groups"],
            line={"color": shades["muted"], "dash": "dash"},
            hovertemplate="%{x} groups<br>shuffled: %{y:.2f}<extra></extra>",
        )  # fmt: skip
    figure.add_scatter(
        x=table["groups"], y=table["silhouette"], mode="lines+markers", name="silhouette", customdata=table["groups"],
        line={"color": colours[1], "dash": "dot"}, marker={"size": 4},
        hovertemplate="%{x} groups<br>silhouette: %{y:.2f}<extra></extra>",
    )  # fmt: skip
    now = table[table["groups"] == chosen]
    if len(now):
        figure.add_scatter(
            x=now["groups"], y=now["ami" if "ami" in table else "silhouette"], mode="markers",
            name=f"{chosen} groups now", customdata=now["groups"], hoverinfo="skip",
            marker={"size": 15, "color": "rgba(0,0,0,0)", "line": {"width": 2, "color": shades["text"]}},
        )  # fmt: skip
    ticks = [count for count in (2, 4, 8, 16, 32, 64, 128, 256, 512, 1024) if count <= table["groups"].max()]
    dress(figure, theme, height=320, revision="group-counts")
    figure.update_xaxes(type="log", tickvals=ticks, ticktext=[str(one) for one in ticks], title_text="groups")
    figure.update_yaxes(title_text="agreement (AMI); silhouette")
    return figure.update_layout(legend=BELOW, showlegend=True, margin={"b": 70})
