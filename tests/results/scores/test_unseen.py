"""The score of dead codes: over all images, in a sentence, as a curve with a band."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from explorer import results
from explorer.analysis.concepts.unseen import alone, count
from explorer.results import scores
from explorer.results.scores import unseen
from explorer.results.subject import Subject
from explorer.sheets import Cards, Chart, Note, walk
from explorer.views.scores import SHOWN
from tests.results.test_results import network  # noqa: F401

STUDY = SimpleNamespace(checkpoint=SimpleNamespace(name="tiny"))
ASKED = SimpleNamespace(layer="", concept="", value="")


def row(codes, size):
    counts = count([codes], size)
    found = {"layer": "code"} | unseen.of_counts(counts, *alone([codes], counts))
    found |= {"capacity": {"missing": "There are codes only."}, "sentence": unseen.sentence(found)}
    return json.loads(json.dumps(found))


def test_codes_that_are_dead_are_not_called_unseen():
    found = row(np.random.default_rng(0).integers(0, 20, (200, 4, 4)), 30)
    assert (found["used"], found["dead"]) == (20, 10) and found["unseen"]["codes"] == 0
    assert found["more"]["codes"] == pytest.approx(0, abs=0.01) and found["mass"]["share"] == 0
    assert found["chao1"] == found["chao2"] == 20
    assert found["sentence"].startswith("Of 10 dead codes of code, none looks merely unseen")


def test_codes_that_few_images_have_tell_of_more():
    found = row(np.random.default_rng(0).integers(0, 300, (40, 2, 2)), 300)
    assert found["unseen"]["low"] < 300 - found["used"] and found["unseen"]["codes"] > 50
    assert found["mass"]["low"] < found["dead"] / 300 < found["mass"]["high"], "all codes are equally likely"
    assert "likely merely unseen, at least" in found["sentence"] and found["chao2"] <= 300


def test_all_in_use():
    assert row(np.arange(8).reshape(2, 2, 2), 8)["sentence"] == "All 8 codes of code can be found in 2 images."


@pytest.mark.parametrize("grid", [(1, 1), (2, 2)])
def test_five_images_and_one_code(grid):
    found = row(np.zeros((5, *grid), int), 1)
    assert found["dead"] == 0 and found["curve"]["codes"] == [1.0] * len(found["curve"]["images"])
    assert found["curve"]["even"][-1] == 1 and found["sentence"] == "The only code of code can be found in 5 images."


def test_one_image():
    found = row(np.array([[[0, 1], [1, 1]]]), 5)
    assert found["more"]["images"] == 1 and found["mass"]["share"] == 1 and "1 more image would" in found["sentence"]


def test_the_curve_ends_where_all_images_are_and_its_band_holds_it():
    found = row(np.random.default_rng(0).integers(0, 300, (40, 2, 2)), 300)
    curve = found["curve"]
    assert curve["images"][-1] == 40 and curve["codes"][-1] == pytest.approx(found["used"])
    assert all(low <= one <= high for low, one, high in zip(curve["low"], curve["codes"], curve["high"], strict=True))
    assert curve["tokens"][0] == pytest.approx(curve["codes"][0], rel=0.05)


def test_sets_are_compared_at_a_fixed_number_of_tokens():
    generator = np.random.default_rng(0)
    small, large = (row(generator.integers(0, 900, (n, 4, 4)), 900) for n in (100, 1000))
    assert small["used"] < 0.9 * large["used"], "more images show more codes"
    one, other = small["fixed"][0], large["fixed"][0]
    assert one["tokens"] == other["tokens"] == 1000 and one["codes"] == pytest.approx(other["codes"], rel=0.03)
    assert [part["tokens"] for part in large["fixed"]] == [1000, 10_000]


def test_made_of_a_network_over_all_images(network, monkeypatch):  # noqa: F811
    monkeypatch.setattr(unseen, "BATCH", 5)
    subject = Subject(network / "network", str(network / "photos"))
    made = results.obtain("score", subject, scores.Options(score="unseen"))[1]
    encoding = results.obtain("encoding", subject)[1]
    assert [one["layer"] for one in made["layers"]] == ["top", "bottom"]
    for one in made["layers"]:
        assert one["tokens"] == encoding.usage(one["layer"]).sum() and one["images"] == 12
        assert one["used"] == (encoding.usage(one["layer"]) > 0).sum()
        assert 1 <= one["capacity"]["codes"] <= one["capacity"]["alone"] <= one["used"] + 1e-9


def test_shown_as_sentences_cards_and_a_curve():
    found = {"layers": [row(np.random.default_rng(0).integers(0, 300, (40, 2, 2)), 300)]}
    shown = walk(SHOWN["unseen"](STUDY, found, ASKED))
    figure = next(one for one in shown if isinstance(one, Chart)).figure("dark")
    assert "images" in figure.layout.xaxis.title.text and "codes" in figure.layout.yaxis.title.text
    assert any(found["layers"][0]["sentence"] == one.text for one in shown if isinstance(one, Note))
    cards = next(one for one in shown if isinstance(one, Cards)).cards
    assert all(card.help for card in cards) and cards[0].value == f"{found['layers'][0]['dead']:,} of 300"
