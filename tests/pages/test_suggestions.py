"""Asking for a change on the page Edit: offered, found, refused."""

from __future__ import annotations

import pytest

from explorer import results
from explorer.results.subject import Subject
from explorer.results.suggestions import question


def problems(app) -> list[str]:
    return [element.value for element in [*app.error, *app.exception]]


@pytest.mark.parametrize("name", ["tiny-vqvae", "tiny-vqvae2", "tiny-vae", "tiny-mae"])
def test_a_change_is_offered_and_then_shown(open_app, studio, monkeypatch, name):
    asked = {"checkpoint": name, "image": "3", "aim": "image", "towards": "8", "swaps": "2"}
    app = open_app("edit", **asked)
    assert not problems(app) and any("more like image 8" in one.value for one in app.markdown)
    assert [one.label for one in app.button if one.key and one.key.startswith("start-")] == ["Start"]
    monkeypatch.setattr(question, "MOST", 60)
    monkeypatch.setattr(question, "FEWEST", 60)
    subject = Subject(studio.checkpoints / name, str(studio.photos))
    layer = app.query_params["layer"]
    found = results.obtain("suggestions", subject, {"image": 3, "layer": layer, "towards": 8, "swaps": 2})[1]
    app.run()
    assert not problems(app) and not [one for one in app.button if one.key and one.key.startswith("start-")]
    if found["swaps"]:
        assert any(one.label == "Nearness to image 8" for one in app.metric)
        assert len(app.get("bidi_component")) == 3  # the canvas, its answers, and the list
    else:
        assert any("swaps that were tried raises" in one.value for one in app.info)


def test_what_an_address_asks_in_vain_is_one_sentence(open_app):
    app = open_app("edit", image="3", swaps="99", aim="nowhere")
    assert not problems(app) and any("99 is out of range" in one.value for one in app.warning)
    app = open_app("edit", image="3", aim="image", towards="3")
    assert not problems(app) and any("Image 3 is this one" in one.value for one in app.info)
    app = open_app("edit", image="3", begin="code:0=5000", aim="image", towards="4", left="zzz")
    assert not problems(app) and any("paints code 5000" in one.value for one in app.info)
    assert any(one.label == "Begin with the image's own codes" for one in app.button)
