"""The curves of a training: what `metrics.jsonl` holds, as figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from explorer.plots import Theme

LOSSES = "Loss terms"
PANELS = {  # title: axis with its unit, the names it shows (without the layer that may follow a dot), what they mean
    LOSSES: (  # every name that no other panel shows: each family has its own terms
        "loss, logarithmic",
        (),
        "What training makes smaller (loss), and the terms that it sums up with their weights; each the mean since the "
        "point before.",
    ),
    "Held-out PSNR": (
        "PSNR (dB)",
        ("psnr",),
        "Mean peak signal-to-noise ratio of up to 256 images that training has not seen; higher is better.",
    ),
    "Codes in use": (
        "codes",
        ("perplexity", "used"),
        "Used: codes that occurred at least once since the point before. Perplexity: as many equally frequent codes "
        "have the same entropy. The further below the size of the codebook, the more of it lies idle.",
    ),
    "Speed": (
        "images per second",
        ("images_per_second",),
        "Images trained on per second, start-up and compilation excluded.",
    ),
}


def read(path: Path, limit: int = 32 * 1024 * 1024) -> list[dict[str, Any]]:
    """The lines of a `metrics.jsonl`, oldest first; a line cut short by a kill is left out, no file is no lines."""
    try:
        with Path(path).open("rb") as file:
            text = file.read(limit).decode("utf-8", "replace")
    except FileNotFoundError:
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
    return next((line[name] for line in reversed(lines) if isinstance(line.get(name), (int, float))), None)


def figures(lines: list[dict[str, Any]], theme: Theme = "light") -> dict[str, go.Figure]:
    """Loss terms (logarithmic), held-out PSNR, code use and speed over steps, as far as the run reports them."""
    drawn = {title: _figure(lines, title, theme) for title in PANELS}
    return {title: figure for title, figure in drawn.items() if figure.data}


def _figure(lines: list[dict[str, Any]], title: str, theme: Theme) -> go.Figure:
    import plotly.graph_objects as go

    from explorer.plots import dress

    names, axis = _names(lines, title), PANELS[title][0]
    figure = go.Figure()
    for name in names:
        points = [(line["step"], line[name]) for line in lines if isinstance(line.get(name), (int, float))]
        points = [point for point in points if point[1] or name != "images_per_second"]  # 0: not measured yet
        if not points:
            continue
        steps, values = zip(*points, strict=True)
        figure.add_trace(
            go.Scatter(
                x=steps,
                y=values,
                name=name.replace("_", " "),
                mode="lines+markers" if len(points) < 30 else "lines",
                hovertemplate="%{y:,.4g}",
            )
        )
    dress(figure, theme, height=250, revision=title)
    figure.update_xaxes(title_text="step", hoverformat=",d", tickformat=",d", nticks=6, showgrid=False)
    figure.update_yaxes(title_text=axis, nticks=6)
    if title == LOSSES:
        figure.update_yaxes(type="log", exponentformat="power")
    figure.update_layout(
        showlegend=len(names) > 1,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        hovermode="x unified",
    )
    return figure


def _names(lines: list[dict[str, Any]], title: str) -> list[str]:
    shown_in = {name: panel for panel, (_, names, _) in PANELS.items() for name in names}
    known = dict.fromkeys(name for line in lines for name, value in line.items() if isinstance(value, (int, float)))
    return [name for name in known if name != "step" and shown_in.get(name.split(".")[0], LOSSES) == title]
