"""The groups of codes that a user likes, where groups of the layer are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from explorer.glossary import help_of
from explorer.sheets import Block, Column, Go, Heading, Link, Note, Table
from explorer.study import grouped
from explorer.study import relations as engine
from explorer.study.relations import Reason
from explorer.views.people.shown import named, tiles

if TYPE_CHECKING:
    from explorer.datasets.interactions import Interactions
    from explorer.study import Study
    from explorer.study.similar import By

SHOWN = 5
NONE = "Codes that come together can be taken as groups; then this page says which groups a user likes, too."
NOTHING = "No group of codes is more common in what this user looked at than in all images."


def blocks(study: Study, found: Interactions, user: int, by: By) -> list[Block]:
    """Groups with the largest part of the taste, or the way to make them."""
    grouping = grouped.found(study, by.layer, "")
    if grouping is None:
        return [Note(NONE), Link("Groups of codes", "account_tree", Go("groups", {"layer": by.layer}))]
    heading = Heading("Groups of this user's codes", help_of("groups of a user"), level=3)
    taste = engine.tastes(study, found, by).taste(user)
    inside = grouping.of >= 0
    sums = np.bincount(grouping.of[inside], taste[inside], len(grouping))
    best = [int(group) for group in np.argsort(-sums, kind="stable")[:SHOWN] if sums[group] > 0]
    return [heading, _table(study, by, grouping, best, sums, taste) if best else Note(NOTHING)]


def _table(
    study: Study, by: By, grouping: grouped.Grouping, best: list[int], sums: np.ndarray, taste: np.ndarray
) -> Table:
    import pandas as pd

    because = []
    for group in best:
        codes = grouping.codes(group)
        liked = codes[np.argsort(-taste[codes], kind="stable")]
        because.append([Reason(by.layer, int(code), float(taste[code])) for code in liked if taste[code] > 0])
    frame = pd.DataFrame({
        "group": [grouping.called(group) for group in best], "tiles": "",
        "codes": [named(some, study.names(by.layer)) for some in because],
        "part": 100 * sums[best] / sums[sums > 0].sum(), "size": [len(grouping.codes(group)) for group in best],
    })  # fmt: skip
    columns = {
        "group": Column("Group", "As you named it on the page Groups of codes, or its number.", pinned=True),
        "tiles": Column("Codes that the user likes", "Of this group, the strongest first."),
        "codes": Column("Their numbers", "Or names."),
        "part": Column("Part (%)", help_of("groups of a user"), "%.0f"),
        "size": Column("Codes", "In the whole group.", "%d"),
    }
    return Table("user-groups", frame, columns, {"tiles": lambda _: tiles(study, because)})
