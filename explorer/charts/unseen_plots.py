"""How many codes so many images show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from explorer.charts.plots import BELOW, PALETTES, THEMES, Theme, dress


def rarefaction(row: Mapping[str, Any], theme: Theme = "light") -> go.Figure:
    """Codes that fewer images show, with a 95 % band, what half as many again would show, and the size of the codebook.

    Args:
        row: a layer of the score `unseen`.
    """
    shades, colours, curve = THEMES[theme], PALETTES[theme], row["curve"]
    images = curve["images"]
    figure = go.Figure()
    figure.add_scatter(
        x=[*images, *images[::-1]], y=[*curve["high"], *curve["low"][::-1]], fill="toself", fillcolor=colours[0],
        opacity=0.2, line={"width": 0}, mode="lines", name="95 %", hoverinfo="skip",
    )  # fmt: skip
    lines = {
        "whole images": ("codes", colours[0], "solid", 2.5),
        "as many tokens, drawn one by one": ("tokens", colours[1], "dot", 2),
        "as many tokens, drawn evenly from all codes": ("even", shades["muted"], "dash", 1.5),
    }
    for name, (part, colour, dash, width) in lines.items():
        figure.add_scatter(
            x=images, y=curve[part], mode="lines", name=name, line={"color": colour, "dash": dash, "width": width},
            hovertemplate=f"{name}: %{{y:,.1f}} codes<extra></extra>",
        )  # fmt: skip
    more = row["more"]
    figure.add_scatter(
        x=[row["images"] + more["images"]], y=[row["used"] + more["codes"]], mode="markers",
        marker={"size": 9, "color": colours[0], "symbol": "circle-open", "line": {"width": 2}},
        error_y={
            "array": [more["high"] - more["codes"]], "arrayminus": [more["codes"] - more["low"]],
            "color": colours[0], "thickness": 1.5, "width": 5,
        },
        name="with half as many images again", hovertemplate="%{x:,} images: %{y:,.1f} codes<extra></extra>",
    )  # fmt: skip
    figure.add_hline(
        row["codes"], line={"color": shades["muted"], "width": 1},
        annotation={"text": f"{row['codes']:,} codes", "font_color": shades["muted"], "xanchor": "right"},
    )  # fmt: skip
    figure.update_xaxes(title_text="images (logarithmic)", type="log", showgrid=False, dtick=1, tickformat=",d")
    figure.update_yaxes(title_text="codes that occur", rangemode="tozero")
    dress(figure, theme, height=400, revision=row["layer"])
    return figure.update_layout(legend=BELOW, showlegend=True, hovermode="x")
