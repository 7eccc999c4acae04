"""Which way to search finds what is alike, beside what needs no training: for the page of similar images.

`blocks` takes any options; those that have a field `concept` (made by `concept`) get its choice, and `encoder` is
another checkpoint to search by.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.datasets import sources
from explorer.errors import BadInput
from explorer.glossary import help_of
from explorer.sheets import Block, Card, Cards, Chart, Controls, Go, Heading, Missing, More, Note, Row
from explorer.study import retrieval_quality as quality
from explorer.views import fields, retrieval_table, words
from explorer.views.retrieval_table import ALL, called, short

if TYPE_CHECKING:
    from explorer.study import Study

TITLE = "Which way to take?"
ABOUT = (
    "Every way to search is tried on up to 1,000 of these images, and scored by how many of the first 10 have the same "
    "value of a concept."
)
GROUPS = {
    "codes": "codes of this checkpoint", "latents": "its latents, not quantized",
    "untrained": "the same network, untrained", "image": "no network", "nothing": "knows nothing",
    "encoder": "another encoder",
}  # fmt: skip
NONE = "No concept of these images can be judged, so nothing says which images are truly alike."
FIFTHS = "{concept} is a quantity: images of the same fifth of all images count as alike."
HALF = "Both were chosen on one half of the searches; these numbers are of the other half, {queries:,} searches."
UNSEEN = "There are no pictures beside these codes, so that pixels and colours cannot be tried."
FEW = "There are too few searches to choose a way on one half of them and to score it on the other."


def concept() -> Any:
    """The field of a view that says what makes two images alike."""
    return fields.option(
        "", "Alike by", "Two images count as alike where they have the same value of this concept.",
        choices=lambda study, _: {name: name for name in names(study)} or {"": "–"},
        start=lambda study, _: next(iter(names(study)), ""), when=lambda study, _: len(names(study)) > 1,
    )  # fmt: skip


def names(study: Study) -> list[str]:
    """Concepts that can be chosen: the dataset's categories, its quantities, and what is computed from the pixels."""
    own, known = study.concepts(), study.known()
    found = *sources.discrete(own), *sources.continuous(own), *sources.discrete(known), *sources.continuous(known)
    return list(dict.fromkeys(map(str, found)))


def blocks(study: Study, options: Any, go: Callable[[str, str], Go | None] | None = None) -> list[Block]:
    """What to take, in a sentence and in charts; or what makes the scores, where they are missing.

    Args:
        go: (way, layer) -> where a click on a way leads, such as the search by it.
    """
    chosen, encoder = (getattr(options, name, "") or "" for name in ("concept", "encoder"))
    head = Heading(TITLE, help_of("which way"))
    controls = [Controls(("concept",))] if hasattr(options, "concept") else []
    found = quality.found(study, chosen, encoder)
    if found is None:
        title = f"Trying every way to search {len(study.images):,} images"
        return [head, *controls, Missing("retrieval", quality.asked(chosen, encoder), title, ABOUT)]
    try:
        scores = quality.of_concept(found, chosen)
    except BadInput as why:
        return [head, *controls, Note(str(why), "info")]
    if scores is None:
        return [head, Note(NONE, "info")]
    name = f"{study.checkpoint.name}-searches"
    head = Heading(TITLE, help_of("which way"), lambda: retrieval_table.frame(found), name)
    tone = "warning" if not _ahead(scores) else "plain"
    verdict, *more = sentences(found, scores)
    return [
        head, *controls, Note(verdict, tone), *(Note(said, "plain") for said in more),
        Cards(_cards(found, scores), 4), _chart(found, scores, go), *_tables(found, scores, bool(controls)),
        *_more(found, scores, name), Note(_small(found, scores)),
    ]  # fmt: skip


def _more(found: Mapping[str, Any], scores: Mapping[str, Any], name: str) -> list[Block]:
    values = retrieval_table.by_value(found, scores, name)
    each = [] if values is None else [More(f"Each value of {scores['concept']}", [values])]
    return [More("All numbers", [retrieval_table.table(found, scores, name)]), *each]


def _ahead(scores: Mapping[str, Any]) -> bool:
    return bool(scores["best"]) and scores["best"]["difference"][1] > 0


def sentences(found: Mapping[str, Any], scores: Mapping[str, Any]) -> list[str]:
    """Which way to take, beside the best that needs no training; and what codes alone reach where latents are best."""
    best, codes, ways, measure = scores["best"], scores["codes"], found["ways"], f"mAP@{found['k']}"
    if best is None:
        return [FEW]
    own, plain = (called(found, best[name]) for name in ("way", "baseline"))
    reached, beside = f"{measure} {_between(best['score'])}", f"{measure} {_between(best['beside'])}"
    known = ways[best["baseline"]]["way"] != "chance"  # else there is nothing to compare with but an order by chance
    if best["difference"][1] > 0:
        said = f"Take {own}: {reached}, {_between(best['difference'])} above {plain}"
        said += ", the best that needs no training." if known else "."
    elif best["difference"][2] < 0 and known:
        below = _between([-one for one in (best["difference"][i] for i in (0, 2, 1))])
        said = f"Take {plain}: {beside} without any training. The best way here, {own}, is {below} below it."
    else:
        said = (
            f"Nothing here is surely better than {plain}{', which needs no training' if known else ''} ({beside}): "
            f"the best, {own}, reach {_between(best['score'])}, a difference of {_between(best['difference'])}."
        )
    told = [f"{said} {HALF.format(queries=best['queries'])}"]
    if codes is not None and codes["way"] != best["way"]:
        gap = codes["difference"]
        verdict = "above" if gap[1] > 0 else "below" if gap[2] < 0 else "not surely apart from"
        shown = _between([-one for one in (gap[i] for i in (0, 2, 1))] if gap[2] < 0 else gap)
        told.append(
            f"Of the codes alone, {called(found, codes['way'])} reach most: "
            f"{_between(codes['score'])}, {shown} {verdict} {plain}."
        )
    return told


def _between(ends: Sequence[float | None]) -> str:
    """A number with its interval."""
    value, low, high = (_number(one) for one in ends)
    return f"{value} [{low}, {high}]"


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    text = f"{value:.2f}" if abs(value) >= 0.01 or value == 0 else f"{value:.3f}"
    return text.replace("-", "−") if float(text) else text.lstrip("-")


def _cards(found: Mapping[str, Any], scores: Mapping[str, Any]) -> list[Card]:
    best, chance, cards = scores["best"], scores["map"][-1][0], []
    if best is not None:
        ends = {name: f"95 %: {_number(best[name][1])} – {_number(best[name][2])}" for name in ("score", "beside")}
        apart = best["difference"]
        cards = [
            Card("Best way here", _number(best["score"][0]), f"{short(found, best['way'])}; {ends['score']}",
                 help_of("best of a checkpoint")),
            Card("Best without training", _number(best["beside"][0]),
                 f"{short(found, best['baseline'])}; {ends['beside']}", help_of("needs no training")),
            Card("Difference", _number(apart[0]), f"95 %: {_number(apart[1])} – {_number(apart[2])}",
                 help_of("gain of a way")),
        ]  # fmt: skip
    return [*cards, Card("A random order", _number(chance), f"mAP@{found['k']}", help_of("random order"))]


def _chart(found: Mapping[str, Any], scores: Mapping[str, Any], go: Callable[[str, str], Go | None] | None) -> Chart:
    """Each way at its best layer, the best first."""
    from explorer.charts import retrieval_plots

    places = best_layers(found, scores)
    places = sorted((at for at in places.values() if found["ways"][at]["way"] != "chance"),
                    key=lambda at: -scores["map"][at][0])  # fmt: skip
    shown = [found["ways"][at] for at in places]
    title = f"mAP@{found['k']} by {scores['concept']}"
    return Chart(
        "ways",
        lambda theme: retrieval_plots.ways(
            [short(found, at) for at in places], np.array([_floats(scores["map"][at]) for at in places]),
            [list(GROUPS).index(way["group"]) for way in shown], list(GROUPS.values()),
            _floats(scores["map"][-1])[0], title, theme=theme,
        ),
        f"{title} of {len(shown)} ways to search, each at its best layer",
        go=None if go is None else lambda at: go(shown[at]["way"], shown[at]["layer"]),
    )  # fmt: skip


def best_layers(found: Mapping[str, Any], scores: Mapping[str, Any]) -> dict[str, int]:
    """{way: place of it in its best layer}."""
    best: dict[str, int] = {}
    for at, way in enumerate(found["ways"]):
        if way["way"] not in best or scores["map"][at][0] > scores["map"][best[way["way"]]][0]:
            best[way["way"]] = at
    return best


def _floats(values: Sequence[float | None]) -> list[float]:
    return [float("nan") if one is None else float(one) for one in values]


def _tables(found: Mapping[str, Any], scores: Mapping[str, Any], leads: bool) -> list[Block]:
    """Ways by layers, and concepts by ways."""
    from explorer.charts import retrieval_plots

    parts: list[list[Block]] = []
    layers = list(dict.fromkeys(way["layer"] for way in found["ways"] if way["layer"]))
    ways = list(dict.fromkeys(way["way"] for way in found["ways"] if way["layer"]))
    if len(layers) > 1:
        place = {(way["way"], way["layer"]): at for at, way in enumerate(found["ways"])}
        cells = [[_cell(scores, place.get((way, layer))) for layer in layers] for way in ways]
        shown = [ALL[way] for way in ways]
        parts.append([
            Heading(f"Ways and layers: mAP@{found['k']}", help_of("ways by layers"), level=3),
            Chart("layers", lambda theme: retrieval_plots.table(shown, layers, cells, across="layer", theme=theme),
                  f"mAP@{found['k']} of each way in each layer"),
        ])  # fmt: skip
    if len(found["concepts"]) > 1:
        columns = [way for way in dict.fromkeys(way["way"] for way in found["ways"]) if way != "shuffled"]
        concepts = [one["concept"] for one in found["concepts"]]
        by_way = [[_cell(one, best_layers(found, one)[way]) for way in columns] for one in found["concepts"]]
        parts.append([
            Heading(f"Which way for which concept: mAP@{found['k']}", help_of("concepts by ways"), level=3),
            Chart(
                "concepts", lambda theme: retrieval_plots.table(
                    concepts, [ALL[way] for way in columns], by_way, chosen=concepts.index(scores["concept"]),
                    across="way", theme=theme,
                ), f"mAP@{found['k']} of each way for each concept",
                go=(lambda at: Go(None, {"concept": concepts[at]})) if leads else None,
            ),
        ])  # fmt: skip
    return [Row(parts, width=420)] if len(parts) > 1 else [block for part in parts for block in part]


def _cell(scores: Mapping[str, Any], at: int | None) -> tuple[float, str] | None:
    return None if at is None else (scores["map"][at][0], f"mAP {_between(scores['map'][at])}")


def _small(found: Mapping[str, Any], scores: Mapping[str, Any]) -> str:
    """What the numbers are of."""
    said = [
        f"{words.many(scores['queries'], 'search', 'searches')} among {scores['images']:,} images, drawn at random "
        f"from the whole set. Intervals: 95 %, jackknife over images.",
    ]
    if not any(way["group"] == "image" for way in found["ways"]):
        said.append(UNSEEN)
    if scores["alone"]:
        said.append(f"{scores['alone']:,} images without another one of their value are not searched for.")
    if scores["possible"] < 0.995:
        said.append(f"Values with few images limit precision@{found['k']} to {scores['possible']:.2f}.")
    if scores["fifths"]:
        said.append(FIFTHS.format(concept=scores["concept"]))
    return " ".join([*said, scores.get("circular", ""), found["copies"], *found["notes"]]).strip()
