"""Commands that compute a result and keep it: encode, usage, measure, project, index and others."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from explorer import places
from explorer.commands.command import Json, cancellable, command, emit, noted, tell
from explorer.errors import BadInput
from explorer.progress import Progress
from explorer.results import checked, index, maps, masks, measurements, obtain, scores, suggestions
from explorer.results import pictures as pixels
from explorer.results.subject import Subject

SUBJECT = ("dataset", "split", "limit", "kmeans", "fit", "device")
CheckpointName = Annotated[str, typer.Argument(metavar="CHECKPOINT", help="A name under checkpoints/, or a path.")]
Out = Annotated[Path | None, typer.Option(help="Where it is written; the name ends as the kind does. [the cache]")]


def result(kind: str, checkpoint: str, options: Any = None, *, out: Path | None = None, **subject: Any) -> tuple:
    """Path and content of a result, and notes on its images; what is wrong with names is said before any work."""
    of, options = Subject.of(checkpoint, **subject), checked(kind, options, out)
    with cancellable(Progress(0, "images")) as progress:
        found = obtain(kind, of, options, out=out, progress=progress)
        progress.finish()
    return *found, noted(of.images)


@command((Subject, SUBJECT))
def usage(checkpoint: CheckpointName, as_json: Json = False, **subject):
    """Codebook statistics of each layer, counted over a dataset."""
    from explorer.analysis.usage import measure as measured

    path, found, notes = result("encoding", checkpoint, **subject)
    layers, said = [], []
    for layer in found.layers:
        facts = dataclasses.asdict(measured(found.usage(layer.name), found.images))
        interval = found.tally(layer.name).interval().perplexity()
        kind, between = found.codebook(layer.name).kind, interval.ends("perplexity")
        layers.append({"name": layer.name, "codebook": kind, **facts, **between})
        if kind == "kmeans":
            layers[-1]["fitted_on"] = "train" + (measurements.AMONG if found.facts["split"] == "all" else "")
        said.append(interval.worded())
    lines = [
        f"{row['name']}: {row['used']:,} of {row['codes']:,} codes used, perplexity {row['perplexity']:.1f} "
        f"({between}; even use: {row['uniform_perplexity']:.1f} on average), {row['entropy_bits']:.2f} bits, "
        f"{row['tokens']:,} tokens of {row['images']:,} images, {row['codebook']} codebook"
        + (f" fitted on {row['fitted_on']}" if "fitted_on" in row else "")
        for row, between in zip(layers, said, strict=True)
    ]
    place = places.shown(path)
    emit({"layers": layers, "images": found.images, "encoding": place} | notes, as_json, lines)


@command((Subject, ("dataset", "split", "limit", "fit", "device")))
def measure(
    what: Annotated[str, typer.Argument(help="layers, rates, latents or codecs.")],
    checkpoint: CheckpointName,
    fill: Annotated[
        str | None, typer.Option(help="With 'layers': mean, zeros or other, for the layers left out. [mean]")
    ] = None,
    layer: Annotated[str | None, typer.Option(help="With 'latents': a continuous layer. [the first]")] = None,
    out: Out = None,
    as_json: Json = False,
    **subject,
):
    """Measures what each layer adds, units of latents, or quality against bits, also of JPEG and WebP at its size."""
    if what not in measurements.IMAGES:
        raise BadInput(f"unknown measurement {what!r}; choose from {', '.join(measurements.IMAGES)}")
    asked = {name: value for name, value in (("fill", fill), ("layer", layer)) if value is not None}
    _, found, notes = result(what, checkpoint, asked, out=out, **subject)
    emit({**found, **notes}, as_json, measurements.lines(found))


@command((Subject, SUBJECT), (maps.Options, [field.name for field in dataclasses.fields(maps.Options)]))
def project(checkpoint: CheckpointName, out: Out = None, as_json: Json = False, **options):
    """Writes a 2-D or 3-D map of latents as Parquet: id, x, y (, z)."""
    chosen = maps.Options(**{name: value for name, value in options.items() if name not in SUBJECT})
    path, found, notes = result("map", checkpoint, chosen, out=out, **{name: options[name] for name in SUBJECT})
    facts = found.facts
    quality = f"trustworthiness {facts['trustworthiness']:.4f}"
    line = f"{path}: {facts['points']:,} points in {facts['seconds']:.1f} s, {quality}"
    emit({"map": path, **facts, **notes}, as_json, [line])


@command((Subject, ("dataset", "split", "limit", "fit", "device")))
def pictures(checkpoint: CheckpointName, out: Out = None, as_json: Json = False, **subject):
    """Writes lightness, hue, edges and background of every image as Parquet."""
    path, found, notes = result("pictures", checkpoint, out=out, **subject)
    columns = list(pixels.concepts(found))
    line = f"{path}: {', '.join(columns)} of {len(found):,} images"
    emit({"pictures": path, "images": len(found), "concepts": columns, **notes}, as_json, [line])


@command((Subject, ("dataset", "split", "limit", "fit", "device")), (masks.Options, ("image",)), name="masks")
def hide(
    checkpoint: CheckpointName,
    ratio: Annotated[int, typer.Option(min=5, max=95, help="Share of hidden patches that is told, in %.")] = 75,
    out: Out = None,
    as_json: Json = False,
    *,
    image: int,
    **subject,
):
    """Searches for the patches of an image that are hardest and easiest to fill in, beside 20 random masks."""
    path, found, notes = result("masks", checkpoint, {"image": image}, out=out, **subject)
    told = masks.at(found, ratio)
    emit({"masks": path, "image": image, **told, "step": found["step"], **notes}, as_json, masks.lines(told))


@command((Subject, SUBJECT), (scores.Options, [field.name for field in dataclasses.fields(scores.Options)]))
def score(checkpoint: CheckpointName, out: Out = None, as_json: Json = False, **options):
    """Scores what codes have to do with concepts; `explorer report` makes all scores and judges."""
    chosen = scores.Options(**{name: value for name, value in options.items() if name not in SUBJECT})
    path, found, notes = result("score", checkpoint, chosen, out=out, **{name: options[name] for name in SUBJECT})
    for note in found.get("notes", ()):
        tell(note)
    if said := [*notes.get("notes", ()), *found.get("notes", ())]:
        notes["notes"] = said
    emit({**found, **notes}, as_json, [f"{path}: {found['score']} of {found['images']:,} images"])


ASKED = [field.name for field in dataclasses.fields(suggestions.Options)]


@command((Subject, SUBJECT), (suggestions.Options, ASKED))
def suggest(checkpoint: CheckpointName, out: Out = None, as_json: Json = False, **options):
    """Proposes swaps of codes that make an image more of a concept, or more like another, beside random swaps."""
    chosen = suggestions.Options(**{name: value for name, value in options.items() if name not in SUBJECT})
    path, found, notes = result("suggestions", checkpoint, chosen, out=out, **{name: options[name] for name in SUBJECT})
    emit({"suggestions": path, **found, **notes}, as_json, suggestions.lines(found))


@command((Subject, SUBJECT), (index.Options, [field.name for field in dataclasses.fields(index.Options)]), name="index")
def prepare(checkpoint: CheckpointName, out: Out = None, as_json: Json = False, **options):
    """Builds what makes similar images of a large set be found at once, and checks what it finds."""
    chosen = index.Options(**{name: value for name, value in options.items() if name not in SUBJECT})
    path, found, notes = result("index", checkpoint, chosen, out=out, **{name: options[name] for name in SUBJECT})
    facts = {name: value for name, value in found.facts.items() if name not in ("format", "key", "files")}
    emit({"index": path, **facts, **notes}, as_json, [f"{path}: {index.told(found.facts)}"])
