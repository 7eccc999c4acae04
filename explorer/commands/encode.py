"""The command that encodes: in one process, in several that a launcher started, or one shard of many."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from explorer import places
from explorer.commands.command import Json, cancellable, command, emit, noted
from explorer.commands.results import SUBJECT, CheckpointName, Out, result
from explorer.commands.train import on_all_gpus
from explorer.progress import STATUS_VARIABLE, Progress
from explorer.results import RESULTS, checked
from explorer.results.subject import Subject

OfShard = Annotated[
    str | None,
    typer.Option(
        "--shard",
        metavar="I/N",
        help="Only part I of N, counted from 1: run all N, on one machine or on several that share the folder, in any "
        "order; the last one to end puts them together. One that was killed is run again and goes on.",
    ),
]


@command((Subject, SUBJECT), (RESULTS["encoding"].options, ("compact",)))
def encode(
    checkpoint: CheckpointName, out: Out = None, shard: OfShard = None, as_json: Json = False,
    *, compact: bool, **subject,
):  # fmt: skip
    """Writes codes, latents, errors and concepts of every image as a Lance dataset. Runs under torchrun, too;
    `--device all` is a process for each GPU."""
    from explorer import ranks

    if shard is None:
        on_all_gpus(subject["device"])
    started, options, place = time.perf_counter(), {"compact": compact}, ranks.launched()
    if shard is not None:
        _one(checkpoint, options, shard, out, as_json, subject)
        return
    if place[0] > 1:
        path, facts, notes = _beside(checkpoint, options, place, out, subject)
        if place[1] > 0:  # the first one speaks for all
            return
    else:
        path, found, notes = result("encoding", checkpoint, options, out=out, **subject)
        facts = found.facts
    seconds, path = time.perf_counter() - started, places.shown(path)
    told = {"encoding": path, "images": facts["images"], "seconds": seconds}
    told["images_per_second"] = facts["images_per_second"]
    emit(told | notes, as_json, [f"{path}: {facts['images']:,} images in {seconds:.1f} s"])


def _beside(checkpoint: str, options: dict, place: tuple[int, int, int], out: Path | None, subject: dict) -> tuple:
    """All images by several processes, of which this is one."""
    from explorer.results import shards

    first, options = place[1] == 0, checked("encoding", options, out)
    if not first:
        os.environ.pop(STATUS_VARIABLE, None)  # one status file has one writer
    of, shard = shards.beside(Subject.of(checkpoint, **subject), place)
    with cancellable(Progress(0, "images", quiet=not first)) as progress:
        path, written = shards.encode(of, options, shard, out=out, progress=progress, helping=True)
        progress.finish()
    return path, written.facts, noted(of.images) if first else {}


def _one(checkpoint: str, options: dict, asked: str, out: Path | None, as_json: bool, subject: dict) -> None:
    """One shard, and what is still missing of the whole."""
    from explorer.encodings.fragments import Shard
    from explorer.results import shards

    shard, started, options = Shard.of(asked), time.perf_counter(), checked("encoding", options, out)
    of = Subject.of(checkpoint, **subject)
    with cancellable(Progress(0, "images")) as progress:
        path, written = shards.encode(of, options, shard, out=out, progress=progress)
        progress.finish()
    seconds, missing = time.perf_counter() - started, shards.lacking(written, shard.count)
    path = places.shown(path)
    lacks, rate = written.total - written.there, written.images / written.seconds if written.images else None
    told = {"encoding": path, "shard": str(shard), "images": written.images, "of": written.total, "missing": lacks}
    told |= {"missing_shards": missing, "complete": written.facts is not None}
    rest = "the encoding is complete"
    if written.facts is None:
        some = ", ".join(missing[:8]) + (f" and {len(missing) - 8} more" if len(missing) > 8 else "")
        rest = f"{lacks:,} of {written.total:,} are missing, of shard{'s' * (len(missing) > 1)} {some}"
    line = f"{path}: {written.images:,} images of shard {shard} in {seconds:.1f} s; {rest}"
    emit(told | {"seconds": seconds, "images_per_second": rate} | noted(of.images), as_json, [line])
