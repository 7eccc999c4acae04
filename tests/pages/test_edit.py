"""The page Edit over every family: its choices, its canvas, and what an address says in vain."""

from __future__ import annotations

import pytest


def problems(app) -> list[str]:
    return [element.value for element in [*app.error, *app.exception]]


@pytest.mark.parametrize("name", ["tiny-vqvae", "tiny-vqvae2", "tiny-vae", "tiny-mae"])
@pytest.mark.parametrize("palette", ["image", "near", "concept", "search"])
def test_every_family_has_a_canvas_and_every_palette(open_app, name, palette):
    app = open_app("edit", checkpoint=name, image="3", palette=palette)
    assert not problems(app) and len(app.get("bidi_component")) == 2  # the canvas, and its answers
    assert app.query_params["code"].isdecimal()


def test_an_edit_in_vain_is_one_sentence_and_another_image_drops_it(open_app):
    app = open_app("edit", image="3", edit="code:0=5000")
    assert not problems(app) and any("5000" in one.value for one in app.warning)
    app = open_app("edit", image="3", edit="code:0=5")
    assert not app.warning and app.query_params["edit"] == "code:0=5"
    app.button(key="next").click().run()
    assert app.query_params["image"] == "4" and "edit" not in app.query_params
