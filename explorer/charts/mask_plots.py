"""Charts of hidden patches: how much masks hurt by their size, and how far heads of attention look."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go

from explorer.charts.plots import BELOW, PALETTES, THEMES, Theme, dress

LEAST = 1e-6  # mean squared error that the logarithmic axis begins with, at the lowest


def search(found: Mapping[str, Any], hidden: int, own: float, theme: Theme = "light") -> go.Figure:
    """Mean squared error of hidden pixels (logarithmic) over the number of hidden patches: worst, best, and random.

    Args:
        found: by `analysis.mask_search.search`. hidden: how many patches are hidden now. own: the error of that mask.
    """
    figure, shades, colours = go.Figure(), THEMES[theme], PALETTES[theme]
    sizes, random = found["random"]["hidden"], np.maximum(np.array(found["random"]["mse"]), LEAST)
    count = random.shape[1]
    figure.add_scatter(
        x=[*sizes, *sizes[::-1]], y=[*random.max(1), *random.min(1)[::-1]], fill="toself", mode="lines",
        fillcolor=shades["rest"], opacity=0.5, line={"width": 0}, hoverinfo="skip",
        name=f"range of {count} random masks",
    )  # fmt: skip
    figure.add_scatter(
        x=sizes, y=random.mean(1), mode="lines", line={"color": shades["muted"], "width": 2, "dash": "dash"},
        name="mean of random masks", hovertemplate="%{x} patches hidden at random<br>%{y:.2~g}<extra></extra>",
    )  # fmt: skip
    for name, called, colour in (("worst", "hurts most", colours[1]), ("best", "hurts least", colours[2])):
        errors = np.maximum(found[name]["mse"], LEAST)
        figure.add_scatter(
            x=np.arange(1, len(errors) + 1), y=errors, mode="lines", line={"color": colour, "width": 2.5}, name=called,
            hovertemplate=f"{called}<br>%{{x}} patches hidden<br>%{{y:.3~g}}<extra></extra>",
        )  # fmt: skip
    figure.add_scatter(
        x=[hidden], y=[max(own, LEAST)], mode="markers", name="this mask",
        marker={"color": colours[0], "size": 11, "symbol": "diamond", "line": {"color": shades["hover"], "width": 1.5}},
        hovertemplate="this mask<br>%{x} patches hidden<br>%{y:.3~g}<extra></extra>",
    )  # fmt: skip
    figure.add_vline(hidden, line={"color": shades["muted"], "width": 1, "dash": "dot"})
    cells = found["grid"][0] * found["grid"][1]
    figure.update_xaxes(title_text=f"hidden patches (of {cells:,})", showgrid=False, range=[0, cells], zeroline=False)
    figure.update_yaxes(
        title_text="MSE of hidden pixels", type="log", exponentformat="power", dtick=1, zeroline=False, minor_ticks=""
    )
    dress(figure, theme, height=380, revision=f"masks {cells}")
    return figure.update_layout(legend={**BELOW, "tracegroupgap": 0, "itemsizing": "trace"}, hovermode="closest")


def distances(mean: np.ndarray, even: float, block: int, part: str = "encoder", theme: Theme = "light") -> go.Figure:
    """Mean attention distance in patches (B, heads) of each head by block, those of one block marked."""
    figure, shades, colours = go.Figure(), THEMES[theme], PALETTES[theme]
    blocks, heads = mean.shape
    spread = (np.arange(heads) - (heads - 1) / 2) * (0.5 / max(heads - 1, 1))  # so that like heads can be told apart
    for chosen in (False, True):
        rows = [at for at in range(blocks) if (at == block) == chosen]
        figure.add_scatter(
            x=np.concatenate([at + 1 + spread for at in rows]) if rows else [],
            y=np.concatenate([mean[at] for at in rows]) if rows else [], mode="markers",
            name="heads of the chosen block" if chosen else "heads of the others",
            customdata=[[at + 1, head + 1] for at in rows for head in range(heads)],
            marker={"color": colours[1] if chosen else colours[0], "size": 9, "opacity": 0.9},
            hovertemplate="block %{customdata[0]}, head %{customdata[1]}<br>%{y:.2f} patches<extra></extra>",
        )  # fmt: skip
    figure.add_hline(even, line={"color": shades["muted"], "width": 1.5, "dash": "dash"})
    figure.add_annotation(
        x=1, xref="paper", xanchor="right", y=even, yanchor="bottom", showarrow=False, text="even weights",
        font={"color": shades["muted"]},
    )  # fmt: skip
    figure.update_xaxes(title_text=f"block of the {part}", dtick=1, range=[0.5, blocks + 0.5], showgrid=False)
    figure.update_yaxes(title_text="mean distance (patches)", rangemode="tozero")
    dress(figure, theme, height=320, revision="attention distance")
    return figure.update_layout(legend=BELOW, hovermode="closest")
