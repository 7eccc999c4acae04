"""One user: what they looked at, the codes that set them apart, what is near them, and which other users are."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis.grids import placed
from explorer.analysis.retrieval.reasons import slots as colours_of
from explorer.glossary import help_of
from explorer.sheets import Block, Column, Controls, Go, Heading, Link, More, Note, Piece, Row, Table
from explorer.study import relations as engine
from explorer.study.similar import By
from explorer.views import words
from explorer.views.people.shown import WEAK, named, numbered, order, small, sprite, strips, strong, tiles

if TYPE_CHECKING:
    import pandas as pd

    from explorer.datasets.interactions import Interactions
    from explorer.study import Study
    from explorer.study.relations import Fits, Taste

CODES, NEAR, LOOKED, USERS = 10, 12, 20, 8
COLOURS = 7  # that mark cells; `person.js` has as many
SMALL, LARGE = 72, 112  # pixels of a picture
CELLS = 65_536  # of all pictures together whose codes are sent
LISTED = 100_000  # users in the list
NOBODY = "No other user has a taste that points the same way."


def of(found: Interactions, number: int) -> int:
    """The user with a number: 0 is the one who looked at most."""
    return int(order(found)[min(number, len(found.users) - 1)])


def blocks(study: Study, found: Interactions, options: Any) -> list[Block]:
    """The choice of a user, and their page."""
    user = of(found, options.person)
    by = By("bag", options.layer)
    random = int(np.random.default_rng([options.person, 7]).integers(len(found.users)))
    heading = Heading(f"User {found.users[user]}", help_of("profile of a user"))
    chosen = Row(
        [[Controls(("person",))], [Link("Another user", "shuffle", Go(None, {"person": random}))]], 60, even=False
    )
    return [
        heading, chosen, *_taste_of(found, user),
        piece(study, found, user, by), *near(study, found, user, by),
    ]  # fmt: skip


def every(study: Study, found: Interactions) -> Block:
    """All users, to choose one from."""
    return More("All users", [_table(study, found)])


def numbers(study: Study, found: Interactions, options: Any) -> dict[str, Any]:
    """The same as plain numbers."""
    user, by = of(found, options.person), By("bag", options.layer)
    fits = engine.for_user(study, found, user, by, NEAR)
    return {
        "user": found.users[user], "looked_at": found.item[found.of(user)].tolist(),
        "codes": [vars(one) for one in engine.profile(study, found, user, by, CODES)],
        "near": [
            {"row": int(row), "score": float(score), "because": [one.code for one in strong(because)]}
            for row, score, because in zip(fits.found, fits.scores, fits.because, strict=True)
        ],
    }  # fmt: skip


def _taste_of(found: Interactions, user: int) -> list[Block]:
    """What a simulated user really likes, where that is known."""
    facts = found.simulated or {}
    which, said = facts.get("taste_of") or [], facts.get("tastes") or []
    if user >= len(which) or which[user] >= len(said):
        return []
    return [Note(f"Known, because this user is made up: {said[which[user]]}.", "plain", help_of("simulated users"))]


def piece(study: Study, found: Interactions, user: int, by: By) -> Piece:
    """What the user looked at beside what is near, with the codes that are the reason on both."""
    told = study.remember(_data, found, user, by, tuple(study.names(by.layer).items()))
    layer = {"layer": by.layer}
    return Piece(
        "person", "person", told,
        f"What the user looked at, {len(told['codes'])} codes of it, and {len(told['near']['items'])} images near",
        Go(None, {"product": "{image}"}), others={"code": Go("codebook", layer | {"code": "{code}"})},
    )  # fmt: skip


def _data(study: Study, found: Interactions, user: int, by: By, names: tuple[tuple[int, str], ...]) -> dict[str, Any]:
    """All that the script draws, as JSON."""
    layer, grid = by.layer, study.layer(by.layer).grid
    codes = _liked(engine.profile(study, found, user, by, CODES))
    fits = engine.for_user(study, found, user, by, NEAR)
    because = [strong(reasons) for reasons in fits.because]
    taste = engine.tastes(study, found, by)
    for_it = [max(float(np.maximum(taste.parts(user, int(row)), 0).sum()), 1e-9) for row in fits.found]  # not against
    every = list(dict.fromkeys([one.code for one in codes] + [one.code for some in because for one in some]))
    slots = colours_of([[one.code for one in codes], *[[one.code for one in some] for some in because]], COLOURS)
    rows = found.item[found.of(user)]
    shown = rows[:LOOKED]
    when = None if found.time is None else found.time[found.of(user)][:LOOKED]
    fit = grid[0] * grid[1] * (len(shown) + len(fits.found)) <= CELLS
    return {
        "rows": grid[0], "columns": grid[1], "placed": placed(grid), "of": every,
        "names": {str(code): name for code, name in names if code in every},
        "tiles": sprite(study.tiles(layer, np.array(every, np.int64))) if every else None,
        "about": "more common in what this user looked at than in all images",
        "codes": [_told(one, slot, len(rows)) for one, slot in zip(codes, slots[0], strict=True)],
        "looked": {
            "title": "Looked at", "about": _about(len(rows), len(shown), when is not None),
            "sheet": sprite(small(study, shown, SMALL)) if len(shown) else None,
            "items": _items(study, layer, shown, every if fit else [],
                            [""] * len(shown) if when is None else [_day(one) for one in when]),
        },
        "near": {
            "title": "Near, and not looked at yet", "about": "the best first; point at one to see why",
            "sheet": sprite(small(study, fits.found, LARGE)) if len(fits.found) else None,
            "items": [
                item | {"score": f"{score:#.3g}".rstrip("."), "because": [
                    [one.code, one.part / whole, slot] for one, slot in zip(some, colours, strict=True)
                ]}
                for item, score, whole, some, colours in zip(
                    _items(study, layer, fits.found, every if fit else [], _values(study, fits.found)),
                    fits.scores, for_it, because, slots[1:], strict=True,
                )
            ],
        },
    }  # fmt: skip


def _liked(codes: Sequence[Taste]) -> list[Taste]:
    return [one for one in codes if one.part > 0 and one.part >= WEAK * codes[0].part]


def _about(count: int, shown: int, timed: bool) -> str:
    first = f"{words.many(count, 'image')}" if count == shown else f"{shown:,} of {count:,} images"
    return f"{first}, newest first" if timed else first


def _told(one: Taste, slot: int, count: int) -> dict[str, Any]:
    times = f"{one.share / one.usual:.1f} ×" if one.usual else ""
    have = round(one.share * count)
    return {
        "code": one.code, "slot": slot, "weight": one.part, "times": times,
        "title": f"in {have} of {count} images of this user ({one.share:.0%}), and in {one.usual:.1%} of all images",
    }  # fmt: skip


def _items(
    study: Study, layer: str, rows: np.ndarray, codes: Sequence[int], said: Sequence[str]
) -> list[dict[str, Any]]:
    """Pictures with the places of some codes, as numbers from 1 in their order, in base64."""
    maps = None
    if len(codes) and len(rows):
        place = np.zeros(len(study.book(layer)), np.uint8)
        place[np.asarray(codes[:255], np.int64)] = np.arange(1, len(codes[:255]) + 1)
        maps = place[study.encoding.codes(layer, rows)]
    return [
        {
            "row": int(row), "title": f"Image {row:,}", "name": study.images.names[row], "said": text,
            "cells": None if maps is None else base64.b64encode(maps[at].tobytes()).decode(),
        }
        for at, (row, text) in enumerate(zip(rows, said, strict=True))
    ]  # fmt: skip


def _values(study: Study, rows: np.ndarray) -> list[str]:
    """The first values of images, in a few words."""
    from explorer.datasets import discrete

    table = study.concepts()
    names = discrete(table)[:3]
    return [" ".join(str(table[name].iat[row])[:14] for name in names if table[name].iat[row] == table[name].iat[row])
            for row in rows]  # fmt: skip


def _day(seconds: float) -> str:
    try:
        return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%d %b %y").lstrip("0")
    except (OSError, OverflowError, ValueError):
        return ""


def near(study: Study, found: Interactions, user: int, by: By) -> list[Block]:
    """Other users who like the same, and by which codes."""
    heading = Heading("Users near", help_of("users near"), level=3)
    if len(found.users) < 2:
        return [heading, Note("There is one user only.")]
    fits = engine.near_users(study, found, user, by, USERS)
    some = [at for at, score in enumerate(fits.scores) if score > 0]
    if not some:
        return [heading, Note(NOBODY)]
    return [heading, _users(study, found, user, fits, some, by)]


def _users(study: Study, found: Interactions, user: int, fits: Fits, some: Sequence[int], by: By) -> Table:
    import pandas as pd

    own = set(found.item[found.of(user)].tolist())
    users, names = fits.found[some], study.names(by.layer)
    items = [found.item[found.of(int(one))] for one in users]
    frame = pd.DataFrame({
        "number": numbered(found)[users], "user": [found.users[one] for one in users], "likeness": fits.scores[some],
        "both": [len(own & set(one.tolist())) for one in items], "looked": [len(one) for one in items],
        "codes": [named(fits.because[at], names) for at in some],
    })  # fmt: skip
    because = [fits.because[at] for at in some]
    columns = {
        "user": Column("User", "A click opens their page.", pinned=True),
        "likeness": Column("Likeness", help_of("users near"), "%.2f"),
        "tiles": Column("Because of", "Codes that both like more than usual, the strongest first."),
        "codes": Column("Codes", "Their numbers or names."),
        "strip": Column("Looked at last", "Up to four images."),
        "both": Column("Both looked at", "Images that both looked at; the codes say more than these.", "%d"),
        "looked": Column("Looked at", "Images of this user.", "%d"),
    }
    return Table(
        "near-users", frame.assign(strip="", tiles=""), columns,
        {"strip": lambda _: strips(study, items), "tiles": lambda _: tiles(study, because)},
        Go(None, {"person": "{point}"}), "number",
    )  # fmt: skip


def _table(study: Study, found: Interactions) -> Table:
    return Table(
        "all-users", study.remember(_listed, found), {
            "number": Column("No.", "In the order of how much they looked at.", "%d"),
            "user": Column("User", "A click opens their page.", pinned=True),
            "looked": Column("Looked at", "Images of this user.", "%d"),
            "last": Column("Last", "The day of the last one."),
        }, go=Go(None, {"person": "{point}"}), by="number", height=320,
    )  # fmt: skip


def _listed(study: Study, found: Interactions) -> pd.DataFrame:
    import pandas as pd

    users = order(found)[:LISTED]
    last = [""] * len(users)
    if found.time is not None:
        latest = np.full(len(found.users), -np.inf)
        np.maximum.at(latest, found.user, found.time)
        last = [_day(one) for one in latest[users]]
    return pd.DataFrame({
        "number": np.arange(len(users)), "user": [found.users[one] for one in users],
        "looked": found.counts[users], "last": last,
    })  # fmt: skip
