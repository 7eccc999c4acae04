"""Charts of how well ways to search find what is alike: scores with intervals, and tables as colours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from explorer.charts.plots import BELOW, PALETTES, THEMES, Theme, dress
from explorer.charts.wording import cut, ticks, whole

SCALE = {"light": ["#edf3f8", "#1d5f94"], "dark": ["#1a2531", "#2d7fb8"]}  # numbers stand on both ends
LINE, WIDE = 25, 24  # pixels of a line, and characters of a name beside it


def ways(
    names: Sequence[str],
    scores: np.ndarray,
    groups: Sequence[int],
    legend: Sequence[str],
    chance: float,
    title: str,
    *,
    theme: Theme = "light",
) -> go.Figure:
    """Scores of ways with 95 % intervals, a colour a group, the first on top; dashed is a random order.

    Args:
        scores: (m, 3) mean, low, high. groups: (m,) of each, a place in `legend`, which names all that there may be.
        title: of the axis.
    """
    scores, shades, colours = np.asarray(scores, np.float64).reshape(-1, 3), THEMES[theme], PALETTES[theme]
    figure = go.Figure()
    for group, name in enumerate(legend):
        some, colour = np.flatnonzero(np.asarray(groups) == group), colours[group]
        if not len(some):
            continue
        value, low, high = scores[some].T
        figure.add_scatter(
            x=value, y=some, mode="markers", name=name, marker={"color": colour, "size": 8},
            customdata=[[int(at), whole(names[at]), *scores[at, 1:]] for at in some],
            error_x={"type": "data", "symmetric": False, "array": np.nan_to_num(high - value),
                     "arrayminus": np.nan_to_num(value - low), "thickness": 1.5, "width": 4, "color": colour},
            hovertemplate="%{customdata[1]}<br><b>%{x:.3f}</b> (95 %: %{customdata[2]:.3f} – %{customdata[3]:.3f})"
            "<extra></extra>",
        )  # fmt: skip
    figure.add_vline(
        chance, line={"color": shades["muted"], "width": 1.5, "dash": "dash"},
        annotation={"text": f"a random order {chance:.2f}", "font_color": shades["muted"], "yshift": 16,
                    "xanchor": "left" if chance < 0.6 else "right"},
    )  # fmt: skip
    most = float(np.nanmax([chance, *scores[:, 2]]))
    figure.update_xaxes(title_text=title, range=[0, most * 1.06 or 1])
    shown = {**ticks(names), "ticktext": [cut(name, WIDE) for name in names]}
    figure.update_yaxes(**shown, range=[len(names) - 0.4, -0.6], showgrid=False, zeroline=False)
    dress(figure, theme, height=150 + LINE * max(len(names), 3), revision=title)
    return figure.update_layout(legend=BELOW, margin_t=44)


def table(
    rows: Sequence[str],
    columns: Sequence[str],
    scores: Sequence[Sequence[tuple[float, str] | None]],
    *,
    chosen: int | None = None,
    across: str = "",
    theme: Theme = "light",
) -> go.Figure:
    """Scores from 0 to 1 as colours with their numbers, the best of each row bold; `customdata` is the row.

    Args:
        scores: of each row and column, and what pointing at it says; None for what there is not.
        chosen: a row that is outlined. across: what the columns are.
    """
    known = [[None if one is None else one[0] for one in line] for line in scores]
    figure = go.Figure(go.Heatmap(
        z=known, x=list(range(len(columns))), y=list(range(len(rows))), text=[_shown(line) for line in known],
        customdata=[
            [[at, "" if one is None else whole(rows[at]), "" if one is None else one[1]] for one in line]
            for at, line in enumerate(scores)
        ],
        texttemplate="%{text}", textfont={"size": 12}, xgap=3, ygap=3, zmin=0, zmax=1, showscale=False,
        colorscale=[[0, SCALE[theme][0]], [1, SCALE[theme][1]]], hoverongaps=False,
        hovertemplate="%{customdata[1]}<br>%{customdata[2]}<extra></extra>",
    ))  # fmt: skip
    if chosen is not None:
        outline: dict[str, Any] = {"color": PALETTES[theme][1], "width": 2.5}
        figure.add_shape(type="rect", x0=-0.5, x1=len(columns) - 0.5, y0=chosen - 0.5, y1=chosen + 0.5, line=outline)
    figure.update_xaxes(
        title_text=across, tickmode="array", tickvals=list(range(len(columns))), ticktext=[cut(one) for one in columns],
        showgrid=False, zeroline=False, tickangle=-50 if len(columns) > 5 else 0,
    )  # fmt: skip
    figure.update_yaxes(**ticks(rows), showgrid=False, zeroline=False, range=[len(rows) - 0.5, -0.5])
    return dress(figure, theme, height=(170 if len(columns) > 5 else 100) + 30 * len(rows), revision=across)


def _shown(line: Sequence[float | None]) -> list[str]:
    """Two digits, without the nought that all have; the best of the row is bold, unless half of it is as good."""
    best = max((round(one, 2) for one in line if one is not None), default=0)
    ahead = sum(one is not None and round(one, 2) == best for one in line) * 2 <= len(line)
    shown = []
    for one in line:
        text = "" if one is None else "1" if round(one, 2) >= 1 else f"{one:.2f}"[1:]
        shown.append(f"<b>{text}</b>" if ahead and one is not None and round(one, 2) == best else text)
    return shown
