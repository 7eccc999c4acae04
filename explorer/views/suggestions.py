"""Ask for a change: swaps of codes that make an image more of a concept, or more like another, to take or leave."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis import edits
from explorer.errors import BadInput
from explorer.glossary import help_of
from explorer.results.suggestions import Options as Asked
from explorer.sheets import Block, Cards, Chart, Controls, Go, Heading, Link, Missing, Note, Picture, Pictures, Row
from explorer.study import drafting
from explorer.views import fields, layers, words
from explorer.views.proposals import Proposal

if TYPE_CHECKING:
    from explorer.study import Picture as Looked
    from explorer.study import Study

OWN = (
    "A picture of yours can be searched for towards an image of the dataset. More of a concept is searched for in "
    "images of the dataset: probes are fitted to them by a process beside the page."
)
TOO_SLOW = (
    "At {size} px a search takes too long to wait for, and a picture of yours is kept nowhere for a process beside the "
    "page. Choose an image of the dataset to ask for a change."
)
NOW = "Search now, a few seconds"
LARGEST = 128  # pixels of a side, of pictures of which a search can be waited for
SHOWN = {"checkpoint": "vqvae-shapes", "dataset": "shapes"}
ELSEWHERE = Link("Open vqvae-shapes, which decodes codes", "brush", Go(None, SHOWN))
UNDECODED = "These codes came without a model, so no change can be scored. A checkpoint that decodes can."
ALONE = "There is one image only, and nothing known of it: no value to ask for, and no other image to go towards."
TAKES = "It decodes some {pictures} changed pictures, a process beside this page: {long}. Paint on meanwhile."
SHORT, LONG = "10 to 60 seconds", "a few minutes at {size} px"
AIMS = {"concept": "More of a concept", "image": "Towards an image"}


def concepts(study: Study) -> dict[str, tuple[str, ...]]:
    """{concept: values} that can be asked for: those of every column that tells images apart."""
    from explorer.analysis.concepts import values

    table = study.known()
    found = {str(name): values.prepared(str(name), table[name]) for name in table.columns}
    return {name: one.values for name, one in found.items() if not isinstance(one, str)}


def _own(picture: Looked | None) -> bool:
    return picture is not None and picture.row is None


def _aims(study: Study, options: Mapping[str, Any]) -> dict[str, str]:
    own = _own(options["picture"])
    there = {"concept": not own and bool(study.remember(concepts)), "image": len(study.images) > (not own)}
    return {name: called for name, called in AIMS.items() if there[name]}


def _values(study: Study, options: Mapping[str, Any]) -> dict[str, str]:
    return {value: value for value in study.remember(concepts).get(options["more_of"], ())}


def _best(study: Study, _: Any = None) -> str:
    """The concept to begin with: what a layer tells farthest above chance, where that was judged; else the first."""
    there, judged = study.remember(concepts), study.score("judgement") or {}
    own = {str(name) for name in study.concepts().columns}
    rows = [row for row in judged.get("concepts", ()) if row["concept"] in there and row["concept"] in own]
    told = [row for row in rows if row["metric"] == "balanced accuracy" and row["score"] == row["score"]]
    return max(told, key=lambda row: row["score"] - row["chance"])["concept"] if told else next(iter(there), "")


def _differs(study: Study, options: Mapping[str, Any]) -> str:
    """The value to begin with: the first that the image does not have."""
    known, picture = _values(study, options), options["picture"]
    own = "" if _own(picture) or picture is None else str(study.known()[options["more_of"]].iloc[picture.row])
    return next((value for value in known if value != own), next(iter(known), ""))


def _other(study: Study, options: Mapping[str, Any]) -> int:
    """An image of another class than the one that is looked at, where classes are known."""
    picture = options["picture"]
    return layers.second(study, {"image": 0 if picture is None or picture.row is None else picture.row})


@dataclass(frozen=True)
class Options:
    """What can be asked for."""

    aim: str = fields.option(
        "concept", "Ask for", choices=_aims, yields=True, start=lambda study, o: next(iter(_aims(study, o)), "concept"),
        when=lambda study, options: len(_aims(study, options)) > 1,
    )  # fmt: skip
    more_of: str = fields.option(
        "", "More of", "What is known of each image; of numbers, a fifth of the images.", yields=True, widget="list",
        choices=lambda study, _: {name: name for name in study.remember(concepts)},
        start=lambda study, _: study.remember(_best), when=lambda _, o: o["aim"] == "concept",
    )  # fmt: skip
    more_value: str = fields.option(
        "", "Which value", "What the image should be.", choices=_values, yields=True, widget="list",
        start=lambda study, o: _differs(study, o) if o["more_of"] else "", when=lambda _, o: o["aim"] == "concept",
    )  # fmt: skip
    towards: int = fields.option(
        0, "Towards image", "Its number, in the order of the dataset.", min=0, start=_other, yields=True,
        max=lambda study, _: len(study.images) - 1, when=lambda _, o: o["aim"] == "image",
    )  # fmt: skip
    swaps: int = fields.option(8, "Swaps, at most", "Cells whose code is swapped.", min=1, max=16)
    begin: str = fields.option("", "Where the search begins", when=lambda *_: False)
    seek: bool = fields.option(False, "Search for a picture of one's own", when=lambda *_: False)
    left: str = fields.option("", "Proposals that were left", when=lambda *_: False)


def question(study: Study, options: Any, picture: Looked) -> Asked:
    """What the result is asked for."""
    towards = options.towards if options.aim == "image" else None
    concept, value = (options.more_of, options.more_value) if options.aim == "concept" else ("", "")
    return Asked(picture.row, options.layer, concept, value, towards, options.swaps, options.finer, options.begin)


def proposal(study: Study, options: Any, picture: Looked) -> Proposal | None:
    """What was found and is kept; of a picture of one's own, what is found now, if that was asked for."""
    if study.checkpoint.no_decoder or not _aims(study, {"picture": picture}):
        return None
    if not _own(picture):
        kept = study.result("suggestions", question(study, options, picture))
    elif not options.seek or study.checkpoint.image_size > LARGEST or _refused(study, options, picture):
        kept = None
    else:
        found = Proposal(study, {"layer": options.layer, "begin": options.begin}, picture)
        layers = decoded_layers(study, options.layer, options.finer)
        kept = study.remember(_search, picture, options.layer, layers, options.towards, options.swaps, found.begun())
        kept = {**kept, "begin": options.begin}
    return None if kept is None else Proposal(study, kept, picture)


def decoded_layers(study: Study, layer: str, finer: str) -> list[str]:
    """Layers that the decoder gets."""
    names = study.layer_names
    if not study.abilities()["joint"]:
        return [layer]
    return names[: names.index(layer) + 1] if finer == "drop" else names


def _search(
    study: Study, picture: Looked, layer: str, layers: list[str], towards: int, swaps: int, begun: dict[str, np.ndarray]
) -> dict[str, Any]:
    """The same as the result, for a picture of one's own towards an image of the dataset."""
    started, other = time.perf_counter(), study.image(towards)
    latents = {name: np.array(study.look(picture).latents[name]) for name in layers}
    for name in layers:
        painted = begun[name] != study.codes_of(picture, name)[0]
        latents[name][painted] = study.vectors(name)[begun[name][painted]]
    begin = {"latents": latents, "layer": layer, "vectors": study.vectors(layer), "start": begun[layer].reshape(-1)}
    codes, used = study.codes_of(other, layer)[0], np.flatnonzero(study.usage(layer))
    found = study.through(drafting.towards, begin, other.pixels, codes, used, swaps)
    aim = {"concept": "", "value": "", "towards": towards}
    return {"layer": layer, "layers": layers, "aim": aim, **found, "seconds": time.perf_counter() - started}


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
    if not _aims(study, {"picture": picture}):
        return [heading, Note(ALONE, "info")]
    if _own(picture) and study.checkpoint.image_size > LARGEST:
        return [heading, Note(TOO_SLOW.format(size=study.checkpoint.image_size), "info")]
    asked = question(study, options, picture)
    controls: list[Block] = [
        heading, Controls(("aim", "more_of", "more_value", "towards", "swaps")), *_begins(study, options, picture, edit)
    ]  # fmt: skip
    if why := _refused(study, options, picture):
        return [*controls, Note(why, "info")]
    if found is None and _own(picture):
        return [*controls, Note(OWN), Link(NOW, "search", Go(None, {"seek": True}))]
    if found is None:
        size = study.checkpoint.image_size
        pictures = f"{max(400, round(6000 * min(1, 64 / size) ** 2)):,}"
        long = SHORT if size <= 64 else LONG.format(size=size)
        swaps = min(asked.swaps, edit[options.layer].size)
        title = f"Search for {words.many(swaps, 'swap')} to make image {picture.row:,} {_aimed(options)}"
        return [*controls, Missing("suggestions", asked, title, TAKES.format(pictures=pictures, long=long))]
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
        return f"Image {options.towards:,} is this one; choose another to go towards."
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
