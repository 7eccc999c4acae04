"""Commands that look at checkpoints: list, inspect, fetch."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from explorer.commands.command import Json, app, cancellable, emit
from explorer.files import sized
from explorer.progress import Progress


@app.command("list")
def list_checkpoints(as_json: Json = False) -> None:
    """Checkpoints that are there: shipped and own."""
    from explorer import checkpoints

    found = checkpoints.find()
    keys = ("name", "family", "dataset", "image_size", "layers", "parameters", "metrics", "state", "path")
    rows = [{key: getattr(checkpoint, key) for key in keys} for checkpoint in found]
    lines = [
        f"{row['name']:<24} {row['family']:<8} {row['dataset'] or '-':<16} {row['parameters']:>12,}" for row in rows
    ]
    heading = f"{'name':<24} {'family':<8} {'dataset':<16} {'parameters':>12}"
    emit({"checkpoints": rows}, as_json, [heading, *lines] if rows else [f"no checkpoints in {checkpoints.folder()}"])


@app.command()
def inspect(
    path: Annotated[str, typer.Argument(help="A folder, or a name under checkpoints/.")], as_json: Json = False
):
    """What this is, read without running or trusting it."""
    from explorer import checkpoints

    checkpoint = checkpoints.describe(checkpoints.resolve(path))
    if checkpoint.state == "done" or (checkpoint.path / checkpoints.WEIGHTS).exists():
        checkpoints.check(checkpoint)  # a run that just began has no weights
    facts = dataclasses.asdict(checkpoint)
    lines = [f"{key}: {facts[key]}" for key in ("format", "family", "image_size", "dataset", "parameters", "state")]
    lines += [
        f"layer {layer['name']}: grid {' × '.join(map(str, layer['grid']))}, dim {layer['dim']}, codes {layer['codes']}"
        for layer in facts["layers"]
    ]
    lines += facts["notes"]
    emit(facts, as_json, lines)


@app.command()
def fetch(
    name: Annotated[str, typer.Argument(help="org/name on the Hugging Face Hub, with /subfolder or @revision.")],
    as_json: Json = False,
) -> None:
    """Downloads a checkpoint from the Hugging Face Hub: the files that are needed, and no others."""
    from explorer.foreign import hub

    with cancellable(Progress(0, "bytes")) as progress:
        path, size = hub.download(name, progress)
    emit({"checkpoint": path, "bytes": size}, as_json, [f"{name}: {sized(size)} in {path}"])
