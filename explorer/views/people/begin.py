"""How users come in: a table that is dropped or named, or users with known taste that are simulated."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from explorer.errors import BadInput
from explorer.glossary import help_of
from explorer.sheets import Act, Block, Controls, Go, Heading, More, Note, Receive, Row
from explorer.views import words

if TYPE_CHECKING:
    from explorer.datasets.interactions import Interactions
    from explorer.datasets.tastes import Settings
    from explorer.study import Study

ENDINGS = ("csv", "tsv", "parquet")
FIRST = (
    "Some people looked at, bought or liked some of these images. A table of who and what tells which users are alike, "
    "which images go together, and what each may want next – each with the codes that are the reason.",
    "Whether codes find that better than popularity, than what other users did, or than plain pixels, is measured on "
    "images that are held back.",
)
WANTED = (
    "A table with the columns user_id and image_id, a row for each time somebody looked at an image. An image is named "
    "by its file, such as {name}, or by its number, from 0 to {last:,}. A weight and a time may stand beside them."
)
NUMBERED = (
    "A table with the columns user_id and image_id, a row for each time somebody looked at an image: its number, from "
    "0 to {last:,}. A weight and a time may stand beside them."
)
PRIVATE = (
    "Users are people: their table stays on this machine, nobody is named in an address or a log, and it can be "
    "deleted for good."
)
CROWD = ("users", "each", "likes", "dislikes", "strength", "noise", "popularity", "like", "seed")  # what is asked for
MOST = 50_000_000  # users times images that are simulated while a person waits
FRESH = {"person": None, "product": None, "path": None}  # what is chosen of other users means nothing for these


def opening(study: Study, options: Any) -> list[Block]:
    """Where nobody is there yet: what the page is for, and two ways to begin."""
    return [*(Note(one, "plain") for one in FIRST), *ways(study, options), Note(PRIVATE)]


def ways(study: Study, options: Any) -> list[Block]:
    """Users that are simulated, and a table of one's own, side by side."""
    from explorer.datasets.split import Numbered

    names = study.images.names
    said = (NUMBERED if isinstance(names, Numbered) else WANTED).format(last=len(names) - 1, name=names[0])
    simulated: list[Block] = [
        Heading("Try it with simulated users", help_of("simulated users"), level=3),
        Note(_told(options)),
        Act("simulate", "Simulate users", "groups", lambda: _simulate(study, options)),
        More("Settings of the simulation", [Controls(tuple(f"crowd_{name}" for name in CROWD))]),
    ]
    own: list[Block] = [
        Heading("Your own users", help_of("interactions"), level=3),
        Note(said),
        Receive(
            "interactions", "A CSV or Parquet file", ENDINGS, lambda name, data: _take(study, options, name, data)
        ),
        Controls(("hashed",)),
        More("A file on this machine", [
            Controls(("path",)), Act("read-interactions", "Read it", "folder_open", lambda: _read(study, options)),
        ]),
    ]  # fmt: skip
    return [Row([simulated, own], 380, boxed=True)]


def settings(options: Any) -> Settings:
    """How the page simulates users."""
    from explorer.datasets.tastes import Settings

    return Settings(**{name: getattr(options, f"crowd_{name}") for name in CROWD})


def _told(options: Any) -> str:
    of = settings(options)
    drawn = f"each likes {words.many(of.likes, 'value')} of concepts and dislikes {of.dislikes}, drawn at random"
    return (
        f"{of.users:,} made-up users look at about {of.each:,} images each, mostly by taste: "
        f"{of.like if of.like else drawn}. {100 * of.noise:.0f} % of what they look at is whatever their taste. "
        "Nobody real is in there, and the right answer is known: you see how close each method comes to it."
    )


def _simulate(study: Study, options: Any) -> Go:
    from explorer.datasets import interactions, tastes

    if options.crowd_users * len(study.images) > MOST:
        raise BadInput(
            f"{options.crowd_users:,} users of {len(study.images):,} images take minutes; simulate at most "
            f"{MOST // len(study.images):,} here, or more with the command `explorer simulate`"
        )
    concepts = study.images.concepts
    if not len(concepts.columns) and (computed := study.computed()) is not None:
        concepts = computed
    return _keep(interactions.of_simulated(tastes.simulate(concepts, settings(options)), study.images))


def _take(study: Study, options: Any, name: str, data: bytes) -> Go:
    from explorer.datasets import interactions

    return _keep(interactions.take(name, data, study.images, hashed=options.hashed))


def _read(study: Study, options: Any) -> Go:
    from explorer.datasets import interactions

    if not options.path.strip():
        raise BadInput("name a CSV or Parquet file on this machine, such as /data/interactions.csv")
    return _keep(interactions.read(options.path.strip(), study.images, hashed=options.hashed))


def _keep(found: Interactions) -> Go:
    from explorer.datasets import interactions

    return Go(None, {"people": interactions.keep(found), **FRESH})


def people(study: Study, key: str) -> Interactions | None:
    """The users under a key, where they are of these images; None where they are gone, or damaged."""
    from explorer.datasets import interactions

    kept = interactions.stamp(key)
    if kept is None:
        return None
    try:
        return interactions.fitting(_opened(key, kept), study.images)
    except BadInput:
        return None


@functools.lru_cache(maxsize=2)
def _opened(key: str, kept: int) -> Interactions:
    """A page asks for the same users several times; a million rows take half a second each time."""
    from explorer.datasets import interactions

    return interactions.find(key)


def forget(key: str) -> Go:
    """Deletes users for good, with what is being computed of them, and leads to those that are left."""
    from explorer import jobs
    from explorer.datasets import interactions

    for job in jobs.all_jobs():
        if job.active and key in job.arguments:
            jobs.stop(job)
    interactions.forget(key)
    _opened.cache_clear()
    return Go(None, {"people": None, **FRESH})
