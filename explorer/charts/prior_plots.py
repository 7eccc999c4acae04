"""Charts of what a prior is worth: bits per code beside models that count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from explorer.charts.plots import BELOW, PALETTES, THEMES, Theme, dress
from explorer.charts.wording import cut

ROWS = {  # metric: what it is called, symbol
    "bits_per_code": ("this prior", "circle"),
    "train_bits": ("on training images", "circle-open"),
    "bigram": ("bigram", "diamond"),
    "unigram": ("unigram", "diamond"),
    "uniform": ("uniform", "diamond"),
}


def beside_counting(metrics: Mapping[str, Any], theme: Theme = "light") -> go.Figure:
    """Bits per code with 95 % intervals, a row a model; of several levels a colour each, and all codes in front.

    Args:
        metrics: of a trained prior, as its `metrics.json`.
    """
    shades, colours = THEMES[theme], PALETTES[theme]
    levels = metrics.get("levels") or {}
    several = {"all codes": metrics, **levels} if len(levels) > 1 else {"": metrics}
    rows = {key: said for key, said in ROWS.items() if key in metrics}
    figure = go.Figure()
    for place, (name, found) in enumerate(several.items()):
        known = [key for key in rows if key in found]
        values = [_interval(found[key]) for key in known]
        height = [list(rows).index(key) + 0.22 * (place - (len(several) - 1) / 2) for key in known]
        own = colours[place]
        figure.add_scatter(
            x=[mean for mean, _, _ in values], y=height, mode="markers", name=cut(name) or "bits per code",
            marker={
                "size": 11, "symbol": [rows[key][1] for key in known], "line": {"width": 2},
                "color": [own if key in ("bits_per_code", "train_bits") or len(several) > 1 else shades["muted"]
                          for key in known],
            },
            error_x={
                "type": "data", "array": [high - mean for mean, _, high in values],
                "arrayminus": [mean - low for mean, low, _ in values], "thickness": 1.5, "width": 4, "color": own,
            },
            customdata=[[rows[key][0], low, high] for key, (_, low, high) in zip(known, values, strict=True)],
            hovertemplate=(f"{cut(name, 60)}<br>" if name else "")
            + "%{customdata[0]}: <b>%{x:.3f}</b> bits per code<br>95 %: %{customdata[1]:.3f} – %{customdata[2]:.3f}"
            "<extra></extra>",
        )  # fmt: skip
    most = max(_interval(one[key])[2] for one in several.values() for key in rows if key in one)
    figure.update_xaxes(title_text="bits per code (fewer is better)", range=[0, most * 1.06 or 1], zeroline=False)
    figure.update_yaxes(
        tickvals=list(range(len(rows))), ticktext=[said for said, _ in rows.values()],
        range=[len(rows) - 0.4, -0.6], showgrid=False, zeroline=False,
    )  # fmt: skip
    dress(figure, theme, height=110 + (34 + 10 * len(several)) * len(rows), revision="prior bits")
    return figure.update_layout(showlegend=len(several) > 1, legend=BELOW)


def _interval(found: Mapping[str, Any] | float) -> tuple[float, float, float]:
    """Mean, low and high; of a number, or of one image, all the same."""
    if not isinstance(found, Mapping):
        return found, found, found
    mean = found["mean"]
    return mean, mean if found["low"] is None else found["low"], mean if found["high"] is None else found["high"]
