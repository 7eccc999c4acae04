"""The command `ids`: ids of images, made of codes, for a recommender, and what they are worth."""

from __future__ import annotations

import dataclasses
from typing import Any

from explorer.commands.command import Json, command, emit
from explorer.commands.results import SUBJECT, CheckpointName, Out, result
from explorer.results import ids
from explorer.results.subject import Subject

ASKED = [field.name for field in dataclasses.fields(ids.Options)]


@command((Subject, SUBJECT), (ids.Options, ASKED), name="ids")
def write(checkpoint: CheckpointName, out: Out = None, as_json: Json = False, **options):
    """Gives every image an id made of codes, coarse to fine, and tells what ids that begin alike are worth.

    The file has a row an image: image_id (its row in the split), name, id (list of whole numbers: the codes, and one
    more that tells images with the same codes apart), the same as level_0, level_1 and so on, and text, such as
    12-7-3-0.
    """
    of = Subject.of(checkpoint, **{name: options[name] for name in SUBJECT})
    chosen = ids.settled(of, ids.Options(**{name: options[name] for name in ASKED}))  # said before any work
    path, found, notes = result("ids", checkpoint, chosen, out=out, **{name: options[name] for name in SUBJECT})
    emit(
        {"ids": path, **found.facts, **notes}, as_json, [f"{path}: {found.facts['images']:,} ids", *lines(found.facts)]
    )


def lines(facts: dict[str, Any]) -> list[str]:
    """What ids are worth, for people to read."""
    from explorer.analysis.quality import worded

    shown = [facts["sentence"], f"fitted on {facts['fitted_on']}"]
    shown += [
        f"level {one['level']}: {one['used']:,} of {one['size']:,} codes used, {one['entropy_bits']:.2f} of "
        f"{one['max_bits']:.2f} bits, {one['prefixes']:,} prefixes, {one['collisions']:.1%} of images share theirs "
        f"(even use: {one['collisions_even']:.1%}), the commonest is that of {one['largest']:,}"
        for one in facts["levels"]
    ]
    if (near := facts["neighbours"]) is not None:
        every = {"these ids": near, **near["baselines"]}
        shown += [
            f"{name}: recall@{near['k']} {worded(one['recall'], 3)}, nDCG@{near['k']} {worded(one['ndcg'], 3)}"
            for name, one in every.items()
        ]
    return shown
