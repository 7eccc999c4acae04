"""Charts of what reconstructions cost: bits per pixel against quality, with JPEG and WebP beside the models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go

from explorer.analysis.codecs import curves
from explorer.analysis.rates import needed
from explorer.charts.plots import BELOW, PALETTES, THEMES, Theme, dress
from explorer.charts.wording import cut, whole

METRICS = {"psnr": ("mean PSNR (dB)", ".2f", " dB"), "ssim": ("mean SSIM", ".3f", "")}
RATES = {"bits_per_pixel": "fixed length", "entropy_bits_per_pixel": "entropy"}
DASHES = {"JPEG": "dash", "WebP": "dot"}


def rate_distortion(
    models: Mapping[str, Mapping[str, Any]],
    codecs: Mapping[str, Any] | None = None,
    *,
    metric: Literal["psnr", "ssim"] = "psnr",
    rate: Literal["bits_per_pixel", "entropy_bits_per_pixel"] = "bits_per_pixel",
    counted: Literal["file", "payload"] = "payload",
    theme: Theme = "light",
) -> go.Figure:
    """Quality over bits per pixel (logarithmic), with 95 % intervals.

    Points of a model are joined where they differ in one thing only: the layers sent, or the bits of each number. What
    the first model reaches with numbers that are not quantized is a level line.

    Args:
        models: results of `analysis.rates.measure` by name. codecs: of `analysis.codecs.measure`.
        rate: of the models. counted: what of the codecs' bytes.
    """
    figure, palette = go.Figure(), PALETTES[theme]
    for codec, points in curves(codecs).items():
        figure.add_trace(_codec(codec, points, metric, counted, theme))
    for index, (name, measured) in enumerate(models.items()):
        for part, points in enumerate(_chains(measured["points"], rate)):
            trace = _chain(cut(name, 40), points, metric, rate, palette[index % len(palette)])
            own = {"line_width": 3, "marker_size": 7} if index == 0 else {}
            figure.add_trace(trace.update(showlegend=part == 0, **own))
    _ticks(figure)
    for name, measured in list(models.items())[:1]:
        bound = measured["points"][-1]
        if bound["bits_per_pixel"] is None:
            _level(figure, bound[metric]["mean"], cut(name, 40), metric, palette[0])
    figure.update_xaxes(title_text=f"bits per pixel (codes: {RATES[rate]}; codecs: {_WHAT[counted]})", showgrid=False)
    figure.update_yaxes(title_text=METRICS[metric][0], nticks=8, zeroline=False)
    dress(figure, theme, height=480, revision=f"{metric} {rate}")
    return figure.update_layout(
        legend={**BELOW, "tracegroupgap": 0, "itemsizing": "trace"},
        hovermode="closest",
    )


_WHAT = {"file": "whole file", "payload": "payload"}


def _chains(points: Sequence[Mapping[str, Any]], rate: str) -> list[list[Mapping[str, Any]]]:
    """Points with a known rate, by line: discrete prefixes on one, and each prefix with all its bits on one."""
    chains: dict[tuple, list] = {}
    for point in points:
        if point[rate] is not None:
            chains.setdefault(() if point["bits"] is None else tuple(point["layers"]), []).append(point)
    return list(chains.values())


def _chain(name: str, points: list, metric: str, rate: str, colour: str) -> go.Scatter:
    return go.Scatter(
        x=[point[rate] for point in points],
        y=[point[metric]["mean"] for point in points],
        error_y=_error(points, metric, colour),
        name=name,
        legendgroup=name,
        mode="lines+markers",
        line={"color": colour, "width": 2},
        marker={"size": 6, "color": colour},
        text=[_hover(point, metric) for point in points],
        hovertemplate=f"<b>{name}</b><br>%{{text}}<br>%{{x:.3g}} bits per pixel<extra></extra>",
    )


def _hover(point: Mapping[str, Any], metric: str) -> str:
    sent = whole(" + ".join(needed(point)))
    if point["bits"] is not None:
        sent += f", {point['bits']} bit{'s' if point['bits'] > 1 else ''} a number"
    return f"{sent}<br>{_value(point[metric], metric)}"


def _value(score: Mapping[str, Any], metric: str) -> str:
    form, unit = METRICS[metric][1:]
    around = "" if score["low"] is None else f" [{score['low']:{form}}, {score['high']:{form}}]"
    return f"{score['mean']:{form}}{unit}{around}, {score['n']:,} images"


def _error(points: Sequence[Mapping[str, Any]], metric: str, colour: str) -> dict:
    scores = [point[metric] for point in points]
    up = [0 if score["high"] is None else score["high"] - score["mean"] for score in scores]
    down = [0 if score["low"] is None else score["mean"] - score["low"] for score in scores]
    return {"array": up, "arrayminus": down, "color": colour, "thickness": 1.5, "width": 3}


def _codec(codec: str, points: Sequence[Mapping[str, Any]], metric: str, counted: str, theme: Theme) -> go.Scatter:
    return go.Scatter(
        x=[point[counted]["mean"] for point in points],
        y=[point[metric]["mean"] for point in points],
        name=f"{codec}, {_WHAT[counted]}",
        legendrank=2000,  # behind the models
        mode="lines+markers",
        line={"color": THEMES[theme]["muted"], "width": 2, "dash": DASHES[codec]},
        marker={"size": 4, "color": THEMES[theme]["muted"]},
        text=[f"quality {point['quality']}<br>{_value(point[metric], metric)}" for point in points],
        hovertemplate=f"<b>{codec}</b>, %{{text}}<br>%{{x:.3g}} bits per pixel, {_WHAT[counted]}<extra></extra>",
    )


def _ticks(figure: go.Figure) -> None:
    """A logarithmic axis with round numbers, as wide as the points."""
    rates = [x for trace in figure.data for x in trace.x if x]
    if not rates:
        return
    low, high = np.log10(min(rates)), np.log10(max(rates))
    room = 0.05 * max(high - low, 0.3)
    marks = [digit * 10.0**power for power in range(-6, 4) for digit in (1, 2, 5)]
    marks = [mark for mark in marks if low - room <= np.log10(mark) <= high + room]
    figure.update_xaxes(
        type="log",
        range=[low - room, high + room],
        tickvals=marks,
        ticktext=[f"{mark:g}" for mark in marks],
        ticks="outside",
    )


def _level(figure: go.Figure, value: float, name: str, metric: str, colour: str) -> None:
    form, unit = METRICS[metric][1:]
    low, high = (10.0**end for end in figure.layout.xaxis.range)
    figure.add_trace(
        go.Scatter(
            x=[low, high],
            y=[value, value],
            name="not quantized",
            legendgroup=name,
            mode="lines",
            line={"color": colour, "width": 1, "dash": "dashdot"},
            hovertemplate=f"<b>{name}</b>, numbers as they are: {value:{form}}{unit}<extra></extra>",
        )
    )
