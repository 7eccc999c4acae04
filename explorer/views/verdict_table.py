"""The table of verdicts: concepts × layers, and the sentences that matter first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from explorer.analysis.concepts import verdicts
from explorer.glossary import help_of
from explorer.sheets import Block, Chart, Column, Go, Heading, More, Note, Table

if TYPE_CHECKING:
    import pandas as pd

CAPTURED = {verdicts.SINGLE: "single codes", verdicts.JOINT: "jointly"}
WORDS = CAPTURED | {
    verdicts.PIXELS: "pixels", verdicts.POSITION: "position", verdicts.CHANCE: "chance", verdicts.FEW: "too few",
}  # fmt: skip
ORDER = (verdicts.SINGLE, verdicts.JOINT, verdicts.POSITION, verdicts.PIXELS, verdicts.FEW, verdicts.CHANCE)
SAID = 6  # sentences that open the page
ADVICE = (
    "“Only what pixels hold anyway”, the verdict on {names}: the codes tell it, but the raw picture or a network that "
    "was never trained tells it as well, so it is no merit of these codes. Choose such a concept below to see which "
    "null reaches as far and what the codes add on top of colour; judge them again on images in which colour does not "
    "give the concept away, or try codes of another layer or checkpoint."
)
CHARTED = 40  # concepts of the chart; the table has all


def ordered(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The dataset's own concepts and gathered sets first, what is computed from pixels after them."""
    return sorted(rows, key=lambda row: bool(row["computed"]))


def surest(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What is captured first, the dataset's own concepts before computed ones, then by score above the best null."""
    return sorted(rows, key=lambda row: (ORDER.index(row["verdict"]), bool(row["computed"]), -above(row)))


def above(row: Mapping[str, Any]) -> float:
    """Score above the best null; above chance where there is none."""
    best, score = row["best_null"], row["score"]
    floor = row["chance"] if best is None or not _known(best["mean"]) else best["mean"]
    return float(score - floor) if _known(score) and _known(floor) else 0.0


def number(value: float | None, digits: int = 2) -> str:
    """A number for people; a dash where there is none."""
    if not _known(value):
        return "–"
    shown = f"{value:.{digits}f}"
    return shown.lstrip("-") if float(shown) == 0 else shown.replace("-", "−")  # no “-0.00”


def between(one: Mapping[str, Any], digits: int = 2) -> str:
    """The 95 % interval of a score."""
    return f"95 %: {number(one['low'], digits)} – {number(one['high'], digits)}"


def blocks(rows: Sequence[Mapping[str, Any]], chosen: Mapping[str, Any], name: str) -> list[Block]:
    """Sentences, the coloured table whose cells lead to their evidence, the same as a table, and the rules."""
    import pandas as pd

    from explorer.charts import concept_plots

    frame = table(rows)
    names = list(dict.fromkeys(row["concept"] for row in rows))[:CHARTED]
    shown = [row | _cell(row) for row in rows if row["concept"] in names]
    said = "; ".join(f"{row['concept']} in {row['layer']}: {row['verdict']}" for row in shown[:12])
    rules = pd.DataFrame([{"verdict": phrase, "rule": rule} for phrase, rule in verdicts.RULES.items()])
    more = f" The chart has the first {CHARTED} concepts." if len(names) < len({row["concept"] for row in rows}) else ""
    return [
        *opening(rows),
        Heading("Concepts and layers", help_of("verdict"), lambda: frame, f"{name}-verdicts"),
        Chart(
            "verdicts",
            lambda theme: concept_plots.verdicts(shown, CAPTURED, (chosen["concept"], chosen["layer"]), theme=theme),
            f"Verdicts: {said}", go=_lead(shown),
        ),
        Note(
            "Each cell has the score that decided and its verdict; coloured where a concept is captured, by the score "
            f"above the best null, grey where it is not. In the app a click shows its evidence below.{more}",
            help=help_of("above best null"),
        ),
        More("All verdicts as a table", [_table(frame, f"{name}-all")]),
        More("How verdicts are found", [
            Note("The rules are asked from top to bottom; the first that holds is the verdict."),
            Table(f"{name}-rules", rules, {"verdict": Column("Verdict"), "rule": Column("Rule")}),
            *(Note(f"{phrase[:1].upper()}{phrase[1:]}: {rule}") for phrase, rule in verdicts.RULES.items()),
        ]),
    ]  # fmt: skip


def opening(rows: Sequence[Mapping[str, Any]]) -> list[Block]:
    """How many concepts are captured, and the sentences that matter: captured ones first."""
    concepts = {row["concept"] for row in rows}
    captured = {row["concept"] for row in rows if row["verdict"] in CAPTURED}
    text = (
        f"{len(captured):,} of {len(concepts):,} concepts are captured by the codes of some layer better than by "
        "every null."
    )
    best: dict[str, Mapping[str, Any]] = {}
    for row in surest(rows):
        best.setdefault(row["concept"], row)
    layers = len({row["layer"] for row in rows}) > 1
    shown = [row for row in best.values() if row["verdict"] in CAPTURED or not row["computed"]]  # pixels tell pixels
    said = [f"{row['layer']} – {row['sentence']}" if layers else row["sentence"] for row in shown[:SAID]]
    advised = [Note(one) for one in [advice(best)] if one]
    return [Note(text, "plain", help_of("verdict")), *(Note(one, "plain") for one in said), *advised]


def advice(best: Mapping[str, Mapping[str, Any]]) -> str:
    """What to do about the dataset's own concepts that pixels tell as well; empty where there is none.

    Args:
        best: {concept: its surest row}.
    """
    names = [name for name, row in best.items() if row["verdict"] == verdicts.PIXELS and not row["computed"]]
    if not names:
        return ""
    few = ", ".join(names[:4]) + (f" and {len(names) - 4:,} more" if len(names) > 4 else "")
    return ADVICE.format(names=few)


def table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row for each concept and layer, in the order of `rows`."""
    import pandas as pd

    return pd.DataFrame([
        {
            "concept": row["concept"], "layer": row["layer"], "verdict": row["verdict"], "metric": row["metric"],
            "score": _plain(row["score"]), "low": _plain(row["low"]), "high": _plain(row["high"]),
            "null": "–" if row["best_null"] is None else row["best_null"]["name"],
            "null_mean": float("nan") if row["best_null"] is None else _plain(row["best_null"]["mean"]),
            "null_high": float("nan") if row["best_null"] is None else _plain(row["best_null"]["high"]),
            "above": above(row), "n": row["n"], "computed": "from pixels" if row["computed"] else "",
        }
        for row in rows
    ])  # fmt: skip


def _table(frame: pd.DataFrame, name: str) -> Table:
    columns = {
        "concept": Column("Concept", help_of("concept"), pinned=True),
        "layer": Column("Layer"),
        "verdict": Column("Verdict", help_of("verdict")),
        "metric": Column("Metric", "Of single codes average precision; of a probe balanced accuracy or R²."),
        "score": Column("Score", "On images that nothing was fitted on.", "%.3f"),
        "low": Column("Low", "Lower end of its 95 % interval.", "%.3f"),
        "high": Column("High", "Upper end of it.", "%.3f"),
        "null": Column("Best null", help_of("nulls")),
        "null_mean": Column("It reaches", help_of("nulls"), "%.3f"),
        "null_high": Column("At most", "Upper end of its 95 % interval.", "%.3f"),
        "above": Column("Above it", help_of("above best null"), "%.3f"),
        "n": Column("Images", "Images with a value that are scored.", "localized"),
        "computed": Column("Computed", "Whether the concept is computed from the pixels."),
    }
    return Table(name, frame, columns)


def _cell(row: Mapping[str, Any]) -> dict[str, Any]:
    best = row["best_null"]
    null = "" if best is None else f"<br>best null: {number(best['mean'])}, {between(best)}"
    said = f"{row['metric']} {number(row['score'])}, {between(row)}, n = {row['n']:,}{null}"
    return {"above": max(above(row), 0.0), "word": WORDS[row["verdict"]], "said": said, "score": _plain(row["score"])}


def _lead(rows: Sequence[Mapping[str, Any]]) -> Any:
    return lambda point: Go(carried={"concept": rows[point]["concept"], "layer": rows[point]["layer"]})


def _known(value: float | None) -> bool:
    return value is not None and value == value


def _plain(value: float | None) -> float:
    return value if _known(value) else float("nan")
