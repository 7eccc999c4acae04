"""A surprisal as numbers: for `--json`, for the lines of a terminal, and for the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from explorer.analysis.concepts.values import Concept
    from explorer.results.surprisal.kept import Surprisal

NAMED = 20  # images and cells that are named


def numbers(found: Surprisal, names: Sequence[str], concepts: pd.DataFrame) -> dict[str, Any]:
    """Everything in JSON: see the keys; `names` (N,) and `concepts` (N rows) are those of the images."""
    from explorer.analysis.quality import interval

    bits, facts = found.image_bits(), found.facts
    return {
        "prior": facts["prior"], "images": facts["images"], "condition": facts["column"],
        "bits_per_code": interval(bits), "levels": [level(found, name) for name in found.levels],
        "most": images(bits, names), "least": images(bits, names, most=False),
        "cells": cells(found, names), "codes": [one for name in found.levels for one in codes(found, name)],
        "concepts": [value(one) for one in values(found, judged(concepts))],
        "context": context(found, found.levels[-1]),
        "fitted": facts["fitted"], "outliers": outliers(found),
    }  # fmt: skip


def level(found: Surprisal, name: str) -> dict[str, Any]:
    """Bits a code of a level, and what is left when more is known."""
    from explorer.analysis.quality import interval

    return {"level": name, "bits_per_code": interval(found.image_bits(name)), "context": context(found, name)}


def context(found: Surprisal, name: str) -> dict[str, Any]:
    """How much of the codes of a level is predictable: `steps`, `share` and the entropy `h` of the codes themselves.

    `h` is the jackknife's, over images, of the codes that are measured; the steps are held-out cross-entropies.
    """
    from explorer.analysis import jackknife, surroundings

    facts = next(one for one in found.facts["levels"] if one["name"] == name)
    places = found.maps[name][0].size
    bits = {step: levels[name].astype(np.float64) for step, levels in found.steps.items()}
    if not found.facts["hidden"]:
        del bits["prior"]  # without a class that was always shown
    steps = surroundings.explained(bits, float(np.log2(facts["codes"])), places)
    by = {one["step"]: one for one in steps}
    last = "prior" if "prior" in bits else "class"
    entropy = jackknife.entropy_interval(found.codes[name].astype(np.int64), facts["codes"])
    return {
        "level": name, "steps": steps, "h": _ends(entropy), "h_unigram": by["unigram"]["mean"],
        "h_neighbours": by["neighbours"]["mean"], "h_prior": by[last]["mean"], "share": surroundings.share(bits, last),
    }  # fmt: skip


def _ends(entropy: Any) -> dict[str, Any]:
    ends = entropy.ends("h")
    return {"low": ends["h_low"], "high": ends["h_high"], "enough_images": ends["enough_images"]}


def images(bits: np.ndarray, names: Sequence[str], *, most: bool = True) -> list[dict[str, Any]]:
    """The images that surprise most, or least."""
    from explorer.analysis.surprisal import order

    rows = order(bits, most=most)[:NAMED]
    return [{"row": int(row), "name": names[row], "bits": float(bits[row])} for row in rows]


def cells(found: Surprisal, names: Sequence[str]) -> list[dict[str, Any]]:
    """The most surprising cell of each of the images with the most surprising ones, of each level."""
    from explorer.analysis.surprisal import cells as ordered

    told = []
    for name, bits in found.maps.items():
        rows, at = ordered(bits)
        for row, place in zip(rows[:NAMED].tolist(), at[:NAMED].tolist(), strict=True):
            where = np.unravel_index(place, bits.shape[1:])
            told.append(
                {"level": name, "row": row, "name": names[row], "cell": [int(one) for one in where]}
                | {"code": int(found.codes[name][row][where]), "bits": float(bits[row][where])}
            )
    return told


def codes(found: Surprisal, name: str) -> list[dict[str, Any]]:
    """Mean bits of each code that occurs in a level."""
    from explorer.analysis.surprisal import of_codes

    one = of_codes(found.codes[name], found.maps[name])
    columns = zip(one.codes, one.tokens, one.images, one.mean, one.low, one.high, one.rare, strict=True)
    keys = ("code", "tokens", "images", "bits", "low", "high", "rare")
    return [{"level": name} | dict(zip(keys, (value.item() for value in row), strict=True)) for row in columns]


def judged(concepts: pd.DataFrame) -> list[Concept]:
    """The columns that can be asked about."""
    from explorer.analysis.concepts.values import prepared

    ready = (prepared(str(name), concepts[name]) for name in concepts.columns)
    return [one for one in ready if not isinstance(one, str)]


def values(found: Surprisal, concepts: Sequence[Concept]) -> list[Any]:
    """Mean bits of the images of each value of each concept (`analysis.surprisal.OfValue`)."""
    from explorer.analysis.surprisal import of_values

    return of_values(found.image_bits(), concepts)


def value(one: Any) -> dict[str, Any]:
    return {
        "concept": one.concept, "value": one.value, "bits": one.mean, "low": one.low, "high": one.high, "n": one.n,
        "difference": one.difference, "q": one.q,
    }  # fmt: skip


def outliers(found: Surprisal) -> dict[str, Any] | None:
    """Whether bits tell the other set apart, beside simple scores; None where there is no other set."""
    from explorer.analysis.outliers import sentences, told

    facts = found.facts["other"]
    if facts is None:
        return None
    scores = told(found.scores, found.groups)
    said = sentences(scores, named(found.facts["dataset"]), named(facts["dataset"]), facts["same"])
    rest = {name: one for name, one in scores.items() if name != "bits"}
    bits = {name: one for name, one in scores["bits"].items() if name != "less"}
    return {"against": facts["dataset"], **facts, **bits, "baselines": rest, "sentences": said}


def named(dataset: str) -> str:
    """A dataset as a sentence calls it: of a path the last part."""
    return dataset.rstrip("/").rsplit("/", 1)[-1]


def lines(told: dict[str, Any]) -> list[str]:
    """The same for people to read."""
    from explorer.analysis.quality import worded

    rows = [f"{told['images']:,} images: {worded(told['bits_per_code'], 3)} bits a code"]
    for one in told["levels"]:
        steps = ", ".join(f"{step['step']} {step['mean']:.2f}" for step in one["context"]["steps"])
        share = one["context"]["share"]["mean"]
        saved = "" if share is None else f"; {share:.0%} of the bits under frequency alone are saved"
        if share is not None and share < 0:
            saved = "; frequency alone costs less than this prior"
        rows.append(f"{one['level']}: {steps} bits a code{saved}")
    rows += [
        f"most surprising: row {one['row']} ({one['name']}), {one['bits']:.2f} bits a code" for one in told["most"][:3]
    ]
    if told["outliers"]:
        rows += [f"{name}: AUROC {worded_area(one)}" for name, one in _areas(told["outliers"])]
        rows += told["outliers"]["sentences"]
    return rows


def _areas(found: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [("bits", found), *found["baselines"].items()]


def worded_area(one: dict[str, Any]) -> str:
    """As "0.912 [0.880, 0.936]"."""
    if one["auroc"] is None:
        return "unknown"
    return f"{one['auroc']:.3f}" + ("" if one["low"] is None else f" [{one['low']:.3f}, {one['high']:.3f}]")
