"""The command `similar`: the images most like one, or with some codes, and the codes that are the reason."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from explorer import access
from explorer.commands.command import Json, cancellable, command, emit, noted, tell
from explorer.commands.results import SUBJECT, CheckpointName
from explorer.errors import BadInput
from explorer.progress import Progress
from explorer.results import obtain
from explorer.results.subject import Subject

if TYPE_CHECKING:
    from explorer.study import Picture, Study

MOST = 1000  # images that can be asked for
Query = Annotated[str | None, typer.Option(metavar="IMG", help="A picture's file, or an image's name or row number.")]
Codes = Annotated[str | None, typer.Option(help='Codes that images have, or with a minus have not: "17,203,-9".')]
Patch = Annotated[str | None, typer.Option(help="A cell of the query, as row,column: its patch is looked for.")]
Near = Annotated[int, typer.Option(min=0, max=32, help="At most so many cells apart stand --codes; 0: anywhere.")]
Around = Annotated[int, typer.Option(min=0, max=4, help="Cells around --patch that should agree, too.")]
Count = Annotated[int, typer.Option("-k", min=1, max=MOST, help="How many images.")]
By = Annotated[
    str | None,
    typer.Option(help="bag, place, zq, ze, pixels, colours or encoder. [bag, or place where that scores better]"),
]
Encoder = Annotated[str | None, typer.Option(metavar="CHECKPOINT", help="Whose latents decide, by encoder.")]
OfLayer = Annotated[str | None, typer.Option(help="Whose codes are searched; all for all side by side. [the finest]")]
Concept = Annotated[str | None, typer.Option(help="What makes images alike, for quality. [the first category]")]
Quality = Annotated[bool, typer.Option(help="Whether every way is scored, which takes a moment the first time.")]


@command((Subject, SUBJECT))
def similar(
    checkpoint: CheckpointName,
    query: Query = None,
    codes: Codes = None,
    patch: Patch = None,
    near: Near = 0,
    around: Around = 1,
    k: Count = 10,
    by: By = None,
    encoder: Encoder = None,
    layer: OfLayer = None,
    concept: Concept = None,
    quality: Quality = True,
    as_json: Json = False,
    **subject,
):
    """Finds the images most like one, or with some codes, and says because of which codes."""
    from explorer.study import Study
    from explorer.views import similar as view

    if (query is None) == (codes is None):
        raise BadInput('say what is looked for: --query IMG, or --codes "17,203,-9"')
    if patch is not None and query is None:
        raise BadInput("--patch is a cell of an image; name that with --query")
    of = Subject.of(checkpoint, **subject)
    with cancellable(Progress(0, "images")) as progress:
        obtain("encoding", of, progress=progress)
        study = Study(of)
        picture = study.image(0) if query is None else looked(study, query)
        options = _options(study, picture, {
            "search": "codes" if codes is not None else "patch" if patch is not None else "image", "wanted": codes,
            "near": near, "cell": patch, "margin": around, "way": by or ("encoder" if encoder else None),
            "encoder": encoder, "concept": concept, "layer": None if layer == "all" else layer,
            "together": layer == "all" or None,
        })  # fmt: skip
        _prepare(study, options, quality, progress)
        progress.finish()
    found = view.told(study, dataclasses.replace(options, results=k), picture)
    if not quality:
        found["quality"] = {}
    elif not found["quality"]:
        tell("no concept of these images can be judged, so that no way can be scored; add a class folder or a table")
    emit({**found, **noted(study.images)}, as_json, lines(found))


def looked(study: Study, query: str) -> Picture:
    """The picture that is asked about: a file, an image of the dataset by its name or the end of it, or a row number.

    Raises:
        BadInput: there is none, or several.
    """
    from explorer.datasets import decode_image
    from explorer.study import Picture

    path, names = Path(query).expanduser(), list(study.images.names)
    if access.within(path) and path.is_file():
        size, fit = study.checkpoint.image_size, study.subject.fit
        return Picture(decode_image(path, size, fit), path.name)
    if query.isdecimal() and len(query) < 12:
        if int(query) < len(names):
            return study.image(int(query))
        raise BadInput(f"there is no image {query} in {study.images.name}; choose from 0 to {len(names) - 1:,}")
    rows = [row for row, name in enumerate(names) if name == query]
    rows = rows or [row for row, name in enumerate(names) if name.endswith(f"/{query}")]
    if len(rows) == 1:
        return study.image(rows[0])
    if rows:
        raise BadInput(f"{len(rows):,} images are called '{query}'; name its folder, too, such as '{names[rows[0]]}'")
    raise BadInput(f"'{query}' is no file, no image of {study.images.name} and no row number")


def _options(study: Study, picture: Picture, asked: dict[str, Any]) -> Any:
    """The options of the view; the first thing that is wrong is bad input."""
    from explorer.views import fields
    from explorer.views.code_panel import cell_of
    from explorer.views.similar import Options

    options, faults = fields.settled(Options, study, {k: one for k, one in asked.items() if one is not None}, picture)
    for fault in faults.values():
        raise BadInput(fault)
    if options.search != asked["search"]:  # it gives way to others on a page, without a word; so does `way`
        raise BadInput(f"layer {options.layer} has no cells with a place in the image; leave out --patch")
    if asked["way"] is not None and options.way != asked["way"]:
        raise BadInput(f"{asked['way']!r} cannot be searched by here; choose from {_ways(study)}")
    grid = study.layer(options.layer).grid
    if options.search == "patch" and cell_of(options.cell, grid) is None:
        raise BadInput(f"there is no cell '{options.cell}' in layer {options.layer}, which has {grid[0]} x {grid[1]}")
    return options


def _ways(study: Study) -> str:
    from explorer.study.similar import WAYS

    return ", ".join(WAYS if study.images.pictured else ("bag", "place", "zq", "ze"))


def _prepare(study: Study, options: Any, quality: bool, progress: Progress) -> None:
    """Makes what the search needs: the other checkpoint's encoding, an index of many images, scores of the ways."""
    from explorer.study import pair, retrieval_quality
    from explorer.study import similar as searches
    from explorer.views import compare
    from explorer.views import similar as view

    if options.way == "encoder":
        found = pair.open_pair(study, compare.described(options.encoder))
        if not isinstance(found, pair.Pair):
            obtain("encoding", found, progress=progress)
    by = [view.by_of(options)] if options.search in ("image", "area") else []
    for one in [*by, searches.By("bag", options.layer)]:  # reasons are told by bags
        if (wanted := searches.indexing(study, one)) is not None:
            obtain("index", study.subject, wanted, progress=progress)
    if quality:
        encoder = options.encoder if options.way == "encoder" else ""
        obtain("retrieval", study.subject, retrieval_quality.asked(options.concept, encoder), progress=progress)


def lines(found: dict[str, Any]) -> list[str]:
    """The same for people to read."""
    what = found["name"] if found["asked"] != "codes" else f"codes {found['codes']}"
    shown = [f"{what} among {found['n']:,} images, by {found['by']}, layer {found['layer']}"]
    for one in found["neighbours"]:
        codes = ", ".join(f"{code} ({share:.0%})" for code, share in zip(one["because"], one["shares"], strict=True))
        apart = "" if one["apart"] is None else f"; {one['apart']} cells apart"
        copies = f"; × {len(one['copies']) + 1} copies" if one["copies"] else ""
        why = "because of" if found["exact"] else "both have"
        shown.append(f"{one['score']:6.3f}  {one['id']:>7}  {one['name']}  {why} {codes or 'nothing'}{apart}{copies}")
    if not found["neighbours"]:
        shown.append("nothing fits")
    for one in found["values"]:
        chance = one["chance"] * one["of"]
        shown.append(f"{one['concept']}: {one['have']} of {one['of']} are {one['value']}, by chance {chance:.1f}")
    for way, one in found["quality"].items():
        of = f"{one['queries']:,} searches, alike by {one['concept']}"
        shown.append(f"{way}: mAP@{one['k']} {one['map']:.3f} [{one['low']:.3f}, {one['high']:.3f}], {of}")
    return shown
