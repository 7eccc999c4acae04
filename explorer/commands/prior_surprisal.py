"""The command `prior surprisal`: where images surprise a prior, and whether bits tell another set apart."""

from __future__ import annotations

from typing import Annotated

import typer

from explorer.commands.command import Json, cancellable, emit, noted, prior, tell
from explorer.commands.results import Out
from explorer.commands.train import Dataset, Device
from explorer.options import FITS
from explorer.progress import Progress
from explorer.results import checked, obtain
from explorer.results.subject import Subject


@prior.command("surprisal")
def surprisal(
    name: Annotated[str, typer.Argument(metavar="PRIOR", help="A name under checkpoints/, or the path of its folder.")],
    dataset: Dataset,
    split: Annotated[str, typer.Option(help="Which part of the dataset.")] = "test",
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many images, drawn at random from the whole split.")
    ] = None,
    fit: Annotated[str, typer.Option(help=f"{' or '.join(FITS)}: how images become squares.")] = "crop",
    against: Annotated[str, typer.Option(help="Another dataset: do bits tell its images apart? [none]")] = "",
    device: Device = "auto",
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Bits of every cell of every image, what surprises most, and how much of a code map is predictable."""
    from explorer import datasets
    from explorer.priors import folder
    from explorer.results.surprisal import told

    place = folder.resolve(name)
    facts = folder.describe(place)
    if against:
        datasets.native_size(against)
    more = {} if facts.kmeans is None else {"kmeans": facts.kmeans}
    of = Subject.of(
        folder.checkpoint_of(facts),
        datasets.absolute(dataset),
        split=split,
        limit=limit,
        fit=fit,
        device=device,
        **more,
    )
    options = checked("surprisal", {"prior": str(place), "against": against and datasets.absolute(against)}, out)
    with cancellable(Progress(0, "images")) as progress:
        path, found = obtain("surprisal", of, options, out=out, progress=progress)
        progress.finish()
    if {split, of.images.split} & {"train", "all"}:
        tell("note: the prior learned from these images, or some of them, so they surprise it less than new ones would")
    numbers = told.numbers(found, of.images.names, of.images.concepts)
    emit({"surprisal": path, **numbers, **noted(of.images)}, as_json, [f"{path}", *told.lines(numbers)])
