"""All scores of concepts of one subject, each made once and kept as soon as it is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer import results
from explorer.errors import BadInput
from explorer.progress import Progress
from explorer.results.scores import SCORES, Options

if TYPE_CHECKING:
    from explorer.results.subject import Subject

CALLED = {"probes": "judgement", "nulls": "judgement", "verdicts": "judgement"}  # by what else a score may be asked for


def names(asked: Sequence[str]) -> list[str]:
    """Scores by name, all where none is named; BadInput for one that there is not."""
    found = [CALLED.get(name, name) for name in asked] or list(SCORES)
    for name in found:
        if name not in SCORES:
            raise BadInput(f"unknown score {name!r}; choose from {', '.join(SCORES)}")
    return [name for name in SCORES if name in found]


def check(subject: Subject, options: Options, progress: Progress) -> dict[str, str]:
    """What cannot be judged, and why; BadInput for a layer, a concept or a table that there is not."""
    from explorer.results.scores import asked
    from explorer.results.scores.material import Material

    asked.contents(options)
    encoding = results.obtain("encoding", subject, progress=progress)[1]
    material = Material(subject, options, encoding, progress, results.obtain)
    assert material.layers is not None
    return material.refused | ({Path(options.concepts).name: "; ".join(material.told)} if material.told else {})


def made(
    subject: Subject,
    scores: Sequence[str],
    options: Options,
    progress: Progress,
    told: Callable[[int, str], None] = lambda done, name: None,
) -> dict[str, dict[str, Any]]:
    """{score: what it found}, made where it is not kept; `told` hears how many are done and which comes next.

    A score that cannot be had here is `{"missing": one sentence}`.
    """
    found = {}
    for done, name in enumerate(scores):
        told(done, name)
        try:
            found[name] = results.obtain("score", subject, replace(options, score=name), progress=progress)[1]
        except BadInput as problem:
            found[name] = {"missing": f"{str(problem)[:1].upper()}{str(problem)[1:]}."}
    told(len(scores), "")
    return found


def kept(subject: Subject, scores: Sequence[str], options: Options) -> dict[str, dict[str, Any]]:
    """{score: what it found} of those that are there already."""
    there = {name: results.find("score", subject, replace(options, score=name)) for name in scores}
    return {name: one[1] for name, one in there.items() if one is not None}
