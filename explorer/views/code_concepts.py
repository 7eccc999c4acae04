"""What the images of a code have in common, and where in them it stands: the first that its panel says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis.concepts import profile, values
from explorer.glossary import help_of
from explorer.sheets import Block, Download, Heading, More, Note, Picture, Pictures, Row, drawing
from explorer.sheets.spreadsheet import csv_of
from explorer.views import words

if TYPE_CHECKING:
    import pandas as pd

    from explorer.analysis.concepts.profile import Shares, Spread
    from explorer.analysis.tallies import ByValue
    from explorer.study import Study

FIRST = 4  # concepts that are named at once
SIDE = 84  # pixels of the screen of the picture of places
NOTHING = "Nothing stands out: no value of {concepts} is more common among its images than chance explains (q < 0.05)."
EVERYWHERE = "All {images:,} images have this code, so having it tells nothing of them."
EVEN = "Spread over the image: no third of it holds more of its {tokens} than chance explains."


def prepared(study: Study) -> tuple[list[values.Concept], dict[str, str]]:
    """The concepts of all N images, and a sentence for each column that is none."""
    found = {str(name): values.prepared(str(name), column) for name, column in study.concepts().items()}
    good = [one for one in found.values() if not isinstance(one, str)]
    return good, {name: one for name, one in found.items() if isinstance(one, str)}


def shares(study: Study, layer: str, code: int) -> list[Shares]:
    """How common each value of each concept is among the images that have a code, beside the others."""
    concepts, counts = study.remember(prepared)[0], study.remember(by_values, layer)
    sides = [(one.having[:, code], one.images - one.having[:, code]) for one in counts]
    return profile.counted(concepts, sides)


def by_values(study: Study, layer: str) -> list[ByValue]:
    """The codes of a layer by the values of each concept, over all images."""
    return study.encoding.by_values(layer, [(one.index, len(one.values)) for one in study.remember(prepared)[0]])


def spread(study: Study, layer: str, code: int) -> Spread | None:
    """Where a code stands in the images that have it; None where that is no question."""
    _, tokens, cells = study.standing(layer, code)
    return profile.spread_of(cells, tokens)


def blocks(study: Study, layer: str, code: int) -> list[Block]:
    """The strongest value of each concept, and the place; nothing for a code that stands nowhere."""
    images = int(study.table(layer)["images"].iloc[code])
    return [*_classes(study, layer, code, images), *_place(study, layer, code)] if images else []


def numbers(study: Study, layer: str, code: int) -> dict[str, Any]:
    """The same as plain values: the strongest value of each concept, None where none stands out; and the place."""
    found, where = study.remember(shares, layer, code), study.remember(spread, layer, code)
    place = None if where is None or where.mostly is None else where.mostly.__dict__
    return {"concepts": {one.concept: _told(one) for one in found}, "place": place}


def _told(one: Shares) -> dict[str, Any] | None:
    at = one.strongest
    if at is None:
        return None
    ends = {"ratio": float(one.ratio[at]), "low": float(one.low[at]), "high": float(one.high[at])}
    counts = {"inside": int(one.inside[at]), "having": one.having, "outside": int(one.outside[at])}
    return {"value": one.values[at], **counts, "lacking": one.lacking, **ends, "q": float(one.q[at])}


def _classes(study: Study, layer: str, code: int, images: int) -> list[Block]:
    found = study.remember(shares, layer, code)
    heading = Heading("Classes of its images", help_of("classes of a code"), level=3)
    if not found:
        return []  # the image's own concepts are not there either, and other pages say how to add some
    if images == study.encoding.images:
        return [heading, Note(EVERYWHERE.format(images=images))]
    told = sorted((one for one in found if one.strongest is not None), key=lambda one: -one.low[one.strongest])
    quiet = [one.concept for one in found if one.strongest is None]
    notes = [Note(sentence(one), "plain") for one in told]
    if not told:
        notes = [Note(NOTHING.format(concepts=_listed(quiet)))]
    elif quiet:
        notes.insert(FIRST, Note(f"Nothing stands out in {_listed(quiet)}."))
    file = f"{study.checkpoint.name}-{layer}-code-{code}-classes"
    take = Download("All values (CSV)", f"{file}.csv", lambda: csv_of(frame(found)), "Counts, ratios, intervals, q.")
    more = notes[FIRST + 1 :]
    rest = [More(words.many(len(more), "more concept"), more)] if more else []
    return [heading, *notes[: FIRST + 1], *rest, take]


def sentence(one: Shares) -> str:
    """ "class: 12 of its 44 images are “shoes”, 2.1 × as common as without the code [1.2, 3.4]" """
    at = one.strongest
    said = f"{one.concept}: {one.inside[at]:,} of its {one.having:,} images are “{one.values[at]}”"
    if not one.outside[at]:
        return f"{said}, and none of the {one.lacking:,} without the code: at least {one.low[at]:.2g} × as common."
    return f"{said}, {_times(one.ratio[at])} × as common as without the code [{_ends(one.low[at], one.high[at])}]."


def _times(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def _ends(low: float, high: float) -> str:
    return f"{low:.2f}, {high:.2f}" if high < 10 else f"{_times(low)}, {_times(high)}"


def _listed(names: list[str]) -> str:
    return ", ".join(names[:FIRST]) + (f" and {len(names) - FIRST:,} more" if len(names) > FIRST else "")


def frame(found: list[Shares]) -> pd.DataFrame:
    """Every value of every concept as a row."""
    import pandas as pd

    return pd.concat([
        pd.DataFrame({
            "concept": one.concept, "value": list(one.values), "images_with_code": one.inside, "of": one.having,
            "images_without_code": one.outside, "of_without": one.lacking, "ratio": one.ratio, "low": one.low,
            "high": one.high, "p": one.p, "q": one.q,
        })
        for one in found
    ], ignore_index=True)  # fmt: skip


def _place(study: Study, layer: str, code: int) -> list[Block]:
    where = study.remember(spread, layer, code)
    if where is None:
        return []
    most = where.mostly
    tokens, text = words.many(where.tokens, "token"), EVEN.format(tokens=words.many(where.tokens, "token"))
    if most is not None:
        text = (
            f"Mostly {most.name}: {most.share:.0%} [{most.low:.0%}, {most.high:.0%}] of its {tokens} in "
            f"{most.area:.0%} of the cells."
        )
    heat = drawing.heat(where.counts.astype(np.float64), float(where.counts.max()))
    picture = Picture(heat, alt=f"Tokens of code {code:,} in each cell: at most {where.counts.max():,}")
    drawn = Pictures("where", [picture], SIDE, grow=False)
    return [Row([[drawn], [Note(text, "plain", help_of("place of a code"))]], even=False)]
