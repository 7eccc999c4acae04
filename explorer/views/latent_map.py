"""Latent map: the space of latents in two or three dimensions, and where a picture of one's own belongs in it."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.glossary import help_of
from explorer.results import maps
from explorer.sheets import (
    Block,
    Card,
    Cards,
    Chart,
    Controls,
    Download,
    Go,
    Link,
    Missing,
    More,
    Note,
    Picture,
    Pictures,
    Row,
    Scatter,
    Sheet,
)
from explorer.sheets.spreadsheet import csv_of
from explorer.study import points as mapped
from explorer.views import fields, many_points, placing, words

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from explorer.sheets import Theme
    from explorer.study import Picture as Looked
    from explorer.study import Study
    from explorer.study.points import Points

ROUGH = (
    500  # images below which the interval of what neighbours share is rough: of 100 images, 89 of 100 intervals hold
)
WHAT = {"images": "Images", "patches": "Patches", "codebook": "Codes"}
POINTS = (500, 1_000, 2_000, 5_000, 10_000, 25_000, 100_000, 250_000)
ALL = (5_000, 10_000, 12_500)  # the least of these that is enough is all


def _dim(study: Study, options: Mapping[str, Any]) -> int:
    return study.layer(options["layer"]).dim


def _what(study: Study, options: Mapping[str, Any]) -> dict[str, str]:
    flat = study.layer(options["layer"]).grid == (1, 1)  # one patch an image is that image
    return {what: called for what, called in WHAT.items() if what != "patches" or not flat}


def _sizes(study: Study, options: Mapping[str, Any]) -> dict[int, str]:
    """How many points there can be; all of them are asked for as a round number, as those that ship are."""
    every = mapped.available(study, options["layer"], options["what"])
    most = next((size for size in ALL if size >= every), min(every, maps.LARGEST))
    some = () if most in ALL and options["what"] == "codebook" else POINTS
    last = f"all {every:,}" if most >= every else f"{most:,}"
    return {size: f"{size:,}" for size in some if size < every} | {most: last}


def _size(study: Study, options: Mapping[str, Any]) -> int:
    sizes = _sizes(study, options)
    return maps.Options.points if maps.Options.points in sizes else max(sizes)


def _laid_out(study: Study, options: Mapping[str, Any]) -> bool:
    return options["method"] == "umap" and _dim(study, options) > 1


def _colours(study: Study, options: Mapping[str, Any]) -> dict[str, str]:
    return {name: name for name in mapped.colourings(study, shown(study, asked(study, options))[0])}


@dataclass(frozen=True)
class Options:
    """What the view can be asked for."""

    layer: str = fields.layer()
    what: str = fields.of(maps.Options, "what", "Points", choices=_what)
    method: str = fields.of(
        maps.Options, "method", "Method", choices={"umap": "UMAP", "pca": "PCA"},
        when=lambda study, options: _dim(study, options) > 1,
    )  # fmt: skip
    dims: int = fields.of(
        maps.Options, "dims", "Axes", choices={2: "2-D", 3: "3-D"},
        when=lambda study, options: _dim(study, options) > 2 and options["points"] <= many_points.FEW,
    )  # fmt: skip
    points: int = fields.of(
        maps.Options, "points", "At most", choices=_sizes, start=_size, help=help_of("points of a map"), widget="list",
    )  # fmt: skip
    neighbours: int = fields.of(maps.Options, "neighbours", "Neighbours", when=_laid_out)
    min_dist: float = fields.of(maps.Options, "min_dist", "Minimum distance", when=_laid_out, step=0.05)
    seed: int = fields.of(maps.Options, "seed", "Seed", when=_laid_out)
    colour: str = fields.option(
        "", "Coloured by", help_of("coloured by"), choices=_colours, widget="list",
        start=lambda study, options: next(iter(_colours(study, options))),
    )  # fmt: skip
    image: str = fields.option("", "Image", "The one that is marked: its number.")
    code: int | None = fields.option(
        None, "Code", min=0, max=lambda study, options: len(study.book(options["layer"])) - 1
    )
    point: int | None = fields.option(None, "Point", "The one that was clicked.", min=0)


def asked(study: Study, options: Mapping[str, Any]) -> maps.Options:
    """The map that the options of the view ask for; latents of few numbers leave less to choose."""
    chosen = {field.name: options[field.name] for field in dataclasses.fields(maps.Options)}
    dim, flat = _dim(study, options), {"dims": 2}
    return maps.Options(
        **chosen | ({"method": "pca"} if dim == 1 else {}) | (flat if dim <= 2 or crowded(chosen["points"]) else {})
    )


def crowded(count: int) -> bool:
    """Whether so many points are a flat map whose pictures come when they are pointed at."""
    return count > many_points.FEW


def shown(study: Study, wanted: maps.Options) -> tuple[Points, bool]:
    """The map, or the PCA of the same points while it is not there; and whether it is there."""
    found = mapped.find(study, wanted) if wanted.method == "umap" else None
    if found is not None:
        return found, True
    return study.remember(mapped.find_pca, replace(wanted, method="pca")), wanted.method == "pca"


def sheet(study: Study, options: Options, picture: Looked | None = None) -> Sheet:
    """A map of images, patches or codes, how far to trust it, and how far it follows what it is coloured by."""
    wanted = asked(study, dataclasses.asdict(options))
    points, there = shown(study, wanted)
    own = picture if picture is not None and picture.row is None else None
    if picture is not None and own is None:
        options = replace(options, image=str(picture.row))
    cards, numbers = _cards(study, points)
    blocks: list[Block] = [Controls(("layer", "what", "method", "dims", "points"))]
    blocks += [] if there else _missing(study, wanted)
    blocks += [*words.given(study, points.options.layer), cards]
    placed, told = placing.placed(study, points, own) if own is not None else ([], {})
    follows, agreement = _agreement(study, points, options.colour)
    chart: list[Block] = [Controls(("colour",)), _chart(study, points, options, told.get("place")), *follows]
    chart.append(_downloads(study, points))
    if wanted.method == "umap":
        chart.append(More("UMAP settings", [Controls(("neighbours", "min_dist", "seed"))]))
    blocks += [Row([chart, _marked(study, points, options)], 420), *placed]
    more = {"coloured by": options.colour, "agreement": agreement, "stands in": not there}
    return Sheet(blocks, numbers | more | ({"picture": told} if told else {}))


def _missing(study: Study, wanted: maps.Options) -> list[Block]:
    usual = (wanted.neighbours, wanted.min_dist, wanted.seed) == (
        maps.Options.neighbours, maps.Options.min_dist, maps.Options.seed,
    )  # fmt: skip
    title = f"{wanted.dims}-D UMAP of {WHAT[wanted.what].lower()} in layer {wanted.layer} of {study.checkpoint.name}"
    about = "A map takes from seconds to a minute or two, beside this page; it is kept, and found at once from then on."
    meanwhile = "Meanwhile, below is the PCA of the same points, which is there at once, or in seconds."
    return [Missing("map", wanted, title, about, begin=usual), Note(meanwhile, "info")]


def _cards(study: Study, points: Points) -> tuple[Cards, dict[str, Any]]:
    """How many points there are and how far to trust the map."""
    facts, options, count = points.facts, points.options, len(points.table)
    k, queries = facts["trustworthiness_k"], facts["trustworthiness_queries"]
    of = {
        "images": f"of {len(study.images):,} images",
        "patches": f"a sample of {len(study.images):,} images' cells",
        "codebook": f"of {len(study.book(options.layer)):,} codes",
    }[options.what]
    about = f"{help_of('trustworthiness')} Here k = {k}, and {queries:,} of the {count:,} points were asked."
    what = {field.name: field for field in dataclasses.fields(maps.Options)}["what"].metadata["help"]
    cards = [Card("Points", f"{count:,}", of, what)]
    numbers = {name: getattr(options, name) for name in ("layer", "what", "method", "dims")} | {"points": count}
    if points.line:
        return Cards(cards, 4), numbers
    trust = float(facts["trustworthiness"])
    cards.append(Card("Trustworthiness", _told(trust), f"k = {k}, {queries:,} points asked", about))
    numbers |= {"trustworthiness": trust, "k": k, "queries": queries}
    if options.method == "umap":
        pca = study.remember(mapped.pca_trust, points)
        among = facts.get("trustworthiness_pca", {}).get("n", queries)
        same = "same points" if among == queries else f"{among:,} of the same points"
        cards.append(Card("PCA would reach", _told(pca), f"trustworthiness, {same}", help_of("reading pca")))
        more, told = _sampled(facts)
        return Cards([*cards, *more], 5 if more else 4), numbers | {"trustworthiness_of_pca": pca} | told
    shares = [float(share) for share in facts["explained_variance"]]
    held = f"of the variance, in {options.dims} axes"
    cards.append(Card("The axes hold", f"{sum(shares):.0%}", held, help_of("reading pca")))
    return Cards(cards, 4), numbers | {"explained_variance": shares}


def _told(trust: float) -> str:
    """Three digits; what is nearly perfect is not said to be."""
    return "> 0.999" if 0.9995 <= trust < 1 else f"{trust:.3f}"


def _sampled(facts: Mapping[str, Any]) -> tuple[list[Card], dict[str, Any]]:
    """Of a map that only a sample is laid out of: how many, and how far to trust where the others were placed."""
    if "fitted" not in facts:
        return [], {}
    placed, fitted, random = (facts[f"trustworthiness_{of}"] for of in ("placed", "fitted", "random"))
    beside = f"laid out: {_told(fitted['mean'])}; at random: {random['mean']:.2f}"
    about = f"{help_of('placed points')} {_asked(placed, 'placed')} {_asked(fitted, 'laid-out')}"
    cards = [
        Card("Laid out", f"{facts['fitted']:,}", f"{facts['placed']:,} placed beside them", help_of("fitted points")),
        Card("Trust in the placed", _told(placed["mean"]), beside, about),
    ]
    names = ("fitted", "placed", "sample", *(f"trustworthiness_{of}" for of in ("placed", "fitted", "random")))
    return cards, {name: facts[name] for name in names}


def _asked(told: Mapping[str, Any], kind: str) -> str:
    ends = f"95 %: {told['low']:.4f} to {told['high']:.4f}" if told["low"] is not None else "too few for an interval"
    return f"{told['n']:,} of the {kind} points asked ({ends})."


# --------------------------------------------------------------------------------------------------------- the chart


def _chart(study: Study, points: Points, options: Options, place: list[float] | None) -> Chart | Scatter:
    of = _of(study, points)
    if crowded(len(points.table)):
        marks = many_points.marks(points, _here(points, options), place)
        return many_points.chart(study, points, options.colour, _axes(points), of, marks)
    leads = Go(carried=dict.fromkeys(of, "") | {"point": "{point}"})
    return Chart(
        f"map-{points.key}", partial(_figure, study, points, options, place), "Map of latents", go=leads, also=of,
        tiles=lambda: mapped.thumbnails(study, points), select=points.options.dims == 2, aspect=_aspect(points),
    )  # fmt: skip


def _aspect(points: Points) -> float:
    """Width over height of where the points lie; a height that is no distance can have any."""
    if points.line or points.options.dims == 3:
        return 1.5
    wide, high = np.ptp(points.charted, axis=0)
    return float(np.clip(wide / max(high, 1e-9), 0.6, 4))


def _of(study: Study, points: Points) -> dict[str, np.ndarray]:
    """What a click on a point is about: its image, and the code of a patch; or its code. (M,) each."""
    if points.rows is None:
        return {"code": points.ids}
    patches = points.options.what == "patches"
    return {"image": points.ids} | ({"code": study.remember(mapped.codes, points)} if patches else {})


def _figure(study: Study, points: Points, options: Options, place: list[float] | None, theme: Theme) -> go.Figure:
    from explorer.charts import map_plots, plots

    values, kind, title = study.remember(mapped.colouring, points, options.colour)
    colours = study.colours(options.layer) if kind == "code" else None
    axes = _axes(points)
    figure = plots.latent_map(points.charted, values, kind=kind, title=title, colours=colours, axes=axes, theme=theme)
    if points.line:  # a height is no distance
        figure.update_xaxes(showticklabels=True)
        figure.update_yaxes(scaleanchor=None, showticklabels=True, rangemode="tozero")
    notes = study.remember(mapped.notes, points, tuple(study.names(points.options.layer).items()))
    for trace in figure.data:
        named = "%{meta}<br>" if trace.meta else ""
        told = notes[np.asarray(trace.customdata)]
        trace.update(hovertext=told, hovertemplate=f"{named}%{{hovertext}}<extra></extra>")
    here = _here(points, options)
    if len(here):
        map_plots.ring(figure, points.charted[here], here, theme=theme)
    if place is not None:
        map_plots.pin(figure, np.array(place), "your picture", theme=theme)
    figure.update_scenes(aspectmode="data")  # one scale along all axes
    return figure


def _axes(points: Points) -> tuple[str, ...]:
    options = points.options
    if points.line:
        return (f"{options.layer}, less its mean", f"{WHAT[options.what].lower()}, stacked")
    if options.method == "umap":
        return tuple(f"UMAP {i + 1} (no unit)" for i in range(3))
    shares = points.facts["explained_variance"]
    if options.dims == 3:  # long names leave the chart
        return tuple(f"PC {i + 1} ({share:.1%})" for i, share in enumerate(shares))
    return tuple(f"main direction {i + 1} ({share:.1%} of the variance)" for i, share in enumerate(shares))


def _agreement(study: Study, points: Points, by: str) -> tuple[list[Block], dict[str, Any] | None]:
    """How far map and latents follow the concept that the map is coloured by."""
    told = study.remember(mapped.agreement, points, by)
    if told is None:
        return [], None
    rough = "about " if told.images < ROUGH else ""
    ends = [
        f"{share:.0%} ({f'{rough}95 %: {low:.0%} – {high:.0%}' if told.images > 1 else 'one image, no interval'})"
        for share, low, high in (told.map, told.latents)
    ]
    counted = f"{told.points:,} points" + (f" of {told.images:,} images" if told.images < told.points else "")
    text = (
        f"{ends[0]} of neighbours on this map share their {by}; among the latents themselves {ends[1]}; "
        f"{told.chance:.0%} would by chance. {counted}, k = {told.k}."
    )
    return [Note(text, help=help_of("neighbours that agree"))], dataclasses.asdict(told)


def _downloads(study: Study, points: Points) -> Row:
    reading = "line" if points.line else points.options.method
    file = file_of(study, points)
    return Row(
        [
            [Note("How to read this map", help=help_of(f"reading {reading}"))],
            [Download("CSV", f"{file}.csv", lambda: csv_of(_named(study, points)), "All points.")],
            [
                Download(
                    "Parquet", f"{file}.parquet", lambda: _parquet(study, points),
                    "The same with types; how the map was made stands in the metadata.",
                )
            ],
        ],
        even=False,
    )  # fmt: skip


def file_of(study: Study, points: Points) -> str:
    options = points.options
    return f"{study.checkpoint.name}-{options.layer}-{options.what}-{options.method}-{options.dims}d"


def _named(study: Study, points: Points) -> pd.DataFrame:
    """The points with names and concepts of their images."""
    if points.rows is None:
        return points.table
    table = points.table.assign(name=np.array(study.images.names, object)[points.rows])
    concepts = study.concepts().iloc[points.rows].reset_index(drop=True)
    return table.join(concepts.rename(columns={name: f"{name}_concept" for name in table}))


def _parquet(study: Study, points: Points) -> bytes:
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.Table.from_pandas(_named(study, points), preserve_index=False)
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), maps.METADATA: json.dumps(points.facts)})
    data = io.BytesIO()
    pyarrow.parquet.write_table(table, data)
    return data.getvalue()


# ----------------------------------------------------------------------------------------------------- one point


def _here(points: Points, options: Options) -> np.ndarray:
    """Points of the image, or of the code, that the address names; the very one if that was clicked."""
    named = options.code if points.rows is None else int(options.image) if options.image.isdecimal() else None
    point = options.point
    if point is not None and point < len(points.ids) and named in (None, points.ids[point]):
        return np.array([point])
    return np.flatnonzero(points.ids == (-1 if named is None else named))


def _marked(study: Study, points: Points, options: Options) -> list[Block]:
    """The point that was clicked, or that the address names, and where to go from it."""
    here, layer, what = _here(points, options), options.layer, points.options.what
    if not len(here):
        noun = {"images": "image", "patches": "patch", "codebook": "code"}[what]
        return [Note(f"Click a point for its {noun}.")]
    pixels, one = mapped.pictures(study, points, here[:1], 96)[0], int(points.ids[here[0]])
    picture = Pictures("marked", [Picture(pixels, alt="The point that is marked on the map")], 96, grow=False)
    if what == "codebook":
        carried = {"layer": layer, "code": one}
        called = f"C{words.called(study.names(layer), one)[1:]}"
        said = [
            Note(called), Link("On the code maps", "grid_on", Go("code_maps", carried)),
            Link("In the codebook", "bar_chart", Go("codebook", carried)),
        ]  # fmt: skip
    else:
        carried = {"layer": layer, "image": one}
        if what == "patches":
            carried |= {"code": int(study.remember(mapped.codes, points)[here[0]])}
        said = [
            Note(f"Image {one:,} · {study.images.names[one]}"),
            Link("Its codes", "grid_on", Go("code_maps", carried)),
            Link("Reconstructions", "compare", Go("reconstructions", {"image": one})),
        ]
    return [Row([[picture], said], even=False)]
