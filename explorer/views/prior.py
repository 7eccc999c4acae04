"""Prior: a network that learned which codes stand beside which; what it draws, completes, and is surprised by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from explorer.glossary import help_of
from explorer.sheets import Controls, Go, Link, Note, Sheet
from explorer.views import fields
from explorer.views.priors import PARTS, complete, continuous, judged, samples, surprise

if TYPE_CHECKING:
    from explorer.study import Picture as Looked
    from explorer.study import Study

WHAT = (
    "A prior is a network that learned which codes stand beside which, so that new code maps can be drawn and decoded, "
    "holes in a map can be filled, and one can see where an image is unlike what was learned."
)
NONE = (
    "There is no prior of {name} yet. {what} Train one under “Train a checkpoint or a prior” in the sidebar, or with "
    "“explorer prior train {name} --dataset {dataset}”."
)
OLDER = (
    "{prior} was learned from codes that {name} no longer makes, because its weights changed: train a prior again, or "
    "bring those weights back."
)


def _priors(study: Study, _: Mapping[str, Any]) -> dict[str, str]:
    from explorer.study import priors

    return {one.name: one.name for one in priors.available(study)}


def _first(study: Study, options: Mapping[str, Any]) -> str:
    return next(iter(_priors(study, options)), "")


def _begins(study: Study, options: Mapping[str, Any]) -> str:
    """The part to begin with: what is drawn of a latent where there are no codes to have a prior of."""
    return "continuous" if not _priors(study, options) and continuous.starts(study) else "samples"


@dataclass(frozen=True)
class Which:
    """The part that is shown, and the prior that it is about."""

    part: str = fields.option(
        "samples", "Show", help_of("prior"), choices={name: one.title for name, one in PARTS.items()}, yields=True,
        widget="buttons", when=lambda *_: len(PARTS) > 1, start=_begins,
    )  # fmt: skip
    prior: str = fields.option(
        "", "Prior", "Which of the priors of this checkpoint.", choices=_priors, start=_first, yields=True,
        when=lambda study, options: len(_priors(study, options)) > 1,
    )  # fmt: skip


@dataclass(frozen=True)
class Options(judged.Options, continuous.Options, surprise.Options, complete.Options, samples.Options, Which):
    """What the view can be asked for; each part has its own. The last of these classes is asked first."""


def sheet(study: Study, options: Options, picture: Looked | None = None) -> Sheet:
    """One part of what a prior can do."""
    from explorer.study import priors

    part = PARTS[options.part]
    facts = priors.facts_of(study, options.prior)
    controls = Controls(("part", "prior"))
    if facts is None and part.needs:
        link = Link(
            "Open one that has a prior", "casino", Go(None, {"checkpoint": "vqvae-digits", "dataset": "digits"})
        )
        name, dataset = study.checkpoint.name, study.subject.dataset
        older = [Note(OLDER.format(prior=one.name, name=name), "warning") for one in priors.older(study)]
        return Sheet([controls, *older, Note(NONE.format(name=name, what=WHAT, dataset=dataset), "info"), link])
    made = part.blocks(study, facts, options, picture)
    return Sheet([controls, *made.blocks], made.numbers)
