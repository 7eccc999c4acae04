"""Bits that tokens tell of concepts: above chance, beyond position, beyond colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from explorer.glossary import help_of
from explorer.sheets import Block, Card, Cards, Chart, Column, Go, Heading, More, Note, Table

if TYPE_CHECKING:
    import pandas as pd

    from explorer.study import Study

CHARTED = 30  # concepts or values of a chart, at most: those that are told most of
AXIS = "bits that a token tells more than chance"


def blocks(study: Study, found: Mapping[str, Any], options: Any) -> list[Block]:
    """A chart of all concepts, cards of the chosen one, its values and codes, position, and a table of everything."""
    rows, name = found["concepts"], f"{study.checkpoint.name}-information"
    chosen = _chosen(rows, options)
    frame = _frame(rows)
    return [
        Heading("Bits", help_of("bits of a token"), lambda: frame, name),
        *_overview(rows),
        *_cards(chosen),
        *_values(chosen, options),
        *_codes(chosen),
        *_positions(found["positions"]),
        Heading("All concepts and layers", help_of("bits of a token"), level=3),
        _table(frame, f"{name}-table"),
        *([Note("Not judged: " + "; ".join(found["refused"].values()) + ".")] if found["refused"] else []),
    ]


def _chosen(rows: Sequence[Mapping[str, Any]], options: Any) -> Mapping[str, Any]:
    """The row of the chosen concept and layer; else what is told most of."""
    concept, layer = getattr(options, "concept", ""), getattr(options, "layer", "")
    some = [row for row in rows if row["concept"] == concept] or rows
    some = [row for row in some if row["layer"] == layer] or some
    return max(some, key=lambda row: row["bits"])


def _overview(rows: Sequence[Mapping[str, Any]]) -> list[Block]:
    from explorer.charts import information_plots

    best: dict[str, float] = {}
    for row in rows:
        best[row["concept"]] = max(row["bits"], best.get(row["concept"], row["bits"]))
    names = sorted(best, key=lambda one: -best[one])[:CHARTED]
    some = sorted((row for row in rows if row["concept"] in names), key=lambda row: names.index(row["concept"]))
    told = sum(row["q"] < 0.05 for row in rows)
    text = f"Of {len(rows):,} pairs of concept and layer, {told:,} are told more of than by chance (q < 0.05)."
    if len(best) > CHARTED:
        text += f" The chart shows the {CHARTED} concepts that are told most of."
    alt = "Bits that a token tells: " + ", ".join(f"{row['concept']} {row['bits']:.3f}" for row in some[:6])
    chart = Chart("information", lambda theme: information_plots.bits(some, AXIS, theme=theme), alt)
    return [chart, Note(text)]


def _cards(row: Mapping[str, Any]) -> list[Block]:
    tells = f"{help_of('bits of a token')} {help_of('share of concept')}"
    cards = [
        Card("A token tells", f"{row['bits']:.3f} bits", _between(row), tells),
        Card("Of the concept", f"{row['share']:.1%}", f"of {row['concept_bits']:.2f} bits", tells),
        Card(
            "By chance", f"{row['chance']:.3f} bits", f"as counted: {row['plugin']:.3f}; {row['shuffles']:,} shuffles",
            help_of("counted bits"),
        ),
        Card("q", f"{row['q']:.2g}", f"p = {row['p']:.2g}", help_of("q of bits")),
        _beyond(row["given_position"], "Beyond position", "bits beyond position"),
        _beyond(row["given_pictures"], "Beyond colour", "bits beyond pictures"),
        Card("Adjusted", f"{row['adjusted']:.3f}", "0 is chance, 1 the same thing", help_of("adjusted information")),
        Card(
            "Tokens", f"{row['tokens']:,}", f"{_worth(row['effective'])}; {row['n']:,} images, {row['missing']:,} "
            "without a value", help_of("effective tokens"),
        ),
    ]  # fmt: skip
    return [
        Heading(f"{row['concept']} in {row['layer']}", help_of("concept"), level=3),
        Note(row["sentence"], "plain"),
        Cards(cards, 4),
    ]


def _between(one: Mapping[str, Any]) -> str:
    rough = "; rough: few images of many codes" if one["rough"] else ""
    return f"95 %: {one['low']:.3f} – {one['high']:.3f}{rough}"


def _worth(tokens: float) -> str:
    return f"worth {tokens:,.0f} independent ones" if tokens == tokens else "no bias to correct"


def _beyond(part: Mapping[str, Any], label: str, term: str) -> Card:
    if "missing" in part:
        return Card(label, "–", part["missing"], help_of(term))
    return Card(label, f"{part['bits']:.3f} bits", f"q = {part['q']:.2g}; {_between(part)}", help_of(term))


def _values(row: Mapping[str, Any], options: Any) -> list[Block]:
    """Each value against the rest; of two values both say the same."""
    from explorer.charts import information_plots

    if len(row["values"]) < 3:
        return []
    some = sorted(row["values"], key=lambda one: -one["bits"])[:CHARTED]
    some = [one | {"layer": row["layer"]} for one in some]
    title = "bits that a token tells of this value against the rest"
    alt = "Bits of each value: " + ", ".join(f"{one['value']} {one['bits']:.3f}" for one in some[:6])
    chart = Chart("information-values", lambda theme: information_plots.bits(some, title, by="value", theme=theme), alt)
    said = next((one for one in row["values"] if one["value"] == getattr(options, "value", "")), None)
    note = [] if said is None else [Note(_of_value(said))]
    return [*note, More(f"Each value of {row['concept']} against the rest", [chart])]


def _of_value(one: Mapping[str, Any]) -> str:
    return (
        f"{one['value']} against the rest: {one['bits']:.3f} of {one['of']:.2f} bits (95 %: {one['low']:.3f} – "
        f"{one['high']:.3f}, q = {one['q']:.2g}, {one['n']:,} images)."
    )


def _codes(row: Mapping[str, Any]) -> list[Block]:
    import pandas as pd

    part = row["presence"]
    text = f"Codes that tell: the presence of {part['found']:,} of {part['codes']:,} (q < 0.05)"
    columns = {
        "code": Column("Code"),
        "bits": Column("Tells (bits)", help_of("presence of codes"), "%.4f"),
        "low": Column("Low", "Lower end of the 95 % interval, bits.", "%.4f"),
        "high": Column("High", "Upper end of the 95 % interval, bits.", "%.4f"),
        "q": Column("q", help_of("q of bits"), "%.2g"),
        "images": Column("Images", "Images that have the code.", "localized"),
    }
    frame = pd.DataFrame(part["best"])
    table = Table("information-codes", frame, columns, go=Go("codebook", {"layer": row["layer"], "code": "{point}"}),
                  by="code")  # fmt: skip
    return [More(text, [table])] if len(frame) else []


def _positions(places: Sequence[Mapping[str, Any]]) -> list[Block]:
    cards = [
        Card(
            f"{one['layer']}: is position", f"{one['share']:.1%}",
            f"95 %: {one['share_low']:.1%} – {one['share_high']:.1%} of {one['code_bits']:.2f} bits; "
            f"by chance {one['chance'] / one['code_bits'] if one['code_bits'] else 0:.1%} as counted",
            help_of("share of position"),
        )
        for one in places
        if "missing" not in one
    ]  # fmt: skip
    said = [Note(f"{one['layer']}: {one['missing']}") for one in places if "missing" in one]
    heading = Heading("How much of a code is its position", help_of("share of position"), level=3)
    return [heading, *([Cards(cards, 4)] if cards else []), *said]


def _frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    names = ("concept", "layer", "bits", "low", "high", "share", "q", "plugin", "chance", "adjusted", "n")
    beyond = {"beyond_position": "given_position", "beyond_colour": "given_pictures"}
    found = [
        {name: row[name] for name in names}
        | {name: row[part].get("bits", float("nan")) for name, part in beyond.items()}
        for row in rows
    ]
    return pd.DataFrame(found).sort_values("bits", ascending=False, ignore_index=True)


def _table(frame: pd.DataFrame, name: str) -> Table:
    columns = {
        "concept": Column("Concept", help_of("concept"), pinned=True),
        "layer": Column("Layer"),
        "bits": Column("More than chance (bits)", help_of("bits of a token"), "%.4f"),
        "low": Column("Low", "Lower end of its 95 % interval.", "%.4f"),
        "high": Column("High", "Upper end of it.", "%.4f"),
        "share": Column("Share", help_of("share of concept"), "percent"),
        "q": Column("q", help_of("q of bits"), "%.2g"),
        "beyond_position": Column("Beyond position (bits)", help_of("bits beyond position"), "%.4f"),
        "beyond_colour": Column("Beyond colour (bits)", help_of("bits beyond pictures"), "%.4f"),
        "plugin": Column("As counted (bits)", help_of("counted bits"), "%.4f"),
        "chance": Column("By chance (bits)", help_of("counted bits"), "%.4f"),
        "adjusted": Column("Adjusted", help_of("adjusted information"), "%.3f"),
        "n": Column("Images", "Images with a value.", "localized"),
    }
    return Table(name, frame, columns)
