"""Linked code maps and two maps on the page Compare."""

from __future__ import annotations

import pytest

CHOSEN = "The 6 chosen images"


@pytest.fixture
def compared(open_app):
    """`compared(region="…")` -> the page Compare of two tiny checkpoints."""
    return lambda **asked: open_app("compare", **{"checkpoint": "tiny-vqvae", "against": "tiny-vqvae2", **asked})


def said(app) -> str:
    texts = [*app.caption, *app.markdown, *app.header, *app.subheader, *app.info, *app.warning]
    return "\n".join(element.value for element in texts)


def test_both_parts_are_there_with_pca_until_a_umap_is_asked_for(compared):
    app = compared()
    assert "One image, two code maps" in said(app) and "Two maps, one selection" in said(app)
    assert app.segmented_control(key="pick-method").value == "pca" and not app.warning and not app.exception
    app.segmented_control(key="pick-method").set_value("umap").run()
    assert "Meanwhile, below are the PCA" in said(app) and not app.exception
    assert sum(button.label == "Start" for button in app.button) >= 2, "one for each map that is not there"


def test_a_selection_travels_in_the_address_and_goes_with_another_layer(compared):
    app = compared(region="i:0;1;2;3;4;5")
    assert CHOSEN in said(app) and app.query_params["region"] == "i:0;1;2;3;4;5"
    labels = {metric.label: metric.value for metric in app.metric}
    assert labels["Chosen"] == "6"
    app.segmented_control(key="pick-layer_b").set_value("top").run()
    assert CHOSEN not in said(app) and "region" not in app.query_params and not app.exception


@pytest.mark.parametrize("asked", [
    {"region": "a:what"}, {"region": "i:77"}, {"colour": "nothing"}, {"method": "tsne"}, {"layer_b": "nope"},
    {"image": "99"}, {"against": "tiny-vae"}, {"against": "tiny-mae"}, {"against": "tiny-vqvae"},
])  # fmt: skip
def test_whatever_an_address_says_the_page_is_there(compared, asked):
    app = compared(**asked)
    assert "Two maps, one selection" in said(app) and not app.error and not app.exception
