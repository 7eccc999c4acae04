"""The images that are chosen on two maps at once: how many, what they share, what they keep, and as a set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis import regions
from explorer.glossary import help_of
from explorer.sheets import Block, Card, Cards, Column, Gather, Go, Heading, Note, Picture, Pictures, Table
from explorer.study import points as mapped
from explorer.views import code_panel, words

if TYPE_CHECKING:
    import pandas as pd

    from explorer.study import Study
    from explorer.study.beside import Beside

SHOWN, WIDTH = 12, 72  # pictures of chosen images, and their pixels
NOBODY = "No image of these maps is in the selection of this address; draw another one."


def mask(study: Study, both: Beside, region: str) -> np.ndarray:
    """(n,) bool, the images that a region holds; none for a text that is no region."""
    none = np.zeros(len(both.rows), bool)
    if (outline := regions.outlined(region)) is not None:
        side, corners = outline
        return regions.inside(corners, both.places[side])
    if (rows := regions.listed(region)) is not None:
        return np.isin(both.rows, rows)
    if (value := regions.valued(region)) is not None and value[0] in study.known().columns:
        column = study.known()[value[0]].iloc[both.rows]
        return (column.astype(str) == value[1]).to_numpy()
    return none


def blocks(study: Study, other: Study, both: Beside, options: Any, chosen: np.ndarray) -> list[Block]:
    """How many are chosen and what they have in common; nothing where none are."""
    if not chosen.any():
        return [Note(NOBODY, "info")] if options.region else []
    count, rows = int(chosen.sum()), both.rows[chosen]
    cards = [
        Card("Chosen", f"{count:,}", f"of {len(chosen):,} images on the maps"),
        Card(
            "They keep", f"{both.kept[chosen].mean():.2f} of {both.k}",
            f"neighbours in the latents; all keep {both.kept.mean():.2f}", help_of("neighbours kept"),
        ),
        Card(
            "They moved", f"{np.median(both.moved[chosen]):.2f} spreads",
            f"median; all moved {np.median(both.moved):.2f}", help_of("displacement"),
        ),
    ]  # fmt: skip
    source = f"chosen on the maps of {study.checkpoint.name} and {other.checkpoint.name}"
    model = (other if options.region.startswith("b:") else study).subject.fingerprint
    return [
        Heading("The chosen image" if count == 1 else f"The {count:,} chosen images", help_of("chosen images")),
        Cards(cards, 3),
        _pictures(study, rows), *_shared(study, both, chosen), Gather("beside-chosen", rows, source, model),
    ]  # fmt: skip


def _pictures(study: Study, rows: np.ndarray) -> Pictures:
    some = rows[:SHOWN]
    found = [
        Picture(
            pixels, f"{row:,}", alt=f"Image {row:,}", help=study.images.names[row], go=Go(carried={"image": int(row)})
        )
        for pixels, row in zip(study.shown.read(some), some, strict=True)
    ]
    return Pictures("beside-chosen-images", found, WIDTH, grow=False)


COLUMNS = {
    "concept": Column("Concept", pinned=True), "value": Column("Value"),
    "chosen": Column("Chosen", "Chosen images with the value; of a number, its mean and 95 % interval."),
    "others": Column("Others", "The same of all other images on the maps."),
    "log_odds": Column("Log-odds", help_of("over-represented"), "%.2f"),
    "low": Column("From", "Lower end of its 95 % interval.", "%.2f"),
    "high": Column("To", "Upper end of its 95 % interval.", "%.2f"),
    "q": Column("q", "After Benjamini and Hochberg, within the concept.", "%.2g"),
}  # fmt: skip


def _shared(study: Study, both: Beside, chosen: np.ndarray) -> list[Block]:
    """Which values of concepts the chosen have more often than the others."""
    heading = Heading("What the chosen share", help_of("chosen images"), level=3)
    if chosen.all():
        return [heading, Note("Everything is chosen, so there is nothing to compare with.", "info")]
    if not len(study.concepts().columns):
        return [heading, Note(words.NO_CONCEPTS)]
    if chosen.sum() == 1:  # one has nothing in common
        known = code_panel.concepts_of(study, int(both.rows[chosen][0]))
        return [Note(f"It is {known}." if known else "No concept of it is known.", "plain")]
    frame = study.remember(_compared, both, chosen)
    return [heading, Table("beside-shared", frame.head(40), COLUMNS, height=300 if len(frame) > 7 else 0)]


def _compared(study: Study, both: Beside, chosen: np.ndarray) -> pd.DataFrame:
    """One row a value of a discrete concept, or a concept of numbers; the surest first."""
    import pandas as pd

    from explorer.analysis.points import beside
    from explorer.analysis.selection import enrich

    rows = []
    for name, column in study.concepts().iloc[both.rows].items():
        if mapped.is_continuous(column):
            found = beside(column.to_numpy(), chosen, continuous=True)
            if found.selected and found.rest:
                ours, theirs = (f"mean {one.mean:.3g}" + (f" [{one.low:.3g}, {one.high:.3g}]" if one.n > 1 else "")
                                for one in found.means)  # fmt: skip
                rows.append({"concept": str(name), "value": "–", "chosen": ours, "others": theirs})
            continue
        found = beside(column.astype(object).where(column.notna(), None).to_numpy(), chosen, continuous=False)
        if not found.selected or not found.rest:
            continue
        odds = enrich(np.arange(len(found.labels)), found.inside, found.outside, found.selected, found.rest)
        for place, item in enumerate(odds.items.tolist()):
            rows.append({
                "concept": str(name), "value": str(found.labels[item]), "log_odds": odds.log_odds[place],
                "chosen": f"{found.share_inside[item]:.0%} ({found.inside[item]:,} of {found.selected:,})",
                "others": f"{found.share_outside[item]:.0%} ({found.outside[item]:,} of {found.rest:,})",
                "low": odds.low[place], "high": odds.high[place], "q": odds.q[place],
            })  # fmt: skip
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.sort_values("low", ascending=False, kind="stable", na_position="last", ignore_index=True)
