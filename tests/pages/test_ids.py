"""The page Product ids in AppTest: choices, cards, warnings, ways into the tree, and what is made beside the page."""

from __future__ import annotations

import pytest

from explorer import results
from explorer.results.subject import Subject


@pytest.fixture
def made(studio):
    """`made("tiny-vqvae", levels=2)` -> the ids, as the background job would write them."""

    def write(checkpoint: str = "tiny-vqvae", **options):
        subject = Subject(studio.checkpoints / checkpoint, str(studio.photos))
        return results.obtain("ids", subject, options)[1]

    return write


def said(app) -> str:
    return "\n".join(element.value for element in [*app.markdown, *app.caption, *app.info, *app.warning]).replace(
        "\\", ""
    )


def test_ids_are_made_beside_the_page_unasked(open_app):
    app = open_app("ids", checkpoint="tiny-vae")
    assert "a short word made of codes" in said(app) and not app.exception and not app.metric
    assert any("Ids of 12 images" in element.value for element in [*app.markdown, *app.caption])


def test_cards_and_sentence_say_how_many_share_an_id(open_app, made):
    facts = made().facts
    app = open_app("ids", checkpoint="tiny-vqvae")
    shown = {one.label.replace("\u2060", ""): one.value for one in app.metric}
    last = facts["levels"][-1]
    assert shown["Ids"] == str(last["prefixes"]) and shown["Share their id"] == f"{last['collisions']:.1%}"
    assert shown["Recall@10"] == f"{facts['neighbours']['recall']['mean']:.3f}"
    assert facts["sentence"] in said(app) and not app.exception
    assert [one.value for one in app.header] == [
        "The tree of ids", "The id of an image", "Level by level", "Are images with like ids alike?",
        "Which concepts do ids tell?", "Take the ids home",
    ]  # fmt: skip


def test_choices_travel_in_the_address_and_ask_for_other_ids(open_app, made):
    made()
    made(levels=2, branch=4)
    app = open_app("ids", checkpoint="tiny-vqvae", levels="2", branch="4", image="3")
    assert "The id of image 3 is" in said(app) and not app.exception and not app.warning
    app.segmented_control(key="pick-branch").set_value(8).run()
    assert app.query_params["branch"] == "8" and not app.exception and not app.metric
    assert any("Ids of 12 images" in element.value for element in [*app.markdown, *app.caption])


def test_a_link_into_the_tree_is_followed_and_one_that_leads_nowhere_is_said(open_app, made):
    found = made(levels=2, branch=4)
    app = open_app("ids", checkpoint="tiny-vqvae", levels="2", branch="4", image="3")
    first = str(found.whole[3][0])
    next(one for one in app.button if str(one.key).startswith(f"link-{first} (")).click().run()
    assert app.query_params["prefix"] == first and not app.exception
    app = open_app("ids", checkpoint="tiny-vqvae", levels="2", branch="4", prefix="99-1")
    assert "No image has an id that begins with “99-1”" in said(app) and not app.exception


def test_values_that_cannot_be_had_are_a_sentence_and_the_page_goes_on(open_app, made):
    made()
    app = open_app("ids", checkpoint="tiny-vqvae", levels="99", way="levels", books="own", layer="none", of="x")
    assert not app.exception and app.warning and "levels" in app.warning[0].value
    assert [one.label for one in app.metric][:1] == ["Ids"]
    app = open_app("ids", checkpoint="tiny-vqvae2")
    assert not app.exception
