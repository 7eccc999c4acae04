"""What is known of units as numbers: which are used, what they cost, and which concept goes with each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.glossary import help_of
from explorer.sheets import Block, Card, Chart, Column, Go, Heading, Note

if TYPE_CHECKING:
    import pandas as pd

    from explorer.study import Study

PAGE = 8  # units at once
FAINT = 0.01  # correlations and shares that are not told


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


def cards(found: Mapping[str, Any]) -> list[Card]:
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


def facts(found: Mapping[str, Any], ranked: np.ndarray, concepts: list) -> list[dict[str, Any]]:
    """What is known of each unit, as plain values, in this order."""
    units, gone, rows = found["units"], dead(found).tolist(), []
    for unit in ranked.tolist():
        row = {"unit": unit} | {name: units[name][unit] for name in ("variance", "noise", "mean")}
        if found["posterior"]:
            row["kl"] = [units[name][unit] for name in ("nats", "nats_low", "nats_high")]
        rows.append(row | {"dead": gone[unit], "concept": concepts[unit]})
    return rows


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


def table(found: Mapping[str, Any], ranked: np.ndarray, concepts: list) -> pd.DataFrame:
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


def chart(found: Mapping[str, Any], ranked: np.ndarray) -> list[Block]:
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
