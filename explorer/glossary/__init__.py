"""Every term once: what it is called, its unit, what it means, and where it comes from."""

from __future__ import annotations

import dataclasses

from explorer.glossary import (
    beside,
    changes,
    codes,
    comparisons,
    concepts,
    groups,
    ids,
    latent_priors,
    masks,
    people,
    pictures,
    prior_scores,
    priors,
    retrieval,
    samples,
    searching,
    steps,
    structure,
    suggestions,
    surprisal,
    traversals,
)
from explorer.glossary.labels import LABELS
from explorer.glossary.term import Term

TERMS: dict[str, Term] = {
    **beside.TERMS, **changes.TERMS, **codes.TERMS, **comparisons.TERMS, **concepts.TERMS, **groups.TERMS,
    **ids.TERMS, **latent_priors.TERMS, **masks.TERMS, **people.TERMS, **pictures.TERMS, **prior_scores.TERMS,
    **priors.TERMS, **retrieval.TERMS, **samples.TERMS, **searching.TERMS, **steps.TERMS, **structure.TERMS,
    **suggestions.TERMS, **surprisal.TERMS, **traversals.TERMS,
}  # fmt: skip


def help_of(term: str) -> str:
    """What a term means."""
    return TERMS[term].help


def label(config: type, field: dataclasses.Field) -> str:
    """The name of a config's field for people: its own `label`, or that of LABELS; without one as in the code."""
    named = field.metadata.get("label") or LABELS.get(f"{config.__name__}.{field.name}") or LABELS.get(field.name)
    return named or field.name.replace("_", " ").capitalize()
