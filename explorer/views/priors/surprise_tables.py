"""How much of a code map is predictable, and how much each code and each value of a concept surprises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.glossary import help_of
from explorer.sheets import Block, Chart, Column, Go, Heading, Later, Note, Table

if TYPE_CHECKING:
    import pandas as pd

    from explorer.analysis.surprisal import OfCodes
    from explorer.priors.folder import Facts
    from explorer.results.surprisal.kept import Surprisal
    from explorer.study import Study

STEPS = {
    "uniform": "nothing known",
    "unigram": "how frequent it is",
    "place": "… at its place",
    "neighbours": "left and upper code",
    "prior": "all codes before it",
    "class": "… and the class",
}
LARGE = 8_192  # codes, of which a chart has no patches: all of them would be sent
VALUES = 24  # values that are drawn: those that differ most
FITTED = "Counts are of {images:,} {how}. {entropy}"
ENTROPY = (
    "The entropy of the codes of these images themselves is {low:.2f} – {high:.2f} bits (95 %, corrected for few)."
)
FEW = "So many codes stand in one image alone that their entropy is only known to be at least {low:.2f} bits."
SAID = (
    "The codes before it tell {percent:.0f} % of what a code costs by frequency alone: {h_unigram:.2f} bits become "
    "{h_prior:.2f}."
)
NOTHING = (
    "The prior says no more than how frequent codes are: {h_prior:.2f} bits a code against {h_unigram:.2f}. It was "
    "trained too little, or these images are unlike those that it learned from."
)
LESS = (
    "Counting the left and the upper code leaves fewer bits than this prior, {h_neighbours:.2f}: it was trained too "
    "little for its surprise to be trusted."
)
NO_VALUES = "There are no concepts of these images whose values could be set beside one another."


def blocks(study: Study, facts: Facts, kept: Surprisal, level: str) -> tuple[list[Block], dict[str, Any]]:
    """Charts of what is predictable, of codes, and of values of concepts."""
    from explorer.results.surprisal import told

    values = study.remember(_values, *named(facts), study.computed() is not None)
    numbers = {
        "codes": lambda: told.codes(kept, level),
        "concepts": lambda: [told.value(one) for one in values],
    }
    return [
        *_predictable(context(study, facts, level), kept, level),
        Later(lambda: _codes(study, facts, kept, level)),
        *_concepts(kept, values),
    ], numbers  # fmt: skip


def named(facts: Facts) -> tuple[str, str]:
    """A prior, for what is kept of it: where it lies, and its content."""
    from explorer.priors import folder

    return str(facts.path), folder.fingerprint(facts.path)


def context(study: Study, facts: Facts, level: str) -> dict[str, Any]:
    """How much of the codes of a level is predictable (`results.surprisal.told.context`); kept."""
    return study.remember(_context, *named(facts), level)


def _context(study: Study, path: str, content: str, level: str) -> dict[str, Any]:
    from explorer.results.surprisal import told

    return told.context(study.result("surprisal", {"prior": path}), level)


def _predictable(found: dict[str, Any], kept: Surprisal, level: str) -> list[Block]:
    from explorer.charts import surprisal_plots

    names = STEPS | ({"prior": "levels above|and codes before it"} if level != kept.levels[0] else {})
    ends, share = found["h"], found["share"]["mean"]
    entropy = "" if ends["low"] is None else (ENTROPY if ends["enough_images"] else FEW).format(**ends)
    said = "" if share is None else (SAID if share > 0 else NOTHING).format(percent=100 * share, **found)
    return [
        Heading("How much is predictable", help_of("predictable")),
        *([Note(said, "plain")] if said else []),
        *([Note(LESS.format(**found), "warning")] if found["h_prior"] > found["h_neighbours"] else []),
        Chart(
            "steps", lambda theme: surprisal_plots.steps(found["steps"], names, theme),
            "Bits a code that are left: "
            + ", ".join(f"{STEPS[one['step']]} {one['mean']:.2f}" for one in found["steps"]),
        ),
        Note(FITTED.format(**kept.facts["fitted"], entropy=entropy), help=help_of("entropy of codes")),
    ]  # fmt: skip


def _of_codes(study: Study, path: str, content: str, level: str) -> OfCodes:
    from explorer.analysis import surprisal

    kept = study.result("surprisal", {"prior": path})
    return surprisal.of_codes(kept.codes[level], kept.maps[level])


def _values(study: Study, path: str, content: str, computed: bool) -> list[Any]:
    from explorer.results.surprisal import told

    return told.values(study.result("surprisal", {"prior": path}), told.judged(study.known()))


def _codes(study: Study, facts: Facts, kept: Surprisal, level: str) -> list[Block]:
    from explorer.charts import surprisal_plots
    from explorer.study import expecting

    found = study.remember(_of_codes, *named(facts), level)
    known = expecting.agrees(study, facts, level)
    go = Go("codebook", {"layer": level, "code": "{point}"}) if known else None
    size = len(study.vectors(level)) if known else LARGE
    tiles = (lambda: study.tiles(level, np.arange(size))) if size < LARGE else None
    frame = _frame(found)
    table = Table(
        "surprising-codes", frame,
        {
            **({"patch": Column("Patch", "Its best patch.")} if known else {}),
            "code": Column("Code"), "bits": Column("Bits", help_of("surprisal of codes"), "%.2f"),
            "interval": Column("95 %", "By image; too few images have no interval."),
            "alone": Column("By frequency", "What its frequency alone would cost: −log2 of its share.", "%.2f"),
            "tokens": Column("Cells", "Where it stands, in all images."),
            "images": Column("Images", "That have it; fewer than 20 are called rare, as their mean is mostly chance."),
            "rare": Column("", "Rare: of fewer than 20 images."),
        },
        {"patch": lambda part: study.tiles(level, part["code"].to_numpy())} if known else {}, go, "code", 360,
        {"-bits": "Most surprising first", "bits": "Least surprising first", "-tokens": "Most frequent first"},
    )  # fmt: skip
    return [
        Heading("Codes", help_of("surprisal of codes"), lambda: frame, f"{facts.name}-{level}-codes"),
        Chart(
            f"codes-{level}", lambda theme: surprisal_plots.codes(found, theme),
            f"Mean surprisal of {len(found.codes):,} codes of {level} against their frequency", go, tiles=tiles,
        ),
        table,
    ]  # fmt: skip


def _frame(found: OfCodes) -> pd.DataFrame:
    """A row a code, the most surprising of those that are not rare first."""
    import pandas as pd

    ends = [
        "–" if np.isnan(low) else f"{low:.2f} – {high:.2f}" for low, high in zip(found.low, found.high, strict=True)
    ]
    frame = pd.DataFrame({
        "code": found.codes, "bits": found.mean, "interval": ends,
        "alone": -np.log2(found.tokens / found.tokens.sum()), "tokens": found.tokens, "images": found.images,
        "rare": np.where(found.rare, "rare", ""),
    })  # fmt: skip
    return frame.sort_values(["rare", "bits"], ascending=[True, False], kind="stable", ignore_index=True)


def _concepts(kept: Surprisal, values: list[Any]) -> list[Block]:
    from explorer.analysis import quality
    from explorer.charts import surprisal_plots

    heading = Heading("Concepts", help_of("surprisal of values"))
    if not values:
        return [heading, Note(NO_VALUES)]
    shown = sorted(values, key=lambda one: (not one.q < 0.05, -abs(np.nan_to_num(one.difference))))[:VALUES]
    shown.sort(key=lambda one: -one.mean)
    sure = sum(one.q < 0.05 for one in values)
    said = f"{sure:,} of {len(values):,} values differ from the images with another value"
    rest = f"; the {VALUES} that differ most are drawn" if len(values) > VALUES else ""
    mean = quality.interval(kept.image_bits())
    return [
        heading,
        Note(f"{said}{rest}. {_given(kept)}"),
        Chart(
            "surprising-values", lambda theme: surprisal_plots.values(shown, mean, theme),
            f"Bits a code of the images of {len(shown)} values",
        ),
    ]  # fmt: skip


def _given(kept: Surprisal) -> str:
    column = kept.facts["column"]
    return f"The prior was told the {column} of each image." if column else ""
