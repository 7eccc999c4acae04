"""What each layer is for: what a picture loses without it, and what its codes tell beyond those of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from explorer.glossary import help_of
from explorer.sheets import Block, Chart, Column, Heading, Note, Table

if TYPE_CHECKING:
    import pandas as pd

    from explorer.study import Study

LINES, SENTENCES = 20, 6


def blocks(study: Study, found: Mapping[str, Any], options: Any) -> Sequence[Block]:
    """Damages in a table, and nested probes in a chart; see `results.scores.hierarchy`."""
    absent = [Note(said, "info") for said in found["absent"].values()]
    return [*_damages(study, found, options), *absent, *_nested(study, found, options)]


def _damages(study: Study, found: Mapping[str, Any], options: Any) -> list[Block]:
    import pandas as pd

    if not found["damages"]:
        return []
    names = [row["concept"] for row in found["intact"]["concepts"] if row["low"] > row["chance"]]
    shown = [name for name in names if name == options.concept] or names[:3]
    rows = []
    for row in found["damages"]:
        lost = {one["concept"]: one for one in row["concepts"]}
        told = {name: _worded(lost[name], "lost") for name in shown}
        rows.append({"layer": row["layer"], "damage": row["title"], "ssim": _worded(row, "lost"), **told})
    intact = found["intact"]
    columns = {
        "layer": Column("Layer", "Coarse to fine.", pinned=True),
        "damage": Column("The layer …", help_of("damaged layer")),
        "ssim": Column("SSIM lost", f"{help_of('ssim')} Intact pictures reach {_worded(intact, 'ssim')}."),
        **{name: Column(f"{name} lost", help_of("concept lost")) for name in shown},
    }
    scores = {row["concept"]: row for row in intact["concepts"]}
    reach = ", ".join(f"{name} {scores[name]['score']:.2f} (chance {scores[name]['chance']:.2f})" for name in shown)
    sizes = found["sizes"]
    return [
        Heading(
            "What is lost when a layer is damaged", help_of("damaged layer"), lambda: _lost(found),
            f"{study.checkpoint.name}-damages", 3,
        ),
        Table("damages", pd.DataFrame(rows), columns),
        Note(
            f"{sizes['images']:,} held-out images; intact pictures reach SSIM {_worded(intact, 'ssim')}"
            + (f", and a probe fitted on {sizes['fitted']:,} of them {reach}" if reach else "")
            + ". 95 % intervals of the loss over the same images; what holds 0 may be chance."
        ),
    ]  # fmt: skip


def _worded(row: Mapping[str, Any], name: str) -> str:
    if row[f"{name}_low"] != row[f"{name}_low"]:
        return f"{row[name]:.2f} (one image)".replace("-", "−")
    return f"{row[name]:.2f} [{row[f'{name}_low']:.2f}, {row[f'{name}_high']:.2f}]".replace("-", "−")


def _nested(study: Study, found: Mapping[str, Any], options: Any) -> list[Block]:
    rows = [row for row in found["nested"] if row["together"]["low"] > row["chance"]]
    if not rows:
        return []
    rows = sorted(rows, key=lambda row: row["concept"] != options.concept)
    layers = list(rows[0]["adds"])
    series = {"all layers": [row["together"] for row in rows[:LINES]]}
    series |= {f"{name} alone": [row["alone"][name] for row in rows[:LINES]] for name in layers[:4]}

    def figure(theme):
        from explorer.charts import causal_plots

        return causal_plots.dots(
            [row["concept"] for row in rows[:LINES]], series,
            f"balanced accuracy, {found['sizes']['nested_images']:,} held-out images",
            chance=[row["chance"] for row in rows[:LINES]], theme=theme,
        )  # fmt: skip

    return [
        Heading(
            "What each layer tells beyond the others", help_of("nested probes"), lambda: _added(found),
            f"{study.checkpoint.name}-nested", 3,
        ),
        *(Note(row["sentence"], "plain") for row in rows[: 1 if rows[0]["concept"] == options.concept else SENTENCES]),
        Chart("nested", figure, "What layers tell of each concept, together and alone"),
    ]  # fmt: skip


_TOLD = ("score", "low", "high", "lost", "lost_low", "lost_high")


def _lost(found: Mapping[str, Any]) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for row in found["damages"]:
        picture = {key: value for key, value in row.items() if key not in ("concepts", "title")}
        told = [{"concept": one["concept"], **{f"concept_{key}": one[key] for key in _TOLD}} for one in row["concepts"]]
        rows += [{**picture, **one} for one in told or [{}]]
    return pd.DataFrame(rows)


def _added(found: Mapping[str, Any]) -> pd.DataFrame:
    import pandas as pd

    rows = []
    for row in found["nested"]:
        for layer in row["adds"]:
            parts = {"together": row["together"]} | {part: row[part][layer] for part in ("alone", "without", "adds")}
            flat = {f"{part}_{key}": value for part, one in parts.items() for key, value in one.items()}
            rows.append({"concept": row["concept"], "layer": layer, "n": row["n"], "chance": row["chance"], **flat})
    return pd.DataFrame(rows)
