"""The picker of a picture that views share, on a page of its own."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer.study import open_study


def page(checkpoint: str, photos: str) -> None:
    import streamlit as st

    from explorer.pages import pictures, state
    from explorer.study import open_study

    state.read_url()
    picture = pictures.choose(open_study(checkpoint, photos, kmeans=4))
    st.text(f"{picture.row} {picture.name}")


@pytest.fixture
def picker(studio):
    """`picker(order="worst")` -> the page, with these names in its address."""

    def opened(**names: str):
        folder = str(studio.checkpoints / "tiny-vqvae"), str(studio.photos)
        app = AppTest.from_function(page, args=folder, default_timeout=60)
        for name, value in names.items():
            app.query_params[name] = value
        return app.run()

    return opened


def row(app) -> int:
    assert not app.exception
    return int(app.text[0].value.split()[0])


@pytest.fixture
def worst(studio):
    study = open_study(studio.checkpoints / "tiny-vqvae", str(studio.photos), kmeans=4)
    return np.argsort(study.errors()["psnr"].to_numpy(), kind="stable").tolist()


def test_the_address_names_the_image_and_buttons_named_for_people_change_it(picker):
    app = picker(image="7")
    assert row(app) == 7
    labels = {button.key: button.label for button in app.button}
    ways = {"previous": "Previous image", "next": "Next image", "random": "Random image"}
    assert labels == ways | {"gather-image": "Set"}
    app.button(key="next").click().run()
    assert row(app) == 8 and app.query_params["image"] in ("8", ["8"])
    app = picker(image="0")
    app.button(key="previous").click().run()
    assert row(app) == 11


def test_a_wrong_number_is_one_sentence(picker):
    app = picker(image="99")
    assert row(app) == 0 and len(app.warning) == 1 and "99" in app.warning[0].value


def test_in_order_of_quality_the_first_is_the_worst_and_next_goes_on_from_there(picker, worst):
    app = picker()
    app.selectbox(key="pick-order").set_value("worst").run()
    assert row(app) == worst[0]
    app.button(key="next").click().run()
    assert row(app) == worst[1]
    app.selectbox(key="pick-order").set_value("best").run()
    assert row(app) == worst[-1]


def test_a_picture_of_ones_own_is_looked_at_by_its_name(picker, studio):
    photograph = next((studio.photos / "test" / "red").glob("*.png")).read_bytes()
    app = picker(order="own")
    assert row(app) == 0 and any("first image of the dataset" in caption.value for caption in app.caption)
    app.file_uploader(key="own").set_value(
        [("a.png", photograph, "image/png"), ("b.png", photograph, "image/png")]
    ).run()
    assert app.text[0].value == "None a.png"
    app.button(key="next").click().run()
    assert app.text[0].value == "None b.png" and app.query_params["image"] in ("own:b.png", ["own:b.png"])
    app.file_uploader(key="own").upload("c.png", photograph, "image/png").run()
    assert app.text[0].value == "None c.png", "what was dropped just now is shown"
    app.file_uploader(key="own").set_value([("a.png", photograph, "image/png")]).run()
    assert app.text[0].value == "None a.png" and not app.warning, "the one that was shown is removed"
    app.selectbox(key="pick-order").set_value("number").run()
    assert row(app) == 0


def test_a_link_to_an_image_of_the_dataset_shows_it_after_ones_own_pictures(picker):
    app = picker(order="own", image="7")
    assert row(app) == 7 and not app.warning


def test_a_link_to_a_picture_of_another_session_says_so(picker):
    app = picker(image="own:theirs.png")
    assert row(app) == 0 and "theirs" in app.warning[0].value
