"""Units moved one by one: which are used, what each does to the picture, and which concept goes with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.files import digest
from explorer.glossary import help_of
from explorer.sheets import (
    Block,
    Cards,
    CodeMap,
    Controls,
    Download,
    Go,
    Heading,
    More,
    Note,
    Piece,
    Table,
    drawing,
)
from explorer.study import traversals
from explorer.views.traversals import layer as known
from explorer.views.traversals import sliders, unit_facts
from explorer.views.traversals.rows import SILENT, strip

if TYPE_CHECKING:
    from explorer.analysis.traversal import Traversal
    from explorer.study import Picture as Looked
    from explorer.study import Study

ORDERED = (
    "Units are sorted by how far {moves} over images; the columns add so many standard deviations of the unit over all "
    "images{spread}, to {base}."
)
NO_POSTERIOR = (
    "The latents of this layer are plain numbers without a distribution: nothing says what a unit costs (KL), and a "
    "standard deviation is that over images{cells}."
)
GRID = "A unit is a channel of the {rows} × {columns} grid; {where}."
FAR = "* further than this unit is in any of the {images:,} images."


def pages(study: Study, options: Mapping[str, Any]) -> int:
    """Pages of units."""
    return max(1, -(-study.layer(options["layer"]).dim // unit_facts.PAGE))


def blocks(study: Study, options: Any, picture: Looked) -> tuple[list[Block], dict[str, Any]]:
    """The units, and the pictures of some of them."""
    found, missing = known.measured(study, options.layer)
    if found is None:
        return [missing], {}
    ranked, concepts = unit_facts.order(found), study.remember(unit_facts.told, options.layer)
    units = ranked[(options.units - 1) * unit_facts.PAGE : options.units * unit_facts.PAGE]
    rows, numbers = _rows(study, options, picture, found, units, concepts)
    table = unit_facts.table(found, ranked, concepts)
    every = [
        Table("units", table, {name: one for name, one in unit_facts.COLUMNS.items() if name in table}, height=320,
              go=Go(carried={"units": "{point}"}), by="page"),
    ]  # fmt: skip
    return [
        Heading(
            "What each unit does", help_of("traversal"), lambda: table, f"{study.checkpoint.name}-units"
        ),
        Cards(unit_facts.cards(found), 4),
        Controls(("around", "steps", "where")),
        *_cells(study, options, picture),
        *rows,
        Controls(("units",)),
        *unit_facts.chart(found, ranked),
        More(f"All units as a table ({len(ranked):,})", every),
    ], {"images": found["images"], "kl": found["total"], "dead": int(unit_facts.dead(found).sum()),
        "units": unit_facts.facts(found, ranked, concepts), **numbers}  # fmt: skip


def _rows(
    study: Study, options: Any, picture: Looked, found: Mapping[str, Any], units: np.ndarray, concepts: list
) -> tuple[list[Block], dict[str, Any]]:
    """A row of pictures and a slider for each unit; of a slow network the rows are filled while they are looked at."""
    cell = (options.row, options.column) if options.where == "cell" else None
    how = (picture, options.layer, options.around, cell, options.steps)
    mixer, slow = sliders.mixer(study, *how), known.slow(study, options.layer)
    walked = None if slow else study.remember(_walked, *how, tuple(units.tolist()))
    base = _base(study, options, picture, found)
    rows = []
    for row, unit in enumerate(units.tolist()):
        change = None if walked is None else float(walked.change[row].mean())
        rows.append({
            "id": str(unit), "title": f"Unit {unit}" + " (dead)" * bool(unit_facts.dead(found)[unit]),
            "note": _said(found, unit, change, base, concepts[unit]), "far": _far(found, unit, base, mixer.shares),
            "sprite": None if walked is None else strip(walked.pictures[row]),
        })  # fmt: skip
    data = _data(options, picture, mixer, rows)
    starred = any(any(one["far"]) for one in rows)
    named = ", ".join(str(unit) for unit in units)
    blocks = [
        Piece("walk-units", "walk", data, f"Pictures of units {named}, each moved by itself", answer=mixer.answer),
        *[
            Note(one, help=help_of("row of a unit") if not at else "")
            for at, one in enumerate(_notes(study, options, found, starred))
        ],
        *([] if walked is None else [_archive(study, options, units, mixer.shares, walked)]),
    ]
    numbers: dict[str, Any] = {"moved": mixer.read(options.moved)}
    if walked is not None:
        numbers["change"] = {int(unit): float(walked.change[row].mean()) for row, unit in enumerate(units)}
    return blocks, numbers


def _far(found: Mapping[str, Any], unit: int, base: np.ndarray | None, shares: np.ndarray) -> list[bool]:
    """Whether no image has the unit where each picture of its row does."""
    if base is None:
        return [False] * len(shares)
    values = base[unit] + shares * unit_facts.deviations(found)[unit]
    return ((values < found["units"]["low"][unit]) | (values > found["units"]["high"][unit])).tolist()


def _archive(study: Study, options: Any, units: np.ndarray, shares: np.ndarray, walked: Traversal) -> Block:
    files = {
        f"unit-{unit}-{share:+.1f}": walked.pictures[row, column]
        for row, unit in enumerate(units) for column, share in enumerate(shares)
    }  # fmt: skip
    return Download(
        "Pictures (zip of PNG)", f"{study.checkpoint.name}-units-{options.units}.zip", lambda: drawing.archive(files),
        "Each picture of the rows as a file of its own, in the model's resolution.",
    )  # fmt: skip


def _data(options: Any, picture: Looked, mixer: sliders.Mixer, rows: list) -> dict[str, Any]:
    """What the sliders draw."""
    moves = mixer.read(options.moved)
    moved = mixer.decoded(moves) if moves else mixer.still
    change = float(np.abs(moved.astype(np.float64) - mixer.still).mean() / 255)
    still = "Decoded" if options.around == "image" else "Mean latent"
    first = [{"id": "image", "title": "Image", "url": drawing.url(picture.pixels)}] * (options.around == "image")
    return {
        "key": digest(mixer.mark, picture.key, options.around, options.where, options.row, options.column),
        "ticks": [_sigma(share) for share in mixer.shares], "values": [round(float(one), 4) for one in mixer.shares],
        "step": 0.1, "suffix": " σ", "rest": 0, "linked": False, "rows": rows,
        "views": [*first, {"id": "still", "title": still, "url": drawing.url(mixer.still)},
                  {"id": "moved", "title": "Moved", "url": drawing.url(moved), "live": True}],
        "start": {str(unit): value for unit, value in moves.items()}, "said": sliders.said(moves, change),
        "back": "Move nothing", "silent": SILENT,
    }  # fmt: skip


def _walked(
    study: Study, picture: Looked, layer: str, around: str, cell: Any, steps: int, units: tuple
) -> Traversal:  # fmt: skip
    mixer = sliders.mixer(study, picture, layer, around, cell, steps)
    offsets = mixer.deviations[list(units), None] * mixer.shares
    return study.through(traversals.traverse, mixer.base, layer, list(units), offsets, mixer.where)


def _cells(study: Study, options: Any, picture: Looked) -> list[Block]:
    """The picture, on which the cell that is moved is chosen; nothing where there is one cell, or all are moved."""
    if options.where != "cell" or known.is_vector(study, options.layer):
        return []
    codes, _ = study.codes_of(picture, options.layer)
    notes = [[f"row {row}, column {column}" for column in range(codes.shape[1])] for row in range(codes.shape[0])]
    return [
        CodeMap(
            "cells", codes, study.colours(options.layer), notes, "Click the cell that is to be moved.",
            f"Cells of {picture.name}", None, (options.row, options.column), picture.pixels, 0.2,
            Go(carried={"row": "{row}", "column": "{column}"}), 200, ("walk-units",),
        )
    ]  # fmt: skip


def _base(study: Study, options: Any, picture: Looked, found: Mapping[str, Any]) -> np.ndarray | None:
    """(D,) what units are moved away from; None on a grid of an image, where each cell has its own."""
    if options.around == "mean":
        return np.asarray(found["units"]["mean"])
    return study.look(picture).latents[options.layer].reshape(-1) if known.is_vector(study, options.layer) else None


def _sigma(share: float) -> str:
    return "0" if abs(share) < 1e-9 else f"{share:+.1f} σ".replace(".0", "").replace("-", "−")


def _said(
    found: Mapping, unit: int, change: float | None, base: np.ndarray | None, concept: Mapping | None
) -> str:  # fmt: skip
    """One line on a unit."""
    parts = []
    if found["posterior"]:
        parts.append(f"KL {found['units']['nats'][unit]:.2f} nats")
    if change is not None:
        parts.append(f"changes {change:.1%} of the range")
    away = (
        0.0
        if base is None
        else (base[unit] - found["units"]["mean"][unit]) / max(unit_facts.deviations(found)[unit], 1e-12)
    )
    if abs(away) >= 0.05:
        parts.append(f"here {away:+.1f} σ".replace("-", "−"))
    return " · ".join([*parts, *filter(None, [unit_facts.worded(concept)])])


def _notes(study: Study, options: Any, found: Mapping[str, Any], starred: bool) -> list[str]:
    base = "the latent of this image" if options.around == "image" else "the mean latent"
    told = found["posterior"]
    moves, spread = (
        ("their posterior mean moves", ", the posterior's own spread included") if told else ("they move", "")
    )
    said = [ORDERED.format(base=base, moves=moves, spread=spread)]
    grid = study.layer(options.layer).grid
    if grid != (1, 1):
        where = "it is moved in all cells" if options.where == "all" else "it is moved in the chosen cell alone"
        said.append(GRID.format(rows=grid[0], columns=grid[1], where=where))
    if not found["posterior"]:
        said.append(NO_POSTERIOR.format(cells="" if grid == (1, 1) else " and cells"))
    others = [layer["name"] for layer in study.checkpoint.layers if layer["name"] != options.layer]
    if others:
        theirs = "those of this image" if options.around == "image" else "left out, and filled with their mean"
        said.append(f"The other layers ({', '.join(others)}) are {theirs}.")
    return [*said, FAR.format(images=found["images"])] if starred else said
