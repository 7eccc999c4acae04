"""Where a picture of one's own belongs: the images most like it, what they share, and its place on their map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.glossary import help_of
from explorer.sheets import Block, Card, Cards, Go, Heading, Note, Picture, Pictures
from explorer.study import points as mapped

if TYPE_CHECKING:
    from explorer.analysis.placing import Neighbours
    from explorer.study import Picture as Looked
    from explorer.study import Study
    from explorer.study.points import Points

NEAREST = 12
UNUSUAL = 0.99  # of the known images have a nearer neighbour: then a picture lies outside of them


def placed(study: Study, points: Points, picture: Looked) -> tuple[list[Block], dict[str, Any]]:
    """The images most like a picture of one's own, what they share, and its place on a flat map of images."""
    on_map = points.options.what == "images"
    among = points if on_map else mapped.of_images(study, points.options.layer)
    found, place = study.remember(mapped.near, among, picture, NEAREST)
    skip, missed = int(found.copy), float(study.remember(mapped.missed, among))
    rows = among.rows[found.rows[:NEAREST]]
    gap = float(found.distances[min(skip, len(found.distances) - 1)])
    cards = [
        Card("Nearest image", f"{gap:.3g}", f"{found.unusual:.0%} have a nearer one", help_of("nearest image")),
        *([Card("Placing misses by", f"{missed:.2%}", "of the map's diagonal (median)", help_of("placing"))] * on_map),
    ]
    alike, shared = _alike(study, among, rows[skip:])
    numbers = {"nearest": rows.tolist(), "distances": found.distances[: len(rows)].tolist(), "share": shared}
    numbers |= {"unusual": found.unusual, "known": found.copy, "placing_error": missed}
    if on_map and points.options.dims == 2 and not points.line:
        numbers["place"] = place.tolist()
    pictures = [
        Picture(pixels, note="yours" if found.copy and not i else f"{away:.3g}", alt=f"image {row}",
                go=Go(carried={"image": int(row)}))
        for i, (row, pixels, away) in enumerate(zip(rows, study.shown.read(rows), found.distances, strict=False))
    ]  # fmt: skip
    known, every = len(among.table), len(study.images)
    some = [Note(f"Looked for among the {known:,} images of the map, of {every:,} in all.")] * (known < every)
    heading = Heading("Most like your picture", help_of("most like"))
    return [heading, *some, Cards(cards, 4), *_unusual(found), Pictures("nearest", pictures, 110), *alike], numbers


def _unusual(found: Neighbours) -> list[Block]:
    if found.copy:
        return [Note("Your picture is one of these images; the nearest image is another one.", "info")]
    if found.unusual < UNUSUAL:
        return []
    outside = (
        "Your picture lies outside of what these images cover, so its place on the map and its neighbours say little."
    )
    return [Note(outside, "warning")]


def _alike(study: Study, among: Points, rows: np.ndarray) -> tuple[list[Block], dict[str, Any]]:
    """What the nearest images share: the value that most of them have, beside how common it is anyway."""
    from explorer.datasets import discrete

    table, shared, cards = study.concepts(), {}, []
    names = set(discrete(table))
    for name in mapped.telling(study, among):
        counts = table[name].iloc[rows].value_counts() if name in names else ()
        if not len(counts) or not counts.iloc[0]:
            continue  # none of them has a value
        value, count, anyway = counts.index[0], int(counts.iloc[0]), float((table[name] == counts.index[0]).mean())
        shared[name] = {"value": str(value), "count": count, "of": len(rows), "of all": anyway}
        cards.append(Card(name, str(value), f"{count} of {len(rows)}; of all images {anyway:.0%}"))
    heading = Heading("What the nearest images share", help_of("shared by the nearest"))
    return [heading, Cards(cards, 5)] if cards else [], shared
