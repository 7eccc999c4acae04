"""The command that trains."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from explorer.commands.command import OUTPUT, Json, app, cancellable, emit, tell
from explorer.errors import BadInput
from explorer.jobs.locks import hold
from explorer.progress import STATUS_VARIABLE, Progress

Dataset = Annotated[
    str,
    typer.Option(
        "--dataset", help="A named dataset, a path (folder, zip, tar, table, arrays), or org/name on the Hub."
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu, mps, cuda, cuda:0 …")]
Devices = Annotated[str, typer.Option(help="auto, cpu, mps, cuda, cuda:0 …, or all, which is a process for each GPU.")]


@app.command()
def train(
    family: Annotated[str, typer.Argument(help="vqvae, vqvae2, vae or mae.")],
    dataset: Dataset,
    out: Annotated[Path | None, typer.Option(help="Folder of the new checkpoint. [FAMILY-DATASET]")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Optimizer steps.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A field of the model or of the training.")
    ] = None,
    device: Devices = "auto",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last saved state.")] = False,
    as_json: Json = False,
) -> None:
    """Trains a model; SIGTERM or Ctrl-C saves and stops, `--resume` goes on. Runs under torchrun, too."""
    from explorer import checkpoints, ranks, training
    from explorer.training import config

    model_settings, options = config.split(family, set_ or [])
    options |= {"device": device} if device != "auto" else {}
    options |= {"steps": steps} if steps is not None else {}
    folder = (out or checkpoints.folder() / f"{family}-{Path(dataset).stem}").absolute()
    on_all_gpus(options.get("device"))
    with ranks.together():
        take(folder)
        if not resume:
            config.check(family, dataset, model_settings, options)
        total = options.get("steps", config.TrainingConfig().steps)
        with cancellable(Progress(total, "steps", quiet=not ranks.first())) as progress:
            result = training.train(
                family, dataset, folder, settings=model_settings, training=options, resume=resume, progress=progress
            )
        speaks = ranks.first()
    if speaks:
        _tell(result, as_json)


def on_all_gpus(device: str | None) -> None:
    """Where a device is `all`, and there are several, does the whole command with a process on each, and ends."""
    from explorer import ranks
    from explorer.jobs import crew
    from explorer.jobs.devices import ALL, gpus

    if device == ALL and ranks.launched()[0] == 1 and (count := len(gpus())) > 1:
        raise typer.Exit(crew.work(sys.argv[1:], count, OUTPUT[0]))


def take(folder: Path) -> None:
    """Makes the process that writes a folder the only one to do so; BadInput where another does. Other ranks say
    nothing."""
    from explorer import ranks

    if not ranks.first():
        os.environ.pop(STATUS_VARIABLE, None)
    elif not hold(f"target-{folder.resolve()}"):
        raise BadInput(f"'{folder.name}' is being written by another training; stop it or choose another --out")


def _tell(result: dict[str, Any], as_json: bool) -> None:
    from explorer.analysis.quality import worded

    for note in result["notes"]:
        tell(f"note: {note}")
    lines = [f"{result['checkpoint']}: {result['state']}, {result['steps']:,} steps in {result['seconds']:.0f} s"]
    for name, unit, digits in (("psnr", " dB", 2), ("ssim", "", 3)):
        score = result["metrics"].get(name)
        if isinstance(score, dict):
            lines.append(f"held-out {name}: {worded(score, digits)}{unit} ({score['n']:,} images, 95 % interval)")
    emit(result, as_json, lines)
    if result["state"] == "stopped":
        raise typer.Exit(130)
