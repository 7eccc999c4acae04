"""Similar: the images most like one, a part of it, a patch or some codes, and the codes that are the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis.grids import placed
from explorer.analysis.retrieval import wanted as codes_asked
from explorer.errors import BadInput
from explorer.glossary import help_of
from explorer.sheets import Block, Controls, Gather, Go, Later, Link, Missing, Note, Row, Sheet
from explorer.sheets.cells import unhexed
from explorer.study import queries, similar
from explorer.study import retrieval_quality as quality
from explorer.study.similar import WAYS
from explorer.views import because, common_values, compare, fields, indexing, retrieval_quality, words
from explorer.views.code_panel import cell_of

if TYPE_CHECKING:
    from explorer.results.subject import Subject
    from explorer.study import Picture as Looked
    from explorer.study import Study
    from explorer.study.queries import Found

SEARCHES = {"image": "The whole image", "area": "A part of it", "patch": "One patch", "codes": "Some codes"}
NEAR = 2  # cells apart where somebody says "near" and no number
FARTHEST = 32  # cells apart that can be asked for
NAMED = 8  # copies of the image that are named
HOW = {
    "image": "Point at an image: the codes that it shares with yours are marked on both. A click asks about it.",
    "area": "Drag over the picture to choose a part; only the codes in there count.",
    "patch": "Press a cell of the picture: it is looked for, with what is around it, wherever it stands elsewhere.",
    "codes": "Press a cell to ask for its code, once more to rule it out, and again to leave it; or type numbers.",
}
ONLY_SHARED = (
    "{way} decides who is here, as a whole: it does not say which cells. The codes below are those that both images "
    "have, by their weight in a bag of codes; they are no reason."
)
TIED = "Others are exactly as much alike as the last of these; which of them are shown is chosen at random, once."
NO_NETWORK = "A picture of one's own has no codes here: these came without a network. Choose an image of the dataset."


def _searches(study: Study, options: Mapping[str, Any]) -> dict[str, str]:
    grid = study.layer(options["layer"] or study.main_layer).grid
    absent = set() if placed(grid) and grid != (1, 1) else {"area", "patch"}
    return {name: called for name, called in SEARCHES.items() if name not in absent}


def _ways(study: Study, options: Mapping[str, Any]) -> dict[str, str]:
    absent = set() if study.images.pictured else {"pixels", "colours", "encoder"}
    absent |= {"encoder"} if options["search"] == "area" or not compare.offers(study) else set()
    return {name: way.title for name, way in WAYS.items() if name not in absent}


def _way(study: Study, options: Mapping[str, Any]) -> str:
    """Codes, whose reasons are exact: the better of the two ways where that is known; the latent where there is one."""
    layer = options["layer"] or study.main_layer
    if study.layer(layer).grid == (1, 1):
        return "ze"
    known = quality.quality(study, layer=layer)
    return max(("bag", "place"), key=lambda way: known.get(way, {}).get("map") or 0)


def _encoder(study: Study, options: Mapping[str, Any]) -> str:
    """Asked where it counts alone: whether others are encoded takes their images, and there may be a million."""
    return compare.start(study) if options["way"] == "encoder" else ""


def _by_way(_: Study, options: Mapping[str, Any]) -> bool:
    return options["search"] in ("image", "area")


def _several(study: Study, options: Mapping[str, Any]) -> bool:
    layered = options["way"] != "encoder" and WAYS[options["way"]].layered
    return options["search"] == "image" and layered and len(study.layer_names) > 1


def _near(study: Study, options: Mapping[str, Any]) -> bool:
    grid = study.layer(options["layer"]).grid
    return options["search"] == "codes" and placed(grid) and grid != (1, 1)


def _check_wanted(study: Study, text: str) -> None:
    if text:
        codes_asked.read(text, max(study.sizes.values()))


@dataclass(frozen=True)
class Options:
    """What the view can be asked for."""

    layer: str = fields.layer()
    search: str = fields.option(
        "image", "Look for", help_of("what is searched for"), choices=_searches, yields=True
    )  # fmt: skip
    way: str = fields.option(
        "bag", "By", help_of("search by"), choices=_ways, start=_way, when=_by_way, widget="buttons", yields=True
    )  # fmt: skip
    encoder: str = fields.option(
        "", "Encoder", "Another checkpoint, whose mean latents decide.", offers=compare.offers, start=_encoder,
        check=lambda _, name: compare.described(name) if name else None,
        when=lambda study, options: options["way"] == "encoder" and _by_way(study, options),
    )  # fmt: skip
    together: bool = fields.option(
        False, "All layers", "All layers count alike, side by side; the reasons are codes of the one chosen.",
        when=_several,
    )  # fmt: skip
    area: str = fields.option("", "The part of the picture, as text", when=lambda *_: False)
    cell: str = fields.option("", "The patch, as row,column", when=lambda *_: False)
    margin: int = fields.option(
        1, "Cells around it", help_of("score of a patch"), min=0, max=4,
        when=lambda _, options: options["search"] == "patch",
    )  # fmt: skip
    wanted: str = fields.option(
        "", "Codes", help_of("what is searched for"), check=_check_wanted,
        when=lambda _, options: options["search"] == "codes",
    )  # fmt: skip
    near: int = fields.option(
        0, "At most cells apart", f"{help_of('near codes')} 0: they may stand anywhere.", when=_near, min=0,
        max=FARTHEST,
    )  # fmt: skip
    concept: str = retrieval_quality.concept()
    results: int = fields.option(16, "Images", choices={n: str(n) for n in (8, 16, 32, 64)}, widget="list")


def sheet(study: Study, options: Options, picture: Looked | None = None) -> Sheet:
    """The image, what is most like it, and why."""
    if picture is None:
        return Sheet([Note("Choose an image, or give one of your own, to find others like it.", "info")])
    controls = [
        Controls(("search", "results", "layer", "together")),
        Controls(("way", "encoder", "wanted", "near", "margin")),
    ]
    if picture.row is None and study.checkpoint.format == "codes":
        return Sheet([*controls, Note(NO_NETWORK, "info")])
    missing = _missing(study, options)
    if missing:
        return Sheet([*controls, *missing])
    by_way = _by_way(study, vars(options))
    reasons = similar.By("bag", options.layer)  # whatever decides, codes are told by their weight in a bag
    if needed := indexing.missing(study, *([by_of(options)] if by_way else []), reasons):
        return Sheet([*controls, *needed])
    asked, said = _asked(study, options, picture)
    try:
        found = _found(study, options, asked)
    except BadInput as problem:
        text = str(problem)
        said, found = [*said, Note(f"{text[:1].upper()}{text[1:]}.", "info")], queries.Found((), 0)
    said += _sentences(study, options, asked, found)
    blocks: list[Block] = [
        *controls,
        *said,
        because.piece(asked, found),
        *(common_values.blocks(study, picture, found) if options.search != "codes" else []),
    ]
    rows = np.array([hit.row for hit in found.hits], np.int64)
    source = f"images found for {picture.name[:40]}, {study.checkpoint.name}"
    model = "" if options.way in ("pixels", "colours") and by_way else study.subject.fingerprint
    blocks += [Gather("alike-found", rows, source, model)] if len(rows) else []
    blocks += indexing.found(study, by_of(options)) if by_way else []
    judged = judged_of(options)
    blocks.append(Later(lambda: retrieval_quality.blocks(study, judged, partial(_lead, study))))
    told = numbers(study, options, asked, found)
    return Sheet(blocks, told | {"quality": lambda: scored(study, judged)})


def scored(study: Study, options: Options) -> dict[str, dict[str, Any]]:
    """{way: {map, low, high, …}} in the layer that is looked at; empty where that is not made yet, or cannot be."""
    layer = similar.EVERY if options.together else options.layer
    try:
        return quality.quality(study, options.concept, layer, encoder=options.encoder)
    except BadInput:
        return {}


def judged_of(options: Options) -> Options:
    """The options that the scores of the ways are asked for: another encoder only where it is searched by."""
    return replace(options, encoder=options.encoder if options.way == "encoder" else "")


def _lead(study: Study, way: str, layer: str) -> Go | None:
    """Where a click on a way leads: to the search by it."""
    if way not in WAYS:
        return None
    every = layer == similar.EVERY
    carried = {"layer": layer} if layer and not every else {}
    return Go(None, {**carried, "search": "image", "way": way, "together": every})


def by_of(options: Options) -> similar.By:
    """What images are searched by."""
    layer = similar.EVERY if options.together and WAYS[options.way].layered else options.layer
    return similar.By(options.way, layer, options.encoder if options.way == "encoder" else "")


def _missing(study: Study, options: Options) -> list[Block]:
    """The other checkpoint's encoding, where that is to be searched by and is not there."""
    if options.way != "encoder" or not _by_way(study, vars(options)):
        return []
    from explorer.study import pair as pairs

    other = compare.described(options.encoder)
    try:
        found = pairs.open_pair(study, other)
    except BadInput as problem:
        text = str(problem)
        return [Note(f"{text[:1].upper()}{text[1:]}.", "info")]
    return [] if isinstance(found, pairs.Pair) else _not_encoded(study, found)


def _not_encoded(study: Study, subject: Subject) -> list[Block]:
    title = f"Encode {len(study.images):,} images with {subject.facts.name}"
    return [Missing("encoding", None, title, "Then images can be searched by its latents.", subject=subject)]


def _asked(study: Study, options: Options, picture: Looked) -> tuple[because.Asked, list[Block]]:
    """What is asked, and what is wrong with it."""
    grid, said = study.layer(options.layer).grid, []
    cells = cell = None
    wanted = codes_asked.Wanted(())
    if options.search == "area":
        cells = unhexed(options.area, grid) if options.area else None
        if options.area and cells is None:
            said.append(Note(f"The part in the address is not of a grid of {grid[0]} × {grid[1]}.", "warning"))
        cells = None if cells is None or not cells.any() else cells
    elif options.search == "patch":
        cell = cell_of(options.cell, grid) or (grid[0] // 2, grid[1] // 2)
    elif options.search == "codes" and options.wanted:
        try:
            wanted = codes_asked.read(options.wanted, len(study.book(options.layer)))
        except BadInput as problem:
            text = str(problem)
            said.append(Note(f"{text[:1].upper()}{text[1:]}.", "warning"))
    return because.Asked(
        study, options.search, options.layer, picture, cells, cell, wanted.codes, wanted.unwanted
    ), said  # fmt: skip


def told(study: Study, options: Options, picture: Looked) -> dict[str, Any]:
    """The same for scripts, without a sheet.

    Raises:
        BadInput: what is asked for cannot be.
    """
    if options.search == "codes":
        codes_asked.read(options.wanted, len(study.book(options.layer)))
    asked, _ = _asked(study, options, picture)
    return numbers(study, options, asked, _found(study, options, asked)) | {
        "quality": scored(study, judged_of(options))
    }


def _found(study: Study, options: Options, asked: because.Asked) -> Found:
    k, layer = options.results, options.layer
    if options.search == "patch":
        return study.remember(queries.patch, layer, asked.picture, asked.cell, options.margin, k)
    if options.search != "codes":
        return study.remember(queries.like, by_of(options), asked.picture, asked.cells, k, layer)
    if not asked.wanted:
        return queries.Found((), 0)
    told = codes_asked.read(options.wanted, len(study.book(layer)))
    return study.remember(queries.holding, layer, told, within(study, layer, told, options.near), k)


def within(study: Study, layer: str, told: codes_asked.Wanted, near: int) -> int:
    """How many cells apart the codes may stand, 0 for anywhere; "near" in words counts where no number is given."""
    grid = study.layer(layer).grid
    if not placed(grid) or grid == (1, 1) or len(told.codes) < 2:
        return 0
    return near or (NEAR if told.near else 0)


def _sentences(study: Study, options: Options, asked: because.Asked, found: Found) -> list[Block]:
    """What to know before one looks: what decides, what is no reason, and why there is nothing."""
    layer, grid = options.layer, study.layer(options.layer).grid
    said: list[Block] = [Note(HOW[options.search], help=_help(options))]
    by_way = _by_way(study, vars(options))
    if by_way and options.way in ("bag", "place") and grid == (1, 1):
        said.append(Note(
            "One code describes the whole image here, so a bag has one code: other images have it, or have nothing in "
            "common. The mean of z_e tells near from far.", "info",
        ))  # fmt: skip
    if by_way and WAYS[options.way].coded:
        said += words.continuous(study, layer)
    if by_way:
        said += _better(study, options)
    if found.hits and not found.exact:
        said.append(Note(ONLY_SHARED.format(way=WAYS[options.way].title), help=help_of("because of codes")))
    if options.search == "area" and asked.cells is None:
        said.append(Note("No part is chosen yet, so the whole image counts.", "plain"))
    if found.matching is not None and found.hits:
        said.append(Note(_matching(options, found), "plain"))
    if not found.hits and (found.of or options.search != "codes"):
        said.append(Note(_nothing(options, found), "info"))
    if (
        options.search == "codes"
        and options.near == 0
        and " near" in options.wanted
        and not _near(study, vars(options))
    ):
        said.append(Note("The codes of this layer have no place in the image, so nothing is near or far."))
    if found.own:
        said.append(Note(_copies(found), "plain"))
    if found.tied:
        said.append(Note(TIED))
    return said


def _copies(found: Found) -> str:
    rows = ", ".join(f"{row:,}" for row in found.own[:NAMED])
    more = f" and {len(found.own) - NAMED:,} more" if len(found.own) > NAMED else ""
    return f"{words.many(len(found.own), 'copy', 'copies')} of this image left out: {rows}{more}."


def _better(study: Study, options: Options) -> list[Block]:
    """Says that another way finds more of what is alike, where that is sure; nothing where it is not known."""
    known = scored(study, judged_of(options))
    own = known.get(options.way)
    ways = _ways(study, vars(options))
    best = max((way for way in known if way in ways), key=lambda way: known[way]["map"] or 0, default="")
    if not own or not best or (known[best]["low"] or 0) <= (own["high"] or 0):
        return []
    theirs, ours = (f"{one['map']:.2f} [{one['low']:.2f}, {one['high']:.2f}]" for one in (known[best], own))
    said = (
        f"{WAYS[best].title} find more images of the same {own['concept']} here: mAP@{own['k']} {theirs} against "
        f"{ours} by this way, {own['queries']:,} searches; see below."
    )
    return [Row([[Note(said, "plain")], [Link("Search by it", "search", Go(None, {"way": best}))]], 60, even=False)]


def _help(options: Options) -> str:
    term = {"patch": "score of a patch", "codes": "score of named codes"}.get(options.search, "similarity")
    return help_of(term)


def _matching(options: Options, found: Found) -> str:
    count = f"{words.many(found.matching, 'image')} of {found.of:,} {'has' if found.matching == 1 else 'have'}"
    if options.search == "patch":
        return f"{count} the code of this patch somewhere; those with most of its surroundings come first."
    near = any(hit.apart is not None for hit in found.hits)
    return f"{count} what was asked for, near one another or not." if near else f"{count} what was asked for."


def _nothing(options: Options, found: Found) -> str:
    if not found.of:
        return "There is no other image here to find."
    if options.search == "patch":
        return "No other image has the code of this patch."
    if options.search == "codes":
        if found.matching:
            return (
                f"{words.many(found.matching, 'image')} with these codes, but nowhere so near one another; let them "
                "stand further apart."
            )
        return "No image has all of these codes and none of those that are ruled out; ask for fewer."
    return "No other image has anything in common with this one by that; search another way."


def numbers(study: Study, options: Options, asked: because.Asked, found: Found) -> dict[str, Any]:
    """The same for scripts."""
    by = options.way if _by_way(study, vars(options)) else options.search
    coded = options.search == "codes"
    codes = codes_asked.written(codes_asked.Wanted(asked.wanted, asked.unwanted))
    return {
        "asked": options.search, "query": None if coded else asked.picture.row,
        "name": None if coded else asked.picture.name,
        "codes": codes if coded else None, "by": by, "layer": options.layer, "n": found.of,
        "neighbours": [
            {
                "id": hit.row, "name": study.images.names[hit.row], "score": hit.score,
                "because": [one.code for one in hit.because[: because.SHOWN]],
                "shares": [round(one.share, 4) for one in hit.because[: because.SHOWN]], "apart": hit.apart,
                "copies": list(hit.copies),
            }
            for hit in found.hits
        ],
        "copies": list(found.own), "exact": found.exact, "matching": found.matching,
        "values": [] if coded else common_values.numbers(study, asked.picture, found),
    }  # fmt: skip
