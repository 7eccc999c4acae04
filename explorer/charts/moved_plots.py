"""Charts of two maps of the same images: how far each moved, and how many neighbours each keeps in the latents."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from explorer.charts.plots import BELOW, PALETTES, THEMES, Theme, dress

BINS = 40


def displacements(
    moved: np.ndarray, chance: float, chosen: np.ndarray | None = None, *, theme: Theme = "light"
) -> go.Figure:
    """How many images moved how far, (n,) in spreads of the first map, beside the median of maps that share nothing.

    Args:
        chosen: (n,) bool, images that are drawn besides as shares of their own number.
    """
    edges = np.linspace(0, max(float(np.max(moved)), chance, 0.1) * 1.02, BINS + 1)
    figure = _bars(*_shares(moved, edges, chosen), (edges[:-1] + edges[1:]) / 2, float(edges[1]), theme)
    figure.update_traces(hovertemplate="%{y:.1f} % moved about %{x:.2f} spreads<extra></extra>")
    for place, name, dash, anchor in (
        (float(np.median(moved)), "median", "solid", "right"), (chance, "by chance", "dash", "left"),
    ):  # fmt: skip
        figure.add_vline(
            place, line={"color": THEMES[theme]["text"], "width": 1.5, "dash": dash},
            annotation={
                "text": f"{name} {place:.2f}", "font_color": THEMES[theme]["text"], "xanchor": anchor,
                "yshift": 18 if dash == "solid" else 4,
            },
        )  # fmt: skip
    figure.update_xaxes(title_text="displacement on the map (spreads of map A)", showgrid=False)
    return figure


def neighbours_kept(
    kept: np.ndarray, k: int, others: int, chosen: np.ndarray | None = None, *, theme: Theme = "light"
) -> go.Figure:
    """How many images keep 0, 1, … k of their nearest among `others`, beside what two unrelated spaces would keep."""
    from scipy.stats import hypergeom

    edges = np.arange(k + 2) - 0.5
    figure = _bars(*_shares(kept, edges, chosen), np.arange(k + 1), 1.0, theme)
    figure.update_traces(hovertemplate="%{y:.1f} % keep %{x}<extra></extra>")
    figure.add_scatter(
        x=np.arange(k + 1), y=100 * hypergeom(others, k, k).pmf(np.arange(k + 1)), mode="markers", name="by chance",
        marker={"symbol": "line-ew", "size": 18, "line": {"width": 2.5, "color": THEMES[theme]["text"]}},
        hovertemplate="%{y:.2g} % by chance<extra></extra>",
    )  # fmt: skip
    figure.update_xaxes(
        title_text=f"of the {k} nearest images in the latents, kept",
        dtick=1,
        showgrid=False,
        zeroline=False,
        range=[-0.6, k + 0.6],
    )
    return figure.update_layout(showlegend=True)


def _shares(values: np.ndarray, edges: np.ndarray, chosen: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    """% of all in each bin, and of the chosen, where there are some and others."""
    every = 100 * np.histogram(values, edges)[0] / max(len(values), 1)
    if chosen is None or not chosen.any() or chosen.all():
        return every, None
    return every, 100 * np.histogram(values[chosen], edges)[0] / chosen.sum()


def _bars(every: np.ndarray, some: np.ndarray | None, middles: np.ndarray, width: float, theme: Theme) -> go.Figure:
    colours = PALETTES[theme]
    figure = go.Figure(
        go.Bar(x=middles, y=every, width=width * 0.92, name="all", marker={"color": colours[0], "line": {"width": 0}})
    )
    if some is not None:
        figure.add_scatter(
            x=middles, y=some, mode="lines", name="chosen", line={"shape": "hvh", "color": colours[1], "width": 2.5}
        )
    figure.update_yaxes(title_text="% of images", rangemode="tozero")
    dress(figure, theme, height=300, revision="moved")
    return figure.update_layout(margin_t=50, margin_b=34, legend=BELOW, showlegend=some is not None)
