"""Charts of two checkpoints: the paired difference of each image, and how alike each layer is to each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from explorer.charts.plots import BELOW, PALETTES, THEMES, Theme, dress
from explorer.charts.wording import cut, whole

SCALE = {"light": ["#edf3f8", "#1d5f94"], "dark": ["#1a2531", "#7fbbe6"]}
BARS = 48
MOST = 0.999  # of the images are on the chart; a few that lie far out would squeeze the others


def differences(
    values: np.ndarray, ahead: np.ndarray, title: str, names: tuple[str, str], *, theme: Theme = "light"
) -> go.Figure:
    """Images by how much A's score is above B's, in the colour of whichever is better, with the mean.

    Args:
        values: (n,) finite differences A − B. ahead: (n,) 1 where A is better, -1 where B is, 0 where neither.
        title: of the horizontal axis, with its unit. names: of A and B.
    """
    shades, colours = THEMES[theme], PALETTES[theme]
    low, high = np.quantile(values, [1 - MOST, MOST]).tolist()
    low, high = min(low, 0.0), max(high, 0.0)  # where nobody wins is always in sight
    step = (high - low) / BARS or 1e-9
    edges = step * np.arange(-max(np.ceil(-low / step), 1), max(np.ceil(high / step), 1) + 1)  # 0 is one of them
    shown, room = np.clip(values, edges[0], edges[-1]), step
    figure = go.Figure()
    better = [f"{cut(name, 24)} better" for name in names]
    sides = (1, better[0], colours[0]), (-1, better[1], colours[1]), (0, "the same", shades["rest"])
    for side, name, colour in sides:
        some = shown[ahead == side]
        if not len(some):
            continue
        counts = np.histogram(some, bins=edges)[0]
        figure.add_bar(
            x=((edges[:-1] + edges[1:]) / 2).astype(np.float32), y=counts, width=np.diff(edges) * 0.94, name=name,
            marker={"color": colour, "line": {"width": 0}}, customdata=np.stack([edges[:-1], edges[1:]], 1),
            hovertemplate="%{y:,} images from %{customdata[0]:.3g} to %{customdata[1]:.3g}<extra></extra>",
        )  # fmt: skip
    mean = float(values.mean())
    figure.add_vline(0, line={"color": shades["muted"], "width": 1.5, "dash": "dash"})
    figure.add_vline(
        mean, line={"color": shades["text"], "width": 2},
        annotation={"text": f"mean {mean:+.3g}".replace("-", "−"), "font_color": shades["text"], "yshift": 18,
                    "xanchor": "left" if mean < (low + high) / 2 else "right"},
    )  # fmt: skip
    figure.update_xaxes(title_text=title, showgrid=False, range=[edges[0] - room, edges[-1] + room], nticks=7)
    figure.update_yaxes(title_text=f"images (of {len(values):,})")
    dress(figure, theme, height=330, revision=title)
    return figure.update_layout(
        barmode="stack", legend={**BELOW, "traceorder": "normal"}, showlegend=True, margin_t=46, margin_b=70
    )


def layers(
    pairs: Sequence[dict[str, Any]],
    measure: str,
    chosen: tuple[str, str],
    names: tuple[str, str],
    *,
    theme: Theme = "light",
) -> go.Figure:
    """Each layer of A beside each of B, coloured by how alike they are; the chosen pair is outlined.

    Args:
        pairs: `{a, b, measure: {value, low, high, null} or None}`; `customdata` of a cell is the place of its pair.
    """
    rows, columns = (list(dict.fromkeys(pair[side] for pair in pairs)) for side in "ab")
    place = {(pair["a"], pair["b"]): at for at, pair in enumerate(pairs)}
    cells = [[pairs[place[a, b]][measure] for b in columns] for a in rows]
    low, high = SCALE[theme]
    figure = go.Figure(go.Heatmap(
        z=[[None if one is None else max(one["value"], 0) for one in line] for line in cells],
        text=[["–" if one is None else f"{one['value']:.2f}" for one in line] for line in cells],
        customdata=[
            [[place[a, b], whole(a), whole(b), _between(pairs[place[a, b]][measure])] for b in columns] for a in rows
        ],
        x=list(range(len(columns))), y=list(range(len(rows))), texttemplate="%{text}", xgap=3, ygap=3, zmin=0, zmax=1,
        colorscale=[[0, low], [1, high]], showscale=False, hoverongaps=False,
        hovertemplate="A: %{customdata[1]}, B: %{customdata[2]}<br>%{text}%{customdata[3]}<extra></extra>",
    ))  # fmt: skip
    if chosen in place:
        x, y = columns.index(chosen[1]), rows.index(chosen[0])
        outline = {"color": PALETTES[theme][1], "width": 2.5}
        figure.add_shape(type="rect", x0=x - 0.5, x1=x + 0.5, y0=y - 0.5, y1=y + 0.5, line=outline)
    figure.update_xaxes(
        title_text=f"layers of B, {cut(names[1], 28)}", tickmode="array",
        tickvals=list(range(len(columns))), ticktext=[cut(one) for one in columns], showgrid=False, zeroline=False,
    )  # fmt: skip
    figure.update_yaxes(
        title_text=f"A, {cut(names[0], 20)}", tickmode="array", tickvals=list(range(len(rows))),
        ticktext=[cut(one) for one in rows], showgrid=False, zeroline=False, range=[len(rows) - 0.5, -0.5],
    )  # fmt: skip
    return dress(figure, theme, height=max(180, 96 + 44 * len(rows)), revision=measure)


def _between(one: dict[str, Any] | None) -> str:
    if one is None:
        return ""
    ends = "" if one["low"] is None else f", 95 %: {one['low']:.3f} – {one['high']:.3f}"
    return f"{ends}<br>by chance {one['null']:.3f}"
