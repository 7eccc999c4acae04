"""Palettes: the codes to paint with – those of an image, near ones, those of a concept, or what a search finds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.glossary import help_of
from explorer.sheets import drawing
from explorer.views import fields, words

if TYPE_CHECKING:
    from explorer.study import Picture as Looked
    from explorer.study import Study

MOST = 96  # codes on a palette
Q = 0.05  # of codes that stand for a concept
SHOWN = {"image": "Of this image", "near": "Near the chosen code", "concept": "Of a concept", "search": "Search"}


def _concepts(study: Study, _: Any = None) -> dict[str, str]:
    from explorer.datasets import discrete

    return {str(name): str(name) for name in discrete(study.known())}


def _values(study: Study, options: Mapping[str, Any]) -> dict[str, str]:
    if not options["concept"]:
        return {}
    return {value: value for value in sorted(study.known()[options["concept"]].dropna().astype(str).unique())}


def _shown(study: Study, _: Any = None) -> dict[str, str]:
    return {name: called for name, called in SHOWN.items() if name != "concept" or _concepts(study)}


@dataclass(frozen=True)
class Options:
    """What the palette can be asked for."""

    palette: str = fields.option("image", "Codes to paint with", help_of("palette"), choices=_shown)
    concept: str = fields.option(
        "", "Concept", "What is known of each image.", choices=_concepts, yields=True,
        start=lambda study, _: next(iter(_concepts(study)), ""), when=lambda _, o: o["palette"] == "concept",
    )  # fmt: skip
    value: str = fields.option(
        "", "Value", "Codes that images with this value have more often than the others.", choices=_values, yields=True,
        start=lambda study, o: next(iter(_values(study, o)), ""), when=lambda _, o: o["palette"] == "concept",
    )  # fmt: skip
    find: str = fields.option(
        "", "Number or name", "A code's number, the beginning of one, or part of the name that you gave it.",
        when=lambda _, options: options["palette"] == "search",
    )  # fmt: skip


@dataclass(frozen=True)
class Palette:
    """Codes to paint with, a few words on each, and a sentence on all."""

    codes: list[int]
    notes: list[str]
    said: str

    @property
    def told(self) -> dict[str, Any]:
        return {"codes": self.codes, "notes": self.notes, "said": self.said}


def chosen(study: Study, options: Any, picture: Looked) -> Palette:
    """The palette that was asked for."""
    return {"image": _of_image, "near": _near, "concept": _of_concept, "search": _search}[options.palette](
        study, options, picture
    )


def colours(study: Study, layer: str, codes: Sequence[int]) -> dict[int, str]:
    """{code: #rrggbb} as on the maps."""
    known, all_colours = np.unique(np.asarray(codes, np.int64)), study.colours(layer)
    return {int(code): "#" + bytes(all_colours[code]).hex() for code in known}


def described(study: Study, layer: str, codes: Sequence[int]) -> dict[str, Any]:
    """What some codes look like: `tiles`, one picture of their patches, `names` and `colours`."""
    names = study.names(layer)
    tiles: dict[str, Any] | None = None
    if len(codes):
        pixels = study.tiles(layer, np.asarray(codes, np.int64))
        sheet, across = drawing.sprite(pixels)
        tiles = {"url": drawing.jpeg_url(sheet), "across": across, "codes": list(map(int, codes))}
    shown = colours(study, layer, codes)
    return {"tiles": tiles, "names": {code: names[code] for code in codes if code in names}, "described": shown}


def translated(study: Study, codes: np.ndarray, layer: str, to: str) -> tuple[np.ndarray | None, str]:
    """Codes (H, W) of a layer as codes of another: by number where both have one codebook, else by the nearest vector.

    None, and why, where vectors have another number of entries.
    """
    if layer == to:
        return codes, ""
    first, second = study.book(layer), study.book(to)
    if first.vectors.shape == second.vectors.shape and bool((first.vectors == second.vectors).all()):
        return codes, f"{layer} and {to} share a codebook: codes are copied by their numbers."
    if first.vectors.shape[1] != second.vectors.shape[1]:
        sizes = f"{first.vectors.shape[1]:,} and {second.vectors.shape[1]:,} numbers"
        return None, f"Vectors of {layer} and {to} have {sizes}, so none stands for another; choose one layer."
    found = second.assign(first.vectors[codes]).cpu().numpy()
    return (
        found,
        f"{layer} and {to} have codebooks of their own: each code becomes the one of {to} with the nearest vector.",
    )


def _of_image(study: Study, options: Any, picture: Looked) -> Palette:
    codes, cells = np.unique(study.codes_of(picture, options.layer)[0], return_counts=True)
    order = np.argsort(-cells, kind="stable")[:MOST]
    notes = [words.many(int(cells[i]), "cell") for i in order]
    more = f"; the {MOST} with most cells are here" if len(codes) > MOST else ""
    return Palette([int(codes[i]) for i in order], notes, f"{words.many(len(codes), 'code')} in this image{more}.")


def _near(study: Study, options: Any, picture: Looked) -> Palette:
    found, away = study.nearest_codes(options.layer, options.code, min(MOST, len(study.book(options.layer))) - 1)
    notes = ["itself", *(f"distance {one:.3g}" for one in away)]
    said = f"Codes by the distance of their vectors from that of code {options.code:,}, nearest first."
    return Palette([options.code, *map(int, found)], notes, said)


def _of_concept(study: Study, options: Any, picture: Looked) -> Palette:
    found = study.remember(_enriched, options.layer, options.concept, options.value)
    called = f"{options.concept} = {options.value}"
    if found is None:
        return Palette([], [], f"All images, or none, have {called}, so no code stands for it.")
    good = np.flatnonzero((found.q < Q) & (found.log_odds > 0))[:MOST]
    notes = [
        f"{found.inside[i]:,} of {found.selected:,} images; {found.outside[i]:,} of {found.rest:,} others" for i in good
    ]
    said = (
        f"{words.many(len(good), 'code')} that the {found.selected:,} images with {called} have more often than the "
        f"{found.rest:,} others (q < {Q})."
    )
    return Palette([int(found.items[i]) for i in good], notes, said)


def _enriched(study: Study, layer: str, concept: str, value: str) -> Any:
    from explorer.analysis.selection import compare_codes

    column = study.known()[concept]
    known = column.notna().to_numpy()
    selected = (column.astype(str) == value).to_numpy()[known]
    if selected.all() or not selected.any():
        return None
    return compare_codes(study.codes(layer)[known], selected, len(study.book(layer)))


def _search(study: Study, options: Any, picture: Looked) -> Palette:
    names, text, size = study.names(options.layer), options.find.strip().lower(), len(study.book(options.layer))
    named = [code for code, name in names.items() if text and text in name.lower() and code < size]
    exact = [int(text)] if text.isdecimal() and len(text) < 10 and int(text) < size else []
    begin = [code for code in _beginning(text, size) if code not in exact] if text.isdecimal() else []
    codes = list(dict.fromkeys([*exact, *named, *begin]))[:MOST]
    notes = [names.get(code, "") for code in codes]
    if not text:
        return Palette([], [], f"Type a number from 0 to {size - 1:,}, or part of a name that you gave.")
    return Palette(
        codes, notes, f"{words.many(len(codes), 'code')} found." if codes else f"No code is called {text[:40]!r}."
    )


def _beginning(text: str, size: int) -> list[int]:
    """Numbers below `size` that begin with the digits of `text`, at most MOST, small ones first."""
    first, found, wide = int(text), [], 10
    while first and first * wide < size and len(found) < MOST:
        found += range(first * wide, min(first * wide + wide, size, first * wide + MOST))
        wide *= 10
    return found[:MOST]
