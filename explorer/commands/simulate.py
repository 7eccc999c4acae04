"""The command `simulate`: users with known taste for a dataset, as a file that `relations` and the app read."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from explorer.analysis.crowds import Settings
from explorer.commands.command import Json, command, emit, noted, tell
from explorer.results.subject import Subject

DatasetName = Annotated[str, typer.Argument(metavar="DATASET", help="A named dataset, a path, or org/name.")]
Table = Annotated[Path, typer.Option("--out", help="Where it is written: a name that ends in .csv or .parquet.")]
Tastes = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TASTE",
        help="A taste, such as 'colour=red, texture!=stripes'; given several times, each user has one of them.",
    ),
]
OPTIONS = [field.name for field in dataclasses.fields(Settings) if field.name != "like"]
SHOWN = 10  # the k of the ceiling that people are told


@command((Settings, OPTIONS), (Subject, ("split", "limit")))
def simulate(dataset: DatasetName, out: Table, like: Tastes = None, as_json: Json = False, *, split, limit, **options):
    """Simulates users with known taste, who look at images of a dataset: the right answer is known."""
    from explorer import datasets
    from explorer.datasets import simulated, tastes

    simulated.check(out)  # before any work
    images = datasets.load(dataset, split, None, limit=limit)
    notes = noted(images)
    looked = tastes.simulate(images.concepts, Settings(like=";".join(like or []), **options))
    facts = looked.facts()
    files = simulated.write(out, simulated.table(looked, images), facts)
    told = {
        "simulated": True, "interactions": len(looked.user), "users": len(looked.crowd.tastes),
        "items": len(set(looked.item.tolist())), "images": len(images), "dataset": dataset, "split": images.split,
        "tastes": facts["tastes"], "ceiling": facts["ceiling"][str(SHOWN)], "ceilings": facts["ceiling"],
        "settings": facts["settings"], "files": files,
    }  # fmt: skip
    if len(files) > 1:
        tell(f"{files[1].name} keeps what is known of these users; leave it beside {files[0].name}")
    best = told["ceiling"]
    lines = [
        f"{files[0]}: {told['users']:,} simulated users who looked at {told['items']:,} of {len(images):,} images, "
        f"{told['interactions']:,} times",
        *(f"such as one who {taste}" for taste in facts["tastes"][:3]),
        f"the ranking that knows every taste finds the last image of {best['hit_rate']:.1%} of them among {SHOWN}, "
        "on average",
    ]
    emit({**told, **notes}, as_json, lines)
