"""The curves of a training: what `metrics.jsonl` holds, as figures."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from explorer.charts.plots import Theme
from explorer.charts.plots import BELOW as UNDER
from explorer.charts.wording import cut
from explorer.files import open_regular

LOSSES, BELOW, CODES = "Loss terms", "Terms that fall to 0 or below", "Codes in use"
BITS = "Bits per code"
PANELS = {  # title: axis with its unit, the names it shows (without the layer that may follow a dot), what they mean
    LOSSES: (  # every name that no other panel shows: each family has its own terms
        "loss, logarithmic",
        (),
        "What training makes smaller (loss), and the terms that it sums up with their weights; each the mean since the "
        "point before. Without a weight are the divergence of a VAE (nats), the masked and visible errors of a masked "
        "autoencoder, and what a discriminator loses, which is no part of the sum.",
    ),
    BELOW: (
        "loss, linear",
        (),
        "Terms that a logarithmic axis cannot show, such as an entropy that is to become large, or what a "
        "discriminator says; each the mean since the point before, with its weight.",
    ),
    "Held-out PSNR": (
        "PSNR (dB)",
        ("psnr",),
        "Mean peak signal-to-noise ratio of up to 256 images that training has not seen; higher is better.",
    ),
    CODES: (
        "codes",
        ("perplexity", "used"),
        "Used: codes that occurred at least once since the point before; the others are dead. Perplexity: as many "
        "equally frequent codes have the same entropy. The further below the size of the codebook, the more of it lies "
        "idle.",
    ),
    BITS: (
        "bits per code",
        ("train_bits", "held_out_bits", "watched_bits", "uniform", "unigram", "bigram", "bits"),
        "What a code costs where it is written as short as the prior allows; lower is better. Held-out images are "
        "those that no training saw: once they cost more and more while those of training cost less, the prior learns "
        "by heart. Images kept aside are training images that say which weights are kept. Dashed is what counting "
        "reaches: uniform, how often each code occurs (unigram), and the left and upper neighbour (bigram).",
    ),
    "Speed": (
        "images per second",
        ("images_per_second",),
        "Images trained on per second, start-up and compilation excluded.",
    ),
}
MEASURED = {"train_bits": "training images", "held_out_bits": "held-out images", "watched_bits": "kept aside"}
# what counting reaches, and where its name stands: above its line or below
COUNTED = {"uniform": (0.0, "left", "bottom"), "unigram": (1.0, "right", "top"), "bigram": (1.0, "right", "bottom")}
NAMED = 60  # letters of the name of a curve
CROWDED = 4  # curves above which a row of names, or one label for all of them, would cover the chart
# the names of curves: a row below the chart, or a column beside it; the tool bar lies above
BESIDE = {"x": 1.01, "y": 1, "yanchor": "top", "font": {"size": 12}, "tracegroupgap": 0}


@dataclass(frozen=True)
class Use:
    """How much of one codebook was in use at the last point of the log; `codes` is None where its size is not known."""

    layer: str
    perplexity: float
    used: int
    codes: int | None


def read(path: Path, limit: int = 32 * 1024 * 1024) -> list[dict[str, Any]]:
    """The lines of a `metrics.jsonl`, oldest first; a line cut short by a kill is left out, no file is no lines."""
    try:
        with open_regular(path) as file:
            text = file.read(limit).decode("utf-8", "replace")
    except OSError:
        return []
    lines = []
    for row in text.splitlines():
        try:
            line = json.loads(row)
        except ValueError:
            continue  # being written right now
        if isinstance(line, dict) and isinstance(line.get("step"), int):
            lines.append(line)
    return lines


def latest(lines: list[dict[str, Any]], name: str) -> float | None:
    """The last value of `name`, which not every line has."""
    return next((line[name] for line in reversed(lines) if _is_number(line.get(name))), None)


def use(lines: list[dict[str, Any]], sizes: Mapping[str, int] | None = None) -> list[Use]:
    """The codebooks at the last point of the log, coarse to fine.

    Args:
        sizes: {layer: codes}. A network with one codebook logs it without a layer's name.
    """
    sizes = sizes or {}
    found = []
    for name in _named(lines, "perplexity"):
        layer = name.partition(".")[2] or next(iter(sizes), "")
        used = latest(lines, name.replace("perplexity", "used", 1))
        found.append(Use(layer, latest(lines, name), int(used or 0), sizes.get(layer)))
    return found


def figures(
    lines: list[dict[str, Any]], theme: Theme = "light", sizes: Mapping[str, int] | None = None
) -> dict[str, go.Figure]:
    """Loss terms, held-out PSNR, code use, bits per code and speed over steps, as far as the run reports them.

    Loss terms have a logarithmic axis; those that are not above 0 all the time have a linear one of their own.
    """
    panels = {title: _names(lines, title) for title in PANELS}
    special = {CODES: _use, BITS: _bits}
    drawn = {title: special.get(title, _curves)(lines, title, names, theme, sizes or {})
             for title, names in panels.items() if names}  # fmt: skip
    return {title: figure for title, figure in drawn.items() if figure.data}


def told(figure: go.Figure, title: str) -> str:
    """A chart in words, for those who do not see it: the last value of each of its curves."""
    ends = [
        f"{unescape(trace.name).replace('_', ' ')} {trace.y[-1]:.4g}"
        for trace in figure.data
        if trace.showlegend is not False
    ]
    return f"{title} over steps; at step {max(trace.x[-1] for trace in figure.data):,}: {', '.join(ends)}"


def _curves(lines: list[dict[str, Any]], title: str, names: list[str], theme: Theme, sizes: Mapping) -> go.Figure:
    figure = _empty(title, theme)
    for name in names:
        _add(figure, _points(lines, name), name=cut(name.replace("_", " "), NAMED), hovertemplate="%{y:,.4g}")
    if title == LOSSES:
        figure.update_yaxes(type="log", exponentformat="power")
    named = title in (LOSSES, BELOW) or len(names) > 1  # which term it is, also where there is one alone
    figure.update_layout(height=290 if named else 250)
    return figure.update_layout(showlegend=named, legend=UNDER if len(names) <= CROWDED else BESIDE)


def _bits(lines: list[dict[str, Any]], title: str, names: list[str], theme: Theme, sizes: Mapping) -> go.Figure:
    """Bits per code of a prior, with what counting reaches as dashed lines."""
    from explorer.charts.plots import THEMES

    figure, shades = _empty(title, theme), THEMES[theme]
    for name, called in MEASURED.items():
        _add(figure, _points(lines, name), name=called, hovertemplate="%{y:.3f}")
    for name, (at, anchor, side) in COUNTED.items():
        value = latest(lines, name)
        if value is not None and figure.data:
            figure.add_hline(value, line={"color": shades["muted"], "width": 1.2, "dash": "dash"})
            figure.add_annotation(
                text=f"{name} {value:.2f}", x=at, xref="paper", xanchor=anchor, y=value, yanchor=side,
                showarrow=False, font={"color": shades["muted"], "size": 12},
            )  # fmt: skip
    figure.update_layout(height=320, showlegend=True, legend=UNDER)
    return figure.update_yaxes(rangemode="tozero")


def _use(lines: list[dict[str, Any]], title: str, names: list[str], theme: Theme, sizes: Mapping) -> go.Figure:
    """Perplexity as a line and used codes as dots; of several layers, a colour each."""
    layers = [name.partition(".")[2] for name in names if name.startswith("perplexity")]
    if len(layers) < 2:
        return _curves(lines, title, names, theme, sizes)
    figure = _empty(title, theme)
    for layer, colour in zip(layers, _shades(len(layers), theme), strict=True):
        size = f" of {sizes[layer]:,}" if layer in sizes else ""
        for kind, dash in (("perplexity", "solid"), ("used", "dot")):
            said = f"{kind} %{{y:,.1f}}" if kind == "perplexity" else f"used %{{y:,}}{size}"
            _add(
                figure,
                _points(lines, f"{kind}.{layer}"),
                name=cut(layer, NAMED),
                legendgroup=layer,
                showlegend=kind == "perplexity",
                line={"color": colour, "dash": dash, "width": 2},
                marker={"size": 4},
                hovertemplate=f"<b>{cut(layer, 60)}</b> {said}<extra></extra>",
            )
    figure.update_layout(
        showlegend=True, legend=BESIDE, height=max(250, 90 + 20 * len(layers)),
        hovermode="closest" if len(layers) > CROWDED else "x unified",
    )  # fmt: skip
    return figure.update_yaxes(title_text="codes: perplexity (line), used (dots)", rangemode="tozero")


def _shades(count: int, theme: Theme) -> list[str]:
    """A colour for each layer: the palette, or shades from coarse to fine where there are more layers than colours."""
    from plotly.colors import sample_colorscale

    from explorer.charts.plots import PALETTES

    if count <= len(PALETTES[theme]):
        return PALETTES[theme][:count]
    ends = (0.0, 0.9) if theme == "light" else (0.15, 1.0)  # neither pale on white nor dark on black
    return sample_colorscale("Viridis", count, *ends)


def _empty(title: str, theme: Theme) -> go.Figure:
    import plotly.graph_objects as go

    from explorer.charts.plots import dress

    figure = dress(go.Figure(), theme, height=250, revision=title)
    figure.update_xaxes(title_text="step", hoverformat=",d", tickformat=",d", nticks=6, showgrid=False)
    figure.update_yaxes(title_text=PANELS[title][0], nticks=6)
    return figure.update_layout(hovermode="x unified")


def _add(figure: go.Figure, points: list[tuple[int, float]], **trace: Any) -> None:
    if points:
        steps, values = zip(*points, strict=True)
        figure.add_scatter(x=steps, y=values, mode="lines+markers" if len(points) < 30 else "lines", **trace)


def _points(lines: list[dict[str, Any]], name: str) -> list[tuple[int, float]]:
    points = [(line["step"], line[name]) for line in lines if _is_number(line.get(name))]
    return [point for point in points if point[1] or name != "images_per_second"]  # 0: not measured yet


def _names(lines: list[dict[str, Any]], title: str) -> list[str]:
    shown_in = {name: panel for panel, (_, names, _) in PANELS.items() for name in names}
    found = []
    for name in dict.fromkeys(name for line in lines for name, value in line.items() if _is_number(value)):
        panel = shown_in.get(name.split(".")[0], LOSSES)
        if panel == LOSSES and any(value <= 0 for _, value in _points(lines, name)):
            panel = BELOW
        if name != "step" and panel == title:
            found.append(name)
    return found


def _named(lines: list[dict[str, Any]], kind: str) -> list[str]:
    """Names of a kind, such as `perplexity` or `perplexity.top`, in the order of the log."""
    return [name for name in _names(lines, CODES) if name.split(".")[0] == kind]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
