"""Groups of codes: which belong together, whether that is more than chance, and what they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.glossary import help_of
from explorer.results import groups as kind
from explorer.sheets import Block, Card, Cards, Controls, Go, Later, Link, Missing, Note, Part, Sheet
from explorer.study import grouped
from explorer.views import fields, group_list, group_panel, group_quality, group_use, words

if TYPE_CHECKING:
    from explorer.study import Picture as Looked
    from explorer.study import Study
    from explorer.study.grouped import Grouping

FOUND = "found"  # in place of groups of one's own
BY = {"together": "Together", "beside": "Side by side", "vectors": "Near vectors", "mixed": "All three"}
NOISE = (
    "No groups: what one half of the images calls a group, the other half does not, more than shuffled images do. "
    "Take what is below for noise, and try another way, or more images."
)
THERE = "Two halves of the images that share none agree on these groups {how}; shuffled images do not."
HOW = {0.3: "a little, and above chance", 0.6: "in part", 2.0: "for the most part"}  # agreement below each
ONLY_VECTORS = "One code stands for the whole image here, so none ever comes together with another: vectors it is."
YOURS = "Groups from {title}. Nothing was looked for, so there is no tree, and halves of the images are not asked."


def _ways(study: Study, options: Mapping[str, Any]) -> dict[str, str]:
    from explorer.analysis import grouping

    return {name: BY[name] for name in grouping.ways(study.layer(options["layer"]).grid)}


def _owned(study: Study, options: Mapping[str, Any]) -> dict[str, str]:
    kept = grouped.own(study, options["layer"])
    return {FOUND: "Found", **{key: f"{one.title} ({len(one.groups):,} groups)" for key, one in kept.items()}}


def _counts(study: Study, options: Mapping[str, Any]) -> dict[int, str]:
    from explorer.analysis.grouping import COUNTS

    tree = study.result("groups", kind.Options(options["layer"], options["by"]))
    return {0: "Automatic"} | {int(one): f"{one}" for one in (COUNTS if tree is None else tree["silhouette"])}


def _chosen(study: Study, options: Mapping[str, Any]) -> int:
    """The group with most tokens."""
    grouping = _grouping(study, options)
    return 0 if grouping is None else int(np.argmax(group_list.tokens(study, grouping)))


def _last(study: Study, options: Mapping[str, Any]) -> int:
    grouping = _grouping(study, options)
    return 0 if grouping is None else max(len(grouping) - 1, 0)


def _found(study: Study, options: Mapping[str, Any]) -> bool:
    return options["own"] == FOUND


@dataclass(frozen=True)
class Options:
    """What the view can be asked for."""

    layer: str = fields.layer()
    own: str = fields.option(
        FOUND, "Groups", "Those that were found here, or your own, from a file.", choices=_owned, yields=True,
        when=lambda study, options: len(_owned(study, options)) > 1,
    )  # fmt: skip
    by: str = fields.option(
        "together", "Alike are codes that are", help_of("ways to group codes"), choices=_ways, yields=True,
        start=lambda study, options: next(iter(_ways(study, options))),
        when=lambda study, options: _found(study, options) and len(_ways(study, options)) > 1,
    )  # fmt: skip
    count: int = fields.option(
        0, "How many", help_of("number of groups"), choices=_counts, yields=True, when=_found,
    )  # fmt: skip
    group: int = fields.option(0, "Group", "Its number in the list.", start=_chosen, min=0, max=_last)


def grouping_of(study: Study, options: Any) -> Grouping | None:
    """The groups that some options name; None where they are not there yet."""
    return _grouping(study, options.__dict__)


def _grouping(study: Study, options: Mapping[str, Any]) -> Grouping | None:
    if options["own"] != FOUND:
        return grouped.of_own(study, options["layer"], options["own"])
    return grouped.found(study, options["layer"], options["by"], options["count"])


def sheet(study: Study, options: Options, picture: Looked | None = None) -> Sheet:
    """The groups of a layer's codes: whether they are there, the tree and list, one of them, and what they keep."""
    layer = options.layer
    controls: list[Block] = [*group_use.back(study), Controls(("layer", "own", "by", "count"))]
    controls += words.continuous(study, layer)
    if options.own == FOUND and list(_ways(study, {"layer": layer})) == ["vectors"]:
        controls.append(Note(ONLY_VECTORS))
    grouping = grouping_of(study, options)
    if grouping is None:
        return Sheet([*controls, *_missing(study, options)], {"layer": layer, "missing": "groups"})
    facts = group_list.facts(study, grouping)
    count, group = len(grouping), min(options.group, len(grouping) - 1)
    stable = _stability(grouping)
    blocks = [*controls, _cards(study, grouping, stable), *_verdict(grouping, stable)]
    blocks += [*group_list.blocks(study, grouping, facts, group)]
    blocks.append(Part(group_panel.PANEL, group_panel.blocks(study, grouping, facts, group)))
    if grouping.tree is not None:
        blocks += group_quality.counts(study, grouping)
    blocks += [Later(partial(group_quality.blocks, study, grouping)), *group_use.blocks(study, grouping)]
    numbers = {
        "layer": layer, "by": options.by if grouping.tree else None, "title": grouping.title or None,
        "codes": int((grouping.of >= 0).sum()), "left_out": left_out(study, grouping), "count": count,
        "groups": [group_list.told(study, grouping, facts, one) for one in range(count)],
        "stability": stable, "silhouette": _silhouette(grouping),
        "baseline": partial(group_quality.numbers, study, grouping),
    }  # fmt: skip
    return Sheet(blocks, numbers)


def _missing(study: Study, options: Options) -> list[Block]:
    """The work that makes the groups; and where there can be none, why."""
    few = group_quality.too_few(study, options.layer)
    if few:
        shapes = Link("Groups of vqvae-shapes", "account_tree", Go("groups", {"checkpoint": "vqvae-shapes"}))
        return [Note(few, "info"), shapes]
    asked = kind.Options(options.layer, options.by, options.count)
    title = f"Group the codes of layer {options.layer} of {study.checkpoint.name}"
    about = "Counts which codes come together, and asks halves of the images whether they agree: a few seconds."
    return [Missing("groups", asked, title, about, begin=True)]


def left_out(study: Study, grouping: Grouping) -> dict[str, int]:
    """Codes in no group, by why: `dead`, `rare`, `beyond` the most used; of one's own groups `dead` and `unnamed`."""
    if grouping.tree is not None:
        return grouping.tree["left_out"]
    used = study.usage(grouping.layer) > 0
    outside = grouping.of < 0
    return {"dead": int((outside & ~used).sum()), "unnamed": int((outside & used).sum())}


def _stability(grouping: Grouping) -> dict[str, float] | None:
    found = None if grouping.tree is None else grouping.tree["stability"].get(str(len(grouping)))
    return None if not found else {**found, "there": found["low"] > found["null_high"]}


def _silhouette(grouping: Grouping) -> float | None:
    return None if grouping.tree is None else grouping.tree["silhouette"].get(str(len(grouping)))


def _cards(study: Study, grouping: Grouping, stable: Mapping[str, Any] | None) -> Cards:
    out = left_out(study, grouping)
    said = [f"{number:,} {why}" for why, number in out.items() if number]
    automatic = grouping.tree is not None and len(grouping) == grouping.tree["automatic"]
    cards = [
        Card("Groups", f"{len(grouping):,}", "chosen automatically" if automatic else "", help_of("number of groups")),
        Card(
            "Codes in groups", f"{int((grouping.of >= 0).sum()):,} of {len(grouping.of):,}",
            "left out: " + ", ".join(said) if said else "none is left out", help_of("codes left out"),
        ),
    ]  # fmt: skip
    if stable is not None:
        ends = f"{stable['low']:.2f} to {stable['high']:.2f}; shuffled images: {stable['null']:.2f}"
        cards.append(Card("Halves agree", f"{stable['ami']:.2f}", ends, help_of("halves agree")))
    shape = _silhouette(grouping)
    if shape is not None:
        cards.append(Card("Silhouette", f"{shape:.2f}", "1 is best, 0: no gap between groups", help_of("silhouette")))
    return Cards(cards, 4)


def _verdict(grouping: Grouping, stable: Mapping[str, Any] | None) -> list[Block]:
    if grouping.tree is None:
        return [Note(YOURS.format(title=grouping.title))]
    notes: list[Block] = []
    if stable is not None:
        how = next(said for most, said in HOW.items() if stable["ami"] < most)
        notes.append(Note(THERE.format(how=how)) if stable["there"] else Note(NOISE, "warning"))
    counted, images = grouping.tree["counted"], grouping.tree["images"]
    if counted < images:
        notes.append(Note(f"Counted in {counted:,} of {images:,} images, a random sample."))
    return notes
