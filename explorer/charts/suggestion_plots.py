"""Charts of swaps that were asked for, beside random ones."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from explorer.charts.plots import BELOW, PALETTES, THEMES, Theme, dress


def climb(
    scores: np.ndarray, random: np.ndarray, title: str, *, percent: bool = False, theme: Theme = "light"
) -> go.Figure:
    """Scores (n + 1,) after 0, 1, … n proposed swaps beside those of random swaps (sets, n + 1), as they are told.

    Args:
        title: of the scale. percent: whether scores are from 0 to 1.
    """
    colours, shades, steps = PALETTES[theme], THEMES[theme], np.arange(len(scores))
    low, middle, high = random.min(0), np.median(random, 0), random.max(0)
    figure = go.Figure()
    figure.add_scatter(
        x=np.concatenate([steps, steps[::-1]]), y=np.concatenate([low, high[::-1]]), fill="toself", mode="none",
        fillcolor=shades["rest"], opacity=0.5, hoverinfo="skip", name="range of random swaps",
    )  # fmt: skip
    form = "%{y:.1%}" if percent else "%{y:.2f} dB"
    figure.add_scatter(
        x=steps, y=middle, mode="lines", line={"color": shades["muted"], "dash": "dash", "width": 2},
        name="median of random swaps", hovertemplate=f"{form} after %{{x}} random swaps<extra></extra>",
    )  # fmt: skip
    figure.add_scatter(
        x=steps, y=scores, mode="lines+markers", line={"color": colours[0], "width": 3}, marker={"size": 8},
        name="proposed", hovertemplate=f"{form} after %{{x}} proposed swaps<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(title_text="swaps", dtick=1 if len(steps) <= 9 else 2)
    figure.update_yaxes(title_text=title, **({"range": [-0.02, 1.02], "tickformat": ".0%"} if percent else {}))
    dress(figure, theme, height=300, revision="suggestions")
    return figure.update_layout(legend=BELOW | {"font": {"size": 12}}, margin_b=70)
