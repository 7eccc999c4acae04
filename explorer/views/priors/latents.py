"""Priors of one latent vector: what each costs, what the better ones save, and what they draw from the same noise."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.glossary import help_of
from explorer.sheets import (
    Block,
    Card,
    Cards,
    Chart,
    Column,
    Controls,
    Download,
    Heading,
    Later,
    More,
    Note,
    Picture,
    Pictures,
    Table,
    drawing,
)
from explorer.views.priors.made import Made

if TYPE_CHECKING:
    from explorer.priors.folder import Facts
    from explorer.results.continuous import Continuous
    from explorer.study import Study

NAMES = {"standard": "Standard normal", "gaussian": "One Gaussian", "mixture": "Mixture", "flow": "Flow"}
ROW = {
    "standard": "drawn from the standard normal, as trained", "gaussian": "drawn from one Gaussian",
    "mixture": "drawn from a mixture", "flow": "drawn from a flow",
}  # fmt: skip
KEPT = (
    "layer",
    "dim",
    "active",
    "posterior",
    "images",
    "draws",
    "fitted_on",
    "chosen_on",
    "priors",
    "saved",
    "quality",
)
METRICS = ("precision", "recall", "density", "coverage")
QUALITY = (
    "{count:,} samples of each against {count:,} held-out images, in the checkpoint's own latents (layer “{layer}”), "
    "to which both are encoded. Images, decoded, are other held-out images, the yardstick. Brackets are 95 % intervals."
)
COLUMNS = {
    "prior": Column("Prior", pinned=True),
    "rate": Column("Rate (bits)", help_of("rate under a prior")),
    "unit": Column("Bits a unit", help_of("bits of latents")),
    "saved": Column("Saved (bits)", f"{help_of('bits saved')} Against the prior in the row above."),
    "parameters": Column("Numbers fitted", "How many numbers the prior has.", "%d"),
}
MISMATCH = "that part of the rate tells nothing of an image, it pays for latents that lie elsewhere than the prior says"
POSTERIOR = (
    "{active} of {dim} units are active{rest}. What an image's latent costs under a prior is its rate: with the same "
    "encoder and the same decoder, the bound on the likelihood of an image rises by every bit that is saved."
)
WITHOUT = (
    "These latents are no distributions, so there is no prior that they were trained towards and no rate; {active} of "
    "{dim} units move with the image. Densities depend on the scale of latents; what they differ by does not."
)
FITTED = (
    "Fitted on {used:,} images of {source}, of which {chosen:,} chose the size of the mixture and when the flow stops; "
    "judged on {images:,} other images, {draws}. Intervals are of images, what was fitted being given."
)


def blocks(study: Study, facts: Facts | None, options: Any, found: Continuous) -> Made:
    """Rates, what is saved, samples."""
    from explorer.charts import continuous_plots

    told = found.facts
    names = [name for name in NAMES if name in told["priors"]]
    rated = told["posterior"]
    value = "rate" if rated else "bits_per_unit"
    axis = "rate (bits an image)" if rated else "bits a unit"
    bars = [(NAMES[name], told["priors"][name][value]) for name in names]
    shown: list[Block] = [
        Note(_verdict(told, names), "plain", help_of("rate under a prior" if rated else "bits of latents")),
        Cards([_card(told, name, value) for name in names], 4),
        Chart("costs", lambda theme: continuous_plots.costs(bars, axis, theme),
              f"{axis} of {told['images']:,} held-out images under each prior"),
        Note(_about(told)), Note(_fitted_on(told)),
        Heading("What they draw", help_of("latent prior"), level=3), Controls(("drawn", "noise")),
        Later(partial(_rows, study, options, names)),
        *_quality(told, names),
        More("How they were fitted", _how(told, names)),
    ]  # fmt: skip
    return Made(shown, {name: told[name] for name in KEPT})


def _verdict(told: Mapping[str, Any], names: list[str]) -> str:
    """What the best prior saves against the simplest, and whether it is sure to."""
    best = min(names, key=lambda name: -told["priors"][name]["nats"]["mean"])
    first = names[0]
    if best == first:
        return f"None of them fits latents of other images better than the {NAMES[first].lower()}."
    saved = told["saved"][best][first]
    unit = f" of {told['priors'][first]['rate']['mean']:.1f} bits an image" if told["posterior"] else " bits an image"
    at = f"{saved['bits']:.1f}{unit}"
    sure = "" if saved["low"] is None else f" (95 %: {saved['low']:.1f} – {saved['high']:.1f})"
    if saved["low"] is None or saved["low"] <= 0:
        return f"{NAMES[best]} comes nearest to where latents lie, but what it saves is within chance: {at}{sure}."
    against = "standard normal that it was trained towards" if first == "standard" else NAMES[first].lower()
    return (
        f"{NAMES[best]} comes nearest to where latents of images lie. Against the {against} it saves {at}{sure}: "
        f"{MISMATCH if told['posterior'] else 'latents are not Gaussian'}."
    )


def _card(told: Mapping[str, Any], name: str, value: str) -> Card:
    from explorer.analysis.quality import between

    one = told["priors"][name][value]
    unit = "bits an image" if value == "rate" else "bits a unit"
    digits = 1 if value == "rate" else 3
    return Card(NAMES[name], f"{one['mean']:.{digits}f}", f"{unit}, {between(one, digits)}", help_of(f"{name} prior"))


def _about(told: Mapping[str, Any]) -> str:
    if not told["posterior"]:
        return WITHOUT.format(active=told["active"], dim=told["dim"])
    idle = told["dim"] - told["active"]
    rest = "" if not idle else (
        f"; to the other {idle:,} the encoder sends the standard normal whatever the image, which is right there, so "
        "that they are drawn from it under every prior"
    )  # fmt: skip
    return POSTERIOR.format(active=told["active"], dim=told["dim"], rest=rest)


def _fitted_on(told: Mapping[str, Any]) -> str:
    draws = f"{told['draws']} latents of each drawn from its posterior" if told["posterior"] else "one latent of each"
    source = {"train": "the training split"}.get(told["from"], told["from"])
    return FITTED.format(
        used=told["fitted_on"], source=source, chosen=told["chosen_on"], images=told["images"], draws=draws
    )


def _rows(study: Study, options: Any, names: list[str]) -> list[Block]:
    """Held-out images as they come back, and samples of each prior from the same noise."""
    rows = np.random.default_rng([options.noise, 3]).permutation(len(study.images))[: options.drawn]
    back = study.compare(study.images.read(rows)).reconstructions
    kind = "held-out images" if study.images.held_out else "images"
    found: list[Block] = [Heading(f"The yardstick: {kind}, as the decoder gives them back", level=3),
                          Pictures("latents-back", _pictures(back, "reconstruction"), 96)]  # fmt: skip
    files: dict[str, np.ndarray] = {}
    for name in names:
        pixels = study.remember(draw, name, options.drawn, options.noise)
        files |= {f"{name}-{place}": one for place, one in enumerate(pixels)}
        shown = Pictures(f"latents-{name}", _pictures(pixels, ROW[name]), 96)
        found += [Heading(NAMES[name], help_of(f"{name} prior"), level=3), shown]
    file = f"{study.checkpoint.name}-latent-samples.zip"
    return [
        *found,
        Download("Samples (zip of PNG)", file, lambda: drawing.archive(files), "Each as a file of its own."),
    ]


def draw(study: Study, name: str, count: int, seed: int) -> np.ndarray:
    """(count, h, w, 3) uint8, decoded from samples of a prior."""
    from explorer.analysis import aggregate
    from explorer.study import traversals

    found = study.result("continuous")
    points = aggregate.drawn(found.fitted, name, count, seed)
    return study.through(traversals.decode, found.facts["layer"], points[:, None, None])


def _quality(told: Mapping[str, Any], names: list[str]) -> list[Block]:
    """How many samples look like images, and how many images have a sample that looks like them."""
    import pandas as pd

    from explorer.analysis.quality import worded

    found = told["quality"]
    if not found:
        return []
    titles = {"back": "Images, decoded", **{name: NAMES[name] for name in names}}
    rows = [
        {"what": title, **{metric: worded(value, 2) for metric, value in found["scores"][name].items()}}
        for name, title in titles.items()
    ]
    columns = {"what": Column("Pictures", pinned=True)}
    columns |= {metric: Column(metric.capitalize(), help_of(f"{metric} of samples")) for metric in METRICS}
    said = QUALITY.format(count=found["images"], layer=told["layer"])
    return [Heading("Do they look like images, and like all of them?", level=3),
            Table("quality", pd.DataFrame(rows), columns), Note(said)]  # fmt: skip


def _pictures(pixels: np.ndarray, what: str) -> list[Picture]:
    return [Picture(one, alt=f"{what}, {place + 1}") for place, one in enumerate(pixels)]


def _how(told: Mapping[str, Any], names: list[str]) -> list[Block]:
    """A table of all, the sizes of mixtures that were tried, and the training of the flow."""
    import pandas as pd

    from explorer.analysis.quality import worded
    from explorer.charts import continuous_plots, unit_plots

    rows = []
    for place, name in enumerate(names):
        one, before = told["priors"][name], names[place - 1] if place else None
        row = {"prior": NAMES[name], "unit": worded(one["bits_per_unit"], 3), "parameters": one["parameters"]}
        row |= {"rate": worded(one["rate"], 2)} if "rate" in one else {}
        saved = None if before is None else told["saved"][name][before]
        ends = "" if saved is None or saved["low"] is None else f" [{saved['low']:.2f}, {saved['high']:.2f}]"
        row["saved"] = "" if saved is None else f"{saved['bits']:.2f}{ends}"
        rows.append(row)
    frame = pd.DataFrame(rows)
    found: list[Block] = [Table("priors", frame, {name: one for name, one in COLUMNS.items() if name in frame})]
    found += [
        Heading("Components of the mixture", help_of("mixture prior"), level=3),
        Chart("components", lambda theme: unit_plots.likelihoods(told["tried"], theme),
              "Log-likelihood of latents that were held back over the number of components"),
    ]  # fmt: skip
    if "looked" in told:
        found += [
            Heading("Training of the flow", help_of("flow prior"), level=3),
            Chart("flow", lambda theme: continuous_plots.training(told["looked"], told["flow_steps"], theme),
                  "Log-likelihood of latents that were held back over the steps of the training"),
        ]  # fmt: skip
    return found
