"""Sets of images in the app: by clicks, by a search, by a code; each is a concept on the pages after it."""

from __future__ import annotations

import pytest

from explorer.notebook import sets
from explorer.study import open_study


@pytest.fixture
def study(studio):
    found = open_study("tiny-vqvae", str(studio.photos))
    yield found
    for name in sets.find(found.images.fingerprint):
        sets.delete(found.images.fingerprint, name)


def said(app) -> str:
    kinds = (app.markdown, app.caption, app.warning, app.info, app.header)
    return "\n".join(str(element.value) for kind in kinds for element in kind).replace("\\", "")


def labels(app) -> list[str]:
    return [one.label for one in app.button]


def kept(app, key: str, name: str):
    app.text_input(key=f"name-of-{key}").set_value(name).run()
    app.button(key=f"keep-{key}").click().run()
    assert not app.exception and not app.error
    return app


def test_a_search_becomes_a_concept_of_every_page(open_app, visit, study):
    app = open_app("sets")
    assert "There is none yet" in said(app)
    app.text_input(key="search-text").set_value("Class RED").run()
    assert "**6** of 12 images" in said(app)
    kept(app, "search", "warm")
    found = sets.find(study.images.fingerprint)["warm"]
    assert [study.concepts()["class"].iloc[row] for row in found.rows] == ["red"] * 6 and not found.model
    assert "**warm** · 6 of 12 images" in said(app)
    visit(app, "codebook")
    assert "set: warm" in app.segmented_control(key="pick-concept").options
    visit(app, "codebook", concept="set: warm")
    assert next(one.value for one in app.metric if one.label == "Images") == "12"


def test_clicks_on_pictures_gather_and_are_kept(open_app, study):
    app = open_app("code_maps", image="3")
    app.button(key="gather-image").click().run()
    app.button(key="next").click().run()
    app.button(key="gather-image").click().run()
    kept(app, "basket-image", "two")
    assert sets.find(study.images.fingerprint)["two"].rows.tolist() == [3, 4]
    assert app.button(key="gather-image").label == "Set", "the basket is empty again"
    app.button(key="gather-image").click().run()
    app.button(key="gather-image").click().run()
    assert app.button(key="gather-image").label == "Set", "a second click puts it back"


def test_images_with_a_code_are_told_to_be_chosen_by_the_codes(open_app, study):
    code = int(study.codes("code")[0].reshape(-1)[0])
    app = open_app("code_maps", code=str(code))
    kept(app, "with-code", "of a code")
    one = sets.find(study.images.fingerprint)["of a code"]
    rows, _ = study.encoding.images_with("code", code)
    assert one.rows.tolist() == sorted(rows.tolist()) and one.model == study.subject.fingerprint
    app = open_app("sets")
    assert "that its codes tell of it is no find" in said(app)


def test_a_set_is_added_to_renamed_and_deleted(open_app, study):
    sets.keep(study.images.fingerprint, "mine", [0])
    app = open_app("sets")
    app.text_input(key="search-text").set_value("green").run()
    app.selectbox(key="set-of-search").set_value("mine").run()
    app.button(key="keep-search").click().run()
    assert len(sets.find(study.images.fingerprint)["mine"].rows) == 7 - (study.concepts()["class"].iloc[0] == "green")
    app.text_input(key="new-name-mine").set_value("yours").run()
    assert list(sets.find(study.images.fingerprint)) == ["yours"] and "**yours**" in said(app)
    app.button(key="delete-yours").click().run()
    assert not sets.find(study.images.fingerprint) and "There is none yet" in said(app)


def test_an_unfit_name_is_one_sentence(open_app, study):
    app = open_app("sets")
    app.text_input(key="search-text").set_value("green").run()
    app.button(key="keep-search").click().run()
    assert "A set needs a name" in said(app) and not sets.find(study.images.fingerprint)


def test_a_code_is_searched_for(open_app, study):
    code = int(study.table("code")["images"].idxmin())
    app = open_app("sets")
    app.number_input(key="search-code").set_value(code).run()
    assert f"**{len(study.encoding.images_with('code', code)[0])}** of 12 images" in said(app)
