"""Ask for a change: swaps of codes that make an image more of a concept, or more like another, to take or leave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis import edits
from explorer.errors import BadInput
from explorer.glossary import help_of
from explorer.results.suggestions import Options as Asked
from explorer.sheets import Block, Cards, Chart, Controls, Go, Heading, Link, Missing, Note, Picture, Pictures, Row
from explorer.views import fields, layers, words
from explorer.views.proposals import Proposal

if TYPE_CHECKING:
    from explorer.study import Picture as Looked
    from explorer.study import Study

OWN = (
    "Changes are searched for images of the dataset: a picture of yours has no place in it. Choose one of its images "
    "to ask for a change; yours can be painted above."
)
SHOWN = {"checkpoint": "vqvae-shapes", "dataset": "shapes"}
ELSEWHERE = Link("Open vqvae-shapes, which decodes codes", "brush", Go(None, SHOWN))
UNDECODED = "These codes came without a model, so no change can be scored. A checkpoint that decodes can."
ALONE = "There is one image only, and nothing known of it: no value to ask for, and no other image to go towards."
TAKES = "It decodes some {pictures} changed pictures, a process beside this page: 10 to 60 seconds. Paint on meanwhile."
AIMS = {"concept": "More of a concept", "image": "Towards an image"}


def concepts(study: Study) -> dict[str, tuple[str, ...]]:
    """{concept: values} that can be asked for: those of every column that tells images apart."""
    from explorer.analysis.concepts import values

    table = study.known()
    found = {str(name): values.prepared(str(name), table[name]) for name in table.columns}
    return {name: one.values for name, one in found.items() if not isinstance(one, str)}


def _aims(study: Study, _: Any = None) -> dict[str, str]:
    there = {"concept": bool(study.remember(concepts)), "image": len(study.images) > 1}
    return {name: called for name, called in AIMS.items() if there[name]}


def _values(study: Study, options: Mapping[str, Any]) -> dict[str, str]:
    return {value: value for value in study.remember(concepts).get(options["more_of"], ())}


def _other(study: Study, options: Mapping[str, Any]) -> int:
    """An image of another class than the one that is looked at, where classes are known."""
    picture = options["picture"]
    return layers.second(study, {"image": 0 if picture is None or picture.row is None else picture.row})


@dataclass(frozen=True)
class Options:
    """What can be asked for."""

    aim: str = fields.option(
        "concept", "Ask for", choices=_aims, start=lambda study, _: next(iter(_aims(study)), "concept"), yields=True,
        when=lambda study, _: len(_aims(study)) > 1,
    )  # fmt: skip
    more_of: str = fields.option(
        "", "More of", "What is known of each image; of numbers, a fifth of the images.", yields=True, widget="list",
        choices=lambda study, _: {name: name for name in study.remember(concepts)},
        start=lambda study, _: next(iter(study.remember(concepts)), ""), when=lambda _, o: o["aim"] == "concept",
    )  # fmt: skip
    more_value: str = fields.option(
        "", "Which value", "What the image should be.", choices=_values, yields=True, widget="list",
        start=lambda study, o: next(iter(_values(study, o)), ""), when=lambda _, o: o["aim"] == "concept",
    )  # fmt: skip
    towards: int = fields.option(
        0, "Towards image", "Its number, in the order of the dataset.", min=0, start=_other, yields=True,
        max=lambda study, _: len(study.images) - 1, when=lambda _, o: o["aim"] == "image",
    )  # fmt: skip
    swaps: int = fields.option(8, "Swaps, at most", "Cells whose code is swapped.", min=1, max=16)
    begin: str = fields.option("", "Where the search begins", when=lambda *_: False)
    left: str = fields.option("", "Proposals that were left", when=lambda *_: False)


def question(study: Study, options: Any, picture: Looked) -> Asked:
    """What the result is asked for."""
    towards = options.towards if options.aim == "image" else None
    concept, value = (options.more_of, options.more_value) if options.aim == "concept" else ("", "")
    return Asked(picture.row, options.layer, concept, value, towards, options.swaps, options.finer, options.begin)


def proposal(study: Study, options: Any, picture: Looked) -> Proposal | None:
    """What was found and is kept; None where there is nothing."""
    if picture.row is None or study.checkpoint.no_decoder or not _aims(study):
        return None
    kept = study.result("suggestions", question(study, options, picture))
    return None if kept is None else Proposal(study, kept, picture)


def blocks(
    study: Study, options: Any, picture: Looked, edit: Mapping[str, np.ndarray], found: Proposal | None
) -> list[Block]:
    """What can be asked, and what was found.

    Args:
        edit: {layer: (H, W)} codes as they are painted now. found: what `proposal` says.
    """
    heading = Heading("Ask for a change", help_of("asking for a change"))
    if study.checkpoint.no_decoder:
        return [heading, Note(UNDECODED, "info"), ELSEWHERE]
    if not _aims(study):
        return [heading, Note(ALONE, "info")]
    if picture.row is None:
        return [heading, Note(OWN, "info")]
    asked = question(study, options, picture)
    controls: list[Block] = [
        heading, Controls(("aim", "more_of", "more_value", "towards", "swaps")), *_begins(study, options, picture, edit)
    ]  # fmt: skip
    if why := _refused(study, options, picture):
        return [*controls, Note(why, "info")]
    if found is None:
        pictures = f"{max(400, round(6000 * min(1, 64 / study.checkpoint.image_size) ** 2)):,}"
        title = f"Search for {words.many(asked.swaps, 'swap')} that make image {picture.row:,} {_aimed(options)}"
        return [*controls, Missing("suggestions", asked, title, TAKES.format(pictures=pictures))]
    if not found.kept["swaps"]:
        return [*controls, *found.unfound()]
    return [*controls, *_shown(found), found.piece(options.left)]


def _aimed(options: Any) -> str:
    if options.aim == "image":
        return f"more like image {options.towards:,}"
    return f"have more of {options.more_of} = {options.more_value}"


def _begins(study: Study, options: Any, picture: Looked, edit: Mapping[str, np.ndarray]) -> list[Block]:
    """Whether the search begins with the image's own codes, or with what was painted when that was chosen."""
    own = {name: study.codes_of(picture, name)[0] for name in study.layer_names}
    painted = edits.written(edit, own)
    if options.begin:
        return [
            Note("The search begins with what was painted when you chose so."),
            Link("Begin with the image's own codes", "undo", Go(None, {"begin": ""})),
        ]
    if painted and len(painted) <= edits.LETTERS:
        return [Link("Begin with what is painted", "brush", Go(None, {"begin": painted}))]
    return []


def _refused(study: Study, options: Any, picture: Looked) -> str:
    """Why the search cannot begin, one sentence; empty where it can."""
    try:
        own = {name: study.codes_of(picture, name)[0] for name in study.layer_names}
        edits.read(options.begin, own, {name: len(study.book(name)) for name in own})
    except BadInput as problem:
        text = str(problem)
        return f"{text[:1].upper()}{text[1:]}, so the search cannot begin there."
    if options.aim == "image" and options.towards == picture.row:
        return f"Image {picture.row:,} is this one; choose another to go towards."
    return ""


def _shown(found: Proposal) -> list[Block]:
    """What all swaps together do, beside random ones."""
    percent, scores, random = found.percent, found.scores, found.random
    pictures = [Picture(pixels, title, note, alt=title) for title, note, pixels in found.pictures()]
    chart = Chart(
        "suggestions-climb",
        lambda theme: _climb(scores, random, found.axis, percent=percent, theme=theme),
        f"{found.axis} after each swap, beside random swaps",
    )
    return [
        Note(found.verdict(), "plain"),
        Cards(found.cards(), 4),
        Row([[Pictures("suggestions", pictures, 100, columns=len(pictures))], [chart]], shares=(3, 2)),
        *(Note(text) for text in found.notes()),
    ]


def _climb(*arguments: Any, **options: Any) -> Any:
    from explorer.charts.suggestion_plots import climb

    return climb(*arguments, **options)
