"""Shares and scores beside their nulls, a bar or a dot each, with 95 % intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from explorer.charts.plots import BELOW, PALETTES, THEMES, Theme, dress
from explorer.charts.wording import ticks, whole

ROW = 30  # px of each line of a chart
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross")


def beside_null(
    rows: Sequence[Mapping[str, Any]], axis: str, *, name: str = "found", null: str = "null", theme: Theme = "light"
) -> go.Figure:
    """Bars with intervals, and a diamond with an interval for what the null gives.

    Args:
        rows: {label, mean, low, high, null, null_low, null_high}, the numbers as they are to be read: percent or not.
        axis: title of the horizontal axis with its unit. name, null: what the bars and the diamonds are.
    """
    shades, colours, places = THEMES[theme], PALETTES[theme], list(range(len(rows)))
    figure = go.Figure(
        go.Bar(
            x=[row["mean"] for row in rows], y=places, orientation="h", name=name, width=0.6,
            marker={"color": colours[0], "opacity": 0.75}, error_x=_error(rows, "", shades["text"]),
            customdata=[[whole(row["label"]), row["low"], row["high"]] for row in rows],
            hovertemplate="%{customdata[0]}<br>%{x:.3g} [%{customdata[1]:.3g}, %{customdata[2]:.3g}]<extra></extra>",
        )
    )  # fmt: skip
    figure.add_scatter(
        x=[row["null"] for row in rows], y=places, mode="markers", name=null,
        marker={"symbol": "diamond", "size": 10, "color": colours[1], "line": {"width": 1, "color": shades["text"]}},
        error_x=_error(rows, "null", colours[1]),
        customdata=[[row["null_low"], row["null_high"]] for row in rows],
        hovertemplate=f"{null}: %{{x:.3g}} [%{{customdata[0]:.3g}}, %{{customdata[1]:.3g}}]<extra></extra>",
    )  # fmt: skip
    return _lined(figure, [row["label"] for row in rows], axis, theme)


def dots(
    labels: Sequence[str], series: Mapping[str, Sequence[Mapping[str, Any] | None]], axis: str, *,
    chance: Sequence[float] | None = None, theme: Theme = "light",
) -> go.Figure:  # fmt: skip
    """A line for each label, on it a dot with its interval for each series, and a tick where chance is.

    Args:
        series: by name, {score, low, high} for each label, or None. axis: title of the axis with its unit.
        chance: of each label.
    """
    shades, colours = THEMES[theme], PALETTES[theme]
    figure = go.Figure()
    step = min(0.22, 0.7 / max(len(series), 1))
    for number, (name, found) in enumerate(series.items()):
        there = [place for place, one in enumerate(found) if one is not None]
        rows = [{"mean": found[place]["score"], **found[place], "label": labels[place]} for place in there]
        colour, moved = colours[number % len(colours)], (number - (len(series) - 1) / 2) * step
        figure.add_scatter(
            x=[row["mean"] for row in rows], y=[place + moved for place in there], mode="markers", name=name,
            marker={"size": 9, "symbol": SYMBOLS[number % len(SYMBOLS)], "color": colour},
            error_x=_error(rows, "", colour),
            customdata=[[whole(row["label"]), row["low"], row["high"]] for row in rows],
            hovertemplate="%{customdata[0]}, "
            + name
            + "<br>%{x:.3f} [%{customdata[1]:.3f}, %{customdata[2]:.3f}]<extra></extra>",
        )  # fmt: skip
    if chance is not None:
        figure.add_scatter(
            x=list(chance), y=list(range(len(labels))), mode="markers", name="chance",
            marker={"symbol": "line-ns-open", "size": 16, "color": shades["muted"], "line": {"width": 2}},
            hovertemplate="chance %{x:.3f}<extra></extra>",
        )  # fmt: skip
    return _lined(figure, labels, axis, theme)


def _error(rows: Sequence[Mapping[str, Any]], which: str, colour: str) -> dict[str, Any]:
    middle, low, high = (which or "mean", f"{which}_low".strip("_"), f"{which}_high".strip("_"))
    return {
        "array": [row[high] - row[middle] for row in rows],
        "arrayminus": [row[middle] - row[low] for row in rows],
        "color": colour, "thickness": 1.5, "width": 4,
    }  # fmt: skip


def _lined(figure: go.Figure, labels: Sequence[str], axis: str, theme: Theme) -> go.Figure:
    dress(figure, theme, height=120 + ROW * max(len(labels), 2), revision=axis)
    figure.update_xaxes(title_text=axis, zeroline=True, nticks=8)
    figure.update_yaxes(**ticks(labels), showgrid=False, zeroline=False, range=[len(labels) - 0.4, -0.6])
    return figure.update_layout(legend=BELOW, hovermode="closest")
