"""Ways to search by name, and all their scores as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from explorer.glossary import help_of
from explorer.sheets import Column, Table

if TYPE_CHECKING:
    import pandas as pd

ALL = {  # what a way is called where there is little room
    "bag": "bag", "place": "places", "zq": "z_q", "ze": "z_e", "colours": "colours",
    "pixels": "pixels", "untrained bag": "untrained bag", "untrained ze": "untrained z_e",
    "shuffled": "others’ codes", "encoder": "other encoder", "chance": "random order",
}  # fmt: skip
CALLED = {
    "bag": "bags of codes", "place": "codes at their places", "zq": "means of z_q", "ze": "means of z_e",
    "colours": "the colour histogram", "pixels": "raw pixels", "untrained bag": "bags of codes of an untrained network",
    "untrained ze": "means of z_e of an untrained network", "shuffled": "codes of other images",
    "encoder": "the other encoder", "chance": "a random order",
}  # fmt: skip
MEANS = {"map": "mAP@{k}", "macro": "Each value alike", "precision": "Precision@{k}"}
TERMS = {"map": "map at k", "macro": "macro average", "precision": "precision at k"}


def called(found: Mapping[str, Any], at: int) -> str:
    """A way in a sentence: "codes at their places of layer top"; without the layer where there is one only."""
    way = found["ways"][at]
    return CALLED[way["way"]] + _of(found, way["layer"], " of layer {}", " of all layers together")


def short(found: Mapping[str, Any], at: int) -> str:
    """The same where there is little room: "places, top"."""
    way = found["ways"][at]
    return ALL[way["way"]] + _of(found, way["layer"], ", {}", ", all layers")


def _of(found: Mapping[str, Any], layer: str, one: str, every: str) -> str:
    several = len({way["layer"] for way in found["ways"] if way["layer"]}) > 1
    return "" if not (layer and several) else every if layer == "all" else one.format(layer)


def frame(found: Mapping[str, Any]) -> pd.DataFrame:
    """A row for each concept and way: three scores with the ends of their intervals."""
    import pandas as pd

    rows = []
    for one in found["concepts"]:
        for at, way in enumerate(found["ways"]):
            row = {"concept": one["concept"], "way": way["way"], "layer": way["layer"], "group": way["group"]}
            for name in MEANS:
                row |= dict(zip((name, f"{name}_low", f"{name}_high"), one[name][at], strict=True))
            rows.append(row | {"searches": one["queries"], "images": one["images"]})
    return pd.DataFrame(rows)


def table(found: Mapping[str, Any], scores: Mapping[str, Any], name: str) -> Table:
    """Every way in every layer by one concept, the best first."""
    import pandas as pd

    order = sorted(range(len(found["ways"])), key=lambda at: -scores["map"][at][0])
    columns, data = (
        {"way": Column("Way", pinned=True)},
        {"way": [short(found, at) for at in order]},
    )
    for key, label in MEANS.items():
        columns[key] = Column(label.format(k=found["k"]), help_of(TERMS[key]), "%.3f")
        columns[f"{key}_between"] = Column("95 %", "By image.")
        data[key] = [scores[key][at][0] for at in order]
        data[f"{key}_between"] = [_ends(scores[key][at]) for at in order]
    return Table(name, pd.DataFrame(data), columns)


def by_value(found: Mapping[str, Any], scores: Mapping[str, Any], name: str) -> Table | None:
    """How well each value of a concept is found, by the best way and by the best baseline; None where none is best."""
    import pandas as pd

    best = scores["best"]
    if best is None:
        return None
    ways = {"way": best["way"], "baseline": best["baseline"], "chance": len(found["ways"]) - 1}
    columns = {
        "value": Column(scores["concept"], pinned=True),
        "searches": Column("Searches", "Images of this value that are searched for.", "localized"),
        **{key: Column(short(found, at), help_of("map at k"), "%.3f") for key, at in ways.items()},
    }
    rows = [
        {"value": one["value"], "searches": one["queries"], **{key: one["map"][at] for key, at in ways.items()}}
        for one in scores["values"]
    ]
    return Table(f"{name}-values", pd.DataFrame(rows), columns)


def _ends(ends: list[float | None]) -> str:
    return "–" if ends[1] is None else f"{ends[1]:.3f} – {ends[2]:.3f}"
