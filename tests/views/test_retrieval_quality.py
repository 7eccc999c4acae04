"""Which way to take, as the page of similar images shows it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from explorer.results.subject import Subject
from explorer.sheets import Card, Cards, Chart, Go, Heading, Missing, Note, Table, walk
from explorer.study import Study, open_study
from explorer.study import retrieval_quality as quality
from explorer.views import fields, retrieval_quality
from explorer.views.retrieval_table import called, short


@dataclass(frozen=True)
class Options:
    concept: str = retrieval_quality.concept()
    encoder: str = ""


def shown(study, **asked):
    options, faults = fields.settled(Options, study, asked)
    assert not faults
    return walk(retrieval_quality.blocks(study, options, lambda way, layer: Go(None, {"by": way, "layer": layer})))


def of(kind, blocks):
    return [block for block in blocks if isinstance(block, kind)]


@pytest.fixture
def study(tmp_path):
    """Codes that say the value of 40 images, and of no other column."""
    codes = np.zeros((40, 2, 2), int)
    codes[:, 0, 0] = np.arange(40) % 2 + 1
    np.savez(tmp_path / "mine.npz", codes=codes, label=np.arange(40) % 2, other=np.arange(40) // 20)
    return Study(Subject.of(tmp_path / "mine.npz"))


def test_it_is_made_when_it_is_asked_for(study):
    study.make("encoding")
    blocks = shown(study)
    missing = of(Missing, blocks)
    assert [one.kind for one in missing] == ["retrieval"] and not missing[0].begin and not of(Chart, blocks)
    assert quality.quality(study, "label") == {}


def test_the_way_to_take_is_a_sentence(study):
    study.make("retrieval")
    blocks = shown(study, concept="label")
    said = of(Note, blocks)[0]
    assert said.text.startswith("Take bags of codes: mAP@10 1.00 [1.00, 1.00],") and "above a random order" in said.text
    assert "one half of the searches" in said.text and said.tone == "plain"
    cards = [card for one in of(Cards, blocks) for card in one.cards]
    assert cards[0].label == "Best way here" and all(isinstance(one, Card) and one.help for one in cards)
    assert quality.quality(study, "label")["bag"]["map"] == 1
    other = of(Note, shown(study, concept="other"))[0]
    assert "Take" not in other.text and other.tone == "warning", "codes say nothing of it"


def test_a_click_on_a_way_searches_by_it_and_a_click_on_a_concept_chooses_it(study):
    study.make("retrieval")
    charts = {chart.name: chart for chart in of(Chart, shown(study, concept="label"))}
    assert charts["ways"].go(0).carried["by"] in ("bag", "place", "zq")
    assert charts["concepts"].go(1) == Go(None, {"concept": "other"})
    for chart in charts.values():
        for theme in ("light", "dark"):
            figure = chart.figure(theme)
            assert figure.layout.xaxis.title.text


def test_pixels_that_win_are_said_as_plainly():
    blocks = shown(open_study("vqvae-digits"))
    said = of(Note, blocks)[0]
    assert said.text.startswith("Take raw pixels: mAP@10 0.82") and said.tone == "warning"
    table = of(Table, blocks)[0].frame
    assert table["way"][0] == "pixels" and table["map"].is_monotonic_decreasing
    values = of(Table, blocks)[1].frame
    assert values["value"].tolist() == [str(digit) for digit in range(10)] and values["searches"].sum() == 355
    assert np.average(values["baseline"], weights=values["searches"]) == pytest.approx(table["map"][0], abs=1e-3)
    assert of(Heading, blocks)[0].data().shape[0] == len(table) * 5


@pytest.mark.parametrize("name", ["mae-shapes", "projected-shapes", "vae-shapes", "vqvae-shapes", "vqvae2-shapes"])
def test_every_shipped_checkpoint_says_it_at_once(name):
    study = open_study(name)
    blocks = shown(study)
    assert not of(Missing, blocks) and study.result("retrieval")["ways"]


def test_names_of_ways():
    ways = [{"way": "place", "layer": "top"}, {"way": "bag", "layer": "all"}, {"way": "pixels", "layer": ""}]
    found = {"ways": ways}
    assert called(found, 0) == "codes at their places of layer top"
    assert called(found, 1) == "bags of codes of all layers together" and called(found, 2) == "raw pixels"
    assert short(found, 0) == "places, top" and short({"ways": ways[:1]}, 0) == "places"
