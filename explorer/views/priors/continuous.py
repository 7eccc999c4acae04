"""Continuous: what can be drawn where there are no codes: one latent vector, or numbers that stand beside codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from explorer.glossary import help_of
from explorer.results import continuous as kept
from explorer.sheets import Go, Heading, Link, Missing, Note, Row
from explorer.views import fields
from explorer.views.priors import beside_codes, latents
from explorer.views.priors.made import Made

if TYPE_CHECKING:
    from collections.abc import Mapping

    from explorer.priors.folder import Facts
    from explorer.study import Picture as Looked
    from explorer.study import Study

TITLES = {True: "Priors of the latent", False: "What stands beside the codes"}
NEITHER = (
    "{name} has codes and nothing continuous beside them: a prior over its codes draws all that its decoder needs. "
    "Where an image is one latent vector, as in a VAE, or numbers stand beside the codes, there is more to draw."
)
GRIDS = (
    "Latents of {name} are grids without codes. They get codes by k-means, and a prior over these: explorer prior "
    "train {name} --dataset {dataset}. One latent vector an image, as in a VAE, and numbers beside codes are drawn "
    "from distributions of their own."
)
SHOWN = (("vae-shapes", "Open vae-shapes, a VAE"), ("projected-shapes", "Open projected-shapes, with scaled codes"))
ABOUT = {
    True: "A standard normal, one Gaussian, a mixture and a flow are fitted to latents of training images, and judged "
    "on others; about a minute.",
    False: "A Gaussian for each code is fitted on training images, and other images are decoded with and without it; "
    "about half a minute.",
}  # fmt: skip


def _shown(_: Study, options: Mapping[str, Any]) -> bool:
    return options["part"] == "continuous"


@dataclass(frozen=True)
class Options:
    """What the part can be asked for."""

    drawn: int = fields.option(
        8, "Pictures", "Of each kind.", choices={n: str(n) for n in (4, 8, 16)}, widget="list", yields=True,
        when=lambda study, options: _shown(study, options) and not unfit(study),
    )  # fmt: skip
    noise: int = fields.option(
        0, "Noise", "Another number, other noise; every prior gets the same.", min=0, max=9999, yields=True,
        when=lambda study, options: _shown(study, options) and not unfit(study),
    )  # fmt: skip


def unfit(study: Study) -> str:
    """Why there is nothing continuous to draw; empty where there is."""
    return kept.unfit(study.checkpoint, study.subject.dataset)


def blocks(study: Study, facts: Facts | None, options: Any, picture: Looked | None = None) -> Made:
    """What was fitted, how good it is and what it draws; or what fits it; or why there is nothing."""
    here = study.checkpoint
    if unfit(study):
        grids = all(layer.get("codes") is None for layer in here.layers)
        said = here.no_decoder or (GRIDS if grids else NEITHER).format(name=here.name, dataset=study.subject.dataset)
        links = [
            [Link(title, "scatter_plot", Go(None, {"checkpoint": name, "dataset": "shapes", "part": "continuous"}))]
            for name, title in SHOWN
        ]
        return Made([Note(said, "info"), Row(links, 60, even=False)], {"continuous": None})
    vector = bool(kept.vector(here))
    heading = Heading(TITLES[vector], help_of("latent prior" if vector else "beside codes"))
    found = study.result("continuous")
    if found is None:
        asked = kept.Options()
        return Made([heading, Missing("continuous", asked, "Fit and judge what can be drawn", ABOUT[vector])], {})
    if "said" in found.facts:
        return Made([heading, Note(found.facts["said"], "info")], {"said": found.facts["said"]})
    made = (latents if vector else beside_codes).blocks(study, facts, options, found)
    return Made([heading, *made.blocks], {"continuous": found.facts["what"], **made.numbers})


def starts(study: Study) -> bool:
    """Whether the page begins here: a checkpoint whose image is one latent vector, which has no prior of codes."""
    return bool(kept.vector(study.checkpoint)) and not unfit(study)
