"""The intruder test in the app: blind to the end, kept from its first trial on."""

from __future__ import annotations

import pytest

from explorer.notebook import answers
from explorer.study import intruders, open_study


@pytest.fixture
def study(studio):
    return open_study("tiny-vqvae", str(studio.photos))


def taken(study):
    return answers.find(study.subject.fingerprint, study.images.fingerprint)


def said(app) -> str:
    kinds = (app.markdown, app.caption, app.header)
    return "\n".join(str(element.value) for kind in kinds for element in kind).replace("\\", "")


def test_a_test_from_the_first_trial_to_the_last(open_app, study):
    app = open_app("intruder")
    app.button(key="test-begin").click().run()
    test = list(taken(study).values())[-1]
    assert len(test["trials"]) == 15 and test["answers"] == []
    for at, trial in enumerate(test["trials"]):
        assert not app.metric and f"Trial {at + 1} of 15" in app.get("progress")[0].proto.text
        assert not any(str(code) in said(app) for code in trial["codes"] if code > 6), "nothing tells the codes"
        right = trial["arm"] == "random" or at % 3
        app.button(key=f"choice-{trial['odd'] if right else (trial['odd'] + 1) % 6}").click().run()
        assert not app.exception and not app.error
    told = answers.found(list(taken(study).values())[-1])
    shown = {metric.label: metric for metric in app.metric}
    assert told["random"]["share"] == 1 and shown["Among random codes"].value == "100%"
    assert shown["Intruders found"].delta.startswith(f"{told['code']['found']} of 10")
    assert all(metric.help for metric in app.metric)
    table = intruders.table(taken(study), study.images.names)
    assert len(table) >= 15 and table["found"].sum() >= told["code"]["found"] + 5


def test_what_is_left_is_kept_and_gone_on_with(open_app, study):
    app = open_app("intruder")
    before = len(taken(study))
    app.button(key="test-begin").click().run()
    app.button(key="choice-2").click().run()
    app.button(key="test-leave").click().run()
    test = list(taken(study).values())[-1]
    assert len(taken(study)) == before + 1 and test["answers"] == [2]
    app = open_app("intruder")
    app.button(key="test-go-on").click().run()
    assert "Trial 2 of 15" in app.get("progress")[0].proto.text


def test_an_answer_is_given_once(study):
    trials = [{"arm": "code", "odd": 1, "codes": [], "rows": [], "positions": [], "machine": 1, "pixels": 0}] * 2
    name = answers.begin("m", "i", "code", "random", trials)
    for trial, choice in ((0, 1), (0, 4), (1, 0), (2, 5)):
        answers.answer("m", "i", name, trial, choice)
    test = answers.find("m", "i")[name]
    assert test["answers"] == [1, 0] and answers.done(test)
    told = answers.together({name: test}, "code")
    assert (told["code"]["found"], told["machine"]["found"], told["pixels"]["found"]) == (1, 2, 0)
    assert answers.together({name: test}, "other") is None
