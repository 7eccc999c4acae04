"""About a prior: what it learned, what its codes cost beside counting, how training went, and what it can be asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from explorer.glossary import help_of
from explorer.sheets import Block, Card, Cards, Chart, Column, Heading, More, Note, Table
from explorer.views.priors.made import Made
from explorer.views.words import many

if TYPE_CHECKING:
    from explorer.priors.folder import Facts
    from explorer.study import Picture as Looked
    from explorer.study import Study

UNSCORED = "This prior keeps no scores; train it again, and they are measured when training ends."
DIGITS = 3


def blocks(study: Study, facts: Facts, options: Any, picture: Looked | None = None) -> Made:
    """The card of a prior, as cards and charts; what it is alone, where the scores beside it are damaged."""
    try:
        made = _blocks(facts)
        if "bits_per_code" in facts.metrics:
            _beside(facts.metrics, "light")  # charts are drawn later, and nobody would say what is wrong then
    except (KeyError, TypeError, ValueError, AttributeError):
        return Made([_what(facts), Note(UNSCORED, "info")], {"prior": facts.name, "kind": facts.kind})
    return made


def _blocks(facts: Facts) -> Made:
    metrics = facts.metrics
    numbers = {"prior": facts.name, "kind": facts.kind, "parameters": facts.parameters, **metrics}
    if "bits_per_code" not in metrics:
        return Made([_what(facts), Note(UNSCORED, "info")], numbers)
    found: list[Block] = [_what(facts), Cards(_scores(facts, metrics))]
    if metrics.get("causal") is False:
        found.append(
            Note(
                "This prior sees what it is to predict, so its bits are too few to be true: train it again.", "warning"
            )
        )
    found += [
        Heading("Bits per code beside counting", help_of("bits of a prior")),
        Chart("prior-bits", lambda theme: _beside(metrics, theme), _alt(metrics)),
        Note(
            "This prior on held-out and on training images, beside models that only count codes of training images: "
            "with the left and the upper neighbour (bigram), by frequency (unigram), and knowing nothing (uniform)."
        ),
        *_curve(facts),
        *_class(facts, metrics),
    ]
    return Made([*found, *_made(facts, metrics)], numbers)


def _what(facts: Facts) -> Note:
    from explorer.priors import PRIORS

    levels = " and ".join(f"{one.name} ({one.grid[0]} × {one.grid[1]}, {one.codes:,} codes)" for one in facts.levels)
    kind = PRIORS[facts.kind].summary if facts.kind in PRIORS else facts.kind
    asked = f", and samples can be asked for by {facts.condition.column}" if facts.condition else ""
    return Note(f"{kind}. It is over {levels}{asked}.", "plain", help_of("prior"))


def _scores(facts: Facts, metrics: Mapping[str, Any]) -> list[Card]:
    from explorer.analysis.quality import between

    def card(label: str, key: str, term: str, form: str = "{:.3f}", digits: int = DIGITS) -> list[Card]:
        value = metrics.get(key)
        return [Card(label, form.format(value["mean"]), between(value, digits), help_of(term))] if value else []

    found = card("Bits per code", "bits_per_code", "bits of a prior")
    found += card("On training images", "train_bits", "training bits")
    found += card("Below the bigram", "saved", "bigram")
    if value := metrics.get("bits_per_image"):
        beside = f"in place of {metrics['fixed_bits_per_image']:,.0f}"
        found.append(Card("Bits of an image", f"{value['mean']:,.0f}", beside, help_of("codes of an image")))
    if "causal" in metrics:
        leak = f"a prediction changed by {metrics['leak']:.2g}" if metrics["leak"] else "nothing leaks"
        found.append(Card("Causal", "yes" if metrics["causal"] else "no", leak, help_of("causal")))
    if kept := metrics.get("kept"):
        of = f"of {facts.training.get('steps', 0):,}"
        found.append(Card("Weights of step", f"{kept['step']:,}", of, help_of("kept weights")))
    return found


def _beside(metrics: Mapping[str, Any], theme: str) -> Any:
    from explorer.charts.prior_plots import beside_counting

    return beside_counting(metrics, theme)


def _alt(metrics: Mapping[str, Any]) -> str:
    said = [f"this prior {metrics['bits_per_code']['mean']:.3f}"]
    said += [f"{name} {metrics[name]['mean']:.3f}" for name in ("bigram", "unigram") if name in metrics]
    return f"Bits per code: {', '.join(said)}, uniform {metrics['uniform']:.3f}"


def _curve(facts: Facts) -> list[Block]:
    """How bits went down while it was trained; nothing where that was not kept."""
    from explorer.charts import curves

    lines = curves.read(facts.path / "metrics.jsonl")
    if not any("held_out_bits" in line for line in lines):
        return []

    def drawn(theme: str) -> Any:
        return curves.figures(lines, theme)[curves.BITS]

    help = curves.PANELS[curves.BITS][2]
    said = f"Bits per code over steps of training, at last {curves.latest(lines, 'held_out_bits'):.3f} held out"
    return [Heading("How it learned", help), Chart("prior-curve", drawn, said)]


def _class(facts: Facts, metrics: Mapping[str, Any]) -> list[Block]:
    """What the class is worth, and how many images of each there were."""
    from explorer.analysis.quality import between

    told, condition = metrics.get("class") or {}, facts.condition
    if condition is None:
        return []
    found: list[Block] = [Heading(f"What {condition.column} tells", help_of("class of a sample"))]
    if "right" in told:
        places = sum(level.places for level in facts.levels)
        cards = [
            Card(label, f"{told[key]['mean']:.3f}", between(told[key], DIGITS), help_of(term))
            for label, key, term in (
                ("With its own", "right", "bits of a prior"),
                ("With another", "wrong", "wrong class"),
            )
        ]
        if "none" in told:
            cards.append(
                Card(
                    "With none",
                    f"{told['none']['mean']:.3f}",
                    between(told["none"], DIGITS),
                    help_of("told by the class"),
                )
            )
            beside = f"{between(told['told'], 2)}; the class takes {told['most']:.2f}"
            cards.append(
                Card("Told by the class", f"{told['told']['mean']:.2f} bits", beside, help_of("told by the class"))
            )
        found += [
            Cards(cards),
            Note(f"Bits per code of {told['images']:,} held-out images with {places:,} codes each."),
        ]
    return [*found, *_values(metrics.get("condition"), condition)]


def _values(counted: Mapping[str, Any] | None, condition: Any) -> list[Block]:
    import pandas as pd

    rows = counted["values"] if counted else [
        {"value": value, "train": count} for value, count in zip(condition.values, condition.counts, strict=True)
    ]  # fmt: skip
    columns = {"value": Column(condition.column), "train": Column("Training images", format="%d")}
    if counted:
        columns["held_out"] = Column("Held-out images", format="%d")
    table = Table("prior-values", pd.DataFrame(rows), columns)
    few = [f"{len(rows):,} values"] if len(rows) > 1 else []
    unknown = (
        f"; {many(counted['unknown'], 'held-out image')} without one of them" if counted and counted["unknown"] else ""
    )
    return [More(f"{' '.join(few)} that can be asked for{unknown}", [table])]


def _made(facts: Facts, metrics: Mapping[str, Any]) -> list[Block]:
    """How it was made, and how to make it again."""
    training = facts.training
    spent = f" in {training['seconds'] / 60:,.1f} minutes" if "seconds" in training else ""
    rate = f" ({training['images_per_second']:,.0f} images/s on {training['device']})" if "device" in training else ""
    trained = f"{training.get('step', 0):,} steps{spent}{rate}, {facts.parameters:,} parameters"
    trained += f", learned from {facts.dataset}."
    again = metrics.get("command")
    return [Note(trained), *([More("The command that makes it again", [Note(again, "plain")])] if again else [])]
