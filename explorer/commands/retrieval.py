"""The command `retrieval`: how well each way to search finds images of the same value, beside simple baselines."""

from __future__ import annotations

import dataclasses
from typing import Any

from explorer.commands.command import Json, command, emit, tell
from explorer.commands.results import SUBJECT, CheckpointName, Out, result
from explorer.results import retrieval as kept
from explorer.results.subject import Subject

ASKED = [field.name for field in dataclasses.fields(kept.Options)]
SHOWN = 12  # ways of a concept that are printed


@command((Subject, SUBJECT), (kept.Options, ASKED))
def retrieval(checkpoint: CheckpointName, out: Out = None, as_json: Json = False, **options):
    """Scores every way to search for similar images, by concept, and says which to take."""
    chosen = {name: options[name] for name in ASKED}
    path, found, notes = result("retrieval", checkpoint, chosen, out=out, **{name: options[name] for name in SUBJECT})
    for note in found["notes"]:
        tell(note)
    for name, why in found["refused"].items():
        tell(f"not judged: {why}" if name in why else f"not judged: {name}: {why}")
    said = [*notes.get("notes", ()), *found["notes"]]
    emit({**found, **notes, "retrieval": path, **({"notes": said} if said else {})}, as_json, lines(found))


def lines(found: dict[str, Any]) -> list[str]:
    """The result for people to read: what to take for each concept, and the best ways of each."""
    from explorer.views.retrieval_quality import sentences
    from explorer.views.retrieval_table import called

    shown = []
    for one in found["concepts"]:
        shown.append(f"{one['concept']}: {one['queries']:,} searches among {one['images']:,} images")
        shown += [f"  {said}" for said in sentences(found, one)]
        order = sorted(range(len(found["ways"])), key=lambda at: -one["map"][at][0])
        shown += [
            f"  {value:.3f} [{low:.3f}, {high:.3f}] {called(found, at)}"
            for at in order[:SHOWN]
            for value, low, high in [one["map"][at]]
        ]
    return shown or ["no concept of these images can be judged"]
