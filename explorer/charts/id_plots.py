"""Charts of product ids: how levels use their codes, and which concepts ids tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from explorer.charts.plots import BELOW, PALETTES, THEMES, Theme, dress
from explorer.charts.wording import cut


def levels(rows: Sequence[Mapping[str, Any]], *, theme: Theme = "light") -> go.Figure:
    """Bits of each level's codes as they are used, over the most they could have, coarse to fine."""
    figure, shades, palette = go.Figure(), THEMES[theme], PALETTES[theme]
    names = [f"level {one['level']}" for one in rows]
    figure.add_bar(
        x=[one["max_bits"] for one in rows], y=names, orientation="h", name="at most", width=0.7,
        marker={"color": shades["grid"]}, hovertemplate="at most %{x:.2f} bits<extra></extra>",
    )  # fmt: skip
    figure.add_bar(
        x=[one["entropy_bits"] for one in rows], y=names, orientation="h", name="entropy, as used", width=0.45,
        marker={"color": palette[0]}, customdata=[[one["used"], one["size"]] for one in rows],
        hovertemplate="%{x:.2f} bits; %{customdata[0]:,} of %{customdata[1]:,} codes used<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(title_text="bits", rangemode="tozero")
    figure.update_yaxes(autorange="reversed")
    dress(figure, theme, height=130 + 44 * len(rows))
    return figure.update_layout(barmode="overlay", legend={**BELOW, "traceorder": "normal"}, margin_b=84)


def concepts(rows: Sequence[Mapping[str, Any]], names: Sequence[str], *, theme: Theme = "light") -> go.Figure:
    """AMI of ids with each concept, one mark for each way to make ids; `names` are columns of the rows."""
    figure, shades, palette = go.Figure(), THEMES[theme], PALETTES[theme]
    symbols = ("circle", "diamond", "square", "triangle-up", "x")
    called = [cut(row["concept"], 24) for row in rows]
    for at, name in enumerate(names):
        colour = shades["muted"] if name == "shuffled" else palette[at]
        figure.add_scatter(
            x=[row[name] for row in rows], y=called, mode="markers", name=name,
            marker={"color": colour, "size": 13 if at == 0 else 9, "symbol": symbols[at % len(symbols)]},
            hovertemplate=f"{name}: %{{x:.3f}}<extra></extra>",
        )  # fmt: skip
    figure.add_vline(0, line={"color": shades["muted"], "width": 1, "dash": "dash"})
    figure.update_xaxes(title_text="AMI (0: chance, 1: one tells the other)")
    figure.update_yaxes(autorange="reversed")
    dress(figure, theme, height=150 + 34 * len(rows))
    return figure.update_layout(legend={**BELOW, "traceorder": "normal"}, margin_b=96)
