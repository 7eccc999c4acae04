"""How far the codes of two trainings agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from explorer.charts.plots import BELOW, PALETTES, THEMES, Theme, dress
from explorer.charts.wording import whole

METRICS = {"agreed": "tokens that keep their code", "iou": "IoU of matched codes", "ami": "adjusted mutual information"}


def agreement(pairs: Sequence[Mapping[str, Any]], theme: Theme = "light") -> go.Figure:
    """Every number with its 95 % interval, and hollow what permuted images give.

    Args:
        pairs: of the score `stability`.
    """
    shades, colours = THEMES[theme], PALETTES[theme]
    names = [whole(f"{pair['layer']}, {pair['other']}") for pair in pairs]
    figure = go.Figure()
    for place, (metric, called) in enumerate(METRICS.items()):
        found = [pair[metric] for pair in pairs]
        height = [row + 0.2 * (place - 1) for row in range(len(pairs))]
        figure.add_scatter(
            x=[one["mean"] for one in found], y=height, mode="markers", name=called, customdata=names,
            marker={"size": 10, "color": colours[place]},
            error_x={
                "array": [one["high"] - one["mean"] for one in found],
                "arrayminus": [one["mean"] - one["low"] for one in found],
                "color": colours[place], "thickness": 1.5, "width": 4,
            },
            hovertemplate=f"%{{customdata}}<br>{called}: %{{x:.3f}}<extra></extra>",
        )  # fmt: skip
        figure.add_scatter(
            x=[one["null"] for one in found], y=height, mode="markers", name="permuted images", customdata=names,
            marker={"size": 9, "color": shades["muted"], "symbol": "circle-open", "line": {"width": 2}},
            showlegend=place == 0, hovertemplate=f"%{{customdata}}<br>{called}, permuted: %{{x:.3f}}<extra></extra>",
        )  # fmt: skip
    low = min([0.0, *(pair[metric]["low"] for pair in pairs for metric in METRICS)])
    figure.update_xaxes(title_text="agreement (1 is the same codes)", range=[low - 0.03, 1.03])
    ends = [-0.6, len(pairs) - 0.4]
    figure.update_yaxes(tickvals=list(range(len(pairs))), ticktext=names, range=ends[::-1], showgrid=False)
    dress(figure, theme, height=150 + 90 * len(pairs), revision="stability")
    return figure.update_layout(legend=BELOW, showlegend=True)
