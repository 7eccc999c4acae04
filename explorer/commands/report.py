"""The command `report`: the verdicts on concepts and what the views show, as one HTML file or as one JSON object."""

from __future__ import annotations

import datetime
import importlib.metadata
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from explorer.commands.command import Json, cancellable, command, emit, noted
from explorer.commands.results import SUBJECT, CheckpointName
from explorer.commands.scores import ASKED, split
from explorer.errors import BadInput, explained
from explorer.files import atomic_path
from explorer.progress import Progress
from explorer.results import everything, obtain
from explorer.results.scores import SCORES, Options
from explorer.results.subject import Subject

if TYPE_CHECKING:
    from explorer.sheets import Missing

# minutes: made for views that are named
SLOW = ("map", "layers", "rates", "codecs", "masks", "comparison", "suggestions")
NOT_MADE = "It has not been made; it is without --quick."
Names = Annotated[list[str] | None, typer.Option(metavar="NAME", help="May be given several times. [all]")]


@command((Subject, tuple(name for name in SUBJECT if name != "dataset")), (Options, ASKED))
def report(
    checkpoint: CheckpointName,
    dataset: Annotated[
        str | None, typer.Option(metavar="D", help="As elsewhere. [what the checkpoint was trained on]")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="Where to. [CHECKPOINT-DATASET.html; none with --json]"),
    ] = None,
    views: Annotated[
        str | None, typer.Option(help="Names of views, with commas between. [all, without what takes minutes]")
    ] = None,
    concept: Names = None,
    layer: Names = None,
    only: Annotated[list[str] | None, typer.Option(metavar="SCORE", help=f"Scores: {', '.join(SCORES)}. [all]")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Only what is kept already; what is missing is said.")] = False,
    as_json: Json = False,
    **options,
):
    """Writes verdicts on concepts and what the views show as one HTML file that needs no network."""
    from explorer.study import Study
    from explorer.views import report as written

    wanted, asked = everything.names(split(only)), _asked(concept, layer, options)
    names = _names(views, narrow=bool(concept or layer or only))
    of = Subject.of(checkpoint, _dataset(checkpoint, dataset), **{n: options[n] for n in SUBJECT if n != "dataset"})
    target = _target(out, of) if out is not None or not as_json else None
    with cancellable(Progress(0, "images")) as progress:
        of.open(progress)
        study = Study(of)
        study.asked = {name: value for name, value in vars(asked).items() if value and name != "score"}
        found, refused = _scores(of, wanted, asked, progress, quick)

        def make(missing: Missing) -> bool:
            if missing.kind == "score" or ((missing.kind in SLOW or missing.subject is not None) and not views):
                return False
            progress.update(0, missing.title, force=True)
            obtain(missing.kind, missing.subject or of, missing.options, progress=progress)
            return True

        sections = [written.section(study, name, None if quick else make) for name in names]
        if target is not None:
            with explained("write the report", target), atomic_path(target) as partial:
                partial.write_text(written.document(study, sections, _facts(study)), encoding="utf-8")
        progress.finish()
    result = {
        "checkpoint": study.checkpoint.name,
        "dataset": of.dataset,
        "images": len(study.images),
        "views": {one.name: one.numbers for one in sections},
        **_judged(found, refused),
        **noted(study.images),
    }
    if target is not None:
        result["report"] = target
    lines = [
        row["sentence"] if row["layer"] == "" else f"{row['layer']}: {row['sentence']}" for row in result["concepts"]
    ]
    lines += [] if target is None else [f"{target}: {', '.join(names)} of {len(study.images):,} images"]
    emit(result, as_json, lines)


def _asked(concept: list[str] | None, layer: list[str] | None, options: dict[str, Any]) -> Options:
    """What the scores are asked of; one name may hold commas, as a column of a table may."""
    return Options(
        concept="\n".join(concept or ()), layer=",".join(split(layer)), **{name: options[name] for name in ASKED}
    )


def _scores(of: Subject, wanted: list[str], asked: Options, progress: Progress, quick: bool) -> tuple[dict, dict]:
    """What the scores found, and what cannot be judged."""
    if quick:
        kept = everything.kept(of, wanted, asked)
        found = {name: kept.get(name, {"missing": NOT_MADE}) for name in wanted}
        return found, next((one["refused"] for one in found.values() if "refused" in one), {})
    refused = everything.check(of, asked, progress)
    return everything.made(of, wanted, asked, progress), refused


def _judged(found: dict[str, dict[str, Any]], refused: dict[str, str]) -> dict[str, Any]:
    """`concepts`, `scores`, `leak` and `refused` of the JSON."""
    facts = ("score", "dataset", "split", "images")
    scores = {name: {key: value for key, value in one.items() if key not in facts} for name, one in found.items()}
    from explorer.views import answers

    judged = scores.get("judgement", {})
    leak = scores.get("leak", {})
    copies = [leak, leak.get("within") or {}]
    return {
        "concepts": answers.joined(judged.get("concepts", []), scores.get("swaps")),
        "scores": {name: one for name, one in scores.items() if name != "judgement"}
        | ({"judgement": {key: one for key, one in judged.items() if key != "concepts"}} if judged else {}),
        "leak": {how: _sum([one.get(how) for one in copies]) for how in ("exact", "near")},
        "refused": refused,
    }


def _sum(counts: list[int | None]) -> int | None:
    """Copies of training images and of judged ones together; None where neither was looked for."""
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _dataset(checkpoint: str, asked: str | None) -> str:
    """The dataset that is named, or the one that the checkpoint opens on."""
    from explorer import checkpoints

    if asked is not None:
        return asked
    facts = checkpoints.describe(checkpoints.resolve(checkpoint))
    found = facts.opening[0] if facts.opening else facts.dataset
    if found is None:
        raise BadInput(f"{facts.name} does not say what it was trained on; name a dataset with --dataset")
    return found


def _names(asked: str | None, narrow: bool) -> list[str]:
    from explorer.views import VIEWS

    if asked is None and narrow and "concepts" in VIEWS:
        return ["concepts"]
    names = (
        [name.strip() for name in asked.split(",")]
        if asked
        else ["concepts", *(name for name, view in VIEWS.items() if name != "concepts" and view.unasked)]
    )
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
