"""Relations: users and products, what finds what a user looks at next, and the codes that are the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.datasets import interactions as tables
from explorer.datasets import tastes
from explorer.glossary import help_of
from explorer.sheets import Act, Block, Card, Cards, Controls, Heading, Later, More, Note, Sheet
from explorer.study.similar import By
from explorer.views import fields, words
from explorer.views.people import begin, groups, judged, person, product

if TYPE_CHECKING:
    from explorer.datasets.interactions import Interactions
    from explorer.study import Picture as Looked
    from explorer.study import Study

MADE_UP = "Simulated: these users are made up. Nobody looked at anything; what they like is known."


def kept(study: Study, _: Any = None) -> dict[str, str]:
    """{key: name} of the users of these images that are kept, the latest first."""
    found = tables.kept(study.images.fingerprint)
    names = list(found.values())
    return {key: name if names.count(name) == 1 else f"{name} ({key[:4]})" for key, name in found.items()}


def _latest(study: Study, _: Any = None) -> str:
    return next(iter(kept(study)), "")


def _any(study: Study, options: Mapping[str, Any]) -> bool:
    return bool(options["people"])


def _last_user(study: Study, options: Mapping[str, Any]) -> int:
    """The number of the last user, in the order of how much they looked at."""
    found = begin.people(study, options["people"])
    return 0 if found is None else len(found.users) - 1


def _most_looked_at(study: Study, options: Mapping[str, Any]) -> int:
    found = begin.people(study, options["people"])
    return 0 if found is None else int(np.bincount(found.item).argmax())


def _crowd(name: str, label: str, **more: Any) -> Any:
    return fields.of(tastes.Settings, name, label, **more)


@dataclass(frozen=True)
class Options:
    """What the view can be asked for."""

    people: str = fields.option(
        "", "Users", "Tables of users that were brought in or simulated for these images.", choices=kept,
        start=_latest, yields=True, when=lambda study, _: len(kept(study)) > 1, widget="list",
    )  # fmt: skip
    layer: str = fields.layer()
    finds: str = fields.option("hit_rate", "Score", help_of("hit rate"), choices=judged.METRICS)
    person: int = fields.option(
        0, "User", "Users are numbered by how much they looked at: user 0 looked at most.", min=0, max=_last_user,
        when=_any, yields=True,
    )  # fmt: skip
    product: int = fields.option(
        0, "Image", "Its number, in the order of the dataset; until you choose one, the one most users looked at.",
        min=0, max=lambda study, _: len(study.images) - 1, yields=True, start=_most_looked_at,
    )  # fmt: skip
    hashed: bool = fields.option(False, "Hash user ids", help_of("hashed ids"))
    path: str = fields.option("", "Its path", "A CSV, TSV or Parquet file on the machine that this app runs on.")
    crowd_users: int = _crowd("users", "Users")
    crowd_each: int = _crowd("each", "Images each")
    crowd_likes: int = _crowd("likes", "Likes")
    crowd_dislikes: int = _crowd("dislikes", "Dislikes")
    crowd_strength: float = _crowd("strength", "Strength of taste", step=0.5)
    crowd_noise: float = _crowd("noise", "Noise", step=0.05)
    crowd_popularity: float = _crowd("popularity", "Popularity", step=0.1)
    crowd_like: str = _crowd("like", "Tastes")
    crowd_seed: int = _crowd("seed", "Seed")


def sheet(study: Study, options: Options, picture: Looked | None = None) -> Sheet:
    """Who is here, what finds what they look at next, one user, one product."""
    found = begin.people(study, options.people)
    if found is None:
        return Sheet(begin.opening(study, options), {"interactions": None})
    blocks: list[Block] = [
        *_header(found, options), *judged.blocks(study, found, options.people, options.finds),
        *person.blocks(study, found, options),
        *groups.blocks(study, found, person.of(found, options.person), By("bag", options.layer)),
        person.every(study, found),
    ]  # fmt: skip
    blocks += [Later(lambda: product.blocks(study, found, options)), *_forgetting(study, options, found)]
    told = {
        "judged": lambda: judged.numbers(study, options.people),
        "user": lambda: person.numbers(study, found, options),
        "product": lambda: product.numbers(study, found, options),
    }  # fmt: skip
    return Sheet(blocks, numbers(found) | told)


def numbers(found: Interactions) -> dict[str, Any]:
    """How many there are, and whether they are people."""
    return {
        "interactions": len(found), "users": len(found.users), "items": len(set(found.item.tolist())),
        "simulated": found.simulated is not None, "notes": list(found.notes),
    }  # fmt: skip


def _header(found: Interactions, options: Options) -> list[Block]:
    """Which users these are, how many, and what was left out."""
    looked = len(np.unique(found.item))
    counts = found.counts
    cards = [
        Card("Users", f"{len(found.users):,}", "made up" if found.simulated is not None else "", help_of("hashed ids")
             if found.hashed else "As they are called in the table."),
        Card("Images looked at", f"{looked:,}", "by somebody", "Images that at least one user looked at."),
        Card("Interactions", f"{len(found):,}", words.many(int(np.median(counts)), "image") + " a user (median)",
             help_of("interactions")),
    ]  # fmt: skip
    blocks: list[Block] = [Controls(("people", "layer"))]
    if found.simulated is not None:
        blocks.append(Note(MADE_UP, "warning"))
    blocks.append(Cards(cards, 3))
    if found.notes:
        blocks.append(More("What was left out", [Note(f"{one[:1].upper()}{one[1:]}.", "plain") for one in found.notes]))
    return blocks


def _forgetting(study: Study, options: Options, found: Interactions) -> list[Block]:
    """Other users, and how these are deleted."""
    asks = (
        f"The table “{found.name}” of {words.many(len(found.users), 'user')}, and all that was computed of it, is "
        "deleted from this machine. Nobody can bring it back."
    )
    return [
        Heading("Other users, or none"),
        Note(begin.PRIVATE),
        Act("forget", "Delete these users for good", "delete_forever", lambda: begin.forget(options.people), asks=asks),
        More("Bring in others", begin.ways(study, options)),
    ]
