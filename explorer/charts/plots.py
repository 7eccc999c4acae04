"""Arrays -> plotly figures: scores over images, maps of latents, over-representation, and the look charts share.

Figures are small (float32 arrays travel as base64), load nothing from a network, and name their template and colours,
so that they look the same in the app, in a notebook and in a saved file. `theme` is the page's: light or dark.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import plotly.graph_objects as go

from explorer.charts.wording import cut, whole

if TYPE_CHECKING:
    from explorer.analysis.quality import Summary
    from explorer.analysis.selection import Enrichment

Theme = Literal["light", "dark"]
THEMES = {
    "light": {"text": "#1c2430", "muted": "#66717f", "grid": "#dde2e9", "hover": "#ffffff", "rest": "#c3cad3"},
    "dark": {"text": "#e3e8ee", "muted": "#97a3b1", "grid": "#2c3541", "hover": "#1a2028", "rest": "#4a5563"},
}
# Okabe and Ito's colours (safe for colour-blind readers), darkened to stand on white, lightened to stand on black
PALETTES = {
    "light": [
        "#2a628f", "#d2691e", "#1d8a6b", "#b0568f", "#c79a00", "#4aa3d1", "#8c4a3a", "#66717f", "#6a4fc4", "#8fae1b",
    ],
    "dark": [
        "#6cb0e3", "#f0975a", "#4cc3a0", "#dd8cbf", "#e6c34a", "#9ad5f5", "#c98877", "#97a3b1", "#a792f5", "#b9d94c",
    ],
}  # fmt: skip
SYMBOLS = ("circle", "diamond")  # a second round of the palette; more values than both rounds become "other"
CLEAR = "rgba(0,0,0,0)"
BELOW = {"orientation": "h", "x": 0, "y": 0, "yref": "container", "yanchor": "bottom"}  # a legend clear of the tools
FONT = '"Source Sans", "Source Sans Pro", sans-serif'  # the app's own


def dress(figure: go.Figure, theme: Theme = "light", *, height: int = 320, revision: str = "") -> go.Figure:
    """The common look: clear background, the theme's colours, zoom kept while `revision` stays the same."""
    shades = THEMES[theme]
    axis = {"gridcolor": shades["grid"], "linecolor": shades["grid"], "zerolinecolor": shades["grid"]}
    axis |= {"tickfont": {"color": shades["muted"]}, "automargin": True}
    axis |= {"title": {"font": {"color": shades["text"], "size": 14}}}
    figure.update_layout(
        template="none",
        colorway=PALETTES[theme],
        height=height,
        margin={"l": 8, "r": 12, "t": 28, "b": 8},
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
        font={"color": shades["text"], "size": 13, "family": FONT},
        hoverlabel={
            "bgcolor": shades["hover"],
            "bordercolor": shades["muted"],
            "font": {"color": shades["text"], "size": 13, "family": FONT},
            "align": "left",
        },
        legend={
            "font": {"color": shades["text"]},
            "title": {"font": {"size": 13}},
            "itemsizing": "constant",
            "bgcolor": CLEAR,
        },
        modebar={"bgcolor": CLEAR, "color": shades["muted"], "activecolor": shades["text"]},
        uirevision=revision or "kept",
    )
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
    for scene in figure.select_scenes():
        for place in (scene.xaxis, scene.yaxis, scene.zaxis):
            place.update(
                gridcolor=shades["grid"],
                backgroundcolor=CLEAR,
                showticklabels=False,
                title_font_color=shades["muted"],
                zeroline=False,
            )
    return figure


def quality_histogram(
    values: np.ndarray,
    summary: Summary,
    title: str,
    *,
    baseline: float | None = None,
    baseline_name: str = "mean training image",
    part: tuple[str, np.ndarray, Summary] | None = None,
    theme: Theme = "light",
) -> go.Figure:
    """Distribution of a score over images, with the mean, its 95 % interval, and what a trivial answer would get.

    Args:
        values: (N,) finite scores. summary: of the same scores.
        title: of the horizontal axis with its unit, "PSNR of one image (dB)".
        baseline: the mean score of a trivial answer.
        part: name, scores and summary of some of the images; both are then drawn as shares of their own number.
    """
    values = np.asarray(values, np.float64)
    if not len(values):
        return _empty("no image has been scored yet", title, "images", theme)
    counts, edges = np.histogram(values, bins=_bins(values))
    shades, colours = THEMES[theme], PALETTES[theme]
    figure = go.Figure(
        go.Bar(
            x=((edges[:-1] + edges[1:]) / 2).astype(np.float32),
            y=counts,
            width=np.diff(edges) * 0.94,
            customdata=np.stack([edges[:-1], edges[1:]], 1).astype(np.float32),
            marker={"color": colours[0], "line": {"width": 0}},
            hovertemplate="%{y:,} images from %{customdata[0]:.4g} to %{customdata[1]:.4g}<extra></extra>",
            showlegend=False,
        )
    )
    if np.isfinite(summary.low):
        figure.add_vrect(summary.low, summary.high, fillcolor=colours[1], opacity=0.25, line_width=0)
    note = f"mean {summary.mean:.4g}"
    if np.isfinite(summary.low):
        note += f" ± {(summary.high - summary.low) / 2:.2g}"
    right = summary.mean < (edges[0] + edges[-1]) / 2
    figure.add_vline(
        summary.mean, line={"color": colours[1], "width": 2},
        annotation={"text": note, "font_color": shades["text"], "yshift": 18, "xanchor": "left" if right else "right"},
    )  # fmt: skip
    if baseline is not None:
        right = baseline < (edges[0] + edges[-1]) / 2
        figure.add_vline(
            baseline, line={"color": shades["muted"], "width": 1.5, "dash": "dash"},
            annotation={
                "text": f"{baseline_name} {baseline:.4g}", "font_color": shades["muted"],
                "xanchor": "left" if right else "right",
            },
        )  # fmt: skip
    ends = [edges[0], edges[-1], edges[0] if baseline is None else baseline]
    room = 0.03 * max(np.ptp(ends), 1e-9)
    figure.update_xaxes(title_text=title, showgrid=False, range=[min(ends) - room, max(ends) + room])
    figure.update_yaxes(title_text=f"images (of {len(values):,})")
    if part is not None:
        _beside_all(figure, counts, edges, *part, colours[2])
    dress(figure, theme, revision=title)
    return figure.update_layout(margin_t=46)


def _beside_all(
    figure: go.Figure, counts: np.ndarray, edges: np.ndarray, name: str, values: np.ndarray, of: Summary, colour: str
) -> None:
    """Turns the bars of a histogram into shares, and draws those of some of its images as steps, with their mean."""
    total, own = counts.sum(), np.histogram(values, bins=edges)[0]
    hover = "%{y:.1f} % of these images<extra></extra>"
    figure.update_traces(y=100 * counts / total, name=f"all, n = {total:,}", showlegend=True, hovertemplate=hover)
    mean = f"mean {of.mean:.4g}" + (f" [{of.low:.4g}, {of.high:.4g}]" if np.isfinite(of.low) else "")
    figure.add_scatter(
        x=np.r_[edges[0], edges], y=np.r_[0, 100 * own / max(own.sum(), 1), 0], mode="lines", hovertemplate=hover,
        line={"shape": "hv", "color": colour, "width": 2.5}, name=f"{cut(name, 30)}, n = {len(values):,}, {mean}",
    )  # fmt: skip
    if np.isfinite(of.low):
        figure.add_vrect(of.low, of.high, fillcolor=colour, opacity=0.2, line_width=0)
    figure.add_vline(of.mean, line={"color": colour, "width": 2, "dash": "dot"})
    figure.update_yaxes(title_text="% of images")
    figure.update_layout(legend={"orientation": "h", "x": 0, "y": -0.22, "yanchor": "top"})


def latent_map(
    places: np.ndarray,
    values: np.ndarray | None = None,
    *,
    kind: Literal["discrete", "continuous", "code"] = "discrete",
    title: str = "",
    rows: np.ndarray | None = None,
    colours: np.ndarray | None = None,
    axes: Sequence[str] = ("UMAP 1", "UMAP 2", "UMAP 3"),
    theme: Theme = "light",
) -> go.Figure:
    """A map of points in two or three dimensions; `customdata` of a point is its row.

    Args:
        places: (M, 2) or (M, 3). values: (M,) what the points are coloured by, None for one colour.
        kind: `discrete` gives a legend, the most frequent values first, grey where there is no value; `continuous` a
            colour bar; `code` the code's own colour.
        title: what the values are, with the unit, "PSNR (dB)".
        rows: (M,) row of each point, by default its number.
        colours: (K, 3) uint8, for codes.
        axes: names of the axes; a UMAP has no unit.
    """
    places = np.ascontiguousarray(places, np.float32)
    if places.ndim != 2 or places.shape[1] not in (2, 3):
        raise ValueError(f"a map needs places (M, 2) or (M, 3); got {places.shape}")
    if not len(places):
        return _empty("no points to show", axes[0], axes[1], theme)
    rows = np.arange(len(places)) if rows is None else np.asarray(rows)
    figure = go.Figure()
    size = 9 if len(places) < 1_000 else 4.5 if len(places) < 20_000 else 3
    for name, members, marker in _parts(values, kind, len(places), colours, title, theme):
        shown = {"size": size if places.shape[1] == 2 else size * 0.7, "line": {"width": 0}, "opacity": 0.85} | marker
        extra = np.asarray(values)[members] if values is not None and kind != "discrete" else None
        text = {"discrete": "%{meta}", "continuous": "%{text:.4g}", "code": "code %{text}"}[kind]
        of = f"{cut(title, 60)}: " if values is not None and kind != "code" else ""
        label = f"{of}<b>{text}</b><br>"
        columns = {axis: places[members, i] for i, axis in enumerate("xyz"[: places.shape[1]])}
        trace = go.Scattergl if places.shape[1] == 2 else go.Scatter3d
        figure.add_trace(
            trace(
                **columns,
                mode="markers",
                name=cut(name),
                meta=whole(name) if name else None,
                marker=shown,
                text=extra,
                customdata=rows[members].astype(np.int32),
                hovertemplate=(label if name or kind != "discrete" else "") + "row %{customdata:,}<extra></extra>",
                showlegend=kind == "discrete" and values is not None,
            )
        )
    _name_axes(figure, places.shape[1], axes)
    dress(figure, theme, height=600, revision=f"{places.shape}{axes[0]}")
    figure.update_layout(
        dragmode="lasso" if places.shape[1] == 2 else "orbit", margin_t=36,
        legend={
            "title": {"text": cut(title, 40), "side": "top"}, "orientation": "h", "maxheight": 0.3,
            "yref": "container", "y": 0, "yanchor": "bottom", "x": 0, "xanchor": "left",
        },
    )  # fmt: skip
    if places.shape[1] == 2:  # distances on a map compare only if both axes have one scale
        figure.update_yaxes(scaleanchor="x", showticklabels=False, showgrid=False, zeroline=False)
        figure.update_xaxes(showticklabels=False, showgrid=False, zeroline=False)
    return figure


def log_odds(found: Enrichment, name: str = "code", *, limit: int = 20, theme: Theme = "light") -> go.Figure:
    """What the selection has more often: log-odds with 95 % intervals, the surest first; filled where q < 0.05."""
    if not len(found.items):
        return _empty("nothing to compare", "log-odds ratio", name, theme)
    count = min(limit, len(found.items))
    shown = slice(0, count)
    shades, colours = THEMES[theme], PALETTES[theme]
    sure = found.q[shown] < 0.05
    middle = found.log_odds[shown]
    figure = go.Figure(
        go.Scatter(
            x=middle.astype(np.float32),
            y=[f"{cut(name, 40)} {item}" for item in found.items[shown]],
            mode="markers",
            error_x={
                "array": (found.high[shown] - middle).astype(np.float32),
                "arrayminus": (middle - found.low[shown]).astype(np.float32),
                "color": shades["muted"],
                "thickness": 1.5,
                "width": 3,
            },
            marker={
                "size": 9,
                "color": [colours[0] if yes else shades["muted"] for yes in sure],
                "symbol": ["circle" if yes else "circle-open" for yes in sure],
                "line": {"width": 1.5},
            },
            customdata=np.stack(
                [a[shown] for a in (found.inside, found.outside, found.low, found.high, found.q)], 1
            ).astype(np.float64),
            hovertemplate=f"<b>%{{y}}</b><br>in %{{customdata[0]:,}} of {found.selected:,} selected, "
            f"%{{customdata[1]:,}} of {found.rest:,} others<br>log-odds %{{x:.2f}} "
            "(95 % from %{customdata[2]:.2f} to %{customdata[3]:.2f})<br>q = %{customdata[4]:.2g}<extra></extra>",
            showlegend=False,
        )
    )
    figure.add_vline(0, line={"color": shades["muted"], "width": 1, "dash": "dash"})
    title = f"log-odds ratio (natural log; 0 is equal)<br>{found.selected:,} selected against {found.rest:,} others"
    figure.update_xaxes(title_text=title)
    figure.update_yaxes(title_text=cut(name, 40), type="category", autorange="reversed", showgrid=False)
    return dress(figure, theme, height=130 + 24 * count, revision=name)


def _parts(values, kind: str, points: int, colours, title: str, theme: Theme) -> list[tuple[str, np.ndarray, dict]]:
    """Traces of a map: name, (m,) indices of points, marker."""
    everything = np.arange(points)
    palette, shades = PALETTES[theme], THEMES[theme]
    if values is None:
        return [("", everything, {"color": palette[0]})]
    values = np.asarray(values)
    if len(values) != points:
        raise ValueError(f"{points:,} points but {len(values):,} values")
    if kind == "continuous":
        bar = {"title": {"text": cut(title, 40), "font": {"color": shades["text"]}}, "thickness": 10, "outlinewidth": 0}
        bar |= {"tickfont": {"color": shades["muted"]}, "orientation": "h", "len": 0.6, "x": 0, "xanchor": "left"}
        bar |= {"yref": "container", "y": 0, "yanchor": "bottom"}
        values = values.astype(np.float32)
        return [("", everything, {"color": values, "colorscale": "Viridis", "showscale": True, "colorbar": bar})]
    if kind == "code":
        present, index = np.unique(values, return_inverse=True)
        shown = [f"rgb({r},{g},{b})" for r, g, b in colours[present]]
        scale = [[i / max(1, len(shown) - 1), colour] for i, colour in enumerate(shown)]
        if len(shown) == 1:
            scale.append([1, shown[0]])
        marker = {"color": index.astype(np.float32), "colorscale": scale, "cmin": 0, "cmax": max(1, len(shown) - 1)}
        return [("", everything, marker)]
    return _groups(values, palette, shades["rest"])


def _groups(values: np.ndarray, palette: list[str], rest: str) -> list[tuple[str, np.ndarray, dict]]:
    """One trace per discrete value, most frequent first; rare values share grey, and are drawn below the others."""
    missing = np.array([value is None or value != value for value in values.tolist()])
    names = np.array([str(value) for value in values.tolist()], object)
    found, counts = np.unique(names[~missing].astype(str), return_counts=True)
    order = found[np.argsort(-counts, kind="stable")]
    room = len(palette) * len(SYMBOLS)
    own = order if len(order) <= room else order[: room - 1]
    groups = [
        (
            str(value),
            np.flatnonzero((names == value) & ~missing),
            {"color": palette[i % len(palette)], "symbol": SYMBOLS[i // len(palette)]},
        )
        for i, value in enumerate(own)
    ]
    other = np.flatnonzero(~missing & ~np.isin(names.astype(str), own))
    below = [(f"other ({len(order) - len(own)} values)", other, {"color": rest})] if len(other) else []
    if missing.any():
        below.append(("no value", np.flatnonzero(missing), {"color": rest}))
    return below + groups


def _name_axes(figure: go.Figure, dims: int, axes: Sequence[str]) -> None:
    if dims == 2:
        figure.update_xaxes(title_text=axes[0])
        figure.update_yaxes(title_text=axes[1])
    else:
        figure.update_layout(scene={f"{axis}axis": {"title": {"text": axes[i]}} for i, axis in enumerate("xyz")})


def _bins(values: np.ndarray) -> int:
    """Freedman and Diaconis' number of bins, between 10 and 60; 1 where all values are the same."""
    spread = float(np.subtract(*np.quantile(values, [0.75, 0.25])))
    if np.ptp(values) == 0:
        return 1
    wanted = np.ptp(values) / (2 * spread / len(values) ** (1 / 3)) if spread > 0 else 10
    return int(np.clip(np.ceil(wanted), 10, 60))


def _empty(message: str, x: str, y: str, theme: Theme) -> go.Figure:
    """A chart with nothing to show says so."""
    figure = go.Figure()
    figure.update_xaxes(title_text=x, showticklabels=False, showgrid=False, zeroline=False)
    figure.update_yaxes(title_text=y, showticklabels=False, showgrid=False, zeroline=False)
    figure.add_annotation(text=message, x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False)
    return dress(figure, theme)
