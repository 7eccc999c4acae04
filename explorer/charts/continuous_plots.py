"""What latents cost under each prior, and how widely the numbers beside codes vary given the code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from explorer.charts.plots import BELOW, PALETTES, THEMES, Theme, dress

MOST = 2000  # codes that are drawn one by one


def costs(priors: Sequence[tuple[str, Mapping[str, Any]]], axis: str, theme: Theme = "light") -> go.Figure:
    """Bars of {mean, low, high}, one a prior by name, the least at the bottom, with 95 % intervals."""
    names, found = [name for name, _ in priors], [one for _, one in priors]
    values = [one["mean"] for one in found]
    ends = {"array": [(one["high"] or one["mean"]) - one["mean"] if one["high"] is not None else 0 for one in found],
            "arrayminus": [one["mean"] - one["low"] if one["low"] is not None else 0 for one in found]}  # fmt: skip
    figure = go.Figure(
        go.Bar(
            x=values, y=names, orientation="h", marker={"color": PALETTES[theme][0], "line": {"width": 0}},
            error_x={"type": "data", **ends, "thickness": 1.5, "width": 4, "color": THEMES[theme]["text"]},
            text=[f"{value:.2f}" for value in values], textposition="inside", insidetextanchor="start",
            hovertemplate="%{y}: %{x:.3f}<extra></extra>",
        )
    )  # fmt: skip
    dress(figure, theme, height=90 + 42 * len(names), revision="costs")
    figure.update_xaxes(title_text=axis, nticks=6)
    figure.update_yaxes(title_text="prior", autorange="reversed", showgrid=False, automargin=True)
    return figure.update_layout(bargap=0.3, showlegend=False)


def training(looked: Sequence[Sequence[float]], kept: int, theme: Theme = "light") -> go.Figure:
    """Log-likelihood of the latents that stop the flow's training, in nats, over its steps; `kept` is marked."""
    steps, nats = ([one[place] for one in looked] for place in (0, 1))
    figure = go.Figure(
        go.Scatter(
            x=steps, y=nats, mode="lines+markers", line={"color": PALETTES[theme][0], "width": 2}, name="held back",
            hovertemplate="step %{x:,}: %{y:.2f} nats<extra></extra>",
        )
    )  # fmt: skip
    figure.add_vline(x=kept, line={"color": THEMES[theme]["rest"], "dash": "dot", "width": 1.5})
    dress(figure, theme, height=260, revision="flow")
    figure.update_xaxes(title_text="step of the training; the dotted one is kept", nticks=6)
    figure.update_yaxes(title_text="log-likelihood (nats)", nticks=6)
    return figure.update_layout(showlegend=False)


def spreads(
    codes: np.ndarray, means: np.ndarray, deviations: np.ndarray, counts: np.ndarray, whole: tuple[float, float],
    name: str, theme: Theme = "light",
) -> go.Figure:  # fmt: skip
    """Mean and standard deviation of one number given the code, a point a code; the dashed lines are those of all.

    Args:
        codes, means, deviations, counts: (n,) of codes that were seen. whole: mean and deviation of all positions.
    """
    order = np.argsort(-counts, kind="stable")[:MOST]
    codes, counts = codes[order], counts[order]
    marker = {"size": (4 + 10 * np.sqrt(counts / max(float(counts.max()), 1))).astype(np.float32), "opacity": 0.55}
    figure = go.Figure(
        go.Scattergl(
            x=means[order].astype(np.float32), y=deviations[order].astype(np.float32), mode="markers", name="a code",
            customdata=codes, marker=marker | {"color": PALETTES[theme][0], "line": {"width": 0}},
            text=[f"code {code:,}, {count:,} positions" for code, count in zip(codes, counts, strict=True)],
            hovertemplate="mean %{x:.3f}, deviation %{y:.3f}<br>%{text}<extra></extra>",
        )
    )  # fmt: skip
    line = {"color": THEMES[theme]["text"], "dash": "dash", "width": 1}
    figure.add_vline(x=whole[0], line=line)
    figure.add_hline(y=whole[1], line=line)
    dress(figure, theme, height=340, revision="spreads")
    figure.update_xaxes(title_text=f"mean {name} given the code", nticks=6)
    figure.update_yaxes(title_text="standard deviation given the code", rangemode="tozero", nticks=6)
    return figure.update_layout(showlegend=False)


def within(shares: np.ndarray, theme: Theme = "light") -> go.Figure:
    """Share of the variance of each number that is left within codes, the least first: (D,) in [0, 1]."""
    ordered = np.sort(np.asarray(shares, np.float64))
    places = np.arange(1, len(ordered) + 1)
    figure = go.Figure(
        go.Bar(
            x=places, y=ordered.astype(np.float32), marker={"color": PALETTES[theme][0], "line": {"width": 0}},
            hovertemplate="%{y:.1%} left<extra></extra>",
        )
    )  # fmt: skip
    dress(figure, theme, height=300, revision="within")
    figure.update_xaxes(title_text="numbers at a position, the most determined first", showgrid=False)
    figure.update_yaxes(title_text="share of variance within a code", tickformat=".0%", range=[0, 1.05])
    return figure.update_layout(bargap=0.15, showlegend=False, legend=BELOW)
