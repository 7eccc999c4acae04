"""One image as a product: what the same users looked at, what looks alike to the codes, and whom it may suit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.glossary import help_of
from explorer.sheets import Block, Column, Controls, Go, Heading, Link, Note, Picture, Pictures, Row, Table
from explorer.study import relations as engine
from explorer.study import similar
from explorer.study.distinct import distinct
from explorer.study.similar import By
from explorer.views import words
from explorer.views.people import shown

if TYPE_CHECKING:
    from explorer.datasets.interactions import Interactions
    from explorer.study import Study
    from explorer.study.relations import Fits

SHOWN, WIDTH, USERS = 8, 84, 6
ALONE = "Nobody who looked at this image looked at another one, or nobody looked at it: only what it looks like tells."


def blocks(study: Study, found: Interactions, options: Any) -> list[Block]:
    """The image, and both kinds of neighbours side by side."""
    row, by = options.product, By("bag", options.layer)
    looked = int((found.item == row).sum())
    users = words.many(looked, "user") + (" looks at it" if looked == 1 else " looked at it")
    said = f"{study.images.names[row]}; {users}"
    together, alike = engine.near_products(study, found, row, SHOWN), study.remember(_alike, row, by)
    both = np.intersect1d(together.rows, alike[0])
    links = [
        [Controls(("product",))],
        [Link("Similar images", "image_search", Go("similar", {"image": row}))],
        [Link("Its code maps", "grid_on", Go("code_maps", {"image": row, "layer": by.layer}))],
    ]
    picture = Pictures("product", [Picture(study.image(row).pixels, f"Image {row:,}", said, f"Image {row:,}")], 128,
                       grow=False)  # fmt: skip
    blocks: list[Block] = [
        Heading("An image, and what goes with it", help_of("looked at together")),
        Row([[picture], [Row(links, 60, even=False), Note(_overlap(len(both), len(together.rows)), "plain")]],
            shares=(1, 4)),
        Row([
            [Heading("Looked at together", level=3), *_together(study, together)],
            [Heading("Looks alike to the codes", level=3),
             _pictures(study, "alike", alike[0], [f"{score:.2f}" for score in alike[1]])],
        ]),
    ]  # fmt: skip
    return [*blocks, *_suits(study, found, row, by)]


def numbers(study: Study, found: Interactions, options: Any) -> dict[str, Any]:
    """The same as plain numbers."""
    row = options.product
    together = engine.near_products(study, found, row, SHOWN)
    alike = study.remember(_alike, row, By("bag", options.layer))
    return {
        "row": row, "users": int((found.item == row).sum()),
        "together": [
            {"row": int(one), "score": float(score), "users": int(users)}
            for one, score, users in zip(together.rows, together.scores, together.users, strict=True)
        ],
        "alike": [{"row": int(one), "score": float(score)} for one, score in zip(*alike, strict=True)],
    }  # fmt: skip


def _overlap(both: int, shown: int) -> str:
    if not shown:
        return ALONE
    if not both:
        return f"None of the {shown} images that go with it by users is among the {SHOWN} that look most alike."
    return f"{both} of the {shown} images that go with it by users are among the {SHOWN} that look most alike, too."


def _alike(study: Study, row: int, by: By) -> tuple[np.ndarray, np.ndarray]:
    query = similar.represented(study, by)[[row]]
    best = distinct(study, lambda count: similar.nearest(study, by, query, count, (row,)), SHOWN)
    return best.rows, best.scores


def _together(study: Study, found: engine.Together) -> list[Block]:
    if not len(found.rows):
        return [Note(ALONE)]
    said = [
        f"{score:.2f}, {words.many(users, 'user')}"
        for score, users in zip(found.scores, found.users.tolist(), strict=True)
    ]
    return [_pictures(study, "together", found.rows, said)]


def _pictures(study: Study, name: str, rows: np.ndarray, said: Sequence[str]) -> Pictures:
    pixels = study.shown.read(rows) if len(rows) else []
    pictures = [
        Picture(one, f"image {row:,}", text, f"Image {row:,}, {text}", study.images.names[row],
                Go(None, {"product": int(row)}), int(row))
        for one, row, text in zip(pixels, rows, said, strict=True)
    ]  # fmt: skip
    return Pictures(name, pictures, WIDTH)


def _suits(study: Study, found: Interactions, row: int, by: By) -> list[Block]:
    """Users who did not look at it, and may like it."""
    heading = Heading("Whom it may suit", help_of("fit of an image"), level=3)
    fits = engine.for_product(study, found, row, by, USERS)
    some = [at for at, score in enumerate(fits.scores) if score > 0]
    if not some:
        return [heading, Note("It has no code that a user who did not look at it likes more than usual.")]
    return [heading, _table(study, found, fits, some, by)]


def _table(study: Study, found: Interactions, fits: Fits, some: Sequence[int], by: By) -> Table:
    import pandas as pd

    users = fits.found[some]
    frame = pd.DataFrame({
        "number": shown.numbered(found)[users], "user": [found.users[one] for one in users],
        "fit": fits.scores[some], "codes": [shown.named(fits.because[at], study.names(by.layer)) for at in some],
    })  # fmt: skip
    columns = {
        "user": Column("User", "A click opens their page, above.", pinned=True),
        "fit": Column("Fits", help_of("fit of an image"), "%.3g"),
        "tiles": Column("Because of", "The codes that count most, the strongest first."),
        "codes": Column("Codes", "Their numbers or names."),
    }
    because = [fits.because[at] for at in some]
    return Table(
        "suits", frame.assign(tiles=""), columns, {"tiles": lambda _: shown.tiles(study, because)},
        Go(None, {"person": "{point}"}), "number",
    )  # fmt: skip
