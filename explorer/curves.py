"""The curves of a training: what `metrics.jsonl` holds, as a figure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import plotly.graph_objects as go

LOSSES = "Loss terms"
PANELS = {  # title: unit, and the names that it shows, without the layer that may follow a dot
    LOSSES: ("loss", ()),  # every name that no other panel shows: each family has its own terms
    "Held-out PSNR": ("dB", ("psnr",)),
    "Codes between two points": ("codes", ("perplexity", "used")),
    "Speed": ("images/s", ("images_per_second",)),
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


def figure(lines: list[dict[str, Any]]) -> go.Figure:
    """Loss terms (logarithmic), held-out PSNR, code use and speed over steps, as far as the run reports them."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    panels = {title: (unit, _names(lines, title)) for title, (unit, _) in PANELS.items()}
    panels = {title: panel for title, panel in panels.items() if panel[1]}
    columns = max(1, len(panels))
    shown = make_subplots(rows=1, cols=columns, subplot_titles=list(panels), horizontal_spacing=0.32 / columns)
    for column, (title, (unit, names)) in enumerate(panels.items(), start=1):
        for name in names:
            points = [(line["step"], line[name]) for line in lines if isinstance(line.get(name), (int, float))]
            points = [point for point in points if point[1] or name != "images_per_second"]  # 0: not measured yet
            if not points:
                continue
            steps, values = zip(*points, strict=True)
            shown.add_trace(
                go.Scatter(
                    x=steps,
                    y=values,
                    name=name.replace("_", " "),
                    mode="lines+markers" if len(points) < 30 else "lines",
                    hovertemplate="step %{x:,}<br>%{y:.4g} " + unit,
                    showlegend=len(names) > 1,
                    legendgroup=title,
                ),
                row=1,
                col=column,
            )
        shown.update_xaxes(title_text="step", row=1, col=column)
        shown.update_yaxes(
            title_text=unit, type="log" if title == LOSSES else "linear", exponentformat="power", row=1, col=column
        )
    shown.update_layout(
        height=300,
        margin={"l": 10, "r": 10, "t": 40, "b": 10},
        legend={"orientation": "h", "y": -0.3},
        uirevision="curves",
        hovermode="x unified",
    )
    return shown


def _names(lines: list[dict[str, Any]], title: str) -> list[str]:
    shown_in = {name: panel for panel, (_, names) in PANELS.items() for name in names}
    known = dict.fromkeys(name for line in lines for name, value in line.items() if isinstance(value, (int, float)))
    return [name for name in known if name != "step" and shown_in.get(name.split(".")[0], LOSSES) == title]
