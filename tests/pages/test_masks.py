"""The page Masks in AppTest: what is hidden, what the address may say, and work that is never begun unasked."""

from __future__ import annotations

import pytest

from explorer import jobs


@pytest.fixture(autouse=True)
def begun(monkeypatch):
    """Words of the command lines that the page starts, instead of the work."""
    found = []
    monkeypatch.setattr(jobs, "start", lambda arguments, *_, **__: found.append(arguments))
    return found


def metrics(app) -> dict[str, str]:
    return {one.label: one.value for one in app.metric}


def texts(app) -> str:
    return "\n".join(one.value for one in [*app.caption, *app.markdown, *app.info, *app.warning])


def test_a_painted_mask_is_read_from_the_address_and_a_new_ratio_takes_its_place(open_app):
    app = open_app("masks", checkpoint="tiny-mae", mask="c000", image="3")
    assert metrics(app)["Hidden patches"] == "2 of 16" and metrics(app)["Error inside"].endswith(" dB")
    assert app.get("bidi_component") and not app.warning
    app.slider(key="pick-share").set_value(50).run()
    assert metrics(app)["Hidden patches"] == "8 of 16" and "mask" not in app.query_params
    before = metrics(app)
    app.number_input(key="pick-draw").set_value(1).run()
    assert metrics(app)["Hidden patches"] == "8 of 16" and metrics(app) != before and not app.exception


def test_values_that_cannot_be_had_are_sentences_and_the_page_goes_on(open_app):
    app = open_app("masks", checkpoint="tiny-mae", mask="zz", share="999", block="99", asks="zz", draw="-1", image="3")
    assert "not those of a grid of 4 × 4" in texts(app) and "choose from 5 to 95" in texts(app)
    assert metrics(app)["Hidden patches"] == "12 of 16" and not app.exception and not app.error


def test_a_model_without_masks_leads_to_one_that_has_them(open_app):
    app = open_app("masks", checkpoint="tiny-vqvae")
    assert "cannot fill in hidden patches" in app.info[0].value
    assert app.button(key="link-Open mae-shapes") and not app.metric


def test_the_search_is_begun_when_it_is_asked_for_and_not_before(open_app, begun, studio):
    app = open_app("masks", checkpoint="tiny-mae", image="3")
    assert "Search for the masks that hurt most and least" in texts(app) and not begun
    next(button for button in app.button if button.label == "Start").click().run()
    (words,) = begun
    assert words[:2] == ["masks", str(studio.checkpoints / "tiny-mae")] and words[-2:] == ["--image", "3"]


def test_a_block_is_chosen_and_the_class_token_asks(open_app):
    app = open_app("masks", checkpoint="tiny-mae", image="3")
    assert app.slider(key="pick-block").value == 2, "the last one"
    app.slider(key="pick-block").set_value(1).run()
    app.button(key="link-Let the class token ask").click().run()
    assert app.query_params["asks"] in ("class", ["class"]) and app.slider(key="pick-block").value == 1
    table = next(one.value for one in app.dataframe if "entropy" in one.value)
    assert "distance" not in table and len(table) == 2 and not app.exception
