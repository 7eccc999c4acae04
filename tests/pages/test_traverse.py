"""The Traverse page: units, ways, sums and samples, chosen by widgets and carried in the address."""

from __future__ import annotations

import pytest

from explorer import results
from explorer.results.subject import Subject


@pytest.fixture
def measured(studio):
    """What the background job would write."""
    return results.obtain("latents", Subject(studio.checkpoints / "tiny-vae", str(studio.photos)))[1]


def texts(app) -> str:
    return "\n".join(str(one.value) for one in [*app.caption, *app.markdown, *app.header, *app.subheader])


def test_each_thing_to_do_is_a_click_away(open_app, measured):
    app = open_app("traverse", checkpoint="tiny-vae")
    assert "What each unit does" in texts(app) and "Unit" in texts(app) and not app.warning
    for do, heading in (("ways", "From image 0 to image"), ("sums", "Add and subtract"), ("samples", "Draw latents")):
        app.segmented_control(key="pick-do").set_value(do).run()
        assert heading in texts(app) and not app.exception and not app.warning
        assert app.query_params["do"] == do


def test_units_are_measured_beside_the_page(open_app, click_on, studio, monkeypatch):
    started = []
    from explorer import jobs

    results.path("latents", Subject(studio.checkpoints / "tiny-vae", str(studio.photos))).unlink(missing_ok=True)
    monkeypatch.setattr(jobs, "start", lambda arguments, *_, **__: started.append(arguments))
    app = open_app("traverse", checkpoint="tiny-vae")
    assert not started
    click_on(app)
    assert not app.exception and started[0][:2] == ["measure", "latents"] and "latent" in started[0]


def test_a_link_opens_what_was_chosen(open_app, measured):
    app = open_app("traverse", checkpoint="tiny-vae", do="ways", second="9", along="12", path="straight", image="3")
    assert "From image 3 to image 9" in texts(app) and not app.warning
    app.button(key="link-Two others").click().run()
    assert app.query_params["second"] != "9" and not app.exception


def test_codes_lead_to_a_vae(open_app):
    app = open_app("traverse", checkpoint="tiny-vqvae")
    assert "no continuous layer" in app.info[0].value and not app.exception
    app.button(key="link-Open vae-shapes, a VAE").click().run()
    assert app.query_params["checkpoint"] == "vae-shapes" and not app.exception and not app.info
    assert "What each unit does" in texts(app)


def test_what_another_page_chose_does_no_harm(open_app, visit, measured):
    app = open_app("code_maps", checkpoint="tiny-vqvae")
    visit(app, "traverse", checkpoint="tiny-vae")
    assert not app.warning and "What each unit does" in texts(app)
    visit(app, "code_maps", checkpoint="tiny-vae")
    assert not app.warning


@pytest.mark.parametrize("asked", [{"units": "0"}, {"units": "99"}, {"steps": "6"}, {"do": "fly"}, {"seed": "-1"}])
def test_an_address_out_of_range_gives_one_sentence_at_most(open_app, measured, asked):
    app = open_app("traverse", checkpoint="tiny-vae", **asked)
    assert len(app.warning) <= 1 and not app.exception and "What each unit does" in texts(app)


def test_a_page_of_units_that_a_bar_opened_is_the_one_that_is_marked(open_app, visit, measured):
    app = open_app("traverse", checkpoint="tiny-vae")
    assert app.get("pagination")[0].proto.default == 1
    visit(app, "traverse", units="3")
    assert app.get("pagination")[0].proto.default == 3 and not app.warning
