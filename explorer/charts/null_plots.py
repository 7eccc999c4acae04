"""Scores with their intervals, beside what chance gives: one line each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.charts.plots import BELOW, PALETTES, THEMES, Theme, dress
from explorer.charts.wording import ticks, whole

LINE = 26  # pixels of a line


def beside_null(
    names: Sequence[str],
    found: np.ndarray,
    null: np.ndarray,
    title: str,
    *,
    chance: str = "chance",
    points: Sequence[int] | None = None,
    theme: Theme = "light",
) -> go.Figure:
    """Scores with 95 % intervals as dots, and the range of the null as a grey bar, the first name on top.

    Args:
        names: U. found: (U, 3) score, low, high; low and high may be NaN. null: (U, 2) the bar's ends.
        title: of the horizontal axis, with its unit. chance: what the bar is. points: (U,) `customdata`, such as codes.
    """
    found, null = np.asarray(found, np.float64).reshape(-1, 3), np.asarray(null, np.float64).reshape(-1, 2)
    lines, shades = np.arange(len(names)), THEMES[theme]
    known = np.isfinite(null).all(1)
    figure = go.Figure()
    figure.add_bar(
        y=lines[known], base=null[known, 0], x=np.maximum(null[known, 1] - null[known, 0], 1e-9), orientation="h",
        name=chance, marker={"color": shades["rest"], "line": {"width": 3, "color": shades["rest"]}}, width=0.5,
        customdata=null[known], hovertemplate=chance + ": %{customdata[0]:.3f} – %{customdata[1]:.3f}<extra></extra>",
    )  # fmt: skip
    told = [[code, whole(name), *row] for code, name, row in zip(points or lines, names, found.tolist(), strict=True)]
    figure.add_scatter(
        x=found[:, 0], y=lines, mode="markers", name="score, 95 % interval", customdata=told,
        marker={"color": PALETTES[theme][0], "size": 8},
        error_x={
            "type": "data", "symmetric": False, "thickness": 1.5, "width": 4, "color": PALETTES[theme][0],
            "array": np.nan_to_num(found[:, 2] - found[:, 0]), "arrayminus": np.nan_to_num(found[:, 0] - found[:, 1]),
        },
        hovertemplate="%{customdata[1]}<br><b>%{x:.3f}</b> (95 %: %{customdata[3]:.3f} – %{customdata[4]:.3f})"
        "<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(title_text=title, rangemode="tozero")
    figure.update_yaxes(**ticks(names), autorange="reversed", showgrid=False)
    dress(figure, theme, height=130 + LINE * max(len(names), 2), revision=title)
    return figure.update_layout(legend=BELOW, barmode="overlay")
