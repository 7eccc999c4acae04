"""What a code does: swaps beside others as far in the codebook, and where the picture changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from explorer.analysis.concepts import shares
from explorer.glossary import help_of
from explorer.sheets import Block, Card, Cards, Chart, Column, Go, Heading, Note, Table
from explorer.views.scores.layered import chosen, of_concept, refusals

if TYPE_CHECKING:
    import pandas as pd

    from explorer.study import Study

SENTENCES, LINES = 4, 16  # of the swaps that tell most, and of a chart


def blocks(study: Study, found: Mapping[str, Any], options: Any) -> Sequence[Block]:
    """Cards, sentences, a chart and a table of one layer; see `results.scores.swaps`."""
    layer = chosen(found["layers"], options.layer)
    if not layer["pairs"]:
        return refusals(found)
    rows = of_concept(sorted(layer["pairs"], key=_telling), options)
    frame = _frame(layer["pairs"], layer["layer"])
    heading = Heading(
        f"Codes of {layer['layer']} put in each other's place", help_of("swap"), lambda: frame,
        f"{study.checkpoint.name}-swaps", 3,
    )  # fmt: skip
    told = [Note(row["sentence"], "plain") for row in rows[:SENTENCES]]
    return [
        heading, *_cards(layer), *told, *_chart(layer, rows), _table(layer, rows), *_notes(found, layer),
        *refusals(found),
    ]  # fmt: skip


def _telling(row: Mapping[str, Any]) -> tuple:
    """The surest first: by the lower end of how much more pictures turn, then of how much further they are pushed."""
    known = row["more_low"] == row["more_low"] and row["more_low"] is not None
    return (not known, -max(row["more_low"], 0) if known else 0, -(row["push_more_low"] or 0) if known else 0)


def _cards(layer: Mapping[str, Any]) -> list[Block]:
    told = layer["together"]
    if not told:
        return []

    def card(label: str, name: str, term: str, beside: str, other: str) -> Card:
        return Card(label, shares.worded(told[name]), f"{beside} {shares.worded(told[other])}", help_of(term))

    cards = [
        card("The probe turns", "turned", "turned", "as far away:", "null_turned"),
        card("Change inside the cell", "footprint", "footprint", "as far away:", "null_footprint"),
        card("Read as put there", "reencoded", "reencoded", "without a change, as before:", "unchanged"),
    ]
    cards = [one for one in cards if "–" not in one.value]
    count = sum(row["kind"] == "swap" for row in layer["pairs"])
    return [
        Cards([*cards, Card("Swaps", f"{count:,}", f"{told['reencoded']['n']:,} held-out images", help_of("swap"))])
    ]


def _chart(layer: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[Block]:
    """How far the probe is pushed by each swap, beside swaps as far; of codes without concepts what is read again."""
    asked = [row for row in rows if row["value"] is not None]
    if not asked:
        shown = [_line(f"{row['code']} → {row['to']}", row, "reencoded", 100) for row in rows[:LINES]]
        axis = "changed cells that are read as the code put there (%)"
    else:
        shown = [_line(_named(row), row, "push", 1) for row in asked[:LINES]]
        axis = "push of the probe towards the other value (standard deviations)"

    def figure(theme):
        from explorer.charts import causal_plots

        return causal_plots.beside_null(shown, axis, name="swap", null="as far in the codebook", theme=theme)

    note = (
        f"The {len(shown)} swaps that tell most, of {len(rows)}, so the first ones owe a part to luck; 95 % intervals. "
        if asked
        else ""
    )
    return [
        Chart(f"swaps-{layer['layer']}", figure, f"What swaps of codes of {layer['layer']} do, beside their null"),
        Note(f"{note}A swap that does no more than its diamond says nothing of that code.", help=help_of("push")),
    ]  # fmt: skip


def _named(row: Mapping[str, Any]) -> str:
    return f"{row['value']} → {row['to_value']}" if row["kind"] == "swap" else f"{row['value']} taken out"


def _line(label: str, row: Mapping[str, Any], name: str, scale: float) -> dict[str, Any]:
    keys = {"mean": name, "low": f"{name}_low", "high": f"{name}_high"}
    keys |= {"null": f"null_{name}", "null_low": f"null_{name}_low", "null_high": f"null_{name}_high"}
    return {"label": label} | {key: scale * row[of] for key, of in keys.items()}


def _frame(rows: Sequence[Mapping[str, Any]], layer: str) -> pd.DataFrame:
    import pandas as pd

    frame = pd.DataFrame(rows).drop(columns=["sentence"])
    frame["null_codes"] = [" ".join(map(str, codes)) for codes in frame["null_codes"]]
    frame.insert(0, "layer", layer)
    return frame


COLUMNS = {
    "concept": Column("Concept", help_of("concept")),
    "change": Column("Change", "The value whose best code is replaced, and the value whose best code takes its place."),
    "code": Column("Code"),
    "to": Column("Becomes"),
    "images": Column("Images", "Held-out images that have the code and the value.", "localized"),
    "turned": Column("Turned", help_of("turned")),
    "null_turned": Column("As far away", help_of("matched swaps")),
    "push": Column("Push", help_of("push"), "%.2f"),
    "null_push": Column("Push, as far", help_of("matched swaps"), "%.2f"),
    "footprint": Column("Inside the cell", help_of("footprint"), "percent"),
    "radius": Column("Radius (px)", help_of("radius of a change"), "%.1f"),
    "reencoded": Column("Read again", help_of("reencoded")),
}


def _table(layer: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Block:
    import pandas as pd

    frame = pd.DataFrame(rows)
    frame["change"] = [_named(row) if row["value"] is not None else "" for row in rows]
    for name in ("turned", "null_turned", "reencoded"):
        frame[name] = [_worded(row, name) for row in rows]
    columns = {name: column for name, column in COLUMNS.items() if not frame[name].isna().all()}
    if frame["concept"].isna().all():
        columns.pop("change")
    go = Go("code_maps", {"layer": layer["layer"], "code": "{point}"})
    return Table(f"swaps-{layer['layer']}", frame, columns, go=go, by="code", height=320)


def _worded(row: Mapping[str, Any], name: str) -> str:
    known = row[name] is not None and row[name] == row[name]
    return shares.worded({"n": int(known), **{key: row[f"{name}{end}"] for key, end in _ENDS.items()}})


_ENDS = {"mean": "", "low": "_low", "high": "_high"}


def _notes(found: Mapping[str, Any], layer: Mapping[str, Any]) -> list[Block]:
    sizes, notes = found["sizes"], []
    if layer["probe"]:
        fine = [one for one in layer["probe"] if one["concept"] not in layer["untold"]]
        told = ", ".join(f"{one['concept']} {one['score']:.2f} (chance {one['chance']:.2f})" for one in fine)
        notes.append(Note(
            f"The probe is fitted on {sizes['fitted']:,} decoded pictures and then frozen; on held-out ones it reaches "
            f"{told or 'no more than chance'}. Swaps are made for what it tells.", help=help_of("frozen probe"),
        ))  # fmt: skip
    if layer["left_out"]:
        notes.append(
            Note(f"All pictures are decoded without {', '.join(layer['left_out'])}.", help=help_of("left out"))
        )
    return notes
