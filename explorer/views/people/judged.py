"""Whether codes find what users look at next: every method asked for what was held back, and for new images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from explorer.glossary import help_of
from explorer.results.relations import Options
from explorer.sheets import Block, Chart, Column, Controls, Heading, Missing, More, Note, Table
from explorer.views import words

if TYPE_CHECKING:
    import pandas as pd

    from explorer.datasets.interactions import Interactions
    from explorer.study import Study

METRICS = {"hit_rate": "Hit rate", "ndcg": "nDCG", "mrr": "MRR"}
HELP = {"hit_rate": "hit rate", "ndcg": "ndcg of users", "mrr": "mrr of users"}
TITLE = "Do the codes find what a user looks at next?"
NEW = "New images, which nobody has looked at yet"
SMALL = 10_000_000  # users times images that are judged unasked
FEW = 100  # users; of fewer little can be told
NO_USERS = "No user looked at two different images, so nothing can be held back, and nothing can be judged."


def blocks(study: Study, found: Interactions, key: str, metric: str) -> list[Block]:
    """The sentence, the chart, and the table; or the work that makes them."""
    heading = Heading(TITLE, help_of("hit rate"))
    asked = Options(key)
    told = study.result("relations", asked)
    if told is None:
        users = int((found.counts > 1).sum())
        if not users:
            return [heading, Note(NO_USERS, "info")]
        missing = Missing(
            "relations", asked, f"Ask every method about {words.many(users, 'user')}",
            "One image of each user is held back; every method ranks all images that the user has not looked at. Kept "
            "for the next time, until these users are deleted.", begin=users * len(study.images) <= SMALL,
        )  # fmt: skip
        return [heading, missing]
    if not told["methods"]:
        return [heading, Note(NO_USERS, "info")]
    heading = Heading(
        TITLE, help_of("hit rate"), lambda: frame(told["methods"]), f"{study.checkpoint.name}-relations-{key[:6]}"
    )
    return [
        heading, Note(sentence(told, told["methods"], told["k"]), "plain"), *_rest(told),
        Controls(("finds",)), _chart("methods", told["methods"], told, told["ceiling"], metric),
        Note(_how(told)), *_beside(told["methods"]),
        More("Every method in numbers", [_table("methods-table", told["methods"])]),
        Heading(NEW, help_of("cold start"), level=3), *_new(told, metric),
    ]  # fmt: skip


def numbers(study: Study, key: str) -> dict[str, Any] | None:
    """What `explorer relations --json` prints; None until it is made."""
    return study.result("relations", Options(key))


def sentence(told: Mapping[str, Any], methods: Sequence[Mapping[str, Any]], k: int, new: bool = False) -> str:
    """What was found, as plainly as it is: the best of codes beside the best of what is not, on other users."""
    best = told["best"]
    if best is None:
        return "There are too few users to choose the best method on one half of them and score it on the other."
    titles = {one["name"]: _inside(one) for one in methods}
    score, beside, difference = best["score"], best["beside"], best["difference"]
    whose = f"{titles[best['baseline']]}, the best of what is no code of this checkpoint,"
    first = (
        f"Codes ({titles[best['method']]}) find the image held back for {_share(score)} of users among the first {k}; "
        f"{whose} for {_share(beside)}."
    )
    if new:  # of a user, several are held back
        first = (
            f"Of the new images that a user looked at, codes ({titles[best['method']]}) find {_share(score)} on "
            f"average among the first {k}; {whose} {_share(beside)}."
        )
    if difference["low"] > 0:
        more = f"{100 * difference['value']:.1f} points [{_ends(difference)}] more"
        return f"{first} That is {more}: the codes know something that the others do not."
    if difference["high"] < 0:
        less = {"low": -difference["high"], "high": -difference["low"]}
        points = f"{-100 * difference['value']:.1f} points [{_ends(less)}] less"
        return f"{first} That is {points}: take {titles[best['baseline']]}, not the codes."
    return f"{first} The difference, {100 * difference['value']:+.1f} points [{_ends(difference)}], may be chance."


def _share(one: Mapping[str, float]) -> str:
    return f"{100 * one['value']:.1f} % [{100 * one['low']:.1f}, {100 * one['high']:.1f}]"


def _ends(one: Mapping[str, float]) -> str:
    return f"{100 * one['low']:.1f}, {100 * one['high']:.1f}".replace("-", "−")


def _inside(one: Mapping[str, Any]) -> str:
    """The title of a method within a sentence."""
    title = one["title"]
    return title if title.startswith("Item") else title[:1].lower() + title[1:]


def _rest(told: Mapping[str, Any]) -> list[Block]:
    """How near to the best there could be, and whether there are enough users to tell."""
    blocks: list[Block] = []
    ceiling, best = told["ceiling"], told["best"]
    if ceiling and best and ceiling["hit_rate"] > 0:
        of = best["score"]["value"] / ceiling["hit_rate"]
        blocks.append(Note(
            f"Whoever knows every taste finds {100 * ceiling['hit_rate']:.1f} %: the codes reach {100 * of:.0f} % of "
            "that.",
            "plain", help_of("ceiling of a simulation"),
        ))  # fmt: skip
    if told["judged"] < FEW:
        blocks.append(Note(f"Only {words.many(told['judged'], 'user')} could be asked about; intervals are wide."))
    return blocks


def _chart(
    name: str, methods: Sequence[Mapping[str, Any]], told: Mapping[str, Any], ceiling: Any, metric: str
) -> Chart:
    from explorer.charts import relation_plots

    lows, highs = {"hit_rate": ("low", "high"), "ndcg": ("ndcg_low", "ndcg_high")}.get(metric, ("", ""))
    rows = [
        {"name": one["title"], "kind": one["kind"], "value": one[metric], "low": one.get(lows), "high": one.get(highs)}
        for one in methods
    ]
    chance = next((one[metric] for one in methods if one["kind"] == "random"), None)
    marks = {"chance": chance} if chance is not None else {}
    marks |= {"ceiling": ceiling[metric]} if ceiling else {}
    percent = metric == "hit_rate"
    unit = "% of users" if percent else "0 to 1"
    title = f"{METRICS[metric]} at {told['k']} ({unit})"
    best = max(rows, key=lambda row: row["value"])
    return Chart(
        name, lambda theme: relation_plots.methods(rows, title, marks, percent=percent, theme=theme),
        f"{title} of {len(rows)} methods with 95 % intervals; best: {best['name']}, {best['value']:.4f}",
    )  # fmt: skip


def _how(told: Mapping[str, Any]) -> str:
    held = "the last image" if told["held"] == "last" else "one image, drawn at random,"
    alone = f" {words.many(told['alone'], 'user')} with one image are not asked." if told["alone"] else ""
    copies = told["images"] - told["products"]
    same = f" {copies:,} copies are counted with the image that they are copies of." if copies else ""
    return (
        f"Of {words.many(told['judged'], 'user')} {held} is held back, and each method ranks all of "
        f"{told['products']:,} images that the user has not looked at. Bars are 95 % intervals over users; equal "
        f"scores count as what a random order of them is worth.{alone}{same} In the sentence above the best is chosen "
        "on one half of the users and scored on the other, so that luck is not taken for skill."
    )


def _beside(methods: Sequence[Mapping[str, Any]]) -> list[Block]:
    """How many images are recommended at all, and how popular they are, in one sentence."""
    named = {}
    for kind in ("codes", "behaviour"):
        some = [one for one in methods if one["kind"] == kind]
        if some:
            named[kind] = max(some, key=lambda one: one["hit_rate"])
    said = [
        f"{_inside(one)} recommends {_few(one['coverage'])} of all images to somebody"
        + (
            ""
            if one["popularity"] is None
            else f", on average more popular than {100 * one['popularity']:.0f} % of images"
        )
        for one in named.values()
    ]
    if not said:
        return []
    text = "; ".join(said)
    about = f"{help_of('coverage of recommendations')} {help_of('popularity bias')}"
    return [Note(f"{text[:1].upper()}{text[1:]}.", "plain", about)]


def _few(share: float) -> str:
    return "less than 1 %" if 0 < share < 0.01 else f"{100 * share:.0f} %"


COLUMNS = {
    "method": Column("Method", "Where codes have several layers, which one.", pinned=True),
    "hit rate": Column("Hit rate (%)", help_of("hit rate"), "%.1f"),
    "interval": Column("95 %", "Interval over users."),
    "ndcg": Column("nDCG", help_of("ndcg of users"), "%.4f"),
    "mrr": Column("MRR", help_of("mrr of users"), "%.4f"),
    "over the best other": Column("Over the best other", "Difference of the hit rate in points from the best method "
                                  "that is no code of this checkpoint, on the same users, and its 95 % interval."),
    "coverage": Column("Coverage (%)", help_of("coverage of recommendations"), "%.0f"),
    "popularity": Column("Popularity (%)", help_of("popularity bias"), "%.0f"),
    "gini": Column("Gini", help_of("gini of recommendations"), "%.2f"),
}  # fmt: skip


def frame(methods: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """A row for each method."""
    import pandas as pd

    def over(one: Mapping[str, Any]) -> str:
        between = one["difference"]
        if between is None:
            return "–"
        return f"{100 * between['value']:+.1f} [{_ends(between)}]".replace("-", "−")

    return pd.DataFrame([
        {
            "method": one["title"], "hit rate": 100 * one["hit_rate"],
            "interval": f"{100 * one['low']:.1f} – {100 * one['high']:.1f}", "ndcg": one["ndcg"], "mrr": one["mrr"],
            "over the best other": over(one), "coverage": 100 * one["coverage"],
            "popularity": None if one["popularity"] is None else 100 * one["popularity"], "gini": one["gini"],
        }
        for one in methods
    ])  # fmt: skip


def _table(name: str, methods: Sequence[Mapping[str, Any]]) -> Table:
    return Table(name, frame(methods), COLUMNS)


def _new(told: Mapping[str, Any], metric: str) -> list[Block]:
    """The same of images that nobody is known to have looked at."""
    cold = told["cold_start"]
    if "missing" in cold:
        return [Note(cold["missing"])]
    said = (
        f"{100 * cold['share']:.0f} % of the images are treated as new: {cold['products']:,}, and nobody's "
        f"interaction with them is used. {words.many(cold['judged'], 'user')} looked at some of them; these are ranked "
        "among the new ones alone."
    )
    return [
        Note(sentence(cold, told["cold"], told["k"], new=True), "plain"),
        _chart("new-methods", told["cold"], told, cold["ceiling"], metric), Note(said),
        More("Every method for new images", [_table("new-table", told["cold"])]),
    ]  # fmt: skip
