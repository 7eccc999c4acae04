"""How well each way to search does, for whoever searches: numbers of the result `retrieval` by way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from explorer.errors import BadInput
from explorer.notebook import sets
from explorer.results.retrieval.asked import Options

if TYPE_CHECKING:
    from explorer.study import Study

OWN = ("bag", "place", "zq", "ze")  # ways of a layer


def asked(concept: str = "", encoder: str = "", k: int = 10) -> Options:
    """Options of the result that has a concept: all but gathered sets are in one."""
    return Options(concept if concept.startswith(sets.PREFIX) else "", encoder=encoder, k=k)


def found(study: Study, concept: str = "", encoder: str = "", k: int = 10) -> dict[str, Any] | None:
    """What is kept of the result that has a concept; None where it is not there yet."""
    return study.result("retrieval", asked(concept, encoder, k))


def of_concept(found: Mapping[str, Any], concept: str = "") -> dict[str, Any] | None:
    """The scores of a concept; the first of the dataset's own categories for none; None where nothing is judged.

    Raises:
        BadInput: the concept is not judged; why, or the choices.
    """
    known = {one["concept"]: one for one in found["concepts"]}
    if concept:
        if concept in known:
            return known[concept]
        why = found["refused"].get(concept, f"unknown concept {concept!r}; choose from {', '.join(known) or 'none'}")
        raise BadInput(why)
    return next(iter(sorted(known.values(), key=lambda one: (one["computed"], one["fifths"]))), None)


def quality(study: Study, concept: str = "", layer: str = "", *, encoder: str = "") -> dict[str, dict[str, Any]]:
    """Scores of the ways to search by a layer, and of what they are held against.

    {way: {map, low, high, precision, layer, concept, queries, k}}.

    Empty where the result is not there yet, or no concept can be judged.

    Args:
        concept: what makes two images relevant; the dataset's first category for none.
        layer: of the checkpoint's own ways; the main one for none, `similar.EVERY` for all of them.
    """
    result = found(study, concept, encoder)
    scores = None if result is None else of_concept(result, concept)
    if scores is None:
        return {}
    layer, told = layer or study.main_layer, {}
    for way, of_map, precision in zip(result["ways"], scores["map"], scores["precision"], strict=True):
        if way["layer"] in ("", layer):
            value, low, high = of_map
            told[way["way"]] = {
                "map": value,
                "low": low,
                "high": high,
                "precision": precision[0],
                "layer": way["layer"],
                "concept": scores["concept"],
                "queries": scores["queries"],
                "k": result["k"],
            }
    return told
