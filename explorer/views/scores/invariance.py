"""Codes that stay: a bar for each small change of a picture, beside an unrelated picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from explorer.glossary import help_of
from explorer.sheets import Block, Chart, Heading, Note
from explorer.views.scores.layered import chosen, refusals

if TYPE_CHECKING:
    from explorer.study import Study

SHORT = {  # a line of a chart has room for a few letters
    "decoded": "decode → encode", "right": "1 px right", "down": "1 px down", "flipped": "flipped",
    "jpeg": "JPEG, quality 75", "brighter": "10 % brighter", "noisy": "little noise",
}  # fmt: skip


def blocks(study: Study, found: Mapping[str, Any], options: Any) -> Sequence[Block]:
    """A chart of one layer and what it says; see `results.scores.invariance`."""
    import pandas as pd

    layer = chosen(found["layers"], options.layer)
    rows = sorted(layer["changes"], key=lambda row: -row["kept"])
    shown = [
        {
            "label": SHORT[row["change"]],
            "mean": 100 * row["kept"], "low": 100 * row["low"], "high": 100 * row["high"],
            "null": 100 * row["null"], "null_low": 100 * row["null_low"], "null_high": 100 * row["null_high"],
        }
        for row in rows
    ]  # fmt: skip
    axis = f"tokens of {layer['layer']} that stay (%), mean of {found['images']:,} images"

    def figure(theme):
        from explorer.charts import causal_plots

        return causal_plots.beside_null(
            shown, axis, name="same picture, changed", null="unrelated picture", theme=theme
        )

    data = [{"layer": one["layer"], **row} for one in found["layers"] for row in one["changes"]]
    return [
        Heading(
            "Tokens that stay", help_of("tokens that stay"), lambda: pd.DataFrame(data).drop(columns="sentence"),
            f"{study.checkpoint.name}-invariance", 3,
        ),
        Chart("invariance", figure, f"Share of the tokens of {layer['layer']} that stay under each change"),
        *(Note(row["sentence"], "plain") for row in (rows[0], rows[-1])),
        Note("Bars and diamonds with 95 % intervals, from redrawn images.", help=help_of("unrelated picture")),
        *refusals(found),
    ]  # fmt: skip
