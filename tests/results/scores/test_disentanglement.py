"""Scores of factors on `shapes`: cells that hold a factor each, shuffled ones, and sets without factors."""

from __future__ import annotations

import json

import numpy as np
import pytest

from explorer.results.scores import disentanglement, material
from explorer.results.subject import Subject
from explorer.sheets import walk
from explorer.study import Study
from explorer.views.scores import SHOWN
from tests.results.scores.test_dissection import replaced
from tests.results.scores.test_material import made
from tests.results.test_results import network  # noqa: F401

FACTORS = ("shape", "colour", "size", "background")


@pytest.fixture
def subject(network):  # noqa: F811
    return Subject(network / "network", "shapes", limit=600)


def test_cells_that_hold_a_factor_each_keep_them_apart(subject):
    of = made(subject, obtain=None)
    some = [one for one in of.concepts if one.name in FACTORS]
    of.__dict__["_prepared"] = (some, {})
    codes = np.zeros((600, *of.layers[-1].grid), np.int64)
    for place, one in enumerate(some):
        codes[of.rows, 0, place] = one.index
    found = disentanglement.make(replaced(of, codes, 8))
    cells = next(one for one in found["latents"] if one["kind"] == "positions")
    assert found["factors"] == [one.name for one in some] and found["dependence"]["independent"]
    assert cells["scores"]["MIG"]["score"] > 0.8 > 0.2 > cells["scores"]["MIG"]["shuffled"]["high"]
    for name in ("DCI D", "DCI C", "DCI I", "FactorVAE", "InfoE"):
        assert cells["scores"][name]["score"] > 0.7, name
    assert abs(cells["scores"]["InfoE"]["shuffled"]["mean"]) < 0.2
    assert [one["latent"] for one in cells["told"]] == [0, 1, 2, 3]
    json.dumps(found)
    blocks = SHOWN["disentanglement"](Study(subject), found, material.Options())
    assert sum(hasattr(block, "figure") and bool(block.figure("light")) for block in walk(blocks)) == len(
        found["latents"]
    )


def test_dependent_factors_are_named(subject):
    of = made(subject, obtain=None)
    shape, colour = (next(one for one in of.concepts if one.name == name) for name in ("shape", "colour"))
    of.__dict__["_prepared"] = ([shape, type(colour)("twin", shape.index, shape.values)], {})
    codes = np.random.default_rng(0).integers(0, 4, (600, *of.layers[-1].grid))
    found = disentanglement.make(replaced(of, codes, 4))
    assert not found["dependence"]["independent"] and found["dependence"]["v"] > 0.95
    assert "twin" in found["dependence"]["sentence"]


def test_one_factor_or_few_images_are_said_to_be_too_few(network):  # noqa: F811
    photos = made(Subject(network / "network", str(network / "photos")), obtain=None)
    assert "two or more" in disentanglement.make(photos)["missing"]
    few = made(Subject(network / "network", "shapes", limit=5), obtain=None)
    assert disentanglement.make(few)["missing"]
