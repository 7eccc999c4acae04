"""A map of more points than plotly draws: places and colours as columns, and what one point is when it is asked for."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from explorer.sheets import Go
from explorer.sheets.scatter import Colouring, Mark, Packed, Scatter, pack
from explorer.study import points as mapped

if TYPE_CHECKING:
    from explorer.sheets import Theme
    from explorer.study import Study
    from explorer.study.points import Points

FEW = 12_500  # points that plotly draws, with a thumbnail of each; more of them are more than 3 MB
SIDE = 112  # pixels of a picture beside the pointer
RINGS = 200  # points that are marked at once, as of all patches of an image


def chart(
    study: Study,
    points: Points,
    colour: str,
    axes: Sequence[str],
    also: Mapping[str, np.ndarray],
    marks: Sequence[Mark],
) -> Scatter:
    """The map as a block.

    Args:
        colour: what the points are coloured by. also: {name: (M,)}, what a click carries besides the point.
    """
    leads = Go(carried=dict.fromkeys(also, "") | {"point": "{point}"})
    return Scatter(
        f"many-{points.key}", study.remember(_packed, points), tuple(axes[:2]),
        lambda theme: study.remember(_colours, points, colour, theme), "Map of latents",
        told=partial(_told, study, points), pictures=lambda which: mapped.pictures(study, points, which, SIDE),
        go=leads, also=also, marks=marks,
    )  # fmt: skip


def marks(points: Points, here: np.ndarray, place: Sequence[float] | None) -> list[Mark]:
    """Rings around points `here`, and where a picture of one's own belongs."""
    found = [Mark((float(x), float(y))) for x, y in points.charted[here[:RINGS]]]
    return found + ([] if place is None else [Mark((float(place[0]), float(place[1])), "your picture")])


def _packed(study: Study, points: Points) -> Packed:
    return pack(points.charted, stretched=points.line)


def _colours(study: Study, points: Points, by: str, theme: Theme) -> Colouring:
    from explorer.charts.scatter_colours import colouring

    found = study.remember(mapped.column, points, by)
    colours = study.colours(points.options.layer) if found.kind == "code" else None
    return colouring(found.values, found.kind, found.title, found.names, colours, theme)


def _told(study: Study, points: Points, point: int) -> list[str]:
    """What pointing at a point says: as `mapped.notes`, without HTML."""
    which, names = np.array([point]), tuple(study.names(points.options.layer).items()) if points.rows is None else ()
    text = str(mapped.notes(study, points, names, which)[0]).replace("<b>", "").replace("</b>", "")
    return [html.unescape(line) for line in text.split("<br>")]
