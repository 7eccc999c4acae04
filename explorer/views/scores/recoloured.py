"""Is it only colour: scores of ordinary, grey and hue-rotated pictures, and the tokens that stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from explorer.analysis.concepts import shares
from explorer.glossary import help_of
from explorer.sheets import Block, Card, Cards, Chart, Heading, Note
from explorer.views.scores.layered import chosen, refusals

if TYPE_CHECKING:
    import pandas as pd

    from explorer.study import Study

LINES, SENTENCES = 20, 6  # of a chart, and in words
NAMES = {"grey": "in grey", "hue": "hues turned by 120°"}


def blocks(study: Study, found: Mapping[str, Any], options: Any) -> Sequence[Block]:
    """Cards, sentences and a chart of one layer; see `results.scores.recoloured`."""
    layer = chosen(found["layers"], options.layer)
    heading = Heading(
        f"What {layer['layer']} tells without colour", help_of("recoloured"), lambda: _frame(found),
        f"{study.checkpoint.name}-recoloured", 3,
    )  # fmt: skip
    cards = [_card(row) for row in layer["changes"]]
    shown: list[Block] = [heading, *([Cards(cards)] if cards else [])]
    rows = [row for row in layer["concepts"] if row["told"] != "not told"]
    if rows:
        first = [row for row in rows if row["concept"] == options.concept]
        told = (first or rows)[:SENTENCES]
        shown += [Note(row["sentence"], "plain") for row in told]
        shown.append(_chart(layer["layer"], rows[:LINES], found["sizes"]))
    left = [row["concept"] for row in layer["concepts"] if row["told"] == "not told"]
    if left:
        shown.append(Note(f"Not above chance in ordinary pictures: {', '.join(left)}."))
    return [*shown, *refusals(found)]


def _card(row: Mapping[str, Any]) -> Card:
    kept = shares.worded({"mean": row["kept"], "low": row["low"], "high": row["high"], "n": row["n"]})
    null = shares.worded({"mean": row["null"], "low": row["null_low"], "high": row["null_high"], "n": row["n"]})
    return Card(f"Tokens that stay, {NAMES[row['change']]}", kept, f"unrelated: {null}", help_of("tokens that stay"))


def _chart(layer: str, rows: Sequence[Mapping[str, Any]], sizes: Mapping[str, int]) -> Block:
    series = {"ordinary": [row["ordinary"] for row in rows]}
    series |= {NAMES[name]: [row[name] for row in rows] for name in NAMES if name in rows[0]}
    if "grey" in rows[0]:
        series["in grey, probe fitted on grey"] = [
            {"score": row["grey"]["refitted"], "low": row["grey"]["refitted_low"], "high": row["grey"]["refitted_high"]}
            for row in rows
        ]

    def figure(theme):
        from explorer.charts import causal_plots

        return causal_plots.dots(
            [row["concept"] for row in rows], series, f"balanced accuracy, {sizes['images']:,} held-out images",
            chance=[row["chance"] for row in rows], theme=theme,
        )  # fmt: skip

    return Chart(f"recoloured-{layer}", figure, f"What codes of {layer} tell of each concept, with colours and without")


def _frame(found: Mapping[str, Any]) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for layer in found["layers"]:
        for row in layer["concepts"]:
            flat = {key: row[key] for key in ("concept", "n", "chance", "told")}
            for name in ("ordinary", *NAMES):
                flat |= {f"{name}_{key}": value for key, value in row.get(name, {}).items()}
            rows.append({"layer": layer["layer"], **flat})
    return pd.DataFrame(rows)
