"""Charts of codes: use by rank and id, cumulative share, concepts, and the codebook's geometry."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import numpy as np
import plotly.graph_objects as go

from explorer.charts.plots import BELOW, PALETTES, THEMES, Theme, dress
from explorer.charts.wording import ticks, whole

if TYPE_CHECKING:
    import pandas as pd

    from explorer.analysis.usage import ConceptUsage

# no code of a value is the page's own colour; more is further from it
SEQUENTIAL = {
    "light": ["#ffffff", "#d9e6f1", "#9cbfda", "#578fb9", "#2a628f", "#123652"],
    "dark": ["#11151b", "#1b3145", "#275a80", "#4a8dbb", "#8dc2e4", "#def0fb"],
}
DIVERGING = {
    "light": ["#1b4b73", "#3d77a5", "#a9c8e0", "#ffffff", "#ecb78f", "#b85a24", "#8c3a12"],
    "dark": ["#a6d0ec", "#69a8d2", "#2b5a80", "#11151b", "#84461f", "#dc8a57", "#f3b48b"],
}
# a colour bar over the chart: beside it, names and bar leave nothing of a phone's width
ABOVE = {
    "orientation": "h",
    "x": 0,
    "xanchor": "left",
    "len": 1,
    "y": 1,
    "yanchor": "bottom",
    "nticks": 4,
    "tickangle": 0,
}


POINTS = 5_000  # of a curve


def _named(table: pd.DataFrame) -> dict[str, object]:
    """What hovering over a code adds to its number where the user named some; names of others are no HTML."""
    return {"hovertext": [f" {escape(name)}" for name in table["name"]]} if "name" in table else {}


def _code(table: pd.DataFrame) -> str:
    return "code <b>%{customdata[0]}</b>" + ("%{hovertext}" if "name" in table else "")


def usage_bars(
    table: pd.DataFrame,
    colours: np.ndarray,
    *,
    even: float,
    by: str = "rank",
    log: bool = False,
    theme: Theme = "light",
) -> go.Figure:
    """Tokens of each code as bars, in the order of `by`: `rank` (most used first) or `code`.

    The dashed line is `even` use. `customdata` is the code.
    """
    table = table.sort_values(by)
    fill = [f"rgb({r},{g},{b})" for r, g, b in colours[table["code"].to_numpy()]]
    figure = go.Figure(
        go.Bar(
            x=table[by],
            y=table["tokens"],
            customdata=np.stack([table["code"], 100 * table["share"], table["rank"]], 1),
            marker={"color": fill, "line": {"width": 0}},
            **_named(table),
            hovertemplate=f"{_code(table)}, rank %{{customdata[2]}}<br>"
            "%{y:,} tokens, %{customdata[1]:.3g} %"
            "<extra></extra>",
        )
    )
    figure.add_hline(
        even, line={"dash": "dash", "width": 1, "color": THEMES[theme]["muted"]},
        annotation_text=f"even use: {even:,.0f}", annotation_position="top right",
        annotation_font_color=THEMES[theme]["muted"],
    )  # fmt: skip
    title = "rank, most used first" if by == "rank" else "code"
    figure.update_xaxes(title_text=title, showgrid=False)
    figure.update_yaxes(title_text="tokens" + (" (logarithmic)" if log else ""), type="log" if log else "linear")
    dress(figure, theme, revision=f"{by}{log}")
    return figure.update_layout(bargap=0 if len(table) > 100 else 0.1)


def cumulative(shares: np.ndarray, covering: dict[float, int], *, theme: Theme = "light") -> go.Figure:
    """Share of tokens that the most used codes cover: shares (K,) rising to 1; `covering` marks share -> codes."""
    size, at = len(shares), np.unique(np.linspace(0, len(shares), POINTS).round().astype(np.int64))
    figure = go.Figure()
    figure.add_scatter(
        x=[0, size], y=[0, 1], mode="lines", name="even use",
        line={"color": THEMES[theme]["muted"], "dash": "dash", "width": 1}, hoverinfo="skip",
    )  # fmt: skip
    figure.add_scatter(
        x=at, y=np.concatenate([[0], shares])[at], mode="lines", name="this codebook",
        line={"color": PALETTES[theme][0], "width": 2}, hovertemplate="%{x:,} codes cover %{y:.1%}<extra></extra>",
    )  # fmt: skip
    marked = {share: codes for share, codes in covering.items() if codes}
    sides = ["bottom right" if codes < 0.35 * size else "top left" for codes in marked.values()]  # beside the curve
    figure.add_scatter(
        x=list(marked.values()), y=list(marked), mode="markers+text", name="50, 90, 99 %",
        text=[f"{codes:,} codes: {share:.0%}" for share, codes in marked.items()], textposition=sides,
        marker={"color": PALETTES[theme][1], "size": 8}, hoverinfo="skip", showlegend=False, cliponaxis=False,
    )  # fmt: skip
    figure.update_xaxes(title_text="most used codes", rangemode="tozero")
    figure.update_yaxes(title_text="share of tokens", tickformat=".0%", range=[0, 1.1])
    dress(figure, theme, revision="cumulative")
    return figure.update_layout(legend=BELOW)


def concept_heatmap(
    usage: ConceptUsage, values: np.ndarray, order: np.ndarray, *, signed: bool, theme: Theme = "light"
) -> go.Figure:
    """Concept values × codes: values (V, U) of `usage.codes`, columns in `order`. `customdata[0]` is the code.

    Args:
        signed: values are log2 ratios around 0 (diverging colours), else shares.
    """
    shown = np.asarray(values)[:, order]
    codes = usage.codes[order]
    top = max(float(np.abs(shown).max()), 1e-9) if shown.size else 1.0
    unit = "log₂ ratio" if signed else "share of tokens"
    told = [
        [[int(code), f"{n:,}", whole(value)] for code, n in zip(codes, row, strict=True)]
        for value, row in zip(usage.values, usage.counts[:, order], strict=True)
    ]
    figure = go.Figure(
        go.Heatmap(
            z=shown,
            x=[str(code) for code in codes],
            y=list(range(len(shown))),
            customdata=told,
            zmin=-top if signed else 0,
            zmax=top,
            colorscale=DIVERGING[theme] if signed else SEQUENTIAL[theme],
            colorbar={
                "title": {"text": unit, "side": "top"},
                "tickformat": None if signed else ".1%",
                "thickness": 10,
                "outlinewidth": 0,
                **ABOVE,
            },
            hovertemplate="%{customdata[2]}<br>code <b>%{x}</b><br>"
            + ("log₂ ratio %{z:.2f}" if signed else "%{z:.2%} of its tokens")
            + "<br>%{customdata[1]} tokens<extra></extra>",
        )
    )
    figure.update_xaxes(title_text="code", type="category", showgrid=False)
    figure.update_yaxes(title_text="value (images)", autorange="reversed", showgrid=False, zeroline=False)
    figure.update_yaxes(ticks(usage.values, (f"({images:,})" for images in usage.images)))
    return dress(figure, theme, height=max(290, 160 + 26 * len(shown)), revision=str(signed)).update_layout(margin_t=74)


def geometry(
    table: pd.DataFrame,
    places: np.ndarray,
    colours: np.ndarray,
    *,
    axes: tuple[str, str],
    selected: int | None = None,
    theme: Theme = "light",
) -> go.Figure:
    """Codebook vectors at `places` (K, 2), area by use; dead codes are hollow. `customdata[0]` is the code."""
    tokens = table["tokens"].to_numpy()
    area = np.sqrt(tokens / max(tokens.max(), 1))
    fill = [f"rgb({r},{g},{b})" for r, g, b in colours[table["code"].to_numpy()]]
    dead = tokens == 0
    fill = np.where(dead, THEMES[theme]["muted"], fill)
    picked = table["code"].to_numpy() == selected
    figure = go.Figure(
        go.Scatter(
            x=places[:, 0],
            y=places[:, 1],
            mode="markers",
            customdata=np.stack([table["code"], 100 * table["share"], table["images"]], 1),
            marker={
                "size": 6 + 22 * area,
                "color": fill,
                "symbol": np.where(dead, "circle-open", "circle"),
                "line": {
                    "width": np.where(picked, 3, 0.75),
                    "color": np.where(picked, PALETTES[theme][1], THEMES[theme]["muted"]),
                },
                "opacity": 0.9,
            },
            **_named(table),
            hovertemplate=f"{_code(table)}<br>%{{customdata[1]:.3g}} % of tokens, in %{{customdata[2]:,}} "
            "images<extra></extra>",
        )
    )
    figure.update_xaxes(title_text=axes[0], zeroline=False)
    figure.update_yaxes(title_text=axes[1], zeroline=False)
    dress(figure, theme, height=480, revision=axes[0])
    return figure.update_layout(dragmode="pan")
