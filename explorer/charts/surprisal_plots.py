"""Bits of a prior: what is left of a code when more is known, codes against their frequency, and sets told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from explorer.charts.plots import BELOW, PALETTES, THEMES, Theme, dress
from explorer.charts.wording import cut, ticks, whole

if TYPE_CHECKING:
    from explorer.analysis.surprisal import OfCodes, OfValue

LINE = 26  # pixels of a line
MOST = 40  # values that are drawn


def steps(found: Sequence[Mapping[str, Any]], names: Mapping[str, str], theme: Theme = "light") -> go.Figure:
    """Bits a code that are left at each step, as bars with 95 % intervals, the least known on top.

    Args:
        found: as `analysis.surroundings.explained` gives. names: what each step is called.
    """
    shades, colours = THEMES[theme], PALETTES[theme]
    means = np.array([one["mean"] for one in found])
    ends = np.array([[one["mean"] if one[end] is None else one[end] for end in ("low", "high")] for one in found])
    learned = [one["step"] in ("prior", "class") for one in found]
    named = [names[one["step"]] for one in found]
    figure = go.Figure(
        go.Bar(
            x=means, y=np.arange(len(found)), orientation="h", width=0.66,
            marker={"color": [colours[0] if yes else shades["rest"] for yes in learned]},
            error_x={
                "type": "data", "symmetric": False, "array": ends[:, 1] - means, "arrayminus": means - ends[:, 0],
                "thickness": 1.5, "width": 4, "color": shades["text"],
            },
            text=[f"{one:.2f}" for one in means], textposition="inside", insidetextanchor="start",
            textfont={"color": ["#ffffff" if yes == (theme == "light") else "#10151b" for yes in learned]},
            customdata=[[whole(name), *row] for name, row in zip(named, ends.tolist(), strict=True)],
            hovertemplate="%{customdata[0]}<br><b>%{x:.3f}</b> bits a code (95 %: %{customdata[1]:.3f} – "
            "%{customdata[2]:.3f})<extra></extra>", showlegend=False,
        )
    )  # fmt: skip
    figure.update_xaxes(title_text="bits a code, on images not fitted on", rangemode="tozero")
    figure.update_yaxes(
        tickmode="array", tickvals=list(range(len(named))), ticktext=[name.replace("|", "<br>") for name in named],
        autorange="reversed", showgrid=False,
    )  # fmt: skip
    return dress(figure, theme, height=80 + 40 * len(found), revision="steps")


def codes(found: OfCodes, theme: Theme = "light") -> go.Figure:
    """Mean surprisal of each code against its frequency, and the line of what frequency alone would cost.

    `customdata` of a point is its code, so that its patch is shown and a click leads to it.
    """
    shades, colours = THEMES[theme], PALETTES[theme]
    share = found.tokens / found.tokens.sum()
    figure = go.Figure()
    for rare, name, marker in (
        (True, "rare: fewer than 20 images", {"color": shades["muted"], "symbol": "circle-open", "size": 6}),
        (False, "code", {"color": colours[0], "size": 7}),
    ):
        of = np.flatnonzero(found.rare == rare)
        if len(of):
            text = [
                f"code {found.codes[i]}: <b>{found.mean[i]:.2f} bits</b>{_ends(found.low[i], found.high[i])}<br>"
                f"{found.tokens[i]:,} cells of {found.images[i]:,} images<br>frequency alone: "
                f"{-np.log2(share[i]):.2f} bits"
                for i in of
            ]
            figure.add_scatter(
                x=(100 * share[of]).astype(np.float32), y=found.mean[of].astype(np.float32), mode="markers", name=name,
                marker=marker | {"opacity": 0.8}, customdata=found.codes[of].astype(np.int32), text=text,
                hovertemplate="%{text}<extra></extra>",
            )  # fmt: skip
    line = np.geomspace(share.min(), share.max(), 40) if len(share) > 1 else share
    figure.add_scatter(
        x=100 * line, y=-np.log2(line), mode="lines", name="frequency alone", hoverinfo="skip",
        line={"color": colours[1], "width": 2, "dash": "dash"},
    )  # fmt: skip
    figure.update_xaxes(title_text="share of all cells (%)", type="log", dtick=1, minor={"showgrid": False})
    figure.update_yaxes(title_text="mean surprisal (bits)", rangemode="tozero")
    dress(figure, theme, height=430, revision="codes")
    return figure.update_layout(legend=BELOW)


def _ends(low: float, high: float) -> str:
    return "" if np.isnan(low) else f" (95 %: {low:.2f} – {high:.2f})"


def values(found: Sequence[OfValue], mean: Mapping[str, Any], theme: Theme = "light") -> go.Figure:
    """Bits a code of the images of each value with 95 % intervals; filled where q < 0.05; the mean of all as a bar.

    Args:
        found: the values, in the order in which they are drawn from the top. mean: `mean, low, high` of all images.
    """
    shades, colours = THEMES[theme], PALETTES[theme]
    found = found[:MOST]
    names = [f"{cut(one.concept, 11)}: {cut(one.value, 15)}" for one in found]
    figure = go.Figure()
    if mean["low"] is not None:
        figure.add_vrect(mean["low"], mean["high"], fillcolor=shades["rest"], opacity=0.6, line_width=0, layer="below")
    figure.add_vline(mean["mean"], line={"color": shades["muted"], "width": 1, "dash": "dot"})
    for sure, name in ((True, "differs (q < 0.05)"), (False, "may be chance")):
        of = [place for place, one in enumerate(found) if (one.q < 0.05) == sure]
        if not of:
            continue
        middle = np.array([found[place].mean for place in of])
        figure.add_scatter(
            x=middle, y=of, mode="markers", name=name, showlegend=True,
            marker={
                "size": 9, "color": colours[0] if sure else shades["muted"],
                "symbol": "circle" if sure else "circle-open", "line": {"width": 1.5},
            },
            error_x={
                "type": "data", "symmetric": False, "array": [found[p].high - found[p].mean for p in of],
                "arrayminus": [found[p].mean - found[p].low for p in of], "thickness": 1.5, "width": 3,
                "color": colours[0] if sure else shades["muted"],
            },
            customdata=[
                [whole(f"{found[p].concept}: {found[p].value}"), found[p].low, found[p].high, found[p].n,
                 found[p].difference, "" if np.isnan(found[p].q) else f"{found[p].q:.2g}"]
                for p in of
            ],
            hovertemplate="%{customdata[0]}<br><b>%{x:.3f}</b> bits a code (95 %: %{customdata[1]:.3f} – "
            "%{customdata[2]:.3f}), n = %{customdata[3]:,}<br>%{customdata[4]:+.3f} against the other values, "
            "q = %{customdata[5]}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title_text="bits a code, mean over images")
    figure.update_yaxes(
        tickmode="array", tickvals=list(range(len(names))), ticktext=names, showgrid=False,
        range=[len(names) - 0.4, -0.6],
    )  # fmt: skip
    dress(figure, theme, height=120 + LINE * max(len(names), 2), revision="values")
    return figure.update_layout(legend=BELOW)


def areas(found: Mapping[str, Mapping[str, Any]], names: Mapping[str, str], theme: Theme = "light") -> go.Figure:
    """AUROC of each score with its 95 % interval, and the line where nothing is told apart.

    Args:
        found: scores by name, as `analysis.outliers.told` gives. names: what each is called.
    """
    shades, colours = THEMES[theme], PALETTES[theme]
    shown = [name for name in names if name in found and found[name]["auroc"] is not None]
    middle = np.array([found[name]["auroc"] for name in shown])
    ends = np.array(
        [[middle[i] if found[n][e] is None else found[n][e] for e in ("low", "high")] for i, n in enumerate(shown)]
    ).reshape(-1, 2)
    figure = go.Figure(
        go.Scatter(
            x=middle, y=np.arange(len(shown)), mode="markers", showlegend=False,
            marker={"size": 10, "color": [colours[0] if name == "bits" else shades["muted"] for name in shown]},
            error_x={
                "type": "data", "symmetric": False, "array": ends[:, 1] - middle, "arrayminus": middle - ends[:, 0],
                "thickness": 1.5, "width": 4, "color": shades["muted"],
            },
            customdata=[[names[name], *row] for name, row in zip(shown, ends.tolist(), strict=True)],
            hovertemplate="%{customdata[0]}: <b>%{x:.3f}</b> (95 %: %{customdata[1]:.3f} – %{customdata[2]:.3f})"
            "<extra></extra>",
        )
    )  # fmt: skip
    figure.add_vline(0.5, line={"color": shades["muted"], "width": 1.5, "dash": "dash"})
    figure.update_xaxes(title_text="AUROC (0.5: not told apart)", range=[-0.04, 1.04], dtick=0.25)
    figure.update_yaxes(
        **ticks([names[name] for name in shown]), showgrid=False, range=[len(shown) - 0.4, -0.6], zeroline=False
    )
    return dress(figure, theme, height=90 + 34 * max(len(shown), 2), revision="areas")


def sets(usual: np.ndarray, other: np.ndarray, names: tuple[str, str], theme: Theme = "light") -> go.Figure:
    """Bits a code of the images of two sets, each as a share of its own images.

    Args:
        usual: (M,), other: (n,). names: of the two.
    """
    shades, colours = THEMES[theme], PALETTES[theme]
    both = np.concatenate([usual, other]).astype(np.float64)
    low, high = float(both.min()), float(both.max())
    edges = np.linspace(low, high if high > low else low + 1, 41)
    figure = go.Figure()
    for values, name, colour in ((usual, names[0], colours[0]), (other, names[1], colours[1])):
        share = 100 * np.histogram(values, bins=edges)[0] / max(len(values), 1)
        figure.add_bar(
            x=((edges[:-1] + edges[1:]) / 2).astype(np.float32), y=share, width=np.diff(edges), opacity=0.65,
            marker={"color": colour, "line": {"width": 0}}, name=f"{cut(name, 24)}, n = {len(values):,}",
            hovertemplate="%{y:.1f} % of these images near %{x:.2f} bits a code<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(title_text="bits a code of an image, no class told", showgrid=False)
    figure.update_yaxes(title_text="% of the images of a set", gridcolor=shades["grid"])
    dress(figure, theme, height=300, revision="sets")
    return figure.update_layout(barmode="overlay", legend=BELOW)
