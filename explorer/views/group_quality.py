"""How many groups there are, and what they keep of what codes tell of concepts, beside random groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.glossary import help_of
from explorer.sheets import Block, Chart, Column, Heading, Note, Table
from explorer.views import group_list, words

if TYPE_CHECKING:
    import pandas as pd

    from explorer.study import Study
    from explorer.study.grouped import Grouping

TOO_FEW = (
    "Layer {layer} has {codes} in at least {fewest} of its {images:,} images; groups need {smallest}. More images, or "
    "another layer, would do; here is a checkpoint with many codes."
)


def too_few(study: Study, layer: str) -> str:
    """Why the codes of a layer cannot be grouped, one sentence; empty where they can."""
    from explorer.analysis import grouping

    codes = int((study.table(layer)["images"] >= grouping.FEWEST).sum())
    if codes >= grouping.SMALLEST:
        return ""
    return TOO_FEW.format(
        layer=layer, codes=words.many(codes, "code"), fewest=grouping.FEWEST, images=study.encoding.images,
        smallest=grouping.SMALLEST,
    )  # fmt: skip


def counts(study: Study, grouping: Grouping) -> list[Block]:
    """Agreement and silhouette by the number of groups."""
    from explorer.charts import group_plots

    tree = grouping.tree
    name = f"{study.checkpoint.name}-{grouping.layer}-{tree['by']}"
    heading = Heading("How many groups?", help_of("number of groups"), lambda: _by_count(tree), f"{name}-counts")
    chart = Chart(
        "group-counts", lambda theme: group_plots.by_count(_by_count(tree), len(grouping), theme=theme),
        "How far halves of the images agree, by the number of groups",
        go=_at_count,
    )  # fmt: skip
    return [heading, chart]


def _at_count(count: int) -> Any:
    from explorer.sheets import Go

    return Go(carried={"count": count})


def _by_count(tree: dict[str, Any]) -> pd.DataFrame:
    import pandas as pd

    rows = [
        {"groups": int(count), "silhouette": shape, **tree["stability"].get(count, {})}
        for count, shape in tree["silhouette"].items()
    ]
    return pd.DataFrame(rows)


def blocks(study: Study, grouping: Grouping) -> list[Block]:
    """What groups keep of what codes tell of each concept, beside random groups of the same sizes."""
    heading = Heading(
        "Do groups hold concepts?", help_of("groups hold concepts"), lambda: _frame(study, grouping),
        f"{study.checkpoint.name}-{grouping.layer}-groups-concepts",
    )  # fmt: skip
    frame = _frame(study, grouping)
    if not len(frame):
        few = len(group_list.sampled(study)) < 10
        return [heading, Note("There are too few images to ask: at least 10 are needed." if few else words.NO_CONCEPTS)]
    columns = {
        "concept": Column("Concept"),
        "codes": Column("Codes", help_of("bag of codes, probed"), "%.2f"),
        "groups": Column("Groups", help_of("bag of groups, probed"), "%.2f"),
        "interval": Column("95 % interval", "Of the number for groups; the image is the unit."),
        "random": Column("Random groups", help_of("random groups"), "%.2f"),
        "beats": Column("Above random", "Whether the interval lies above the best of the random groups."),
        "share": Column("Bits kept", help_of("bits kept"), "percent"),
        "random_share": Column("By random groups", help_of("random groups"), "percent"),
    }  # fmt: skip
    won, all_of = int((frame["beats"] == "yes").sum()), len(frame)
    said = (
        f"Groups tell more than the best of {_probed()} random groupings in {won} of {words.many(all_of, 'concept')}."
    )
    return [heading, Note(said, "plain"), Table("groups-concepts", frame, columns)]


def _probed() -> int:
    from explorer.analysis.group_concepts import PROBED

    return PROBED


def numbers(study: Study, grouping: Grouping) -> list[dict[str, Any]]:
    """The same as plain values, a row for each concept."""
    return study.remember(_kept, grouping.layer, grouping.of, len(grouping), study.computed() is None)


def _kept(study: Study, layer: str, of: np.ndarray, count: int, _: bool) -> list[dict[str, Any]]:
    from explorer.analysis import group_concepts

    rows = group_list.sampled(study)
    concepts, codes = group_list.concepts(study, rows), study.some_codes(layer, rows)
    if not concepts or len(rows) < 10:
        return []
    bits = group_concepts.kept_bits(codes, of, count, concepts)
    whole = study.remember(_whole, layer, study.computed() is None)
    told = group_concepts.probed(codes, of, count, concepts, whole)
    return [{**one, "bits_kept": other} for one, other in zip(told, bits, strict=True)]


def _whole(study: Study, layer: str, _: bool) -> list:
    """What the codes themselves tell, whatever the groups."""
    from explorer.analysis import group_concepts

    rows = group_list.sampled(study)
    return group_concepts.probe(study.some_codes(layer, rows), len(study.book(layer)), group_list.concepts(study, rows))


def _frame(study: Study, grouping: Grouping) -> pd.DataFrame:
    import pandas as pd

    rows = [
        {
            "concept": one["concept"], "codes": one["codes"], "groups": one["groups"],
            "random": one["random"],
            "interval": " to ".join(f"{round(one[end], 2) + 0:.2f}" for end in ("low", "high")),
            "beats": "yes" if one["low"] > one["random_high"] else "no", "share": one["bits_kept"]["share"],
            "random_share": one["bits_kept"]["random"],
        }
        for one in numbers(study, grouping)
    ]  # fmt: skip
    frame = pd.DataFrame(rows)
    scores = [name for name in ("codes", "groups", "random") if name in frame]
    return frame.assign(**{name: frame[name].round(2) + 0.0 for name in scores})  # no -0.00
