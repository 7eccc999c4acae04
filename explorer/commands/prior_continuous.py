"""The command `prior continuous`: priors of what has no codes."""

from __future__ import annotations

from typing import Annotated

import typer

from explorer.commands.command import Json, emit, prior
from explorer.commands.results import CheckpointName, Out, result
from explorer.commands.train import Dataset, Device
from explorer.options import FITS
from explorer.results import continuous as latents


@prior.command("continuous")
def continuous(
    checkpoint: CheckpointName,
    dataset: Dataset,
    split: Annotated[str, typer.Option(help="Which part of the dataset they are judged on.")] = "test",
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many images, drawn at random from the whole split.")
    ] = None,
    fit: Annotated[str, typer.Option(help=f"{' or '.join(FITS)}: how images become squares.")] = "crop",
    device: Device = "auto",
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Fits what a VAE's latents, or the numbers beside a hybrid's codes, can be drawn from, and says how well."""
    subject = {"dataset": dataset, "split": split, "limit": limit, "fit": fit, "device": device}
    path, found, notes = result("continuous", checkpoint, out=out, **subject)
    emit({"continuous": path, **found.facts, **notes}, as_json, [f"{path}", *latents.lines(found)])
