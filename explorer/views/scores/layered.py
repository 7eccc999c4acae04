"""What scores by layer have in common when they are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from explorer.sheets import Block, Note


def chosen(layers: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    """The layer of that name; the last, finest one where there is none."""
    return next((layer for layer in layers if layer["layer"] == name), layers[-1])


def of_concept(rows: Sequence[Mapping[str, Any]], options: Any) -> list[Mapping[str, Any]]:
    """The rows of the concept, and of the value, that are chosen; all where none is, or it has no row."""
    found = [row for row in rows if row["concept"] == options.concept] or list(rows)
    value = getattr(options, "value", "")
    return [row for row in found if "value" in row and str(row["value"]) == str(value)] or found


def refusals(found: Mapping[str, Any]) -> list[Block]:
    """Why something is left out, a sentence each."""
    return [Note(said, "info") for said in found.get("refused", {}).values()]
