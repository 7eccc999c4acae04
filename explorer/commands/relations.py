"""The command `relations`: whether codes find what users look at, beside popularity, item-kNN and pixels."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import typer

from explorer.commands.command import Json, command, emit, tell
from explorer.commands.results import SUBJECT, CheckpointName, Out, result
from explorer.results import relations as kept
from explorer.results.subject import Subject

ASKED = [field.name for field in dataclasses.fields(kept.Options) if field.name != "interactions"]
Hash = Annotated[bool, typer.Option("--hash", help="Replace user ids by hashes whose key is thrown away, at once.")]
Table = Annotated[
    str,
    typer.Option(
        metavar="FILE",
        help="What users looked at: CSV, TSV or Parquet with user_id and image_id (a file name, or a row from 0), and "
        "perhaps weight and time; or the key of a set that is kept.",
    ),
]
Forget = Annotated[bool, typer.Option("--forget", help="Delete the set and what was made of it at the end, for good.")]


@command((Subject, SUBJECT), (kept.Options, ASKED))
def relations(
    checkpoint: CheckpointName,
    interactions: Table,
    hashed: Hash = False,
    forget: Forget = False,
    out: Out = None,
    as_json: Json = False,
    **options,
):
    """Asks codes, what other users did, popularity and pixels for what was held back of each user."""
    from explorer.datasets import interactions as sets

    subject = {name: options[name] for name in SUBJECT}
    found = kept.opened(kept.Options(interactions), Subject.of(checkpoint, **subject).images, hashed=hashed)
    set_key = sets.keep(found)
    try:
        chosen = {"interactions": set_key, **{name: options[name] for name in ASKED}}
        path, told, notes = result("relations", checkpoint, chosen, out=out, **subject)
    finally:
        if forget:
            sets.forget(set_key)
    said = [*notes.get("notes", ()), *told["notes"]]
    for note in told["notes"]:
        tell(note)
    if not forget:
        tell(f"these users are kept on this machine as {set_key}; --interactions {set_key} --forget deletes them")
    told |= {**notes, "relations": None if forget and out is None else path, **({"notes": said} if said else {})}
    emit(told, as_json, lines(told))


def lines(told: dict[str, Any]) -> list[str]:
    """The result for people to read: what it is of, every method, and the difference that counts."""
    which = "the last product" if told["held"] == "last" else "a product"
    made_up = " simulated" if told["simulated"] else ""
    shown = [
        f"{told['users']:,}{made_up} users, {told['rows']:,} times one of {told['items']:,} products; asked for "
        f"{which} of {told['judged']:,} users, among {told['k']} of {told['products']:,}",
        *_table(told["methods"]),
        *_said(told, told.get("ceiling")),
    ]
    cold = told["cold_start"]
    if "missing" in cold:
        return [*shown, cold["missing"]]
    return [
        *shown,
        f"new products: {cold['products']:,} of {told['products']:,}, of which nobody's looks are known; "
        f"{cold['judged']:,} users looked at some",
        *_table(told["cold"]),
        *_said(cold, cold["ceiling"]),
    ]


def _table(methods: list[dict[str, Any]]) -> list[str]:
    return [
        f"  {one['hit_rate']:6.2%} [{one['low']:.2%}, {one['high']:.2%}]  nDCG {one['ndcg']:.4f}  "
        f"covers {one['coverage']:.0%}  {one['title']}"
        for one in methods
    ]


def _said(told: dict[str, Any], ceiling: dict[str, float] | None) -> list[str]:
    found = [] if ceiling is None else [f"  {ceiling['hit_rate']:6.2%} is the ceiling: whoever knows every taste"]
    if (best := told["best"]) is None:
        return found
    difference = best["difference"]
    between = f"{difference['value']:+.2%} [{difference['low']:+.2%}, {difference['high']:+.2%}]"
    verdict = "cannot be told apart from"
    if difference["low"] > 0 or difference["high"] < 0:
        verdict = f"finds {'more' if difference['low'] > 0 else 'less'} than"
    return [
        *found,
        f"{best['method']}, the best of codes, {verdict} {best['baseline']}, the best of the "
        f"others: {between}, asked of {best['users']:,} users on whom the two were not chosen",
    ]
