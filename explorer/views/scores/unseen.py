"""Dead, or unseen: how many codes more images would show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from explorer.glossary import help_of
from explorer.sheets import Block, Card, Cards, Chart, Column, Heading, More, Note, Table

if TYPE_CHECKING:
    from explorer.study import Study


def blocks(study: Study, found: Mapping[str, Any], options: Any) -> list[Block]:
    """A sentence for each layer; of the chosen one cards, the curve, and its use at fixed numbers of tokens."""
    import pandas as pd

    from explorer.charts import unseen_plots

    rows, name = found["layers"], f"{study.checkpoint.name}-unseen"
    row = next((row for row in rows if row["layer"] == getattr(options, "layer", "")), rows[-1])
    curve = pd.DataFrame(row["curve"])
    alt = f"{row['used']:,} of {row['codes']:,} codes occur in {row['images']:,} images"
    return [
        Heading("Dead, or unseen?", help_of("unseen codes"), lambda: curve, f"{name}-{row['layer']}"),
        *(Note(one["sentence"], "plain") for one in rows),
        Cards(_cards(row), 4),
        Heading(f"Codes that images show: {row['layer']}", help_of("rarefaction"), level=3),
        Chart(f"unseen-{row['layer']}", lambda theme: unseen_plots.rarefaction(row, theme), alt),
        *_fixed(rows, name),
    ]


def _cards(row: Mapping[str, Any]) -> list[Card]:
    least, mass, more = row["unseen"], row["mass"], row["more"]
    cards = [
        Card("Dead codes", f"{row['dead']:,} of {row['codes']:,}", f"in {row['images']:,} images", help_of("dead")),
        Card(
            "Merely unseen, at least", f"{least['codes']:.1f}", f"95 %: {least['low']:.1f} – {least['high']:.1f}",
            help_of("unseen codes"),
        ),
        Card(
            f"{more['images']:,} more images show", f"{more['codes']:.1f} codes",
            f"95 %: {more['low']:.1f} – {more['high']:.1f}", help_of("further codes"),
        ),
        Card(
            "Unseen in a new image", f"{mass['share']:.2%}",
            f"of its tokens; 95 %: {mass['low']:.2%} – {mass['high']:.2%}", help_of("unseen mass"),
        ),
        Card(
            "Coverage of tokens", f"{row['coverage_tokens']:.2%}", "if tokens were independent",
            help_of("coverage of tokens"),
        ),
        Card("Chao1, by tokens", f"{row['chao1']:,.1f} codes", f"by images (Chao2): {row['chao2']:,.1f}",
             help_of("chao")),
        Card("A dead code is in", f"< {row['never_images']:.2%}", "of images (95 %)", help_of("rule of three")),
    ]  # fmt: skip
    part = row["capacity"]
    if "missing" in part:
        return [*cards, Card("Effective capacity", "–", part["missing"], help_of("effective capacity"))]
    note = f"95 %: {part['low']:.1f} – {part['high']:.1f}; without overlap {part['alone']:.1f}"
    return [*cards, Card("Effective capacity", f"{part['codes']:.1f} codes", note, help_of("effective capacity"))]


def _fixed(rows: list[Mapping[str, Any]], name: str) -> list[Block]:
    import pandas as pd

    frame = pd.DataFrame([{"layer": row["layer"], "of": row["codes"], **one} for row in rows for one in row["fixed"]])
    if not len(frame):
        return []
    columns = {
        "layer": Column("Layer"),
        "tokens": Column("Tokens", help_of("fixed tokens"), "localized"),
        "images": Column("Images", "Whole images that have about as many tokens.", "localized"),
        "codes": Column("Codes", help_of("rarefaction"), "%.1f"),
        "low": Column("Low", "Lower end of the 95 % interval.", "%.1f"),
        "high": Column("High", "Upper end of it.", "%.1f"),
        "of": Column("Of", "Codes in the codebook.", "localized"),
    }
    return [More("Use at a fixed number of tokens, to compare sets of other sizes", [Table(name, frame, columns)])]
