"""The score of bits: each concept and layer, q over all of them, odd data, and what is shown of it."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from explorer import results
from explorer.analysis.concepts import values
from explorer.results import scores
from explorer.results.scores import information
from explorer.results.subject import Subject
from explorer.sheets import Card, Cards, Chart, Note, walk
from explorer.views.scores import SHOWN
from tests.results.test_results import network  # noqa: F401

ASKED = SimpleNamespace(layer="", concept="", value="")


def material(codes, concepts, pictures=None, size=4):
    """What a score is made of, from codes {layer: (n, H, W)} and columns {name: n values}."""
    images = len(next(iter(codes.values())))
    found, refused = [], {}
    for name, column in concepts.items():
        one = values.prepared(name, pd.Series(column))
        (refused if isinstance(one, str) else {}).update({name: one})
        found += [] if isinstance(one, str) else [one]
    return SimpleNamespace(
        layers=[SimpleNamespace(name=name) for name in codes], codes=codes.get, size=lambda layer: size,
        concepts=found, refused=refused, say=lambda message: None,
        pictures=np.zeros((images, 0)) if pictures is None else pictures,
    )  # fmt: skip


@pytest.fixture(scope="module")
def found():
    generator = np.random.default_rng(0)
    labels, size = np.arange(240) % 3, generator.integers(0, 2, 240)
    pictures = np.eye(3)[labels] + 0.01 * generator.standard_normal((240, 3))
    codes = {
        "top": np.broadcast_to(labels[:, None, None], (240, 1, 1)),
        "bottom": generator.integers(0, 4, (240, 2, 2)),
    }
    concepts = {"kind": [f"k{one}" for one in labels], "size": list(size), "same": ["x"] * 240}
    return json.loads(json.dumps(information.make(material(codes, concepts, pictures))))


def test_each_concept_and_layer_with_its_chance(found):
    rows = {(row["concept"], row["layer"]): row for row in found["concepts"]}
    assert rows.keys() == {("kind", "top"), ("kind", "bottom"), ("size", "top"), ("size", "bottom")}
    told, useless = rows["kind", "top"], rows["kind", "bottom"]
    assert told["bits"] == pytest.approx(np.log2(3), abs=0.02) and told["share"] == pytest.approx(1, abs=0.01)
    assert told["q"] < 0.05 < useless["q"] and told["low"] <= np.log2(3) <= told["high"]
    assert abs(useless["bits"]) < 0.02 and useless["low"] < 0 < useless["high"]
    assert told["n"] == 240 and told["presence"]["found"] == 3 and useless["presence"]["found"] == 0
    assert "1.58" in told["sentence"] and "100.0%" in told["sentence"] and "no more than chance" in useless["sentence"]


def test_codes_that_are_the_colour_tell_nothing_beyond_it(found):
    told = next(row for row in found["concepts"] if (row["concept"], row["layer"]) == ("kind", "top"))
    assert told["given_pictures"]["bits"] == pytest.approx(0, abs=0.02) and told["given_pictures"]["q"] == 1
    assert "missing" in told["given_position"], "one token an image has no other position"


def test_what_cannot_be_judged_is_named(found):
    assert "same" in found["refused"] and "nothing to tell apart" in found["refused"]["same"]
    assert [("missing" in one) for one in found["positions"]] == [True, False]
    assert found["positions"][1]["share"] < 0.05


def test_without_concepts_that_is_said():
    assert "missing" in information.make(material({"code": np.zeros((5, 2, 2), int)}, {}))


@pytest.mark.parametrize("grid", [(1, 1), (2, 3)])
def test_odd_data_is_answered(grid):
    """Ten images, one code, and a missing label; and pixels that all look alike."""
    codes = {"code": np.zeros((10, *grid), int)}
    kinds = ["a"] * 5 + ["b"] * 5
    of = information.make(material(codes, {"kind": kinds, "some": [*kinds[:9], None]}, np.zeros((10, 3)), size=1))
    rows = {row["concept"]: row for row in of["concepts"]}
    assert rows["kind"]["bits"] == 0 and rows["kind"]["q"] == 1 and "missing" in rows["kind"]["given_pictures"]
    assert "some" in of["refused"] or rows["some"]["missing"] == 1


def test_made_of_a_network_and_found_again(network):  # noqa: F811
    subject = Subject(network / "network", str(network / "photos"))
    options = scores.Options(score="information", layer="top")
    made = results.obtain("score", subject, options)[1]
    assert {row["layer"] for row in made["concepts"]} == {"top"} and made["images"] == 12
    assert {"class", "hue"} <= {row["concept"] for row in made["concepts"]}
    assert results.find("score", subject, options)[1] == made


def test_shown_as_a_chart_with_axes_cards_and_words(found):
    study = SimpleNamespace(checkpoint=SimpleNamespace(name="tiny"))
    shown = walk(SHOWN["information"](study, found, ASKED))
    figure = next(one for one in shown if isinstance(one, Chart)).figure("light")
    assert "bits" in figure.layout.xaxis.title.text and figure.layout.yaxis.title.text == "concept"
    cards = [card for one in shown if isinstance(one, Cards) for card in one.cards]
    assert all(isinstance(card, Card) and card.help for card in cards)
    assert {"A token tells", "Beyond position", "Beyond colour", "bottom: is position"} <= {one.label for one in cards}
    assert any("bits more than chance of 1.58 bits of kind" in one.text for one in shown if isinstance(one, Note))


def test_shown_is_what_was_chosen(found):
    study = SimpleNamespace(checkpoint=SimpleNamespace(name="tiny"))
    asked = SimpleNamespace(layer="bottom", concept="kind", value="k1")
    notes = [one.text for one in walk(SHOWN["information"](study, found, asked)) if isinstance(one, Note)]
    assert any("A token of bottom tells no more than chance of 1.58 bits of kind" in one for one in notes)
    assert any(one.startswith("k1 against the rest") for one in notes)
