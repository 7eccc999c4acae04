"""What a large set needs before it is searched: the offer of an index, and how much of the truth it finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from explorer.files import sized
from explorer.glossary import help_of
from explorer.progress import spoken
from explorer.results import index
from explorer.sheets import Block, Missing, Note
from explorer.study import similar

if TYPE_CHECKING:
    from explorer.study import Study
    from explorer.study.similar import By


def missing(study: Study, *ways: By) -> list[Block]:
    """The first index that searching so many images these ways needs and that is not there; nothing for small sets."""
    for by in ways:
        wanted = similar.indexing(study, by)
        if wanted is not None and similar.index_of(study, by) is None:
            seconds, size = index.cost(study.encoding, wanted)
            title = f"Index {len(study.images):,} images by: {similar.WAYS[by.way].title}"
            about = (
                "Looking at so many images one by one takes too long, so they are put in order once. About "
                f"{spoken(seconds)}, and at most {sized(size)} in the cache; it can be cancelled."
            )
            return [Missing("index", wanted, title, about)]
    return []


def found(study: Study, by: By) -> list[Block]:
    """How much of the truth the index finds, where one was asked."""
    opened = similar.index_of(study, by)
    if opened is None:
        return []
    text = index.told(opened.facts)
    return [Note(f"Searched by an index of {text}.", help=help_of("index of images"))]
