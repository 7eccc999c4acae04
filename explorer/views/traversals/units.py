"""Units moved one by one: which are used, what each does to the picture, and which concept goes with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis.posterior import ACTIVE
from explorer.glossary import help_of
from explorer.sheets import (
    Block,
    Card,
    Cards,
    Chart,
    Column,
    Controls,
    Go,
    Heading,
    More,
    Note,
    Picture,
    Strip,
    Strips,
    Table,
)
from explorer.study import traversals
from explorer.views.traversals import layer as known

if TYPE_CHECKING:
    import pandas as pd

    from explorer.analysis.traversal import Traversal
    from explorer.study import Picture as Looked
    from explorer.study import Study

PAGE = 8  # units at once
REACH = 3.0  # standard deviations to either side
ORDERED = (
    "Units are sorted by how far their posterior mean moves over images; the columns add so many standard deviations "
    "of the unit over all images, the posterior's own spread included, to {base}."
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
        Controls(("around", "steps", "where", "row", "column")),
        *rows,
        Controls(("units",)),
        *_chart(found, ranked),
        More(f"All {len(ranked):,} units", every),
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
    if concept is None:
        return ""
    if concept["kind"] == "values":
        return f"{concept['concept']}, {concept['r']:.0%} of its variance"
    between = "" if concept["low"] is None else f" [{concept['low']:.2f}, {concept['high']:.2f}]"
    return f"{concept['concept']}, r = {concept['r']:.2f}{between}"


def _chart(found: Mapping[str, Any], ranked: np.ndarray) -> list[Block]:
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
    """A strip for each unit."""
    shares = np.linspace(-REACH, REACH, options.steps)
    moved = study.remember(_moved, picture, options.layer, tuple(units.tolist()), options.steps, options.around,
                           (options.row, options.column) if options.where == "cell" else None)  # fmt: skip
    base = _base(study, options, picture, found)
    away = None if base is None else (base - np.asarray(found["units"]["mean"])) / np.maximum(deviations(found), 1e-12)
    strips, starred = [], False
    for row, unit in enumerate(units):
        far = np.zeros(len(shares), bool)
        if base is not None:
            value = base[unit] + shares * deviations(found)[unit]
            far = (value < found["units"]["low"][unit]) | (value > found["units"]["high"][unit])
        starred |= bool(far.any())
        pictures = [
            Picture(
                moved.pictures[row, column],
                _sigma(share) + "*" * bool(far[column]),
                alt=f"Unit {unit} at {_sigma(share)}",
            )
            for column, share in enumerate(shares)
        ]
        strips.append(Strip(pictures, f"Unit {unit}" + " (dead)" * bool(dead(found)[unit]),
                            _said(found, unit, moved, row, away, concepts[unit])))  # fmt: skip
    notes = [Note(one) for one in _notes(study, options, found, starred)]
    archive = f"{study.checkpoint.name}-units-{options.units}"
    change = {int(unit): float(moved.change[row].mean()) for row, unit in enumerate(units)}
    return [Strips("traversal", strips, 64 * options.steps, archive), *notes], {"change": change}


def _moved(study: Study, picture: Looked, layer: str, units: tuple, steps: int, around: str, cell: Any) -> Traversal:
    found, _ = known.measured(study, layer)
    offsets = deviations(found)[list(units), None] * np.linspace(-REACH, REACH, steps)
    base = picture.pixels if around == "image" else np.asarray(found["units"]["mean"], np.float32)
    where = None
    if cell is not None:
        where = np.zeros(study.layer(layer).grid, bool)
        where[cell] = True
    return study.through(traversals.traverse, base, layer, list(units), offsets, where)


def _base(study: Study, options: Any, picture: Looked, found: Mapping[str, Any]) -> np.ndarray | None:
    """(D,) what units are moved away from; None on a grid of an image, where each cell has its own."""
    if options.around == "mean":
        return np.asarray(found["units"]["mean"])
    return study.look(picture).latents[options.layer].reshape(-1) if known.is_vector(study, options.layer) else None


def _sigma(share: float) -> str:
    return "0" if abs(share) < 1e-9 else f"{share:+.1f} σ".replace(".0", "").replace("-", "−")


def _said(
    found: Mapping, unit: int, moved: Traversal, row: int, away: np.ndarray | None, concept: Mapping | None
) -> str:
    """One line on a unit."""
    parts = []
    if found["posterior"]:
        parts.append(f"KL {found['units']['nats'][unit]:.2f} nats")
    parts.append(f"changes {moved.change[row].mean():.1%} of the range")
    if away is not None and abs(away[unit]) >= 0.05:
        parts.append(f"here {away[unit]:+.1f} σ".replace("-", "−"))
    return " · ".join([*parts, worded(concept)] if concept else parts)


def _notes(study: Study, options: Any, found: Mapping[str, Any], starred: bool) -> list[str]:
    base = "the latent of this image" if options.around == "image" else "the mean latent"
    said = [ORDERED.format(base=base)]
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
