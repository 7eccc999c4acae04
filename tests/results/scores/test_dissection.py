"""Where codes lie on `shapes`, and that nothing is said without masks."""

from __future__ import annotations

import json

import numpy as np
import pytest

from explorer import results
from explorer.results.scores import dissection, material, module
from explorer.results.subject import Subject
from explorer.sheets import walk
from explorer.study import Study
from explorer.views.scores import SHOWN
from tests.results.scores.test_material import made
from tests.results.test_results import network  # noqa: F401


def replaced(of, codes, size):
    """The same material with one layer of codes (N, H, W)."""
    of.__dict__["layers"] = of.layers[-1:]
    of.codes = lambda layer, rows=None: codes[of.rows if rows is None else rows]
    of.size = lambda layer: size
    return of


@pytest.fixture
def shapes(network):  # noqa: F811
    return Subject(network / "network", "shapes", limit=600)


def test_a_code_of_the_object_is_found_and_random_codes_are_not(shapes):
    of = made(shapes, obtain=None)
    masks = dissection.object_masks(of)
    grid = of.layers[-1].grid
    on = dissection.dissection.cell_shares(masks, grid) > 0.3
    random = np.random.default_rng(0).integers(0, 4, on.shape)
    found = dissection.make(replaced(of, np.where(on, 5, random), 6))["layers"][0]
    assert found["together"]["codes"] == [5] and found["codes"][0]["code"] == 5 and found["codes"][0]["q"] < 0.05
    assert found["together"]["low"] > found["together"]["null"]["high"]
    assert {one["code"] for one in found["values"]} == {5}
    random = dissection.make(replaced(of, random, 6))["layers"][0]
    assert random["found"] == 0 and random["together"]["low"] < random["together"]["null"]["high"]


def test_every_layer_is_told_as_json_and_shown(shapes):
    _, found = results.obtain("score", shapes, {"score": "dissection"})
    json.dumps(found)
    assert [one["layer"] for one in found["layers"]] + list(found["refused"]) == ["top", "bottom"]
    assert 400 < 4 * found["layers"][-1]["n"] - 10 < found["layers"][-1]["fitted"] + 10 <= 490
    blocks = SHOWN["dissection"](Study(shapes), found, material.Options(layer="bottom", concept="colour"))
    said = [block.name for block in walk(blocks) if hasattr(block, "figure") and block.figure("light")]
    assert said == ["dissection", "dissection-values"]


def test_without_masks_or_images_it_says_so(network):  # noqa: F811
    photos = Subject(network / "network", str(network / "photos"))
    assert "shapes" in module("dissection").make(made(photos, obtain=None))["missing"]
    few = Subject(network / "network", "shapes", limit=5)
    assert "5 images" in module("dissection").make(made(few, obtain=None))["missing"]
