"""What samples are worth: whether they are copied, look like images and like all of them, and show their class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from explorer.glossary import help_of
from explorer.results.judged.asked import Options as Asked
from explorer.sheets import Block, Card, Cards, Chart, Column, Controls, Go, Heading, Later, Missing, More, Note, Table
from explorer.views import fields, words
from explorer.views.priors import drawn, nearest_pairs
from explorer.views.priors.made import Made

if TYPE_CHECKING:
    import pandas as pd

    from explorer.priors.folder import Facts
    from explorer.results.subject import Subject
    from explorer.study import Picture as Looked
    from explorer.study import Study

SEEN = (
    "Samples are held against images that the prior did not learn from, and these are of the split “{}”; choose the "
    "split “test” in the sidebar."
)
TAKES = (
    "As many samples as held-out images, at most 500, are drawn and decoded; all training images are encoded once, and "
    "looked through for the nearest. Some minutes; kept for the next time."
)
LITTLE = " It reads little of real images, too: of samples it says as little."
TALL, LOW = 350, 260  # pixels of charts whose names stand below one another on a telephone
NAMES = {"samples": "samples", "held_out": "held-out images"}
SETS = {"samples": "Samples", "held_out": "Held-out images", "places": "Codes drawn by place"}
METRICS = {name: f"{name} of samples" for name in ("precision", "recall", "density", "coverage")}


def _guided(study: Study, options: Mapping[str, Any]) -> bool:
    """Whether the class was hidden now and then in training, so that it can count more than it was learned to."""
    facts = drawn.chosen(study, options) if options["part"] == "judged" else None
    return bool(facts and facts.classes and facts.settings.get("class_dropout"))


@dataclass(frozen=True)
class Options:
    """What is judged."""

    judged_at: float = fields.option(
        1.0, "Samples at temperature", help_of("temperature"), yields=True, widget="list",
        choices={1.0: "1 (as learned)", 0.9: "0.9", 0.8: "0.8", 0.7: "0.7", 0.5: "0.5"},
        when=lambda study, options: options["part"] == "judged",
    )  # fmt: skip
    judged_guidance: float = fields.option(
        1.0, "Guidance", help_of("guidance"), yields=True, widget="list",
        choices={1.0: "1 (as learned)", 1.5: "1.5", 2.0: "2", 3.0: "3"}, when=_guided,
    )  # fmt: skip


def asked_of(study: Study, facts: Facts) -> Subject:
    """What samples are held against: the images that are open, with the k-means codes that the prior is over."""
    return replace(study.subject, kmeans=facts.kmeans or study.subject.kmeans)


def blocks(study: Study, facts: Facts, options: Any, picture: Looked | None = None) -> Made:
    """The verdict, and what it stands on; or the work that makes it."""
    shown: list[Block] = [Controls(("judged_at", "judged_guidance"))]
    if learned := {study.subject.split, study.images.split} & {"train", "all"}:
        return Made([*shown, Note(SEEN.format(min(learned)), "info")], {"judged": None})
    guidance = options.judged_guidance if facts.classes and facts.settings.get("class_dropout") else 1.0
    subject = asked_of(study, facts)
    asked = Asked(str(facts.path), temperature=options.judged_at, guidance=guidance)
    told = study.beside(subject).result("judged", asked)
    if told is None:
        title = f"Judge {words.many(min(asked.n, len(study.images)), 'sample')} of {facts.name}"
        return Made([*shown, Missing("judged", asked, title, TAKES, subject=subject)], {"judged": None})
    shown += [
        *(Note(one, "plain") for one in verdicts(told)), Cards(_cards(told), 5), *_copied(study, facts, told),
        *_like(study, told), *_read(told), *_used(study, told), Note(told["fid"], help=help_of("frechet distance")),
    ]  # fmt: skip
    return Made(shown, {"judged": told})


def verdicts(told: Mapping[str, Any]) -> list[str]:
    """What there is to say, in plain sentences, which claim no more than the intervals do."""
    said = [f"Copied? {told['copying']['sentence']}", f"Like images? {_likeness(told)}"]
    probe = told["probe"]
    said.append(f"As surprising? {_surprise(told['bits'])}")
    if "missing" not in probe:
        sets, more = probe["sets"], probe["difference"]
        said.append(
            f"Of their {probe['column']}? A probe of real codes reads {_share(sets['samples']['right'])} of samples as "
            f"the {probe['column']} that was asked for, and {_share(sets['held_out']['right'])} of held-out images as "
            f"what they are{_than(more)}; a guess is right in {100 * probe['chance']:.0f} %."
            + (LITTLE if sets["held_out"]["right"]["mean"] < 0.5 else "")
        )
    return said


def _than(more: Mapping[str, float]) -> str:
    """How samples are read beside images, where that is sure."""
    if more["high"] < 0:
        return ": samples show it less surely than images do"
    return ": samples show it more plainly than images do" if more["low"] > 0 else ", which is no sure difference"


def _likeness(told: Mapping[str, Any]) -> str:
    """Density and coverage of samples beside the best that there can be."""
    sets = {one["name"]: one for one in told["quality"]["sets"]}
    samples, best = sets["samples"], next(one for name, one in sets.items() if name != "samples")
    floor = sets["codes drawn by place"]
    one, other = samples["precision"], best["precision"]
    said = f"Precision {_number(one)}, and {_number(other)} of {best['name']} in their place; coverage "
    said += f"{_number(samples['coverage'])} and {_number(best['coverage'])}. "
    if all(samples[name]["low"] <= floor[name]["high"] for name in ("precision", "coverage")):
        return said + "That is no better than codes drawn for each cell by itself."
    short = [name for name in ("precision", "recall", "coverage") if samples[name]["high"] < best[name]["low"]]
    if not short:
        return said + "They cannot be told from real images by that."
    lacks = ["some samples look like no image"] if "precision" in short else []
    if {"recall", "coverage"} & set(short):
        lacks.append("some kinds of image are missing" + ("" if "coverage" in short else ", by recall"))
    return f"{said}{_capital(' and '.join(lacks))}."


def _surprise(bits: Mapping[str, Any]) -> str:
    """Whether samples are as probable as held-out images, where the difference is sure."""
    more = bits["difference"]
    known = more["low"] is not None and more["low"] == more["low"]
    said = f"{_number(bits['samples'])} bits per code, held-out images {_number(bits['held_out'])}: "
    if known and more["low"] > 0:
        return said + "the prior finds its own samples less probable than images."
    return said + ("plainer than images." if known and more["high"] < 0 else "no sure difference.")


def _cards(told: Mapping[str, Any]) -> list[Card]:
    """The few numbers, each beside what held-out images have."""
    copying, bits, kept = told["copying"], told["bits"], told["kept"]
    sets = told["quality"]["sets"]
    best = f"{sets[1]['name']}: "
    half = {name: copying[name]["half"] for name in NAMES}
    cards = [
        Card("Half a map repeated", _share(half["samples"], False), f"held-out: {_share(half['held_out'])}",
             help_of("repeats half")),
        Card("Nearer than held-out", _share(copying["nearer"], False),
             f"95 %: {_ends(copying['nearer'])}; alike: 50 %", help_of("nearer than held-out")),
        *(Card(name.capitalize(), f"{sets[0][name]['mean']:.2f}", best + _number(sets[1][name]), help_of(METRICS[name]))
          for name in ("precision", "coverage")),
        Card("Bits per code", f"{bits['samples']['mean']:.2f}", f"held-out: {_number(bits['held_out'])}",
             help_of("bits of a sample")),
    ]  # fmt: skip
    if "missing" not in told["probe"]:
        right = told["probe"]["sets"]
        cards.append(Card(
            f"Read as their {told['probe']['column']}"[:40], _share(right["samples"]["right"], False),
            f"held-out: {_share(right['held_out']['right'])}", help_of("class read from samples"),
        ))  # fmt: skip
    if kept:
        cards.append(Card(
            "Codes kept", _share(kept["samples"], False), f"held-out: {_share(kept['held_out'])}",
            help_of("kept codes of samples"),
        ))  # fmt: skip
    return cards


def _copied(study: Study, facts: Facts, told: Mapping[str, Any]) -> list[Block]:
    """How near samples are to training images, and the nearest pairs."""
    from explorer.charts import sample_plots

    copying = told["copying"]
    counts = {SETS[name]: values for name, values in copying["counts"].items()}
    about = (
        f"{words.many(told['n'], 'sample')}, as many held-out images, and as many maps of codes drawn by place, each "
        f"beside the nearest of {told['training']:,} training images."
    )
    if copying["pixels"]:
        near = copying["pixels"]["nearer"]
        about += f" By small pictures a sample is nearer than a decoded held-out image in {_share(near)} of pairs."
    return [
        Heading("Is it copied?", help_of("copied samples"), partial(_counts_frame, told), f"{told['prior']}-copying"),
        Chart("nearness", lambda theme: sample_plots.nearness(counts, theme=theme), _alt(told)),
        Note(about, help=help_of("nearer than held-out")),
        Later(partial(nearest_pairs.blocks, study, facts, told)),
    ]  # fmt: skip


def _alt(told: Mapping[str, Any]) -> str:
    half = {name: _share(told["copying"][name]["half"]) for name in ("samples", "held_out")}
    return f"Maps that repeat at least half of a training map: samples {half['samples']}, held-out {half['held_out']}"


def _counts_frame(told: Mapping[str, Any]) -> pd.DataFrame:
    import pandas as pd

    counts = told["copying"]["counts"]
    return pd.DataFrame({"cells as in one training image": range(told["cells"] + 1), **counts})


def _like(study: Study, told: Mapping[str, Any]) -> list[Block]:
    """Precision, recall, density and coverage, of samples and of what they stand beside."""
    from explorer.charts import causal_plots

    quality = told["quality"]
    series = {
        _capital(one["name"]): [one[name] | {"score": one[name]["mean"]} for name in METRICS]
        for one in quality["sets"]
    }  # fmt: skip
    labels = [name.capitalize() for name in METRICS]
    alt = "; ".join(f"{name} {quality['sets'][0][name]['mean']:.2f}" for name in METRICS)
    frame = partial(_quality_frame, quality)
    space = f"Space: {quality['space']}. Balls reach to neighbour {quality['k']}; {quality['n']:,} of each."
    columns = {
        "what": Column("In the place of samples", help_of("what samples stand beside"), pinned=True),
        **{name: Column(name.capitalize(), help_of(term)) for name, term in METRICS.items()},
        "frechet": Column("Fréchet distance", help_of("frechet distance"), "%.3f"),
    }  # fmt: skip
    return [
        Heading("Do they look like images, and like all of them?", help_of("what samples stand beside"), frame,
                f"{told['prior']}-quality"),
        Chart("quality", lambda theme: causal_plots.dots(labels, series, "score (1 is the best of all but density)",
                                                         theme=theme).update_layout(height=TALL), f"Of samples: {alt}"),
        Note(f"{space} Bars are 95 % intervals, from leaving images out.", help=help_of("recall of samples")),
        More("In numbers", [Table("quality-table", frame(), columns)]),
    ]  # fmt: skip


def _quality_frame(quality: Mapping[str, Any]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame([
        {"what": _capital(one["name"]), **{name: _number(one[name]) for name in METRICS}, "frechet": one["frechet"]}
        for one in quality["sets"]
    ])  # fmt: skip


def _read(told: Mapping[str, Any]) -> list[Block]:
    """Which class a probe reads from samples, and from held-out images."""
    from explorer.charts import causal_plots, sample_plots

    probe = told["probe"]
    heading = Heading("Do they show what was asked for?", help_of("class read from samples"))
    if "missing" in probe:
        return [heading, Note(probe["missing"])]
    labels = ["As drawn", "Encoded again"] if "samples_seen" in probe["sets"] else ["As drawn"]
    series = {
        SETS[name]: [_scored(probe["sets"][f"{name}{more}"]["right"]) for more in ("", "_seen")[: len(labels)]]
        for name in NAMES
    }  # fmt: skip
    said = ", ".join(f"{name.lower()} {_share(probe['sets'][key]['right'])}" for key, name in list(SETS.items())[:2])
    told_of = (
        f"Read as their {probe['column']}: {said}. The probe was fitted on {probe['fitted']:,} training images and has "
        f"seen neither; a guess is right {100 * probe['chance']:.0f} % of the time."
    )
    shown: list[Block] = [
        heading,
        Chart("read", lambda theme: causal_plots.dots(labels, series, f"read as their {probe['column']} (%)",
              chance=[100 * probe["chance"]] * len(labels), theme=theme).update_layout(height=LOW), said),
        Note(told_of, help=help_of("class read from samples")),
    ]  # fmt: skip
    if probe["sets"]["samples"]["confusion"]:
        tables = {SETS[name]: probe["sets"][name]["confusion"] for name in NAMES}
        shown.append(More("Which is taken for which", [Chart(
            "read-as", lambda theme: sample_plots.read_as(tables, probe["values"], probe["column"], theme=theme),
            f"Which {probe['column']} was read, where which was asked for",
        )]))  # fmt: skip
    return shown


def _scored(one: Mapping[str, float]) -> dict[str, float]:
    return {"score": 100 * one["mean"], "low": 100 * one["low"], "high": 100 * one["high"]}


def _used(study: Study, told: Mapping[str, Any]) -> list[Block]:
    """How samples use the codes of each layer, and which are used more or less than by images."""
    shown: list[Block] = [Heading("Are codes used as images use them?", help_of("usage of samples"))]
    several = len(told["usage"]) > 1
    for level in told["usage"]:
        name, kl, wide = level["layer"], level["kl"], level["perplexity"]
        of = f", {name}" if several else ""
        cards = [
            Card(f"From training{of}", f"{round(kl['samples']['mean'], 3) + 0:.3f} bits",
                 f"held-out: {_number(kl['held_out'], 3)}", help_of("usage of samples")),
            Card(f"Perplexity{of}", f"{wide['samples']['mean']:.0f}", f"held-out: {wide['held_out']['mean']:.0f}",
                 help_of("perplexity")),
            Card(f"Codes used{of}", f"{level['used']['samples']:,}",
                 f"held-out: {level['used']['held_out']:,}; of {level['codes']:,}", help_of("codes used unevenly")),
        ]  # fmt: skip
        shown.append(Cards(cards, 3))
        if not level["uneven"]:
            shown.append(Note(f"No code is surely more or less common in samples than in held-out images{of}."))
            continue
        go = partial(_to_code, name)
        shown.append(Table(
            f"uneven-{name}", _uneven_frame(level, told["n"]), UNEVEN, go=go, by="code",
            height=min(420, 40 + 36 * len(level["uneven"])),
        ))  # fmt: skip
    return shown


UNEVEN = {
    "code": Column("Code", help_of("codes used unevenly"), pinned=True),
    "which": Column("In samples", help_of("codes used unevenly")),
    "samples": Column("Samples (%)", "Samples that have the code at least once.", "%.1f"),
    "held_out": Column("Held-out (%)", "Held-out images that have it.", "%.1f"),
    "odds": Column("Odds ratio", "Odds of having the code in a sample over those in an image; 95 %, 1 is equal."),
}  # fmt: skip


def _to_code(layer: str, code: int) -> Go:
    return Go("codebook", {"layer": layer, "code": code})


def _uneven_frame(level: Mapping[str, Any], count: int) -> pd.DataFrame:
    import math

    import pandas as pd

    return pd.DataFrame([
        {
            "code": one["code"], "which": "more often" if one["log_odds"] > 0 else "less often",
            "samples": 100 * one["samples"] / count, "held_out": 100 * one["held_out"] / count,
            "odds": " to ".join(f"{math.exp(one[end]):.2g}" for end in ("low", "high")),
        }
        for one in level["uneven"]
    ])  # fmt: skip


def _share(one: Mapping[str, float], ends: bool = True) -> str:
    """ "88 % [84, 91]", or without its ends; a digit more where it is small."""
    from explorer.analysis.copying import worded

    return worded(one) if ends else worded(one).split(" [")[0]


def _ends(one: Mapping[str, float]) -> str:
    return f"{100 * one['low']:.0f} – {100 * one['high']:.0f} %"


def _number(one: Mapping[str, Any], digits: int = 2) -> str:
    ends = (None, None) if one["low"] is None else (one["low"], one["high"])
    mean, low, high = (None if end is None else f"{round(end, digits) + 0:.{digits}f}" for end in (one["mean"], *ends))
    return (mean if low is None else f"{mean} [{low}, {high}]").replace("-", "−")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
