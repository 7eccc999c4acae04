"""The command that trains."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from explorer.commands.command import Json, app, cancellable, emit, tell
from explorer.errors import BadInput
from explorer.jobs.locks import hold
from explorer.progress import Progress

Dataset = Annotated[
    str,
    typer.Option(
        "--dataset", help="A named dataset, a path (folder, zip, tar, table, arrays), or org/name on the Hub."
    ),
]
Device = Annotated[str, typer.Option(help="auto, cpu, mps, cuda, cuda:0 …")]


@app.command()
def train(
    family: Annotated[str, typer.Argument(help="vqvae, vqvae2, vae or mae.")],
    dataset: Dataset,
    out: Annotated[Path | None, typer.Option(help="Folder of the new checkpoint. [FAMILY-DATASET]")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Optimizer steps.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A field of the model or of the training.")
    ] = None,
    device: Device = "auto",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last saved state.")] = False,
    as_json: Json = False,
) -> None:
    """Trains a model; SIGTERM or Ctrl-C saves and stops, `--resume` goes on."""
    from explorer import checkpoints, training
    from explorer.analysis.quality import worded
    from explorer.training import config, hardware

    hardware.check_alone()
    model_settings, options = config.split(family, set_ or [])
    options |= {"device": device} if device != "auto" else {}
    options |= {"steps": steps} if steps is not None else {}
    folder = (out or checkpoints.folder() / f"{family}-{Path(dataset).stem}").absolute()
    if not hold(f"target-{folder.resolve()}"):
        raise BadInput(f"'{folder.name}' is being written by another training; stop it or choose another --out")
    if not resume:
        config.check(family, dataset, model_settings, options)
    total = options.get("steps", config.TrainingConfig().steps)
    with cancellable(Progress(total, "steps")) as progress:
        result = training.train(
            family, dataset, folder, settings=model_settings, training=options, resume=resume, progress=progress
        )
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
