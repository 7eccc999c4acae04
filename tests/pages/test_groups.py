"""The page of groups of codes: made beside the page, named, brought in from a file, and put in place of codes."""

from __future__ import annotations

import pytest

from explorer import checkpoints, results
from explorer.results.subject import Subject

PAGE = "groups"


@pytest.fixture
def grouped(studio, monkeypatch):
    """Groups of the twelve photographs' codes, made before the page is opened."""
    monkeypatch.setattr("explorer.analysis.grouping.FEWEST", 1)
    for name, options in (("tiny-mae", {"layer": "block2"}), ("tiny-vae", {})):
        results.obtain("groups", Subject(checkpoints.resolve(name), str(studio.photos)), options)
    return studio


def texts(app) -> str:
    kinds = (app.markdown, app.caption, app.warning, app.info, app.header, app.subheader)
    return "\n".join(str(element.value) for kind in kinds for element in kind).replace("\\", "")


def problems(app) -> list[str]:
    return [element.value for element in [*app.error, *app.exception]]


def metrics(app) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def test_groups_are_made_beside_the_page_unasked_where_a_click_led_there(open_app, click_on, monkeypatch):
    started = []
    monkeypatch.setattr("explorer.analysis.grouping.FEWEST", 1)
    monkeypatch.setattr("explorer.jobs.start", lambda words, target, **more: started.append(words))
    app = open_app(PAGE, checkpoint="tiny-mae", layer="block1")
    assert not started
    click_on(app)
    assert not problems(app) and "Group the codes of layer block1 of tiny-mae" in texts(app)
    assert started and started[0][0] == "groups" and "--layer" in started[0]


def test_the_page_tells_of_groups_and_of_one_of_them(open_app, grouped):
    app = open_app(PAGE, checkpoint="tiny-mae", layer="block2", count="4", group="2")
    assert not problems(app) and metrics(app)["Groups"] == "4"
    assert "The groups" in texts(app) and "Group 2" in texts(app) and "Do groups hold concepts?" in texts(app)
    assert "Halves agree" not in metrics(app) or "0." in metrics(app)["Halves agree"]


def test_a_name_is_given_on_the_page_and_shown_everywhere(open_app, grouped):
    app = open_app(PAGE, checkpoint="tiny-mae", layer="block2", count="4", group="2")
    box = next(one for one in app.text_input if one.label == "Name of group 2")
    box.set_value("dark corners").run()
    assert not problems(app) and "dark corners" in texts(app)
    again = open_app(PAGE, checkpoint="tiny-mae", layer="block2", count="4", group="2")
    assert "dark corners" in texts(again)


def test_one_vector_an_image_is_grouped_by_vectors(open_app, grouped):
    app = open_app(PAGE, checkpoint="tiny-vae")
    assert not problems(app) and "vectors it is" in texts(app) and "Groups" in metrics(app)


def test_too_few_codes_are_one_sentence_and_a_way_on(open_app, monkeypatch):
    monkeypatch.setattr("explorer.analysis.grouping.FEWEST", 13)
    app = open_app(PAGE)
    assert not problems(app) and "has 0 codes in at least 13 of its 12 images; groups need 4" in texts(app)


def test_an_address_out_of_range_is_a_sentence_and_the_page_goes_on(open_app, grouped):
    app = open_app(PAGE, checkpoint="tiny-mae", layer="block2", count="4", group="999")
    assert not app.exception and metrics(app)["Groups"] == "4"


def test_groups_take_the_place_of_codes(open_app, visit, grouped):
    app = open_app(PAGE, checkpoint="tiny-mae", layer="block2", count="4")
    app.button(key="act-stand-in").click().run()
    assert not problems(app) and app.query_params["checkpoint"].endswith("tiny-mae in 4 groups of block2.npz")
