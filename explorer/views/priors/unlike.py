"""Whether the bits of a prior tell another set of images from this one, beside scores that need no prior."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from explorer.errors import BadInput
from explorer.glossary import help_of
from explorer.sheets import Block, Card, Cards, Chart, Controls, Heading, Missing, Note

if TYPE_CHECKING:
    from explorer.priors.folder import Facts
    from explorer.results.surprisal.kept import Surprisal
    from explorer.study import Study

SCORES = {
    "bits": "Bits of the prior",
    "psnr": "PSNR, turned",
    "size": "Size as PNG",
    "unigram": "Frequency alone",
    "corrected": "Bits − PNG",
    "corrected_codes": "Bits − packed map",
}
ASK = "Choose another dataset to see whether the prior tells its images from these."


def offers(study: Study, _: Any = None) -> dict[str, str]:
    """Datasets that are known by name; others are typed."""
    from explorer import datasets

    here = study.subject.dataset
    others = {name: name for name in datasets.names() if name != here}
    return {"": "None", **others}


def check(_: Study, name: str) -> None:
    """Raises BadInput for what is no dataset."""
    from explorer import datasets

    if name:
        if len(name) > 500 or "\0" in name:
            raise BadInput("that is no dataset; name one, or give the path of a folder of images")
        datasets.native_size(name)


def blocks(study: Study, facts: Facts, dataset: str) -> tuple[list[Block], dict[str, Any]]:
    """The choice of another set, and what tells it apart."""
    heading = Heading("Another set of images", help_of("unlike set"))
    choice: list[Block] = [heading, Controls(("unlike",))]
    if not dataset:
        return [*choice, Note(ASK)], {}
    asked = {"prior": str(facts.path), "against": dataset}
    kept = study.result("surprisal", asked)
    if kept is None:
        from explorer.results.surprisal.told import named

        title = f"Ask the prior about images of {named(dataset)}"
        about = "Up to 2,000 images of each set, with PSNR, compressed size and frequency of codes beside the bits."
        return [*choice, Missing("surprisal", asked, title, about)], {}
    shown, numbers = _found(kept)
    return [*choice, *shown], numbers


def _found(kept: Surprisal) -> tuple[list[Block], dict[str, Any]]:
    from explorer.charts import surprisal_plots
    from explorer.results.surprisal import told

    found, facts = told.outliers(kept), kept.facts["other"]
    scores = {"bits": found, **found["baselines"]}
    names = told.named(kept.facts["dataset"]), told.named(facts["dataset"])
    places = sum(one[0].size for one in kept.maps.values())
    usual, foreign = (one / places for one in kept.scores["bits"])
    cards = [
        Card(SCORES[name], "–" if one["auroc"] is None else f"{one['auroc']:.3f}", _between(one), _help(name))
        for name, one in scores.items()
    ]
    counts = f"{facts['usual']:,} images of {names[0]} ({kept.facts['split']}), {facts['foreign']:,} of {names[1]}"
    copies = f"; {facts['copies']:,} are copies of others and count as one image with them" * bool(facts["copies"])
    return [
        *(Note(one, "plain") for one in found["sentences"]),
        Cards(cards, 3),
        Chart(
            "areas", lambda theme: surprisal_plots.areas(scores, SCORES, theme),
            "AUROC of each score: " + ", ".join(f"{SCORES[n]} {told.worded_area(one)}" for n, one in scores.items()),
        ),
        Chart(
            "sets", lambda theme: surprisal_plots.sets(usual, foreign, names, theme),
            f"Bits a code of the images of {names[0]} and of {names[1]}",
        ),
        Note(f"{counts}{copies}."),
    ], {"outliers": found}  # fmt: skip


def _between(one: dict[str, Any]) -> str:
    return "too few images" if one["low"] is None else f"95 %: {one['low']:.3f} – {one['high']:.3f}"


def _help(name: str) -> str:
    if name == "bits":
        return help_of("unlike set")
    return help_of("corrected score" if name.startswith("corrected") else "simple scores")
