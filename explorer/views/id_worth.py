"""What ids are worth: how levels use codes, whose neighbours ids find, which concepts they tell, beside others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from explorer.glossary import help_of
from explorer.sheets import Block, Chart, Column, Heading, Note, Table
from explorer.views import words

if TYPE_CHECKING:
    import pandas as pd

MINE = "these ids"

LEVELS = {
    "level": Column("Level", "Coarse to fine.", pinned=True),
    "used": Column("Codes used", help_of("coverage of ids")),
    "entropy": Column("Entropy (bits)", help_of("entropy of a level")),
    "perplexity": Column("Perplexity", "2 to the entropy: as many codes, evenly used, would be as telling.", "%.1f"),
    "prefixes": Column("Prefixes", help_of("prefixes"), "localized"),
    "collisions": Column("Share theirs", help_of("collisions")),
    "even": Column("Even use", "What that share would be if every code were as likely."),
    "largest": Column("Commonest", "Images that share the commonest prefix.", "localized"),
}


def best(near: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The baseline with the best recall."""
    name = max(near["baselines"], key=lambda one: near["baselines"][one]["recall"]["mean"])
    return name, near["baselines"][name]


def levels(facts: dict[str, Any]) -> list[Block]:
    """How each level uses its codes, as a chart and a table."""
    import pandas as pd

    from explorer.charts import id_plots

    rows = facts["levels"]
    frame = pd.DataFrame({
        "level": [str(one["level"]) for one in rows],
        "used": [f"{one['used']:,} of {one['size']:,} ({one['coverage']:.0%})" for one in rows],
        "entropy": [f"{one['entropy_bits']:.2f} of {one['max_bits']:.2f}" for one in rows],
        "perplexity": [one["perplexity"] for one in rows],
        "prefixes": [one["prefixes"] for one in rows],
        "collisions": [f"{one['collisions']:.1%}" for one in rows],
        "even": [f"{one['collisions_even']:.1%}" for one in rows],
        "largest": [one["largest"] for one in rows],
    })  # fmt: skip
    return [
        Heading("Level by level", help_of("entropy of a level"), lambda: pd.DataFrame(rows), "levels-of-ids"),
        Chart("id-levels", lambda theme: id_plots.levels(rows, theme=theme), "Bits of each level, of at most"),
        Table("id-levels-table", frame, LEVELS),
        Note(f"Books are fitted on {facts['fitted_on']}." if facts["books"] == "fitted" else
             "Nothing is fitted here: the codebooks are the checkpoint's own."),
    ]  # fmt: skip


def sentence(near: dict[str, Any]) -> str:
    """Whether ids keep more of who is near whom than the best baseline, with the interval of the difference."""
    name, _ = best(near)
    gap = near["ahead"][name]
    if gap["low"] is None or gap["low"] <= 0 <= gap["high"]:
        verdict = f"not surely different from the best baseline, {name}"
    elif gap["low"] > 0:
        verdict = f"above the best baseline, {name}"
    else:
        verdict = f"below the best baseline, {name}: these ids are not worth their trouble"
    return (
        f"Recall@10 is {verdict}: {_ahead(gap)} on {gap['n']:,} images. Of the 10 images nearest in the latents, "
        f"{10 * near['recall']['mean']:.1f} are found by their ids."
    )


WORTH = {
    "ids": Column("Ids of", pinned=True),
    "recall": Column("Recall@10", help_of("recall of ids")),
    "ndcg": Column("nDCG@10", help_of("ndcg of ids")),
    "ahead": Column("These ids ahead by", "Difference of recall@10 on the same images, with its 95 % interval."),
}


def neighbours(facts: dict[str, Any]) -> list[Block]:
    """Recall and nDCG of neighbours by id, beside baselines."""
    near = facts["neighbours"]
    heading = Heading("Are images with like ids alike?", help_of("recall of ids"))
    if near is None:
        return [heading, Note("There are too few images to ask for neighbours: at least 4 are needed.", "info")]
    frame = _worth(near)
    blocks: list[Block] = [
        Heading(heading.text, heading.help, lambda: frame, "neighbours-of-ids"),
        Note(sentence(near), "plain", help_of("baselines of ids")),
        Table("id-neighbours-table", frame, WORTH),
    ]
    of = "latents" if near["of"] == "ze" else "codes, as no latents are known,"
    asked = f"{near['recall']['n']:,} images asked among {near['images']:,}"
    said = [f"{asked}; who is near is told by the {of} of {' and '.join(facts['layers'])}."]
    said += [f"No ids of {name}: {why}." for name, why in near["lacking"].items()]
    return [*blocks, Note(" ".join(said))]


def _worth(near: dict[str, Any]) -> pd.DataFrame:
    import pandas as pd

    from explorer.analysis import quality

    rows = [{"ids": MINE, "recall": quality.worded(near["recall"], 3), "ndcg": quality.worded(near["ndcg"], 3),
             "ahead": "–"}]  # fmt: skip
    order = sorted(near["baselines"], key=lambda name: -near["baselines"][name]["recall"]["mean"])
    for name in order:
        one, gap = near["baselines"][name], near["ahead"][name]
        rows.append({
            "ids": name, "recall": quality.worded(one["recall"], 3), "ndcg": quality.worded(one["ndcg"], 3),
            "ahead": _ahead(gap),
        })  # fmt: skip
    return pd.DataFrame(rows)


def concepts(facts: dict[str, Any]) -> list[Block]:
    """How far ids tell each concept, level by level, beside baselines."""
    import pandas as pd

    from explorer.charts import id_plots

    shown = facts["concepts"]
    heading = Heading("Which concepts do ids tell?", help_of("ami of ids"))
    if not shown:
        return [heading, Note("This dataset has no concepts that could be asked for.", "info")]
    rows = [_told(one) for one in shown]
    frame = pd.DataFrame(rows)
    names = [name for name in frame.columns if name not in ("concept", "level", "ahead")]
    columns = {
        "concept": Column("Concept", pinned=True),
        "level": Column("Best level", "Where these ids tell it best."),
        **{name: Column(name.capitalize(), help_of("ami of ids"), "%.3f") for name in names},
        "ahead": Column("Ahead of the best baseline", "Difference of AMI, with its 95 % interval over images."),
    }
    compared = [one for one in shown if one["ahead"] and one["ahead"]["low"] is not None]
    better = [one["concept"] for one in compared if one["ahead"]["low"] > 0]
    worse = [one["concept"] for one in compared if one["ahead"]["high"] < 0]
    said = f"Of {words.many(len(compared), 'concept')}, these ids surely tell {_listed(better)} better than the best "
    said += f"baseline, and {_listed(worse)} worse."
    return [
        Heading(heading.text, heading.help, lambda: frame, "concepts-of-ids"),
        *([Note(said, "plain", help_of("baselines of ids"))] if compared else []),
        Chart("id-concepts", lambda theme: id_plots.concepts(rows, names, theme=theme), "AMI of ids with each concept"),
        Table("id-concepts-table", frame, columns),
        Note("AMI of each at its best level, so that no way of making ids gains by being finer."),
    ]  # fmt: skip


def _told(one: dict[str, Any]) -> dict[str, Any]:
    """The row of a concept: AMI of each way to make ids, at its best level."""
    top = one["levels"][one["best_level"] - 1]
    told = {MINE: top["ami"], **{name: max(level) for name, level in one["baselines"].items()}}
    told |= {"shuffled": top["shuffled"]}
    gap, row = one["ahead"], {"concept": one["concept"], "level": one["best_level"]}
    return (
        row
        | {name: round(value, 3) + 0.0 for name, value in told.items()}
        | {"ahead": "–" if gap is None else _ahead(gap)}
    )


def _ahead(gap: dict[str, Any]) -> str:
    ends = "" if gap["low"] is None else f" [{gap['low']:+.3f}, {gap['high']:+.3f}]"
    return f"{gap['difference']:+.3f}{ends}".replace("-", "−")


def _listed(names: list[str]) -> str:
    return f"{len(names)} ({', '.join(names)})" if names else "none"
