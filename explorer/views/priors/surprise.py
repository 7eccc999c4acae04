"""Surprise: where an image is unlike what the prior learned, which images are, and how much of a map is predictable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.glossary import help_of
from explorer.sheets import Block, Card, Cards, Choose, Controls, Go, Heading, Later, Missing, Note, Picture, Pictures
from explorer.views import fields, words
from explorer.views.priors import surprise_map, surprise_tables, unlike
from explorer.views.priors.made import Made

if TYPE_CHECKING:
    from explorer.priors.folder import Facts
    from explorer.results.surprisal.kept import Surprisal
    from explorer.study import Picture as Looked
    from explorer.study import Study

SHOWN = 8  # images, and cells, in a row
ABOUT = (
    "Row by row the prior says how probable each code is, given those before it. Where it gave the code that stands "
    "there a low probability, the image surprises it: bright cells."
)
TRAINED = (
    "The prior learned from these images, or from some of them, so they surprise it less than new ones would. The part "
    "“test” of the dataset has those that it did not see."
)
NO_IMAGE = "Choose an image, or drop one of your own, to see where it surprises the prior."


def _here(_: Study, options: Mapping[str, Any]) -> bool:
    return options["part"] == "surprise"


def _levels(study: Study, options: Mapping[str, Any]) -> dict[str, str]:
    from explorer.study import priors

    facts = priors.facts_of(study, options["prior"])
    return {} if facts is None else {one.name: one.name for one in facts.levels}


@dataclass(frozen=True)
class Options:
    """What can be asked of surprisal."""

    level: str = fields.option(
        "", "Level", "Whose codes are shown; a prior goes through the coarse ones first.", choices=_levels, yields=True,
        start=lambda study, options: next(reversed(_levels(study, options)), ""),
        when=lambda study, options: _here(study, options) and len(_levels(study, options)) > 1,
    )  # fmt: skip
    surprising: str = fields.option(
        "most", "Order", "Images and cells that the prior expected least, or most.",
        choices={"most": "Most surprising", "least": "Least surprising"}, when=_here,
    )  # fmt: skip
    unlike: str = fields.option(
        "", "Another dataset", help_of("unlike set"), offers=unlike.offers, check=unlike.check, when=_here,
    )  # fmt: skip


def blocks(study: Study, facts: Facts, options: Any, picture: Looked | None = None) -> Made:
    """The maps of an image, and, once all images were asked about, what surprises in the whole set."""
    asked = {"prior": str(facts.path), "against": ""}
    kept = study.result("surprisal", asked)
    shown: list[Block] = [Note(ABOUT), Controls(("level",)), Choose()]
    if {study.subject.split, study.images.split} & {"train", "all"}:
        shown.append(Note(TRAINED, "warning"))
    numbers: dict[str, Any] = {"prior": facts.name}
    if picture is None:
        shown.append(Note(NO_IMAGE, "info"))
    else:
        seen, told = surprise_map.blocks(study, facts, options.level, picture, kept)
        shown, numbers = [*shown, *seen], numbers | told
    if kept is None:
        count = len(study.images)
        return Made([*shown, Missing(
            "surprisal", asked, f"Ask the prior about all {words.many(count, 'image')}",
            "Which images and cells surprise most, which codes and concepts, how much of a code map its surroundings "
            "tell, and whether bits tell another set apart. Kept for the next time.",
        )], numbers)  # fmt: skip
    whole, more = _whole(study, facts, kept, options, picture)
    tables, told = surprise_tables.blocks(study, facts, kept, options.level)
    apart, found = unlike.blocks(study, facts, options.unlike)
    return Made([*shown, *whole, *tables, *apart], numbers | more | told | found)


def _whole(
    study: Study, facts: Facts, kept: Surprisal, options: Any, picture: Looked | None
) -> tuple[list[Block], dict[str, Any]]:
    """Cards of the whole set, and the images and cells that surprise most or least."""
    from explorer.analysis import quality, surprisal
    from explorer.results.surprisal import told

    bits = kept.image_bits()
    mean, context = quality.interval(bits), surprise_tables.context(study, facts, options.level)
    by = {one["step"]: one["mean"] for one in context["steps"]}
    many = len(kept.levels) > 1
    every, one = (", all levels", f", {options.level}") if many else ("", "")
    cards = [
        Card(f"Bits per code{every}", f"{mean['mean']:.2f}", f"{quality.between(mean, 2)}, n = {mean['n']:,}",
             help_of("bits of an image")),
        Card(f"Nothing known{one}", f"{by['uniform']:.2f}", f"log2 of {_size(kept, options.level):,} codes",
             help_of("predictable")),
        _share(context, one),
    ]  # fmt: skip
    if picture is not None and picture.row is not None:
        own = float(bits[picture.row])
        place = surprisal.percentile(own, bits)
        note = f"more than {100 * place:.0f} % of the images"
        cards.insert(0, Card(f"This image{every}", f"{own:.2f} bits", note, help_of("bits of an image")))
    most = options.surprising == "most"
    numbers = {
        "bits_per_code": mean, "context": context, "most": told.images(bits, study.images.names),
        "least": told.images(bits, study.images.names, most=False),
    }  # fmt: skip
    shown: list[Block] = [
        Heading("All images", help_of("surprising images"), lambda: _frame(study, kept), f"{facts.name}-surprisal"),
        Cards(cards, 4),
        Controls(("surprising",)),
        Later(lambda: _images(study, kept, options, most)),
        Later(lambda: _cells(study, kept, options, most)),
    ]
    return shown, numbers


def _size(kept: Surprisal, level: str) -> int:
    return next(one["codes"] for one in kept.facts["levels"] if one["name"] == level)


def _share(context: dict[str, Any], of: str) -> Card:
    found = context["share"]
    if found["mean"] is None:
        return Card(f"Predictable{of}", "–", "all images have the same codes", help_of("share predictable"))
    note = "" if found["low"] is None else f"95 %: {100 * found['low']:.1f} – {100 * found['high']:.1f} %"
    return Card(f"Predictable{of}", f"{100 * found['mean']:.1f} %", note, help_of("share predictable"))


def _frame(study: Study, kept: Surprisal) -> Any:
    """Bits of every image, for a CSV."""
    import pandas as pd

    columns: dict[str, Any] = {"row": np.arange(kept.facts["images"]), "name": list(study.images.names)}
    columns["bits_per_code"] = kept.image_bits()
    for step, levels in kept.steps.items():
        columns |= {f"{step}_{name}": bits / kept.maps[name][0].size for name, bits in levels.items()}
    return pd.DataFrame(columns)


def _images(study: Study, kept: Surprisal, options: Any, most: bool) -> list[Block]:
    from explorer.analysis import surprisal
    from explorer.study.distinct import distinct

    bits = kept.image_bits()
    order = surprisal.order(bits, most=most)
    found = distinct(study, lambda count: (order[:count], bits[order[:count]]), SHOWN)
    pixels = study.shown.read(found.rows)
    pictures = []
    for one, row, value, same in zip(pixels, found.rows.tolist(), found.scores, found.copies, strict=True):
        note = f"{value:.2f} bits a code" + (f", {words.many(len(same), 'copy', 'copies')}" if len(same) else "")
        alt = f"Image {row:,}, {value:.2f} bits a code"
        go = Go(None, {"image": row})
        pictures.append(Picture(one, f"Image {row:,}", note, alt, study.images.names[row], go, row))
    said = "expected least" if most else "expected most"
    return [
        Note(f"Images that the prior {said}, of all {len(bits):,}; press one to see where.", "plain"),
        Pictures("surprising-images", pictures, 110),
    ]


def _cells(study: Study, kept: Surprisal, options: Any, most: bool) -> list[Block]:
    from explorer.analysis import patches, surprisal

    level, bits = options.level, kept.maps[options.level]
    if bits[0].size == 1:
        return []
    rows, at = surprisal.cells(bits, most=most)
    rows, at = rows[:SHOWN], at[:SHOWN]
    crops = patches.crop(study.shown.read(rows), at, bits.shape[1:], 96)
    pictures = []
    for one, row, place in zip(crops, rows.tolist(), at.tolist(), strict=True):
        where = np.unravel_index(place, bits.shape[1:])
        code, value = int(kept.codes[level][row][where]), float(bits[row][where])
        go = Go(None, {"image": row})
        note = f"{value:.1f} bits, image {row:,}"
        pictures.append(Picture(one, f"Code {code}", note, f"Code {code} in image {row:,}, {value:.1f} bits", go=go))
    said = "least" if most else "most"
    return [
        Note(f"Cells that it expected {said}, one an image.", "plain", help_of("surprising cells")),
        Pictures("surprising-cells", pictures, 110),
    ]
