"""What each layer adds, as a chart and as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from explorer.analysis.quality import worded
from explorer.charts.plots import BELOW, PALETTES, Theme, dress
from explorer.charts.wording import cut

if TYPE_CHECKING:
    import pandas as pd

AXES = {"psnr": "PSNR (dB)", "ssim": "SSIM"}


def contributions(found: dict[str, Any], metric: str = "psnr", theme: Theme = "light") -> go.Figure:
    """Score after each layer with its 95 % interval, over the bits spent so far where all of them are codes.

    Args:
        found: what `analysis.layers.measure` gave of a model that puts all layers together.
        metric: `psnr` or `ssim`.
    """
    rows, colours = found["layers"], PALETTES[theme]
    names = [
        "no layer",
        *(f"+ {cut(row['name'], 40)}" if index else cut(row["name"], 40) for index, row in enumerate(rows)),
    ]
    scores = [found["nothing"][metric], *(row[metric] for row in rows)]
    figure = go.Figure(_line(names, scores, "Up to this layer", colours[0]))
    alone = [row["alone"][metric] for row in rows]
    figure.add_trace(_line(names[1:], alone, "This layer alone", colours[1], "markers", "diamond"))
    dress(figure, theme, height=340, revision=metric)
    figure.update_xaxes(
        title_text="layers, coarse to fine", showgrid=False, tickangle=0 if sum(map(len, names)) < 50 else -35
    )
    figure.update_yaxes(title_text=f"{AXES[metric]}, mean of {scores[0]['n']:,} images", nticks=7)
    return figure.update_layout(legend=BELOW)


def _line(names: list[str], scores: list[dict], label: str, colour: str, mode="lines+markers", symbol="circle"):
    means = [score["mean"] for score in scores]
    return go.Scatter(
        x=names,
        y=means,
        name=label,
        mode=mode,
        marker={"size": 8, "symbol": symbol, "color": colour},
        line={"color": colour, "width": 2},
        error_y={
            "type": "data",
            "array": [score["high"] - score["mean"] if score["high"] is not None else 0 for score in scores],
            "arrayminus": [score["mean"] - score["low"] if score["low"] is not None else 0 for score in scores],
            "thickness": 1.5,
            "width": 5,
            "color": colour,
        },
        hovertemplate="%{y:.4g} (+%{error_y.array:.2g} / −%{error_y.arrayminus:.2g})",
    )


def table(found: dict[str, Any]) -> pd.DataFrame:
    """One row a layer: scores with the ends of their 95 % intervals, gain, score alone, bits or numbers per pixel."""
    import pandas as pd

    rows = []
    for row in found["layers"]:
        entry: dict[str, Any] = {"layer": row["name"]}
        _put(entry, "PSNR (dB)", row["psnr"])
        _put(entry, "gain (dB)", row["gain"]["psnr"])
        _put(entry, "alone (dB)", row["alone"]["psnr"])
        _put(entry, "SSIM", row["ssim"])
        entry["bits per pixel"] = row.get("bits_per_pixel")
        entry["entropy bits"] = row.get("entropy_bits_per_pixel")
        entry["numbers per pixel"] = row.get("numbers_per_pixel")
        rows.append(entry | {"images": row["psnr"]["n"]})
    return pd.DataFrame(rows).dropna(axis=1, how="all")


def worded_table(found: dict[str, Any]) -> pd.DataFrame:
    """The same for people: scores as text with their 95 % intervals, "26.27 [26.13, 26.41]"."""
    import pandas as pd

    rows = []
    for row in found["layers"]:
        entry: dict[str, Any] = {"layer": row["name"], "PSNR (dB)": worded(row["psnr"], 2)}
        for name in ("gain", "alone"):
            entry[f"{name} (dB)"] = worded(row[name]["psnr"], 2)
        entry["SSIM"] = worded(row["ssim"], 3)
        entry["bits per pixel"] = row.get("bits_per_pixel")
        entry["entropy bits"] = row.get("entropy_bits_per_pixel")
        entry["numbers per pixel"] = row.get("numbers_per_pixel")
        rows.append(entry)
    return pd.DataFrame(rows).dropna(axis=1, how="all")


def _put(entry: dict[str, Any], name: str, score: dict[str, float]) -> None:
    entry |= {name: score["mean"], f"{name} from": score["low"], f"{name} to": score["high"]}
