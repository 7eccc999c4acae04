"""Whether codes keep known factors apart: ten scores beside shuffled latents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from explorer.glossary import TERMS, help_of
from explorer.sheets import Block, Chart, Column, Heading, Note, Table

if TYPE_CHECKING:
    import pandas as pd

    from explorer.study import Study

AXIS = "score (1 is best; grey: shuffled latents)"


def blocks(study: Study, found: Mapping[str, Any], options: Any) -> list[Block]:
    """How dependent the factors are, and of each kind of latents of the chosen layer a chart and its best latents."""
    rows = [row for row in found["latents"] if row["layer"] == getattr(options, "layer", "")] or found["latents"]
    name = f"{study.checkpoint.name}-factors"
    frame = _frame(found["latents"])
    worst = found["dependence"]
    parts: list[Block] = [
        Heading("Factors kept apart", help_of("latents of codes"), lambda: frame, name),
        Note(worst["sentence"], "plain" if worst["independent"] else "warning", help_of("dependence of factors")),
    ]
    for row in rows:
        title = f"{row['kind'].capitalize()} of {row['layer']}"
        parts += [
            Heading(title, help_of("latents of codes"), level=3), Note(row["sentence"], "plain"), _chart(row),
            _best(row, f"{name}-{row['layer']}-{row['kind']}"),
            Note(f"{row['n']:,} images; predictors fitted on {row['fitted']:,}, scored on {row['scored']:,} others."),
        ]  # fmt: skip
    parts += [Heading("All scores", help_of("shuffled factors"), level=3), _everything(frame, f"{name}-all")]
    said = "Not judged: " + "; ".join(found["refused"].values()) + "."
    return [*parts, *([Note(said)] if found["refused"] else [])]


def _chart(row: Mapping[str, Any]) -> Chart:
    from explorer.charts import null_plots

    scores = row["scores"]
    names = [TERMS[name].label for name in scores]
    found = [[one["score"], one["low"], one["high"]] for one in scores.values()]
    null = [
        [one["shuffled"]["low" if one["shuffled"]["shuffles"] > 1 else "mean"],
         one["shuffled"]["high" if one["shuffled"]["shuffles"] > 1 else "mean"]]
        for one in scores.values()
    ]  # fmt: skip
    alt = "Scores of factors: " + ", ".join(f"{name} {one[0]:.2f}" for name, one in zip(names, found, strict=True))
    return Chart(
        f"factors-{row['layer']}-{row['kind']}",
        lambda theme: null_plots.beside_null(names, found, null, AXIS, chance="shuffled latents", theme=theme), alt,
    )  # fmt: skip


def _best(row: Mapping[str, Any], name: str) -> Table:
    import pandas as pd

    what = {"counts": "code", "positions": "cell", "vectors": "number"}[row["kind"]]
    columns = {
        "factor": Column("Factor", help_of("concept"), pinned=True),
        "latent": Column(f"Best {what}", help_of("latents of codes")),
        "share": Column("It tells", "Of the factor's entropy, bits as counted.", "percent"),
        "second": Column(f"Second {what}"),
        "second_share": Column("It tells ", "Of the factor's entropy, bits as counted.", "percent"),
        "right": Column("Forest right", help_of("DCI I"), "percent"),
    }
    return Table(name, pd.DataFrame(row["told"]), columns)


def _frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame([
        {
            "layer": row["layer"], "latents": row["kind"], "score": TERMS[name].label, "value": one["score"],
            "low": one["low"], "high": one["high"], "shuffled": one["shuffled"]["mean"],
            "shuffles": one["shuffled"]["shuffles"], "n": row["n"],
        }
        for row in rows
        for name, one in row["scores"].items()
    ])  # fmt: skip


def _everything(frame: pd.DataFrame, name: str) -> Table:
    columns = {
        "layer": Column("Layer", pinned=True),
        "latents": Column("Latents", help_of("latents of codes")),
        "score": Column("Score"),
        "value": Column("Value", "1 is best.", "%.3f"),
        "low": Column("Low", "Lower end of the 95 % interval; none where refitting is too slow.", "%.3f"),
        "high": Column("High", "Upper end of it.", "%.3f"),
        "shuffled": Column("Shuffled", help_of("shuffled factors"), "%.3f"),
        "shuffles": Column("Shuffles", "How many sets of shuffled latents were scored.", "localized"),
        "n": Column("Images", "Images that are scored or fitted on.", "localized"),
    }
    return Table(name, frame, columns, height=320)
