"""The command `prior train`: learns which codes stand beside which."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from explorer.commands.command import Json, cancellable, emit, prior, tell
from explorer.commands.results import CheckpointName
from explorer.commands.train import Devices, on_all_gpus, take
from explorer.errors import BadInput
from explorer.options import KMEANS
from explorer.progress import Progress

if TYPE_CHECKING:
    from explorer.results.subject import Subject

KIND = "transformer"
Dataset = Annotated[
    str,
    typer.Option(
        "--dataset",
        help="A named dataset, a path (folder, zip, tar, table, arrays), or org/name on the Hub. May be left out where "
        "CHECKPOINT is a file of codes.",
    ),
]


@prior.command("train")
def train_prior(
    checkpoint: CheckpointName,
    dataset: Dataset = "",
    kind: Annotated[
        str | None, typer.Option(help=f"pixelcnn, pixelsnail or transformer. [{KIND}]", show_default=False)
    ] = None,
    condition: Annotated[str | None, typer.Option(help="A column of concepts that samples can be asked for.")] = None,
    layer: Annotated[
        list[str] | None,
        typer.Option(help="A layer; all with codes of their own if not given, else the last. May be repeated."),
    ] = None,
    kmeans: Annotated[int, typer.Option(min=2, help="Codes of k-means, of a layer without its own.")] = KMEANS,
    out: Annotated[Path | None, typer.Option(help="Folder of the prior. [CHECKPOINT-KIND-prior]")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Optimizer steps.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A field of the prior or of the training.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=2, help="At most so many images of each split.")] = None,
    device: Devices = "auto",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last saved state.")] = False,
    as_json: Json = False,
) -> None:
    """Trains a prior over the codes of a checkpoint; SIGTERM or Ctrl-C saves and stops, `--resume` goes on."""
    from explorer import checkpoints, datasets, ranks
    from explorer.priors import PRIORS, folder
    from explorer.results.subject import Subject
    from explorer.training import config, prior_plans
    from explorer.training.priors import Asked, PriorTraining, check_new
    from explorer.training.priors import train_prior as train

    facts = checkpoints.describe(checkpoints.resolve(checkpoint))
    target = (out or checkpoints.folder() / f"{facts.name}-{kind or KIND}-prior").absolute()
    if resume:
        saved = folder.describe(target)
        kind, condition = saved.kind, saved.condition.column if saved.condition else None
        layer, kmeans = [one.name for one in saved.levels], saved.kmeans or kmeans
        dataset, limit = saved.dataset, saved.training.get("limit")
    kind = kind or KIND
    if kind not in PRIORS:
        raise BadInput(f"unknown kind {kind!r}; choose from {', '.join(PRIORS)}")
    settings, options = config.split(kind, set_ or [], PRIORS, PriorTraining)
    options |= {"device": device} if device != "auto" else {}
    options |= {"steps": steps} if steps is not None else {}
    on_all_gpus(options.get("device"))
    of = Subject.of(checkpoint, datasets.absolute(dataset) if dataset else "", limit=limit, kmeans=kmeans,
                    device=device)  # fmt: skip
    layers = prior_plans.layers_of(of.facts, layer or ())
    beside = of.checkpoint.parent.resolve() in (target.parent.resolve(), checkpoints.SHIPPED)
    about = {
        "checkpoint": of.facts.name if beside else str(of.checkpoint.absolute()),
        "fingerprint": of.fingerprint, "dataset": of.dataset, "kmeans": kmeans,
    }  # fmt: skip
    asked = Asked(kind, layers, condition, about, limit, named=layers != prior_plans.layers_of(of.facts))
    with ranks.together():
        take(target)
        if not resume:
            check_new(target)
            made = prior_plans.plan(kind, of.facts, settings, options, layers=layers, kmeans=kmeans)
            prior_plans.check_room(made, options.get("batch_size", PriorTraining().batch_size), device)
        total = options.get("steps", PriorTraining().steps)
        with cancellable(Progress(total, "steps", quiet=not ranks.first())) as progress:
            with ranks.in_turn():
                sources = _sources(of, condition, progress)
            found = train(asked, sources, target, settings=settings, training=options, resume=resume, progress=progress)
        speaks = ranks.first()
    if speaks:
        _tell(found, as_json)


def _sources(of: Subject, condition: str | None, progress: Progress) -> Any:
    """Codes of both splits of a subject; what is wrong with its images is said before they are encoded."""
    from dataclasses import replace

    from explorer.results import obtain
    from explorer.training import prior_codes, prior_samples

    splits = {split: replace(of, split=split) for split in ("train", "test")}
    for which, split in (("training", "train"), ("held-out", "test")):
        splits[split].open(progress)
        prior_codes.check_enough(len(splits[split].images), which)
    if condition is not None:
        prior_codes.fit(splits["train"].images.concepts, condition)
    coded = of.facts.family == "codes"
    return prior_codes.Sources(
        lambda split: obtain("encoding", splits[split], progress=progress)[1],
        lambda books: prior_codes.assigned(of.network(), splits["train"].images, books, of.device, progress),
        lambda books: prior_samples.decoder(None if coded else of.network(), books),
    )


def _tell(found: dict[str, Any], as_json: bool) -> None:
    """Prints what was trained; of models that count the JSON has the mean, and `metrics` everything."""
    from explorer.analysis.quality import worded

    for note in found["notes"]:
        tell(f"note: {note}")
    metrics = found["metrics"]
    lines = [f"{found['prior']}: {found['state']}, {found['steps']:,} steps in {found['seconds']:.0f} s"]
    if metrics:
        found |= {name: metrics[name] for name in ("bits_per_code", "train_bits", "uniform", "causal", "leak")}
        found |= {name: metrics[name]["mean"] for name in ("unigram", "bigram")}
        lines += [
            f"bits per code: {worded(metrics['bits_per_code'], 3)} ({metrics['images']:,} held-out images, "
            f"95 % interval), {metrics['train_bits']['mean']:.3f} on training images",
            f"bigram {found['bigram']:.3f}, unigram {found['unigram']:.3f}, uniform {found['uniform']:.3f}; "
            + ("causal" if found["causal"] else f"NOT causal: a logit changed by {found['leak']:.3g}"),
        ]
    emit(found, as_json, lines)
    if found["state"] == "stopped":
        raise typer.Exit(130)
