"""What the images that were found have in common with the one that was asked about, beside chance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.glossary import help_of
from explorer.sheets import Block, Card, Cards, Heading

if TYPE_CHECKING:
    from explorer.study import Picture as Looked
    from explorer.study import Study
    from explorer.study.queries import Found

CARDS = 4  # concepts whose values are counted


def blocks(study: Study, picture: Looked, found: Found) -> list[Block]:
    """How often what was found has the values of the image, beside chance."""
    told = numbers(study, picture, found)
    if not told:
        return []
    cards = [
        Card(
            f"{one['concept']}: {one['value']}"[:40], f"{one['have']:,} of {one['of']:,}",
            f"by chance {one['chance'] * one['of']:.1f}", help_of("values in common"),
        )
        for one in told[:CARDS]
    ]  # fmt: skip
    return [Heading("Values in common", help_of("values in common"), level=3), Cards(cards, CARDS)]


def numbers(study: Study, picture: Looked, found: Found) -> list[dict[str, Any]]:
    """Of each discrete concept: how many found images have the value of the image, and the share of all that do."""
    if picture.row is None or not found.hits:
        return []
    table, told = study.known(), []
    rows = [hit.row for hit in found.hits]
    for name in study.remember(_discrete, len(table.columns)):
        column = table[name]
        value = column.iat[picture.row]
        if value is None or value != value:
            continue
        same = (column == value).fillna(False).to_numpy(bool)
        others = np.delete(same, [picture.row, *found.own])
        have, chance = int(same[rows].sum()), float(others.mean()) if len(others) else 0.0
        told.append({"concept": str(name), "value": str(value), "have": have, "of": len(rows), "chance": chance})
    return told


def _discrete(study: Study, columns: int) -> list[str]:
    """Names of discrete concepts; `columns` tells what is known now from what was before more was computed."""
    from explorer.datasets import discrete

    return discrete(study.known())
