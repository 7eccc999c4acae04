"""Pairs of codes that tell more of a concept than either alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from explorer.glossary import help_of
from explorer.sheets import Block, Card, Cards, Chart, Column, Go, Heading, More, Note, Table

if TYPE_CHECKING:
    import pandas as pd

    from explorer.study import Study

AXIS = "bits that the pair tells beyond the better one of its codes"
WAYS = {(0, 1): "right", (1, 0): "below", (1, 1): "below right", (1, -1): "below left", (0, 2): "2 right"}
WAYS |= {(2, 0): "2 below"}


def blocks(study: Study, found: Mapping[str, Any], options: Any) -> list[Block]:
    """Cards, a chart and a table with patches of the chosen concept and layer, and a table of all."""
    row = _chosen(found["concepts"], options)
    layer, name = row["layer"], f"{study.checkpoint.name}-pairs"
    frame = _frame(row)
    parts: list[Block] = [
        Heading("Pairs of codes", help_of("pairs of codes"), lambda: frame, f"{name}-{layer}-{row['concept']}"),
        Note(row["sentence"], "plain"),
        Cards(_cards(row), 4),
    ]
    if row["pairs"]:
        parts += [_chart(row), _table(study, layer, frame, f"{name}-{layer}")]
    return [*parts, More("All concepts and layers", [_everything(found["concepts"], f"{name}-all")]), *_refused(found)]


def _chosen(rows: Sequence[Mapping[str, Any]], options: Any) -> Mapping[str, Any]:
    concept, layer = getattr(options, "concept", ""), getattr(options, "layer", "")
    some = [row for row in rows if row["concept"] == concept] or rows
    some = [row for row in some if row["layer"] == layer] or some
    return max(some, key=lambda row: row["found"])


def _cards(row: Mapping[str, Any]) -> list[Card]:
    best = max((one["gain"] for one in row["pairs"] if one["q"] < 0.05 and one["low"] > 0), default=None)
    return [
        Card(
            "Pairs that tell more", f"{row['found']:,} of {row['scored']:,}",
            f"of {row['concept']}, q < 0.05; {row['shuffles']:,} shuffles", help_of("pairs of codes"),
        ),
        Card("Found by chance", f"{row['by_chance']:,}", f"of {row['scored']:,}", help_of("control of pairs")),
        Card(
            "Largest gain", "–" if best is None else f"{best:.3f} bits", f"of {row['concept_bits']:.2f} bits",
            help_of("gain of a pair"),
        ),
        Card("Images", f"{row['n']:,}", f"pairs chosen on {row['fitted']:,} others", help_of("pairs of codes")),
    ]  # fmt: skip


def _named(one: Mapping[str, Any]) -> str:
    return f"{one['codes'][0]}, {WAYS[tuple(one['offset'])]} {one['codes'][1]}"


def _chart(row: Mapping[str, Any]) -> Chart:
    from explorer.charts import null_plots

    names = [_named(one) for one in row["pairs"]]
    found = [[one["gain"], one["low"], one["high"]] for one in row["pairs"]]
    null = [[one["null"]["mean"] - max(one["alone"]), one["null"]["high"] - max(one["alone"])] for one in row["pairs"]]
    first = [one["codes"][0] for one in row["pairs"]]
    alt = "Gain of pairs: " + ", ".join(
        f"{name} {one[0]:.3f} bits" for name, one in zip(names[:6], found, strict=False)
    )
    return Chart(
        "pairs",
        lambda theme: null_plots.beside_null(
            names, found, null, AXIS, chance="second code from another image", points=first, theme=theme
        ),
        alt, go=Go("codebook", {"layer": row["layer"], "code": "{point}"}),
    )  # fmt: skip


def _frame(row: Mapping[str, Any]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame([
        {
            "code": one["codes"][0], "other": one["codes"][1], "way": WAYS[tuple(one["offset"])],
            "first_alone": one["alone"][0], "second_alone": one["alone"][1],
            "null": one["null"]["mean"], "null_high": one["null"]["high"],
        }
        | {name: one[name] for name in ("bits", "gain", "low", "high", "p", "q", "images")}
        for one in row["pairs"]
    ])  # fmt: skip


def _table(study: Study, layer: str, frame: pd.DataFrame, name: str) -> Table:
    columns = {
        "patch": Column("Patch"), "code": Column("Code", help_of("code")),
        "way": Column("Where", "Where the second code stands, seen from the first."),
        "other_patch": Column("Patch of second"), "other": Column("Second"),
        "gain": Column("Gain (bits)", help_of("gain of a pair"), "%.4f"),
        "low": Column("Low", "Lower end of the 95 % interval of the gain.", "%.4f"),
        "high": Column("High", "Upper end of it.", "%.4f"),
        "bits": Column("Pair (bits)", help_of("pairs of codes"), "%.4f"),
        "first_alone": Column("First alone", "Bits that the presence of the first code tells.", "%.4f"),
        "second_alone": Column("Second alone", "Bits that the presence of the second code tells.", "%.4f"),
        "null": Column("Chance (bits)", help_of("null of pairs"), "%.4f"),
        "q": Column("q", help_of("null of pairs"), "%.2g"),
        "images": Column("Images", "Scored images that have the pair.", "localized"),
    }  # fmt: skip
    pictures = {
        "patch": lambda shown: study.tiles(layer, shown["code"]),
        "other_patch": lambda shown: study.tiles(layer, shown["other"]),
    }
    return Table(name, frame, columns, pictures, Go("codebook", {"layer": layer, "code": "{point}"}), "code", 320)


def _everything(rows: Sequence[Mapping[str, Any]], name: str) -> Table:
    import pandas as pd

    shown = ("concept", "layer", "found", "scored", "by_chance", "n")
    columns = {
        "concept": Column("Concept", help_of("concept"), pinned=True),
        "layer": Column("Layer"),
        "found": Column("Found", help_of("pairs of codes"), "localized"),
        "scored": Column("Scored", "Pairs that were chosen on other images.", "localized"),
        "by_chance": Column("By chance", help_of("control of pairs"), "localized"),
        "n": Column("Images", "Scored images with a value.", "localized"),
    }
    return Table(name, pd.DataFrame([{key: row[key] for key in shown} for row in rows]), columns)


def _refused(found: Mapping[str, Any]) -> list[Block]:
    return [Note("Not judged: " + "; ".join(found["refused"].values()) + ".")] if found["refused"] else []
