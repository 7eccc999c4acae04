"""The page Prior in AppTest: its choices, what the address may say, and a checkpoint without a prior."""

from __future__ import annotations

import shutil

import pytest

from tests.priors.folders import keep


@pytest.fixture
def with_prior(studio):
    """tiny-vqvae has an untrained prior, conditional on the colour."""
    path = studio.checkpoints / "tiny-vqvae-prior"
    yield keep(path, studio.checkpoints / "tiny-vqvae", str(studio.photos), "class")
    shutil.rmtree(path)


def texts(app) -> str:
    return "\n".join(one.value for one in [*app.caption, *app.markdown, *app.info, *app.warning])


def test_choices_of_samples_and_completions_are_carried(open_app, with_prior):
    app = open_app("prior")
    assert app.get("bidi_component") and not app.warning
    assert app.selectbox(key="pick-drawn_class").options == ["Every value", "green", "red", "No class"]
    assert not any(one.key == "pick-image" for one in app.number_input), "samples are of no image"
    app.selectbox(key="pick-drawn_class").set_value("red").run()
    app.slider(key="pick-temperature").set_value(0.5).run()
    assert app.query_params["drawn_class"] in ("red", ["red"]) and not app.exception
    app.segmented_control(key="pick-part").set_value("complete").run()
    assert app.selectbox(key="pick-as_class").options == ["That of the image", "green", "red", "No class"]
    assert app.selectbox(key="pick-completions") and app.slider(key="pick-temperature").value == 0.5
    assert app.get("bidi_component") and not app.exception


def test_an_address_that_cannot_be_had_is_a_sentence_each_and_the_page_goes_on(open_app, with_prior):
    app = open_app(
        "prior",
        part="complete",
        temperature="99",
        guidance="x",
        seed="-1",
        missing="zz",
        base="code:0=99999",
        image="2",
    )
    said = texts(app)
    assert "0.0 to 2.0" in said and "guidance must be a number" in said.lower() and "0 to 9999" in said
    assert "lower half is missing" in said and "image is completed instead" in said
    assert app.get("bidi_component") and not app.exception and not app.error


def test_a_class_never_seen_is_named_with_those_that_there_are(open_app, with_prior):
    app = open_app("prior", drawn_class="blue")
    assert "blue" in texts(app) and "green, red" in texts(app) and app.get("bidi_component")


def test_a_checkpoint_without_a_prior_leads_to_one_that_has_one(open_app):
    app = open_app("prior", checkpoint="tiny-vqvae2", part="samples")
    assert "no prior" in app.info[0].value and any("has a prior" in one.label for one in app.button)
