"""The command `prior train`: learns which codes stand beside which."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from explorer.commands.command import Json, cancellable, emit, prior, tell
from explorer.commands.results import CheckpointName
from explorer.commands.train import Dataset, Device
from explorer.errors import BadInput
from explorer.jobs.locks import hold
from explorer.options import KMEANS
from explorer.progress import Progress


@prior.command("train")
def train_prior(
    checkpoint: CheckpointName,
    dataset: Dataset,
    kind: Annotated[str, typer.Option(help="pixelcnn, pixelsnail or transformer.")] = "transformer",
    condition: Annotated[str | None, typer.Option(help="A column of concepts that samples can be asked for.")] = None,
    layer: Annotated[list[str] | None, typer.Option(help="Layers; all with codes of their own otherwise.")] = None,
    kmeans: Annotated[int, typer.Option(min=2, help="Codes of k-means, of a layer without its own.")] = KMEANS,
    out: Annotated[Path | None, typer.Option(help="Folder of the prior. [CHECKPOINT-KIND-prior]")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Optimizer steps.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A field of the prior or of the training.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=2, help="At most so many images of each split.")] = None,
    device: Device = "auto",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last saved state.")] = False,
    as_json: Json = False,
) -> None:
    """Trains a prior over the codes of a checkpoint; SIGTERM or Ctrl-C saves and stops, `--resume` goes on."""
    from dataclasses import replace

    from explorer import checkpoints, datasets
    from explorer.analysis.quality import worded
    from explorer.priors import PRIORS
    from explorer.results import obtain
    from explorer.results.subject import Subject
    from explorer.training import config, hardware
    from explorer.training.priors import Asked, PriorTraining
    from explorer.training.priors import train_prior as train

    hardware.check_alone()
    settings, options = config.split(kind, set_ or [], PRIORS, PriorTraining)
    options |= {"device": device} if device != "auto" else {}
    options |= {"steps": steps} if steps is not None else {}
    of = Subject.of(checkpoint, datasets.absolute(dataset), limit=limit, kmeans=kmeans, device=device)
    folder = (out or checkpoints.folder() / f"{of.facts.name}-{kind}-prior").absolute()
    if not hold(f"target-{folder.resolve()}"):
        raise BadInput(f"'{folder.name}' is being written by another training; stop it or choose another --out")
    beside = of.checkpoint.parent.resolve() in (folder.parent.resolve(), checkpoints.SHIPPED)
    about = {
        "checkpoint": of.facts.name if beside else str(of.checkpoint.absolute()),
        "fingerprint": of.fingerprint, "dataset": of.dataset, "kmeans": kmeans,
    }  # fmt: skip
    asked = Asked(kind, tuple(layer) if layer else None, condition, about)
    with cancellable(Progress(options.get("steps", PriorTraining().steps), "steps")) as progress:
        encoded = lambda split: obtain("encoding", replace(of, split=split), progress=progress)[1]  # noqa: E731
        found = train(asked, encoded, folder, settings=settings, training=options, resume=resume, progress=progress)
    for note in found["notes"]:
        tell(f"note: {note}")
    metrics = found.pop("metrics")
    lines = [f"{found['prior']}: {found['state']}, {found['steps']:,} steps in {found['seconds']:.0f} s"]
    if metrics:
        lines.append(f"held-out bits per code: {worded(metrics['bits_per_code'], 3)}; uniform {metrics['uniform']:.3f}")
    emit({**found, **metrics}, as_json, lines)
    if found["state"] == "stopped":
        raise typer.Exit(130)
