"""Pairs of codes as a score: found where they were put, shown, and left alone where there are too few images."""

from __future__ import annotations

import json

import numpy as np
import pytest

from explorer.results.scores import compositionality, material
from explorer.results.subject import Subject
from explorer.sheets import walk
from explorer.study import Study
from explorer.views.scores import SHOWN
from tests.results.scores.test_dissection import replaced
from tests.results.scores.test_material import made
from tests.results.test_results import network  # noqa: F401


@pytest.fixture
def subject(network):  # noqa: F811
    return Subject(network / "network", "shapes", limit=600)


def test_a_pair_that_only_together_tells_is_found_and_noise_is_not(subject):
    of = made(subject, obtain=None)
    night = (of.table["background"] == "night").to_numpy().astype(np.int64)
    generator = np.random.default_rng(0)
    codes = generator.integers(4, 8, (600, *of.layers[-1].grid))
    first = generator.integers(0, 2, 600)
    codes[:, 1, 1], codes[:, 1, 2] = first, 2 + (first ^ night)
    of.__dict__["_prepared"] = ([one for one in of.concepts if one.name in ("background", "texture")], {})
    found = compositionality.make(replaced(of, codes, 8))
    texture, background = found["concepts"]
    best = background["pairs"][0]
    assert background["found"] >= 4 and best["offset"] == [0, 1] and max(best["codes"]) < 4 and best["low"] > 0
    assert background["by_chance"] <= 1 and texture["found"] == 0
    json.dumps(found)
    blocks = SHOWN["compositionality"](Study(subject), found, material.Options(concept="background"))
    assert [block.name for block in walk(blocks) if hasattr(block, "figure") and block.figure("dark")] == ["pairs"]


def test_too_few_images_are_refused_in_a_sentence(network):  # noqa: F811
    for dataset, limit in (("shapes", 5), (str(network / "photos"), None)):
        found = compositionality.make(made(Subject(network / "network", dataset, limit=limit), obtain=None))
        assert "missing" in found and found["refused"]
