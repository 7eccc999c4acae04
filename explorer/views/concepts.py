"""Concepts: do the codes capture them? Each concept in each layer, beside every null, and a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from explorer.results import scores
from explorer.sheets import Block, Controls, Heading, Missing, More, Note, Part, Sheet
from explorer.views import answers, evidence, fields, verdict_table, words
from explorer.views.scores import SHOWN

if TYPE_CHECKING:
    from explorer.study import Picture as Looked
    from explorer.study import Study

JUDGEMENT, BY_PEOPLE = "judgement", "human"  # people answer on a page of its own
ABOUT = "Scores are made once, beside this page, one after another, and each is shown as soon as it is there."


def _rows(study: Study) -> list[Mapping[str, Any]]:
    found = study.score(JUDGEMENT) if study.encoded else None
    return [] if found is None else verdict_table.ordered(found.get("concepts", ()))


def _concepts(study: Study, _: Any = None) -> dict[str, str]:
    names = [row["concept"] for row in _rows(study)]
    return {name: name for name in dict.fromkeys(names)}


def _surest(study: Study, options: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The row to begin with: what is captured, of the concept that is chosen already."""
    some = [row for row in _rows(study) if row["concept"] == options.get("concept", row["concept"])]
    return next(iter(verdict_table.surest(some)), None)


def _first(name: str) -> Any:
    def start(study: Study, options: Mapping[str, Any]) -> str:
        row = _surest(study, options)
        return (study.main_layer if name == "layer" else "") if row is None else row[name]

    return start


def _values(study: Study, options: Mapping[str, Any]) -> dict[str, str]:
    found = [row for row in _rows(study) if (row["concept"], row["layer"]) == (options["concept"], options["layer"])]
    names = [str(one["value"]) for row in found for one in row["values"]]
    return {"": "All values", **{name: name for name in names}}


def _scores(study: Study, _: Any = None) -> dict[str, str]:
    return {"": "None", **{name: scores.SCORES[name].title for name in SHOWN if name in scores.SCORES}}


def _answered(study: Study, name: str) -> bool:
    found = study.score(name) if name else None
    return found is not None and "missing" not in found


@dataclass(frozen=True)
class Options:
    """What the view can be asked for."""

    concept: str = fields.option(
        "", "Concept", "What is known of each image, or computed from its pixels.", choices=_concepts,
        start=_first("concept"), yields=True, when=lambda study, _: len(_concepts(study)) > 0, widget="list",
    )  # fmt: skip
    layer: str = fields.option(
        "", "Layer", "Whose codes are judged.", choices=lambda study, _: {name: name for name in study.layer_names},
        start=_first("layer"), yields=True, when=lambda study, _: len(study.layer_names) > 1,
    )  # fmt: skip
    value: str = fields.option(
        "", "Value", "One value against all others, or all values together.", choices=_values, yields=True,
        when=lambda study, options: len(_values(study, options)) > 1, widget="list",
    )  # fmt: skip
    score: str = fields.option(
        "", "Question", "Other questions that are asked of the codes.", choices=_scores, yields=True,
        start=lambda study, _: next((name for name in _scores(study) if _answered(study, name)), ""),
        when=lambda study, _: study.encoded, widget="list",
    )  # fmt: skip


def sheet(study: Study, options: Options, picture: Looked | None = None) -> Sheet:
    """The verdicts, the evidence for one of them, and every other score; what is missing is made as one work."""
    found = {name: study.score(name) for name in scores.SCORES}
    waiting = _waiting(study, [name for name, one in found.items() if one is None and name != BY_PEOPLE], len(found))
    blocks: list[Block] = list(waiting) if found[JUDGEMENT] is None else []
    judged = found[JUDGEMENT]
    rows = verdict_table.ordered(answers.joined(() if judged is None else judged.get("concepts", ()), found["swaps"]))
    blocks += _verdicts(study, options, judged, rows)
    blocks += _further(study, options, found)
    blocks += [] if found[JUDGEMENT] is None else waiting
    sentences = [row["sentence"] for row in verdict_table.surest(rows)]
    return Sheet(blocks, {"concept": options.concept, "layer": options.layer, "verdicts": sentences})


def _waiting(study: Study, lacking: list[str], of: int) -> list[Block]:
    """The scores that are not there yet, as one work."""
    if not lacking:
        return []
    titles = ", ".join(scores.SCORES[name].title for name in lacking)
    title = f"Scoring concepts of {study.checkpoint.name}: {len(lacking):,} of {of:,} scores are not there yet"
    return [Missing("score", tuple(lacking), title, f"{ABOUT} Still to come: {titles}.", JUDGEMENT in lacking)]


def _verdicts(study: Study, options: Options, judged: Mapping[str, Any] | None, rows: list) -> list[Block]:
    if judged is None:
        return []
    if "missing" in judged or not rows:
        refused = [Note(f"{text}.".replace("..", ".")) for text in judged.get("refused", {}).values()]
        return [Note(judged.get("missing") or words.NO_CONCEPTS, "info"), *refused]
    name = f"{study.checkpoint.name}-concepts"
    chosen = next(
        (row for row in rows if (row["concept"], row["layer"]) == (options.concept, options.layer)),
        verdict_table.surest(rows)[0],
    )
    notes = [f"{text}." for text in judged.get("circular", {}).values()]
    notes += [f"Not judged: {text}." for text in judged.get("refused", {}).values()]
    notes += [f"Without the null “{null}”: {text}" for null, text in judged.get("absent", {}).items()]
    continuous = words.continuous(study, chosen["layer"])
    return [
        *verdict_table.blocks(rows, chosen, name),
        *(Note(text.replace("..", ".")) for text in notes),
        Controls(("concept", "layer", "value")),
        Part("evidence", [*continuous, *evidence.blocks(study, chosen, options.value)]),
    ]


def _further(study: Study, options: Options, found: Mapping[str, Any]) -> list[Block]:
    """The section of the score that is chosen, and what each of the others asks."""
    there = [name for name in SHOWN if found.get(name) is not None]
    if not there:
        return []
    blocks: list[Block] = [
        Heading("Further evidence", "Other questions that are asked of the same codes, each with its own baseline."),
        Controls(("score",)),
    ]
    if options.score in there:
        blocks.append(Note(scores.SCORES[options.score].about))
        blocks += section(study, options.score, found[options.score], options)
    elif options.score:
        blocks.append(Note(f"{scores.SCORES[options.score].title}: not there yet.", "info"))
    return blocks


def section(study: Study, name: str, found: Mapping[str, Any], options: Any) -> list[Block]:
    """What one score found; one sentence where it cannot be had."""
    score = scores.SCORES[name]
    if "missing" in found:
        return [Note(f"{score.title}: {str(found['missing']).rstrip('.')}.", "info")]
    return list(SHOWN[name](study, found, options))


def printed(study: Study, options: Options) -> list[Block]:
    """Every score besides the one that is chosen, for a report, in which nothing can be chosen."""
    found = {name: study.score(name) for name in SHOWN if name != options.score}
    return [
        More(f"{scores.SCORES[name].title}: {scores.SCORES[name].about}", section(study, name, one, options))
        for name, one in found.items()
        if one is not None
    ]
