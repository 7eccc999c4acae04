"""Where codes lie: how far their cells overlap with the object, beside masks of other images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from explorer.glossary import help_of
from explorer.sheets import Block, Card, Cards, Chart, Column, Go, Heading, More, Note, Table

if TYPE_CHECKING:
    import pandas as pd

    from explorer.study import Study

AXIS = "intersection over union with the object (0 to 1)"
CHANCE = "masks of other images"


def blocks(study: Study, found: Mapping[str, Any], options: Any) -> list[Block]:
    """Cards, a chart and tables with patches of the chosen layer, or of the one whose codes overlap most."""
    row = _chosen(found["layers"], options)
    layer, name = row["layer"], f"{study.checkpoint.name}-{row['layer']}-dissection"
    frame = _frame(row["codes"])
    parts: list[Block] = [
        Heading("Where codes lie", help_of("dissection"), lambda: frame, name),
        Note(row["sentence"], "plain"),
        Cards(_cards(row), 4),
    ]
    if row["codes"]:
        parts += [_chart(row["codes"], [f"code {one['code']}" for one in row["codes"]], layer, "dissection")]
        parts += [_table(study, layer, frame, f"{name}-codes", {"best": Column("Most with", help_of("best value"))})]
    return [*parts, *_values(study, row, options, name), *_others(found, layer)]


def _chosen(rows: Sequence[Mapping[str, Any]], options: Any) -> Mapping[str, Any]:
    some = [row for row in rows if row["layer"] == getattr(options, "layer", "")] or rows
    return max(some, key=lambda row: row["together"]["iou"])


def _cards(row: Mapping[str, Any]) -> list[Card]:
    together = row["together"]
    return [
        Card(
            "Codes of the object together", f"{together['iou']:.3f}",
            f"95 %: {together['low']:.3f} – {together['high']:.3f}; chance {together['null']['iou']:.3f}",
            help_of("codes of the object"),
        ),
        Card(
            "Of their area on it", f"{together['share']:.1%}", f"chance {together['null']['share']:.1%}",
            help_of("share on the object"),
        ),
        Card(
            "Of the object covered", f"{together['cover']:.1%}",
            f"by {len(together['codes']):,} codes; it is {row['object']:.1%} of the pictures",
            help_of("cover of the object"),
        ),
        Card(
            "Codes above chance", f"{row['found']:,} of {len(row['codes']):,}",
            f"q < 0.05; {row['n']:,} images, {row['shuffles']:,} shuffles", help_of("null of dissection"),
        ),
    ]  # fmt: skip


def _chart(rows: Sequence[Mapping[str, Any]], names: list[str], layer: str, name: str) -> Chart:
    from explorer.charts import null_plots

    found = [[one["iou"], one["low"], one["high"]] for one in rows]
    null = [[0.0, one["null"]["high"]] for one in rows]
    alt = "Overlap with the object: " + ", ".join(
        f"{who} {one['iou']:.3f}" for who, one in zip(names[:6], rows, strict=False)
    )
    codes = [one["code"] for one in rows]
    return Chart(
        name,
        lambda theme: null_plots.beside_null(names, found, null, AXIS, chance=CHANCE, points=codes, theme=theme),
        alt, go=Go("codebook", {"layer": layer, "code": "{point}"}),
    )  # fmt: skip


def _frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    flat = [
        {key: value for key, value in row.items() if key != "null"}
        | {"null": row["null"]["iou"], "null_high": row["null"]["high"], "null_share": row["null"]["share"]}
        | {"null_within": row["null"]["within"]}
        for row in rows
    ]
    return pd.DataFrame(flat)


def _table(study: Study, layer: str, frame: pd.DataFrame, name: str, more: Mapping[str, Column]) -> Table:
    columns = {
        "patch": Column("Patch"),
        "code": Column("Code", help_of("code")),
        **more,
        "iou": Column("IoU", help_of("dissection"), "%.3f"),
        "low": Column("Low", "Lower end of the 95 % interval, images drawn with replacement.", "%.3f"),
        "high": Column("High", "Upper end of it.", "%.3f"),
        "null": Column("Chance", help_of("null of dissection"), "%.3f"),
        "share": Column("On it", help_of("share on the object"), "percent"),
        "null_share": Column("On it by chance", help_of("null of dissection"), "percent"),
        "within": Column("IoU within", help_of("overlap within"), "%.3f"),
        "null_within": Column("Within by chance", help_of("null of dissection"), "%.3f"),
        "cover": Column("Covers", help_of("cover of the object"), "percent"),
        "images": Column("Images", "Scored images that have the code.", "localized"),
        "q": Column("q", help_of("null of dissection"), "%.2g"),
    }
    pictures = {"patch": lambda shown: study.tiles(layer, shown["code"])}
    return Table(name, frame, columns, pictures, Go("codebook", {"layer": layer, "code": "{point}"}), "code", 320)


def _values(study: Study, row: Mapping[str, Any], options: Any, name: str) -> list[Block]:
    """The code of each value, of the chosen concept or of the first one."""
    names = list(dict.fromkeys(one["concept"] for one in row["values"]))
    if not names:
        return []
    chosen = getattr(options, "concept", "")
    concept = chosen if chosen in names else names[0]
    some = [one for one in row["values"] if one["concept"] == concept]
    frame = _frame(row["values"])
    columns = {
        "concept": Column("Concept", help_of("concept")),
        "value": Column("Value"),
        "n": Column("Images of it", "Scored images that have the value.", "localized"),
    }
    return [
        Heading(f"The object of each {concept}", help_of("dissection of values"), lambda: frame, f"{name}-values", 3),
        _chart(some, [one["value"] for one in some], row["layer"], "dissection-values"),
        More("The codes of all values", [_table(study, row["layer"], frame, f"{name}-values", columns)]),
    ]


def _others(found: Mapping[str, Any], layer: str) -> list[Block]:
    """What the other layers do, and which have no cells."""
    said = [one["sentence"] for one in found["layers"] if one["layer"] != layer]
    said += [f"Not judged: {why}." for why in found["refused"].values()]
    return [Note(one) for one in said]
