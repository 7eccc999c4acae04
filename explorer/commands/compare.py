"""The command `compare`: two checkpoints on the same images, with the interval of every difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from explorer.commands.command import Json, cancellable, command, emit, noted
from explorer.commands.results import SUBJECT, CheckpointName
from explorer.errors import BadInput
from explorer.progress import Progress
from explorer.results import obtain
from explorer.results.subject import Subject

if TYPE_CHECKING:
    from explorer.checkpoints import Checkpoint
    from explorer.study.pair import Pair

Other = Annotated[str, typer.Argument(metavar="OTHER", help="The checkpoint that it is compared with.")]
OfOther = Annotated[
    str | None,
    typer.Option(help="Images that OTHER is encoded for: same, all, or a number. [those of an encoding that is there]"),
]
LayerOf = Annotated[str | None, typer.Option(help="Whose codes and latents are told. [the finest with codes]")]
LayerOfOther = Annotated[str | None, typer.Option(help="The layer of OTHER beside it. [the same, or the finest]")]


@command((Subject, SUBJECT))
def compare(
    checkpoint: CheckpointName,
    other: Other,
    layer: LayerOf = None,
    layer_b: LayerOfOther = None,
    of_other: OfOther = None,
    as_json: Json = False,
    **subject,
):
    """Compares two checkpoints on the same images: metrics, codes and latents; what is missing is made first."""
    from explorer.results import comparison
    from explorer.views import VIEWS, fields
    from explorer.views.compare import described

    facts, of = described(other), Subject.of(checkpoint, **subject)
    for known, name in ((of.facts, layer), (facts, layer_b)):
        _check(known, name)
    if of_other is not None:
        comparison.second(of, comparison.Options(str(facts.path), of_other))
    with cancellable(Progress(0, "images")) as progress:
        pair = _made(of, facts, of_other, progress)
        progress.finish()
    asked = {"against": str(facts.path), "layer": layer, "layer_b": layer_b}
    options, _ = fields.settled(VIEWS["compare"].options, pair.a, asked)
    found = VIEWS["compare"].sheet(pair.a, options).told()
    emit({**found, **_values(found), "dataset": of.dataset, **noted(of.images)}, as_json, lines(found))


def _values(found: dict[str, Any]) -> dict[str, Any]:
    """What codes and latents share as plain numbers, and by the same names their intervals and chance levels."""
    shared = {
        "codes": found["codes"] or {"ami": None},
        "latents": found["latents"] or {"cka": None, "knn_jaccard": None},
    }
    plain = {part: {name: one and one["value"] for name, one in values.items()} for part, values in shared.items()}
    intervals = {name: one for values in shared.values() for name, one in values.items()}
    return {**plain, "intervals": intervals}


def _check(facts: Checkpoint, layer: str | None) -> None:
    """Raises BadInput for a layer that a checkpoint does not have, before any work."""
    names = [one["name"] for one in facts.layers]
    if layer is not None and layer not in names:
        raise BadInput(f"unknown layer {layer!r} of {facts.name}; choose from {', '.join(names)}")


def _made(of: Subject, facts: Checkpoint, of_other: str | None, progress: Progress) -> Pair:
    """Both studies, with their encodings and the comparison."""
    from explorer.results import comparison
    from explorer.study import Study, pair

    study = Study(of)
    named = None if of_other is None else comparison.Options(str(facts.path), of_other)
    options = named or pair.options_of(study, facts)
    obtain("comparison", of, options, progress=progress)
    return pair.keep(study, facts, options)


def lines(found: dict[str, Any]) -> list[str]:
    """The same for people to read."""
    from explorer.views.differences import CALLED, DIGITS, written

    shown = [f"A: {found['a']}, B: {found['b']}, {found['n']:,} images; A - B with 95 % intervals"]
    for row in found["metrics"]:
        digits = DIGITS[row["metric"]]
        a, b, gap = (written(row[name], digits, sign=name == "difference") for name in ("a", "b", "difference"))
        ends = "" if row["low"] is None else f" [{written(row['low'], digits)}, {written(row['high'], digits)}]"
        at = f" at {row['size']} px" if "size" in row else ""
        shown.append(f"{CALLED[row['metric']]}{at}: {a} and {b}, {gap}{ends}, n = {row['n']:,}")
    if found["wins"]:
        won = found["wins"]
        shown.append(f"A is better on {won['share']:.1%} [{won['low']:.1%}, {won['high']:.1%}] of {won['n']:,} images")
    for name, one in {**(found["codes"] or {}), **(found["latents"] or {})}.items():
        if one is not None:
            ends = "" if one["low"] is None else f" [{one['low']:.3f}, {one['high']:.3f}]"
            layers = " and ".join(found["layers"].values())
            shown.append(f"{name} of {layers}: {one['value']:.3f}{ends}, by chance {one['null']:.3f}, n = {one['n']:,}")
    return shown
