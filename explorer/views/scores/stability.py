"""Stability: whether another training finds the same codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from explorer.glossary import help_of
from explorer.sheets import Block, Card, Cards, Chart, Heading, Note

if TYPE_CHECKING:
    from explorer.study import Study

CARDS = {  # of what was found: title, how it is written
    "agreed": ("Tokens that keep their code", ".0%", "matched tokens"),
    "iou": ("IoU of matched codes", ".3f", "matched iou"),
    "ami": ("Mutual information, adjusted", ".3f", "adjusted mutual information"),
}


def blocks(study: Study, found: Mapping[str, Any], options: Any) -> list[Block]:
    """A sentence, cards of the chosen layer with the other checkpoint that agrees least, a chart of all, and doubts."""
    from explorer.charts import stability_plots

    pairs = found["pairs"]
    refused = [Note(f"{name}: {why}.") for name, why in found["refused"].items()]
    heading = Heading("Stability over seeds", help_of("stability"), (lambda: _table(pairs)) if pairs else None,
                      f"{study.checkpoint.name}-stability")  # fmt: skip
    if not pairs:
        return [heading, Note(found["sentence"]), *refused]
    of = [pair for pair in pairs if pair["layer"] == getattr(options, "layer", "")] or pairs
    least = min(of, key=lambda pair: pair["agreed"]["mean"])
    flags = {flag: None for pair in pairs for flag in pair["flags"]}
    alt = f"Agreement of codes with {len({pair['other'] for pair in pairs})} other checkpoints"
    return [
        heading,
        Note(found["sentence"], "plain"),
        *(Note(flag, "warning") for flag in flags),
        Cards(_cards(least), 5),
        Chart("stability", lambda theme: stability_plots.agreement(pairs, theme), alt),
        *refused,
    ]


def _cards(pair: Mapping[str, Any]) -> list[Card]:
    cards = []
    for name, (title, form, term) in CARDS.items():
        one = pair[name]
        ends = f"95 %: {one['low']:{form}} – {one['high']:{form}}; permuted images: {one['null']:{form}}"
        cards.append(Card(title, f"{one['mean']:{form}}", ends, help_of(term)))
    matched = f"{pair['matched']:,} of {max(pair['used']):,}"
    number = f"{pair['same']:,} have the number of their partner"
    cards.append(Card("Codes with a partner", matched, number, help_of("matched codes")))
    of = f"{pair['tokens']:,} tokens; layer {pair['layer']}, {pair['other']}"
    return [*cards, Card("Images", f"{pair['n']:,}", of, "Images whose codes are compared.")]


def _table(pairs: list[Mapping[str, Any]]) -> Any:
    import pandas as pd

    return pd.json_normalize([{name: value for name, value in pair.items() if name != "flags"} for pair in pairs])
