"""The Concepts view: a verdict for each concept and layer from a judgement that is known, and what is missing."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from explorer.analysis.concepts import verdicts
from explorer.results import scores
from explorer.sheets import Chart, Missing, Note, html, walk
from explorer.study import open_study
from explorer.views import VIEWS, concepts, evidence, fields, verdict_table

BAND = {"mean": 0.2, "low": 0.15, "high": 0.25}


def scored(metric: str, score: float, chance: float = 0.1) -> dict:
    return {
        "metric": metric, "score": score, "low": score - 0.05, "high": score + 0.05, "chance": chance,
        "baselines": {"labels shuffled": {"mean": chance, "low": 0.05, "high": 0.15}, "raw pixels": BAND},
        "best_null": {"name": "raw pixels", **BAND},
    }  # fmt: skip


def judged(concept: str, verdict: str, score: float, *, computed: bool = False) -> dict:
    single, joint = scored("average precision", score), scored("balanced accuracy", score)
    code = {"code": 3, "value": "<b>7", "ap": score, "low": score - 0.05, "high": score + 0.05, "n": 40, "share": 0.1}
    value = {"value": "<b>7", "n": 40, "share": 0.1, "verdict": verdict, "sentence": f"{concept} = <b>7: {verdict}."}
    value |= {"code": 3, "single": single, "joint": joint, "detectable": 0.1}
    return {
        "layer": "code", "concept": concept, "n": 400, "fitted": 300, "missing": 5, "rare": [], "computed": computed,
        **single, "verdict": verdict, "sentence": f"{concept}: {verdict}.", "codes": [code | {"null": None}],
        "single": single, "joint": joint, "detectable": 0.02, "values": [value], "place_share": 0.1,
        "ladder": [{"point": point, "probe": probe, "score": score, "low": score - 0.1, "high": score + 0.1}
                   for point in ("raw pixels", "bag of codes") for probe in ("linear", "kNN")],
        "given_pictures": None, "selectivity": {"control": 0.3, "selectivity": score - 0.3},
    }  # fmt: skip


FOUND = {
    "score": "judgement", "refused": {"name": "name has 400 values"}, "absent": {},
    "concepts": [
        judged("lightness", verdicts.SINGLE, 0.95, computed=True), judged("digit", verdicts.SINGLE, 0.9),
        judged("noise", verdicts.CHANCE, 0.1),
    ],
}  # fmt: skip


@pytest.fixture
def study(monkeypatch):
    found = open_study("vqvae-digits", "digits")
    result = found.result

    def known(kind, options=None):
        if kind != "score":
            return result(kind, options)
        return copy.deepcopy(FOUND) if options["score"] == "judgement" else None

    monkeypatch.setattr(found, "result", known)
    return found


def shown(study, **asked):
    options, faults = fields.settled(concepts.Options, study, asked)
    assert not faults
    return options, concepts.sheet(study, options)


def test_the_page_opens_with_what_is_captured_and_the_datasets_own_concepts_come_first(study):
    options, sheet = shown(study)
    assert (options.concept, options.layer, options.value) == ("digit", "code", "")
    notes = [block.text for block in walk(sheet.blocks) if isinstance(block, Note)]
    assert notes[0] == "2 of 3 concepts are captured by the codes of some layer better than by every null."
    assert notes[1:3] == [f"{one}: {verdict}." for one, verdict in (
        ("digit", verdicts.SINGLE), ("lightness", verdicts.SINGLE))]  # fmt: skip
    assert notes[3].startswith("noise: not above chance. Less than 0.12 could have been missed")
    assert "Not judged: name has 400 values." in notes
    assert all(any(rule in note for note in notes) for rule in verdicts.RULES.values())


def test_a_click_on_a_cell_shows_the_evidence_of_that_concept_and_what_is_no_capture_is_grey(study):
    _, sheet = shown(study)
    chart = next(block for block in walk(sheet.blocks) if isinstance(block, Chart) and block.name == "verdicts")
    assert chart.go(1).carried == {"concept": "noise", "layer": "code"}
    grey, coloured = chart.figure("light").data
    assert grey.text[1][0] == "0.10 · chance" and grey.text[0][0] == ""
    assert coloured.z[0][0] == pytest.approx(0.7) and coloured.colorscale != grey.colorscale
    assert "best null: 0.20, 95 %: 0.15 – 0.25" in coloured.customdata[0][0][1]
    _, other = shown(study, concept="noise")
    missed = "noise: not above chance. Less than 0.12 could have been missed with these images."
    assert missed in [block.text for block in walk(other.blocks) if isinstance(block, Note)]


def test_what_pixels_tell_of_pixels_does_not_open_the_page():
    rows = [judged("hue", verdicts.PIXELS, 0.3, computed=True), judged("digit", verdicts.PIXELS, 0.2)]
    notes = [block.text for block in verdict_table.opening(rows)]
    assert notes[0].startswith("0 of 2") and notes[1].startswith("digit:") and "the verdict on digit:" in notes[2]
    assert len(notes) == 3


def test_a_value_is_judged_against_the_rest_and_text_of_others_stays_text(study):
    _, sheet = shown(study, concept="digit", value="<b>7")
    drawn = html.draw(sheet.blocks, html.Paper(lambda _: ""))
    assert "digit = &lt;b&gt;7 in code" in drawn and "<b>7" not in drawn.replace("&lt;b>7", "")


def test_scores_that_are_not_there_are_one_work_and_nothing_is_begun_for_them_once_the_verdicts_are(study):
    _, sheet = shown(study)
    (missing,) = [block for block in walk(sheet.blocks) if isinstance(block, Missing)]
    assert missing.kind == "score" and set(missing.options) == set(scores.SCORES) - {"judgement", "human"}
    assert not missing.begin and sheet.blocks[-1] is missing, "what matters less waits below what is there"


def test_numbers_that_cannot_be_had_are_dashes_and_above_is_counted_from_chance_without_a_null():
    row = judged("digit", verdicts.FEW, float("nan")) | {"best_null": None}
    assert verdict_table.above(row) == 0 and verdict_table.number(None) == "–"
    assert verdict_table.above(judged("digit", verdicts.SINGLE, 0.9) | {"best_null": None}) == pytest.approx(0.8)
    assert np.isnan(evidence._null({"best_null": None}))


def test_the_question_of_the_project_is_answered_on_the_second_page():
    assert list(VIEWS)[1] == "concepts"
