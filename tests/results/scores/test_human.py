"""Answers of intruder tests as a score."""

from __future__ import annotations

from explorer import results
from explorer.glossary import TERMS
from explorer.notebook import answers
from explorer.sheets import Cards, walk
from explorer.views.scores import human
from tests.results.scores.test_material import subject  # noqa: F401
from tests.results.test_results import network  # noqa: F401

TRIAL = {"arm": "code", "odd": 1, "codes": [0] * 6, "rows": [0] * 6, "positions": [0] * 6, "machine": 1, "pixels": 0}


def test_seven_of_ten_in_the_score_and_on_the_page(subject):  # noqa: F811
    asked = {"score": "human"}
    nobody = results.obtain("score", subject, asked)[1]
    assert nobody["missing"].startswith("nobody has done")
    key, images = results.key("score", subject, asked), subject.images.fingerprint
    name = answers.begin(subject.fingerprint, images, "top", "random", [TRIAL] * 10)
    for trial in range(10):
        answers.answer(subject.fingerprint, images, name, trial, 1 if trial < 7 else 0)
    assert results.key("score", subject, asked) != key, "other answers are another score"
    found = results.obtain("score", subject, asked)[1]
    told = found["layers"][0]
    assert found["refused"] == {"bottom": "nobody has done a test"} and (told["layer"], told["tests"]) == ("top", 1)
    assert (told["code"]["found"], told["machine"]["found"], told["pixels"]["found"]) == (7, 10, 0)
    assert (round(told["code"]["low"], 3), round(told["code"]["high"], 3)) == (0.397, 0.892)

    class Options:
        layer = "top"

    cards = next(block for block in walk(human.blocks(None, found, Options())) if isinstance(block, Cards)).cards
    assert cards[0].value == "70%" and cards[0].note == "7 of 10 [40%, 89%]" and cards[1].value == "–"
    assert all(card.help for card in cards) and "intruder test" in TERMS
    Options.layer = "bottom"
    assert "Nobody has done" in human.blocks(None, found, Options())[1].text
