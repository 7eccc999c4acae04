"""Numbers that stand beside codes: what the code tells of them, and pictures with, without and with drawn ones."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.glossary import help_of
from explorer.sheets import Block, Card, Cards, Chart, Controls, Go, Heading, Later, Link, Note, Picture, Strip, Strips
from explorer.views.priors.made import Made

if TYPE_CHECKING:
    from explorer.priors.folder import Facts
    from explorer.results.continuous import Continuous
    from explorer.study import Study

SHOWN = {"true": "true", "mean": "mean of the code", "drawn": "drawn", "without": "left out"}
CLOSE = 0.02  # share of variance below which a mean given the code is no better than one for all
WHAT = (
    "Beside each code of layer {codes} stand{s} {numbers} of layer {name}, which no prior over codes can draw. Taken "
    "to be a Gaussian given the code, fitted on {fitted_on:,} images of {source} and judged on {images:,} other "
    "images; intervals are of images."
)
NO_PRIOR = (
    "Once there is a prior of these codes, maps that it draws are shown here, too, with numbers drawn beside them: "
    "explorer prior train {name} --dataset {dataset}"
)


def blocks(study: Study, facts: Facts | None, options: Any, found: Continuous) -> Made:
    """What codes tell of the numbers, what that is worth in decibels, and pictures."""
    told = found.facts
    shown: list[Block] = []
    for name, one in told["layers"].items():
        shown += _layer(study, name, one, told, found)
    shown += [
        Heading("What it is worth in pictures", help_of("parts put back"), level=3),
        Cards([_card(told, way, title) for way, title in SHOWN.items()], 4),
        Note(_worth(told), "plain"),
        Heading("The same codes with other numbers", help_of("beside codes"), level=3), Controls(("drawn", "noise")),
        Later(partial(_strips, study, options)),
        *_sampled(study, facts, options, told),
    ]  # fmt: skip
    kept = ("beside", "images", "fitted_on", "layers", "psnr", "differences")
    return Made(shown, {name: told[name] for name in kept})


def _layer(study: Study, name: str, one: Mapping[str, Any], told: Mapping[str, Any], found: Continuous) -> list[Block]:
    """What the codes tell of the numbers of a layer."""
    numbers = "one number" if one["dim"] == 1 else f"{one['dim']:,} numbers"
    source = {"train": "the training split"}.get(told["from"], told["from"])
    facts = {"codes": f"“{one['codes']}”", "numbers": numbers, "name": f"“{name}”", "s": "s" if one["dim"] == 1 else ""}
    facts |= {"fitted_on": told["fitted_on"], "source": source, "images": told["images"]}
    shown: list[Block] = [Note(WHAT.format(**facts)), Note(_verdict(name, one), "plain")]
    gain, share = one["gain"], one["explained"]
    cards = [
        Card("The code tells", _number(gain["bits"], 2), f"bits a position, {_ends(gain, 2)}",
             help_of("bits the code tells")),
        Card("Explained by the code", "–" if share is None else f"{_number(100 * share['share'], 1)} %",
             "no variance" if share is None else _ends(share, 1, 100, " %"), help_of("explained by code")),
        Card("Codes seen", f"{one['seen']:,}", f"of {one['size']:,}, in the images that were fitted to",
             help_of("beside codes")),
    ]  # fmt: skip
    return [*shown, Cards(cards, 3), *_chart(name, one["codes"], found)]


def _verdict(name: str, one: Mapping[str, Any]) -> str:
    """Does the code determine what stands beside it?"""
    gain, share = one["gain"], one["explained"]
    if share is None or gain["bits"] is None:
        return f"No position of these images needs numbers of layer “{name}”."
    sure = gain["low"] is not None and gain["low"] > 0
    if not sure:
        return f"The code tells nothing of “{name}” that could be measured."
    bits = f"{gain['bits']:.2f} bits a position"
    if share["share"] < CLOSE:
        return (
            f"The code does not determine “{name}”: its mean is the same for every code. It does tell how widely it "
            f"varies, which is worth {bits} ({_ends(gain, 2)})."
        )
    most = "determines" if share["share"] > 0.9 else "tells much of" if share["share"] > 0.5 else "tells something of"
    return f"The code {most} “{name}”: {share['share']:.0%} of its variance and {bits} ({_ends(gain, 2)})."


def _chart(name: str, book: str, found: Continuous) -> list[Block]:
    from explorer.charts import continuous_plots

    one = found.beside[name]
    seen = (one.counts > 0) & one.needed
    if not seen.any():
        return []
    if len(one.mean) == 1:
        deviations, whole = np.sqrt(one.covariances[seen, 0, 0]), float(np.sqrt(one.covariance[0, 0]))
        of = np.flatnonzero(seen), one.means[seen, 0], deviations, one.counts[seen], (float(one.mean[0]), whole), name
        alt = f"Mean and standard deviation of {name} given each code"
        note = (
            f"Each point is a code, larger the more it is used; press one to see what it is. Dashed: {name} of all "
            "positions, whatever the code."
        )
        go = Go("codebook", {"layer": book, "code": "{point}"})
        return [Chart(f"spread-{name}", lambda theme: continuous_plots.spreads(*of, theme), alt, go), Note(note)]
    diagonal = one.covariances if one.covariances.ndim == 2 else np.einsum("kii->ki", one.covariances)
    whole = one.covariance if one.covariance.ndim == 1 else np.diag(one.covariance)
    weights = one.counts[seen] / one.counts[seen].sum()
    shares = np.clip((weights[:, None] * diagonal[seen]).sum(0) / np.maximum(whole, 1e-12), 0, 1)
    alt = f"Share of the variance of each number of {name} that is left within codes"
    return [Chart(f"within-{name}", lambda theme: continuous_plots.within(shares, theme), alt)]


def _card(told: Mapping[str, Any], way: str, title: str) -> Card:
    from explorer.analysis.quality import between

    one = told["psnr"][way]
    note = between(one, 2)
    if way != "true":
        lost = told["differences"]["true"][way]
        note = f"{lost['difference']:.2f} dB below the true ones, {_ends(lost, 2)}"
    return Card(title[0].upper() + title[1:], f"{one['mean']:.2f} dB", note, help_of("parts put back"))


def _worth(told: Mapping[str, Any]) -> str:
    """Whether the mean given the code is better than leaving the numbers out."""
    gained = told["differences"]["mean"]["without"]
    lost = told["differences"]["true"]["without"]["difference"]
    drawn = told["differences"]["drawn"]["apart"]
    ends = f"{_number(gained['difference'], 3)} dB ({_ends(gained, 3)})"
    sure = gained["low"] is not None and gained["low"] > 0
    of = f", of the {lost:.2f} dB that leaving them out costs" if sure else ""
    better = drawn["low"] is not None and drawn["low"] > 0
    kind = "come nearer to the image than" if better else "come no nearer to the image than"
    if lost <= 0.005 and not sure:
        return f"Leaving the numbers out costs {_number(lost, 3)} dB: the pictures hardly need them."
    back = "brings back" if sure else "brings back nothing:"
    return (
        f"The mean given the code {back} {ends}{of}. Numbers drawn given the code {kind} numbers drawn without it: "
        f"{_number(drawn['difference'], 3)} dB ({_ends(drawn, 3)})."
    )


def _strips(study: Study, options: Any) -> list[Block]:
    """Images, decoded from their own codes with each kind of numbers."""
    rows = np.random.default_rng([options.noise, 3]).permutation(len(study.images))[: options.drawn]
    made = study.remember(decoded, rows, options.noise)
    pixels = study.images.read(rows)
    strips = []
    for place, row in enumerate(rows):
        shown = [Picture(pixels[place], "image", alt=f"Image {row}")]
        shown += [Picture(made[way][place], title, alt=f"Image {row}, {title}") for way, title in SHOWN.items()]
        strips.append(Strip(shown, study.images.names[row], row=int(row)))
    return [Strips("beside", strips, 400, archive=f"{study.checkpoint.name}-beside-codes")]


def decoded(study: Study, rows: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """{way: pictures (n, h, w, 3) uint8} of images, with each kind of numbers beside their codes."""
    from explorer.study import hybrid_parts

    codes, numbers = hybrid_parts.seen(study, rows)
    return {
        way: hybrid_parts.decoded(
            study, codes, numbers if way == "true" else hybrid_parts.complete(study, codes, way, seed)
        )
        for way in SHOWN
    }


def _sampled(study: Study, facts: Facts | None, options: Any, told: Mapping[str, Any]) -> list[Block]:
    """Codes that a prior drew, with each kind of numbers but the true ones, which nobody knows."""
    books = set(told["beside"].values())
    if facts is None or not books <= {level.name for level in facts.levels}:
        said = NO_PRIOR.format(name=study.checkpoint.name, dataset=study.subject.dataset)
        return [Heading("Codes that a prior draws", level=3), Note(said)]
    return [
        Heading("Codes that a prior draws", help_of("prior"), level=3), Later(partial(_drawn, study, facts, options)),
        Link("More samples", "casino", Go(None, {"part": "samples"})),
    ]  # fmt: skip


def _drawn(study: Study, facts: Facts, options: Any) -> list[Block]:
    from explorer.priors import folder

    made = study.remember(sampled, facts.name, options.drawn, options.noise, folder.fingerprint(facts.path))
    ways = [way for way in SHOWN if way in made]
    strips = [
        Strip([Picture(made[way][place], SHOWN[way], alt=f"Sample {place + 1}, {SHOWN[way]}") for way in ways],
              f"sample {place + 1}")
        for place in range(options.drawn)
    ]  # fmt: skip
    return [Strips("beside-sampled", strips, 320, archive=f"{study.checkpoint.name}-sampled-beside-codes")]


def sampled(study: Study, prior: str, count: int, seed: int, _: str) -> dict[str, np.ndarray]:
    """{way: pictures (n, h, w, 3) uint8} of codes that a prior draws."""
    from explorer.analysis.choices import Choices
    from explorer.study import hybrid_parts, priors, sampling

    facts = priors.facts_of(study, prior)
    codes = sampling.drawing(study, facts, (-1,) * count, Choices(seed=seed)).all()
    return {
        way: hybrid_parts.decoded(study, codes, hybrid_parts.complete(study, codes, way, seed))
        for way in SHOWN if way != "true"
    }  # fmt: skip


def _ends(found: Mapping[str, Any], digits: int, times: float = 1, unit: str = "") -> str:
    if found["low"] is None:
        return "one image, no interval"
    low, high = (_number(found[end] * times, digits) for end in ("low", "high"))
    return f"95 %: {low} – {high}{unit}"


def _number(value: float | None, digits: int) -> str:
    if value is None:
        return "–"
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text.replace("-", "−")
