"""Units moved one by one: which are used, what each does to the picture, and which concept goes with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.files import digest
from explorer.glossary import help_of
from explorer.sheets import (
    Block,
    Card,
    Cards,
    Chart,
    CodeMap,
    Column,
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
from explorer.views.traversals import sliders
from explorer.views.traversals.rows import SILENT, strip

if TYPE_CHECKING:
    import pandas as pd

    from explorer.analysis.traversal import Traversal
    from explorer.study import Picture as Looked
    from explorer.study import Study

PAGE = 8  # units at once
FAINT = 0.01  # correlations and shares that are not told
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
    return max(1, -(-study.layer(options["layer"]).dim // PAGE))


def order(found: Mapping[str, Any]) -> np.ndarray:
    """Units (D,), the most used first."""
    return np.argsort(-np.asarray(found["units"]["variance"]), kind="stable")


def dead(found: Mapping[str, Any]) -> np.ndarray:
    """(D,) bool; without a posterior, units that never move."""
    from explorer.analysis import posterior

    variance = np.asarray(found["units"]["variance"])
    return posterior.dead(variance) if found["posterior"] else variance <= 0


def deviations(found: Mapping[str, Any]) -> np.ndarray:
    """(D,) standard deviation of the aggregate posterior."""
    return np.sqrt(np.asarray(found["units"]["variance"]) + np.asarray(found["units"]["noise"]))


def blocks(study: Study, options: Any, picture: Looked) -> tuple[list[Block], dict[str, Any]]:
    """The units, and the pictures of some of them."""
    found, missing = known.measured(study, options.layer)
    if found is None:
        return [missing], {}
    ranked, concepts = order(found), study.remember(told, options.layer)
    units = ranked[(options.units - 1) * PAGE : options.units * PAGE]
    rows, numbers = _rows(study, options, picture, found, units, concepts)
    table = _table(found, ranked, concepts)
    every = [
        Table("units", table, {name: one for name, one in COLUMNS.items() if name in table}, height=320,
              go=Go(carried={"units": "{point}"}), by="page"),
    ]  # fmt: skip
    told_units = [_told(found, unit, concepts) for unit in ranked]
    return [
        Heading(
            "What each unit does", help_of("traversal"), lambda: table, f"{study.checkpoint.name}-units"
        ),
        Cards(_cards(found), 4),
        Controls(("around", "steps", "where")),
        *_cells(study, options, picture),
        *rows,
        Controls(("units",)),
        *_chart(found, ranked),
        More(f"All units as a table ({len(ranked):,})", every),
    ], {"images": found["images"], "kl": found["total"], "dead": int(dead(found).sum()),
        "units": told_units, **numbers}  # fmt: skip


def told(study: Study, layer: str) -> list[dict[str, Any] | None]:
    """Of each unit the concept that goes with it most."""
    from explorer.analysis import unit_concepts

    table = study.concepts()
    return unit_concepts.told(study.encoding.pooled(layer), {str(name): _values(table[name]) for name in table})


def _values(column: pd.Series) -> np.ndarray:
    import pandas as pd

    if pd.api.types.is_float_dtype(column.dtype):
        return column.to_numpy(np.float64)
    return column.astype(object).where(column.notna(), None).to_numpy(object)


# ---- numbers


def _cards(found: Mapping[str, Any]) -> list[Card]:
    from explorer.analysis import quality

    count, gone = len(found["units"]["variance"]), int(dead(found).sum())
    cards = [Card("Units", f"{count:,}", f"{gone:,} of them dead" if gone else "none is dead", help_of("dead unit"))]
    if found["posterior"]:
        total = found["total"]
        cards.append(
            Card("KL of an image", f"{total['mean']:.2f} nats", quality.between(total, 2), help_of("kl of a unit"))
        )
        share = np.sort(np.asarray(found["units"]["nats"]))[::-1].cumsum()
        half = int(np.searchsorted(share, share[-1] / 2)) + 1
        cards.append(Card("Half of it in", f"{half:,} units", f"of {count:,}", help_of("kl of a unit")))
    cells = "" if found["cells"] == 1 else f", {found['cells']:,} cells each"
    cards.append(
        Card("Measured on", f"{found['images']:,} images", f"a sample of the set{cells}", help_of("measured images"))
    )
    return cards


def _told(found: Mapping[str, Any], unit: int, concepts: list) -> dict[str, Any]:
    """What is known of a unit, as plain values."""
    units, unit = found["units"], int(unit)
    facts = {name: units[name][unit] for name in ("variance", "noise", "mean")}
    nats = {"kl": [units[name][unit] for name in ("nats", "nats_low", "nats_high")]} if found["posterior"] else {}
    return {"unit": unit, **facts, **nats, "dead": bool(dead(found)[unit]), "concept": concepts[unit]}


COLUMNS = {
    "unit": Column("Unit", "Its place in the latent vector.", pinned=True),
    "variance": Column("Variance of the mean", help_of("dead unit"), "%.3f"),
    "noise": Column("Posterior variance", "The model's own doubt, mean over images; 1 where it says nothing.", "%.3f"),
    "nats": Column("KL (nats)", help_of("kl of a unit"), "%.3f"),
    "nats from": Column("from", "Lower end of its 95 % interval.", "%.3f"),
    "nats to": Column("to", "Upper end of its 95 % interval.", "%.3f"),
    "goes with": Column("Goes with", help_of("concept of a unit")),
    "dead": Column("Dead", help_of("dead unit")),
}


def _table(found: Mapping[str, Any], ranked: np.ndarray, concepts: list) -> pd.DataFrame:
    import pandas as pd

    units = found["units"]
    columns = {"unit": ranked, "variance": np.asarray(units["variance"])[ranked]}
    if found["posterior"]:
        columns["noise"] = np.asarray(units["noise"])[ranked]
        for name, of in (("nats", "nats"), ("nats from", "nats_low"), ("nats to", "nats_high")):
            columns[name] = np.asarray(units[of], np.float64)[ranked]
    columns["goes with"] = [worded(concepts[unit]) for unit in ranked]
    columns["dead"] = np.where(dead(found)[ranked], "dead", "")
    columns["page"] = np.arange(len(ranked)) // PAGE + 1
    return pd.DataFrame(columns)


def worded(concept: Mapping[str, Any] | None) -> str:
    """ "x, r = 0.81 [0.80, 0.82]", or "colour, 35 % of its variance"."""
    if concept is None or (concept["low"] or 0) * (concept["high"] or 1) < 0 or abs(concept["r"]) < FAINT:
        return ""  # nothing that is known
    if concept["kind"] == "values":
        return f"{concept['concept']}, {concept['r']:.0%} of its variance"
    between = "" if concept["low"] is None else f" [{concept['low']:.2f}, {concept['high']:.2f}]"
    return f"{concept['concept']}, " + f"r = {concept['r']:.2f}{between}".replace("-", "−")


def _chart(found: Mapping[str, Any], ranked: np.ndarray) -> list[Block]:
    from explorer.analysis.posterior import ACTIVE
    from explorer.charts import unit_plots

    what = "KL of each unit" if found["posterior"] else "Variance of each unit"
    return [
        Heading(what, help_of("kl of a unit" if found["posterior"] else "traversal"), level=3),
        Chart(
            "units-chart", lambda theme: unit_plots.units(found, ranked, dead(found), theme),
            f"{what}, the most used first",
            go=lambda point: Go(carried={"units": int(point) // PAGE + 1}),
        ),
        Note(f"Grey bars are dead: their mean varies by {ACTIVE} or less over images." if found["posterior"] else
             "The more a unit varies over images, the more the decoder may hear of it."),
    ]  # fmt: skip


# ---- pictures


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
            "id": str(unit), "title": f"Unit {unit}" + " (dead)" * bool(dead(found)[unit]),
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
    values = base[unit] + shares * deviations(found)[unit]
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
    away = 0.0 if base is None else (base[unit] - found["units"]["mean"][unit]) / max(deviations(found)[unit], 1e-12)
    if abs(away) >= 0.05:
        parts.append(f"here {away:+.1f} σ".replace("-", "−"))
    return " · ".join([*parts, *filter(None, [worded(concept)])])


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
