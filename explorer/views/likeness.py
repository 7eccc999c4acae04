"""Whether two checkpoints see the same: agreement of their codes, and likeness of their latents, layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from explorer.glossary import help_of
from explorer.sheets import Block, Card, Cards, Chart, Column, Controls, Go, Heading, Missing, More, Note, Table

if TYPE_CHECKING:
    import pandas as pd

    from explorer.study.pair import Pair

MEASURES = {"ami": "AMI of codes", "cka": "CKA of latents", "knn_jaccard": "Shared neighbours"}
TERMS = {"ami": "ami of checkpoints", "cka": "cka", "knn_jaccard": "shared neighbours"}
TITLE = "Do they see the same?"
ABOUT = "Each layer of A beside each of B, on the images that both have; with intervals, and beside chance."
NONE = {
    "ami": "one code only, or cells without a place in common",
    "cka": "latents that are all the same, or too few images",
    "knn_jaccard": "latents of one number, or too few images",
}
ALIKE, APART = 0.8, 0.3  # what is called much and little, of numbers from 0 to 1


def of(found: dict[str, Any], layers: tuple[str, str]) -> dict[str, Any]:
    """The pair of layers that is chosen."""
    return next(pair for pair in found["pairs"] if (pair["a"], pair["b"]) == layers)


def blocks(pair: Pair, found: dict[str, Any] | None, layers: tuple[str, str], measure: str) -> list[Block]:
    """How alike codes and latents of two layers are, and of each layer with each; what makes it where it is missing."""
    if found is None:
        title = f"Comparing {pair.a.checkpoint.name} with {pair.b.checkpoint.name} on {len(pair.rows[0]):,} images"
        return [Heading(TITLE, help_of("cka")), Missing("comparison", pair.options, title, ABOUT, begin=True)]
    chosen = of(found, layers)
    name = f"{pair.a.checkpoint.name}-{pair.b.checkpoint.name}-layers"
    shown: list[Block] = [
        Heading(TITLE, ABOUT, lambda: table(found), name),
        Cards([_card(key, chosen[key]) for key in MEASURES], 3),
        Note(sentence(chosen), "plain"),
    ]
    if len(found["pairs"]) > 1:
        names = pair.a.checkpoint.name, pair.b.checkpoint.name
        shown += [Heading("Layer by layer", help_of(TERMS[measure]), level=3), Controls(("measure",)), _matrix(
            found, measure, layers, names), More("The numbers of all pairs of layers", [_table(found)])]  # fmt: skip
    return shown


def _card(key: str, one: dict[str, Any] | None) -> Card:
    about = help_of(TERMS[key])
    if one is None:
        return Card(MEASURES[key], "–", NONE[key], about)
    ends = (
        "too few images for an interval"
        if one["low"] is None
        else f"95 %: {_number(one['low'])} – {_number(one['high'])}"
    )
    return Card(
        MEASURES[key],
        _number(one["value"]),
        f"{ends}; by chance {_number(one['null'])}",
        f"{about} {one['n']:,} images.",
    )


def _number(value: float) -> str:
    text = f"{value:.3f}"
    return text.lstrip("-") if not float(text) else text.replace("-", "−")


def sentence(chosen: dict[str, Any]) -> str:
    """What the three numbers say, in words."""
    said = []
    if (ami := chosen["ami"]) is not None:
        share = (ami["value"] - ami["null"]) / max(1 - ami["null"], 1e-9)
        said.append(
            "The codes say the same: one tells the other" if ami["value"] > 0.999
            else f"Beyond what the place in the image brings, the codes {_much(share)}"
        )  # fmt: skip
    if (near := chosen["knn_jaccard"]) is not None:
        count = 20 * near["value"] / (1 + near["value"])  # of ten, where both sets have ten
        said.append(f"of the 10 images nearest to an image in one, about {count:.1f} are so in the other")
    if (cka := chosen["cka"]) is not None:
        said.append(f"images vary along {_same(cka['value'])} directions (CKA {_number(cka['value'])})")
    text = "; ".join(said)
    return f"{text[:1].upper()}{text[1:]}." if text else "There is nothing that can be compared in these two layers."


def _much(share: float) -> str:
    return "largely agree" if share > ALIKE else "hardly agree" if share < 0.1 else "agree in part"


def _same(value: float) -> str:
    return "much the same" if value > ALIKE else "quite different" if value < APART else "partly the same"


def _matrix(found: dict[str, Any], measure: str, layers: tuple[str, str], names: tuple[str, str]) -> Chart:
    from explorer.charts import comparison_plots

    pairs = found["pairs"]
    return Chart(
        "layers", lambda theme: comparison_plots.layers(pairs, measure, layers, names, theme=theme),
        f"{MEASURES[measure]} of each layer of A with each of B",
        go=lambda at: Go(None, {"layer": pairs[at]["a"], "layer_b": pairs[at]["b"]}),
    )  # fmt: skip


COLUMNS = {
    "a": Column("Layer of A", pinned=True),
    "b": Column("Layer of B"),
    **{
        name: Column(label, help_of(TERMS[key]) if name == key else about)
        for key, called in MEASURES.items()
        for name, label, about in (
            (key, called, ""), (f"{key}_between", "95 %", "By image."), (f"{key}_null", "Chance", "Images shuffled."),
        )
    },
}  # fmt: skip


def table(found: dict[str, Any]) -> pd.DataFrame:
    """A row a pair of layers: each measure, the ends of its interval, chance, and how many images."""
    import pandas as pd

    rows = []
    for pair in found["pairs"]:
        row = {"a": pair["a"], "b": pair["b"]}
        for key in MEASURES:
            one = pair[key] or {}
            row |= {key: one.get("value")} | {f"{key}_{end}": one.get(end) for end in ("low", "high", "null", "n")}
        rows.append(row)
    return pd.DataFrame(rows)


def _table(found: dict[str, Any]) -> Table:
    frame = table(found)
    for key in MEASURES:
        ends = zip(frame[f"{key}_low"], frame[f"{key}_high"], strict=True)
        frame[f"{key}_between"] = [
            "–" if low is None or low != low else f"{_number(low)} – {_number(high)}" for low, high in ends
        ]
        for name in (key, f"{key}_null"):
            frame[name] = ["–" if one is None or one != one else _number(one) for one in frame[name]]
    return Table("pairs", frame[list(COLUMNS)], COLUMNS)
