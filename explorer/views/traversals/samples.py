"""Samples: of the prior, and of a mixture of Gaussians fitted to latents of images, and how near these they lie."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis import mixture
from explorer.glossary import help_of
from explorer.sheets import Block, Card, Cards, Chart, Controls, Heading, Later, Note, Picture, Pictures
from explorer.study import traversals
from explorer.views import words
from explorer.views.traversals import layer as known

if TYPE_CHECKING:
    from explorer.study import Picture as Looked
    from explorer.study import Study

TITLES = {
    "real": "Images, decoded from a draw of their posterior", "mixture": "A mixture fitted to the latents",
    "prior": "The prior, N(0, I)",
}  # fmt: skip
CARDS = {"real": "Real latents", "mixture": "Mixture", "prior": "Prior"}
TOO_FEW = "There are too few images, or latents that do not move, to fit a mixture to."
CHOSEN = (
    "The mixture has {components} with {covariance} covariances{units}: of those tried, {nats} nats is "
    "the largest mean log-likelihood of {held:,} latents that it was not fitted to; it was fitted to {fitted:,} of "
    "other images."
)
PER_CELL = (
    "The mixture knows single cells of the {rows} × {columns} grid and nothing of their neighbours: each cell is drawn "
    "by itself, so that no sample can hold a shape larger than a cell."
)
NO_PRIOR = "This layer was trained towards no distribution, so there is no prior to draw from."


def blocks(study: Study, options: Any, picture: Looked) -> tuple[list[Block], dict[str, Any]]:
    """Samples of each kind, and how near they lie to latents of images."""
    found, missing = known.measured(study, options.layer)
    if found is None:
        return [missing], {}
    samples = found["samples"]
    if not samples:
        return [Heading("Samples", help_of("samples")), Note(TOO_FEW, "info")], {}
    kinds = [name for name in TITLES if name in samples["near"]]
    shown: list[Block] = []
    for name in kinds:
        shown.append(Heading(_title(found, name), help_of(f"{name} samples"), level=3))
        shown.append(Later(partial(_pictures, study, options, picture, found, name)))
    return [
        Heading("Draw latents at random", help_of("samples")),
        Controls(("draws", "seed")),
        Heading("How many lie near real latents", help_of("near real latents"), level=3),
        Cards(_cards(samples, kinds), 4),
        *shown,
        *[Note(one) for one in _notes(study, options, found)],
        Heading("How many components", help_of("mixture"), level=3),
        _chart(samples),
    ], {"near": samples["near"], "against": samples["against"], "tried": samples["tried"],
        "covariance": samples["covariance"], "components": len(samples["mixture"]["weights"])}  # fmt: skip


def _title(found: Mapping[str, Any], name: str) -> str:
    return "Images, decoded" if name == "real" and not found["posterior"] else TITLES[name]


def _pictures(study: Study, options: Any, picture: Looked, found: Mapping[str, Any], name: str) -> list[Block]:
    pixels = study.remember(_drawn, picture, options.layer, name, options.draws, options.seed)
    title = _title(found, name)
    pictures = [Picture(one, alt=f"{title}, sample {index + 1}") for index, one in enumerate(pixels)]
    return [Pictures(f"samples-{name}", pictures, 96, archive=f"{study.checkpoint.name}-{name}")]


def _drawn(study: Study, picture: Looked, layer: str, name: str, count: int, seed: int) -> np.ndarray:
    """(count, h, w, 3) uint8."""
    found, _ = known.measured(study, layer)
    if name == "real":
        rows = np.random.default_rng([seed, 3]).permutation(len(study.images))[:count]
        drawn = seed if found["posterior"] else None
        return study.compare(study.images.read(rows), None, drawn).reconstructions
    facts = study.layer(layer)
    cells = count * facts.grid[0] * facts.grid[1]
    if name == "prior":
        latents = np.random.default_rng([seed, 4]).standard_normal((cells, facts.dim)).astype(np.float32)
    else:
        latents = mixture.drawn(found["samples"], cells, seed)
    base = study.look(picture).latents if len(study.layer_names) > 1 else None
    return study.through(traversals.decode, layer, latents.reshape(count, *facts.grid, facts.dim), base)


def _cards(samples: Mapping[str, Any], kinds: list[str]) -> list[Card]:
    """The share of each that is near a real latent."""
    cards = []
    for name in kinds:
        one = samples["near"][name]
        note = f"95 %: {one['low']:.1%} – {one['high']:.1%}, {one['n']:,} drawn"
        cards.append(Card(CARDS[name], f"{one['share']:.1%}", note, help_of(f"{name} samples")))
    return cards


def _notes(study: Study, options: Any, found: Mapping[str, Any]) -> list[str]:
    samples, grid = found["samples"], study.layer(options.layer).grid
    best = max(samples["tried"], key=lambda one: one["nats"])
    dim, alive = len(samples["rest"]["mean"]), len(samples["alive"])
    units = "" if alive == dim else f" over the {alive:,} of {dim:,} units that are used, each other one by itself"
    nats = f"{best['nats']:.2f}".replace("-", "−")
    facts = {"components": words.many(best["components"], "component"), "covariance": best["covariance"], "nats": nats}
    facts |= {"units": units, "held": samples["chosen_on"], "fitted": samples["fitted_on"]}
    said = [CHOSEN.format(**facts)]
    said += [] if found["posterior"] else [NO_PRIOR]
    said += [] if grid == (1, 1) else [PER_CELL.format(rows=grid[0], columns=grid[1])]
    if len(study.layer_names) > 1:
        said.append("The other layers are those of the image above.")
    return said


def _chart(samples: Mapping[str, Any]) -> Block:
    from explorer.charts import unit_plots

    return Chart(
        "likelihoods", lambda theme: unit_plots.likelihoods(samples["tried"], theme),
        "Log-likelihood of held-out latents over the number of components",
    )  # fmt: skip
