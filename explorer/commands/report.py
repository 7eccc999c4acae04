"""The command `report`: what the views show of a checkpoint, as one HTML file or as one JSON object."""

from __future__ import annotations

import datetime
import importlib.metadata
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from explorer.commands.command import Json, cancellable, command, emit, noted
from explorer.commands.results import SUBJECT, CheckpointName
from explorer.errors import BadInput, explained
from explorer.files import atomic_path
from explorer.progress import Progress
from explorer.results import obtain
from explorer.results.subject import Subject

if TYPE_CHECKING:
    from explorer.sheets import Missing


@command((Subject, SUBJECT))
def report(
    checkpoint: CheckpointName,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="Where to. [CHECKPOINT-DATASET.html; none with --json]"),
    ] = None,
    views: Annotated[str | None, typer.Option(help="Names of views, with commas between. [all]")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Only what is kept already; what is missing is said.")] = False,
    as_json: Json = False,
    **subject,
):
    """Writes what the views show as one HTML file that needs no network; missing results are computed."""
    from explorer.study import Study
    from explorer.views import report as made

    names = _names(views)
    of = Subject.of(checkpoint, **subject)
    target = _target(out, of) if out is not None or not as_json else None
    with cancellable(Progress(0, "images")) as progress:
        of.open(progress)
        study = Study(of)

        def make(missing: Missing) -> None:
            progress.update(0, missing.title, force=True)
            obtain(missing.kind, missing.subject or of, missing.options, progress=progress)

        sections = [made.section(study, name, None if quick else make) for name in names]
        if target is not None:
            with explained("write the report", target), atomic_path(target) as partial:
                partial.write_text(made.document(study, sections, _facts(study)), encoding="utf-8")
        progress.finish()
    found = {
        "checkpoint": study.checkpoint.name,
        "dataset": of.dataset,
        "images": len(study.images),
        "views": {one.name: one.numbers for one in sections},
        **noted(study.images),
    }
    if target is not None:
        found["report"] = target
    lines = [] if target is None else [f"{target}: {', '.join(names)} of {len(study.images):,} images"]
    emit(found, as_json, lines)


def _names(asked: str | None) -> list[str]:
    from explorer.views import VIEWS

    names = [name.strip() for name in asked.split(",")] if asked else list(VIEWS)
    for name in names:
        if name not in VIEWS:
            raise BadInput(f"unknown view {name!r}; choose from {', '.join(VIEWS)}")
    return names


def _target(out: Path | None, of: Subject) -> Path:
    target = Path(f"{of.facts.name}-{Path(of.dataset).name}.html") if out is None else out.expanduser()
    if target.suffix not in (".html", ".htm"):
        raise BadInput(f"{target.name} does not end in .html; choose a name such as {target.stem or 'report'}.html")
    return target


def _facts(study: Any) -> dict[str, str]:
    """What stands below the title."""
    import torch

    checkpoint, images = study.checkpoint, study.images
    versions = f"Python {platform.python_version()}, torch {torch.__version__}, plotly {_version('plotly')}"
    return {
        "Checkpoint": f"{checkpoint.name} ({checkpoint.family}, {checkpoint.image_size} px)",
        "Dataset": f"{study.subject.dataset}, {images.split}",
        "Images": "; ".join([f"{len(images):,}", *images.notes]),
        "Layers": "; ".join(
            f"{one['name']} {one['grid'][0]} × {one['grid'][1]}"
            + (f", {one['codes']:,} codes" if one.get("codes") else f", {study.subject.kmeans} k-means codes")
            for one in checkpoint.layers
        ),
        "Made": datetime.date.today().isoformat(),
        "With": f"Codebook Explorer {_version('codebook-explorer')}, {versions}",
    }


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""
