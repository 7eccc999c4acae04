"""Units of a continuous layer as bars, and how likely held-out latents are under mixtures of more and more parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from explorer.charts.plots import BELOW, PALETTES, THEMES, Theme, dress


def units(found: Mapping[str, Any], ranked: np.ndarray, dead: np.ndarray, theme: Theme = "light") -> go.Figure:
    """KL of each unit in nats with its 95 % interval, or its variance where there is no posterior; dead ones grey.

    Args:
        found: what `analysis.posterior.measure` gave. ranked: (D,) units in the order of the bars. dead: (D,) bool.
    """
    told, places = found["units"], np.arange(len(ranked))
    values = np.asarray(told["nats" if found["posterior"] else "variance"], np.float64)[ranked]
    colours = np.where(dead[ranked], THEMES[theme]["rest"], PALETTES[theme][0])
    error = None
    if found["posterior"] and told["nats_low"][0] is not None:
        low, high = (np.asarray(told[f"nats_{end}"], np.float64)[ranked] for end in ("low", "high"))
        error = {"type": "data", "array": high - values, "arrayminus": values - low, "thickness": 1, "width": 0}
        error["color"] = THEMES[theme]["text"]
    what, unit = ("KL", " nats") if found["posterior"] else ("variance", "")
    bars = {"marker": {"color": colours.tolist(), "line": {"width": 0}}, "error_y": error}
    figure = go.Figure(
        go.Bar(
            x=places, y=values.astype(np.float32), customdata=places, text=[f"unit {one}" for one in ranked],
            textposition="none", hovertemplate=f"%{{text}}<br>{what} %{{y:.3f}}{unit}<extra></extra>", **bars,
        )
    )  # fmt: skip
    dress(figure, theme, height=260, revision="units")
    shown = places[:: max(1, len(places) // 12)]
    figure.update_xaxes(
        title_text="unit, the most used first",
        showgrid=False,
        tickvals=shown,
        ticktext=[str(ranked[one]) for one in shown],
    )
    title = "KL of an image (nats)" if found["posterior"] else "variance over images"
    figure.update_yaxes(title_text=title, nticks=6)
    return figure.update_layout(bargap=0.15, showlegend=False)


def likelihoods(tried: Sequence[Mapping[str, Any]], theme: Theme = "light") -> go.Figure:
    """Mean log-likelihood of held-out latents in nats over the number of components, a line for each covariance."""
    figure = go.Figure()
    for index, kind in enumerate(("full", "diagonal")):
        some = [one for one in tried if one["covariance"] == kind]
        if some:
            figure.add_trace(
                go.Scatter(
                    x=[str(one["components"]) for one in some], y=[one["nats"] for one in some], mode="lines+markers",
                    name=f"{kind} covariances", line={"color": PALETTES[theme][index], "width": 2},
                    hovertemplate="%{x} components: %{y:.2f} nats",
                )
            )  # fmt: skip
    dress(figure, theme, height=280, revision="likelihoods")
    order = sorted({one["components"] for one in tried})
    figure.update_xaxes(
        title_text="components of the mixture", showgrid=False, type="category", categoryorder="array",
        categoryarray=[str(one) for one in order],
    )  # fmt: skip
    figure.update_yaxes(title_text="log-likelihood, held out (nats)", nticks=6)
    return figure.update_layout(legend=BELOW, showlegend=True)
