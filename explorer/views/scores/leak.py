"""Copies: images where none may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from explorer.glossary import help_of
from explorer.sheets import Block, Card, Cards, Column, Heading, Note, Table

if TYPE_CHECKING:
    from explorer.study import Study


def blocks(study: Study, found: Mapping[str, Any], options: Any) -> list[Block]:
    """A sentence, how many copies there are of training images and among those that are judged, and which."""
    import pandas as pd

    names = pd.DataFrame(found["names"])
    name = f"{study.checkpoint.name}-copies"
    blocks: list[Block] = [
        Heading("Copies among the images", help_of("copies"), (lambda: names) if len(names) else None, name),
        Note(found["sentence"], "warning" if found["kept"] else "plain"),
        Cards(_cards(found), 4),
    ]
    if "missing" in found["train"]:
        blocks.append(Note(found["train"]["missing"]))
    if len(names):
        columns = {
            "name": Column("Image"),
            "partner": Column("Is a copy of"),
            "split": Column("Which is", "A training image, or another one that is judged."),
            "how": Column("How", help_of("near copies")),
        }
        blocks.append(Table(name, names, columns))
    return blocks


def _cards(found: Mapping[str, Any]) -> list[Card]:
    share, mirrored, within, train = found["share"], found["mirrored"], found["within"], found["train"]
    asked = f"{train['images']:,} training images asked" if "images" in train else "not asked"
    asked += ", a sample" if train.get("sampled") else ""
    exact, near = ("–" if found[name] is None else f"{found[name]:,}" for name in ("exact", "near"))
    ends = f"95 %: {share['low']:.2%} – {share['high']:.2%}"
    return [
        Card("Copies", f"{share['mean']:.2%}", f"of {share['n']:,} images; {ends}", help_of("copies")),
        Card("Of training images", f"{exact} exact, {near} near", asked, help_of("near copies")),
        Card("Of other judged images", f"{within['exact']:,} exact, {within['near']:,} near",
             "the first of each is kept", help_of("near copies")),
        Card("Mirror images", f"{mirrored['mean']:.2%}", f"taken for copies, of {mirrored['n']:,}",
             help_of("mirrored copies")),
    ]  # fmt: skip
