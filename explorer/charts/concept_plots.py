"""Charts of verdicts: concepts × layers, what probes read at each point of a network, and a score beside its nulls."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from explorer.charts.plots import BELOW, PALETTES, THEMES, Theme, dress
from explorer.charts.wording import cut, short

WIDE, MOST = 20, 120  # letters in a line of a tick, and in all of it
SCALE = {"light": ["#d7e8f5", "#1d5f94"], "dark": ["#1d3c55", "#7fbbe6"]}


def verdicts(
    rows: Sequence[Mapping[str, Any]],
    above: Mapping[str, str],
    chosen: tuple[str, str],
    *,
    theme: Theme = "light",
) -> go.Figure:
    """Concepts × layers, coloured by the score above the best null; grey where that is not above it for sure.

    Args:
        rows: of a judgement; `customdata` of a cell is the place of its row.
        above: {verdict that says captured: a word for it}; of others the words in `rows`, `word`.
        chosen: concept and layer that are outlined.
    """
    shades, ends = THEMES[theme], SCALE[theme]
    concepts = list(dict.fromkeys(row["concept"] for row in rows))
    layers = list(dict.fromkeys(row["layer"] for row in rows))
    place = {(row["concept"], row["layer"]): at for at, row in enumerate(rows)}
    figure, wide = go.Figure(), len(layers) < 3  # a cell that is wide enough holds score and word in one line
    split, tall = (" · ", 30) if wide else ("<br>", 42)
    for captured in (False, True):
        some = [[_of(rows, place, one, layer, captured, above) for layer in layers] for one in concepts]
        if not any(row for line in some for row in line):
            continue
        low, high = ends if captured else (shades["grid"], shades["grid"])
        bar = {"title": {"text": "score above the best null", "side": "top"}, "orientation": "h", "len": 0.5}
        bar |= {"thickness": 10, "x": 0, "xanchor": "left", "y": 0, "yref": "container", "yanchor": "bottom"}
        figure.add_heatmap(
            z=[[None if row is None else row["above"] for row in line] for line in some],
            x=[cut(one, 18) for one in layers],
            y=list(range(len(concepts))),
            text=[
                ["" if row is None else f"{_short(row['score'])}{split}{row['word']}" for row in line] for line in some
            ],
            customdata=[
                [[-1, "", ""] if row is None else [place[row["concept"], row["layer"]], row["said"], row["verdict"]]
                 for row in line]
                for line in some
            ],
            texttemplate="%{text}", colorscale=[[0, low], [1, high]], zmin=0, zmax=1, xgap=3, ygap=3, hoverongaps=False,
            showscale=captured, colorbar=bar,
            hovertemplate="%{customdata[2]}<br>%{customdata[1]}<extra></extra>",
        )  # fmt: skip
    if chosen[0] in concepts and chosen[1] in layers:
        x, y = layers.index(chosen[1]), concepts.index(chosen[0])
        outline = {"color": PALETTES[theme][1], "width": 2.5}
        figure.add_shape(type="rect", x0=x - 0.5, x1=x + 0.5, y0=y - 0.5, y1=y + 0.5, line=outline)
    figure.update_xaxes(title_text="layer", type="category", side="top", showgrid=False, zeroline=False)
    figure.update_yaxes(title_text="concept", showgrid=False, range=[len(concepts) - 0.5, -0.5], **_ticks(concepts))
    dress(figure, theme, revision="verdicts")
    captured = any(row["verdict"] in above for row in rows)  # else there is no colour bar to make room for
    return figure.update_layout(margin_b=60 if captured else 8, height=(160 if captured else 90) + tall * len(concepts))


def _of(rows, place, concept: str, layer: str, captured: bool, above: Mapping[str, str]) -> Mapping[str, Any] | None:
    at = place.get((concept, layer))
    row = None if at is None else rows[at]
    return row if row is not None and (row["verdict"] in above) == captured else None


def ladder(steps: Sequence[Mapping[str, Any]], chance: float, title: str, *, theme: Theme = "light") -> go.Figure:
    """What probes read at each point, from pixels to shuffled bags of codes, with 95 % intervals.

    Args:
        steps: each with `point, probe, score, low, high`. chance: of the score. title: of the axis, with its unit.
    """
    shades, colours = THEMES[theme], PALETTES[theme]
    points = list(dict.fromkeys(one["point"] for one in steps))
    figure = go.Figure()
    for at, probe in enumerate(dict.fromkeys(one["probe"] for one in steps)):
        some = [one for one in steps if one["probe"] == probe]
        figure.add_scatter(
            x=[one["score"] for one in some], y=[points.index(one["point"]) + 0.16 * (at - 0.5) for one in some],
            error_x=_ends(some, colours[at]), mode="lines+markers", name=f"{probe} probe",
            line={"color": colours[at], "width": 1}, marker={"size": 9, "color": colours[at]},
            customdata=[[one["low"], one["high"]] for one in some],
            hovertemplate=f"<b>{probe}</b> %{{x:.3f}} (95 % from %{{customdata[0]:.3f}} to %{{customdata[1]:.3f}})"
            "<extra></extra>",
        )  # fmt: skip
    figure.add_vline(chance, line={"color": shades["muted"], "width": 1, "dash": "dash"})
    figure.update_xaxes(title_text=title)
    figure.update_yaxes(title_text="read from", showgrid=False, range=[len(points) - 0.5, -0.5], **_ticks(points))
    dress(figure, theme, height=160 + 36 * len(points), revision="ladder")
    return figure.update_layout(legend=BELOW, showlegend=True)


def nulls(scored: Mapping[str, Any], title: str, *, theme: Theme = "light") -> go.Figure:
    """A score and all its nulls with 95 % intervals, the best null marked; dashed is what knowing nothing reaches.

    Args:
        scored: `score, low, high, chance, baselines, best_null` of a judgement. title: of the axis, with its unit.
    """
    shades, colours = THEMES[theme], PALETTES[theme]
    best = (scored["best_null"] or {}).get("name")
    bands = sorted(scored["baselines"].items(), key=lambda one: -_number(one[1]["mean"]))
    lines = [("these codes", scored | {"mean": scored["score"]}), *bands]
    names = [f"{name} (best null)" if name == best else name for name, _ in lines]
    shown = [colours[0], *(colours[1] if name == best else shades["muted"] for name, _ in bands)]
    figure = go.Figure()
    for at, ((_, band), name, colour) in enumerate(zip(lines, names, shown, strict=True)):
        figure.add_scatter(
            x=[band["mean"]], y=[at], mode="markers", name=name, showlegend=False,
            error_x=_ends([{"score": band["mean"], **band}], colour),
            marker={"size": 11 if at == 0 else 9, "color": colour, "symbol": "circle" if at == 0 else "diamond"},
            hovertemplate=f"<b>{cut(name, 60)}</b> %{{x:.3f}} (95 % from {_number(band['low']):.3f} to "
            f"{_number(band['high']):.3f})<extra></extra>",
        )  # fmt: skip
    figure.add_vline(scored["chance"], line={"color": shades["muted"], "width": 1, "dash": "dash"})
    figure.update_xaxes(title_text=title)
    figure.update_yaxes(title_text="what is scored", showgrid=False, range=[len(names) - 0.5, -0.5], **_ticks(names))
    return dress(figure, theme, height=120 + 38 * len(names), revision="nulls")


def _ends(some: Sequence[Mapping[str, Any]], colour: str) -> dict[str, Any]:
    return {
        "array": [_number(one["high"]) - _number(one["score"]) for one in some],
        "arrayminus": [_number(one["score"]) - _number(one["low"]) for one in some],
        "color": colour, "thickness": 1.5, "width": 4,
    }  # fmt: skip


def _ticks(names: Sequence[str]) -> dict[str, list]:
    """Whole names as ticks, in lines that a phone has room for."""
    shown = ["<br>".join(cut(line, WIDE) for line in textwrap.wrap(short(name, MOST), WIDE)) for name in names]
    return {"tickmode": "array", "tickvals": list(range(len(shown))), "ticktext": shown}


def _short(score: float) -> str:
    shown = f"{score:.2f}"
    return shown.lstrip("-") if float(shown) == 0 else shown.replace("-", "−")  # no “-0.00”


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
