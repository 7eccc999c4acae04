"""Intruder tests of a layer: which patches are shown, what machines say of them, and every answer as a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis import patches as cut
from explorer.analysis.concepts import intruder
from explorer.errors import BadInput
from explorer.notebook import answers

if TYPE_CHECKING:
    import pandas as pd

    from explorer.study import Study

MOST, SIDE = 100_000, 96  # patches that trials are made of, at most; pixels of one that is shown
PATCHES = {"random": "Random patches", "nearest": "Nearest patches"}
TOO_FEW = "layer {layer} has no two codes of which one stands in five of these images, so there is nothing to ask"


def begin(study: Study, layer: str, count: int, patches: str, seed: int) -> str:
    """Draws `count` trials of codes and half as many of random codes, keeps them, and returns the test's name.

    Raises:
        BadInput: too few codes or images.
    """
    vectors, rows, positions = study.encoding.patches(layer, MOST)
    images, place = np.unique(rows, return_inverse=True)
    codes = study.some_codes(layer, images).reshape(len(images), -1)[place, positions].astype(np.int64)
    nearness = np.square(vectors - study.vectors(layer)[codes]).sum(1) if patches == "nearest" else None
    planned = intruder.plan(codes, rows, count, seed, nearness)
    if not planned:
        raise BadInput(TOO_FEW.format(layer=layer))
    trials = []
    for one in planned:
        of = list(one.patches)
        where = {"rows": rows[of].tolist(), "positions": positions[of].tolist()}
        pixels = cut.tiles(study.images.read(rows[of]), positions[of], study.layer(layer).grid, 8)
        machines = {"machine": intruder.oddest(vectors[of]), "pixels": intruder.oddest(pixels.reshape(len(of), -1))}
        trials.append({"arm": one.arm, "codes": list(one.codes), **where, "odd": one.odd, **machines})
    return answers.begin(study.subject.fingerprint, study.images.fingerprint, layer, patches, trials)


def shown(study: Study, layer: str, trial: Mapping[str, Any]) -> np.ndarray:
    """The six patches of a trial in their surroundings, outlined: (6, s, s, 3) uint8, s ≥ SIDE."""
    pixels = study.images.read(np.array(trial["rows"]))
    return cut.crop(pixels, np.array(trial["positions"]), study.layer(layer).grid, SIDE)


def table(tests: Mapping[str, Mapping[str, Any]], names: Any) -> pd.DataFrame:
    """A row for each answered trial of the tests that are done; those that are not would tell what is to be told."""
    import pandas as pd

    rows = []
    for name, test in ((name, test) for name, test in tests.items() if answers.done(test)):
        for at, (one, given) in enumerate(zip(test["trials"], test["answers"], strict=True)):
            code = next(code for place, code in enumerate(one["codes"]) if place != one["odd"])
            rows.append({
                "test": name, "layer": test["layer"], "patches": test["patches"], "begun": test["made"],
                "trial": at + 1, "arm": one["arm"], "code": code if one["arm"] == "code" else "",
                "intruder": one["codes"][one["odd"]], "place": one["odd"] + 1, "answer": given + 1,
                "found": given == one["odd"], "machine": one["machine"] + 1, "pixels": one["pixels"] + 1,
                "images": "; ".join(str(names[row]) for row in one["rows"]),
                "cells": "; ".join(map(str, one["positions"])),
            })  # fmt: skip
    return pd.DataFrame(rows)
