"""The page Relations: nobody there, users that are simulated or brought in, one of them, and none again."""

from __future__ import annotations

import pytest

from explorer.datasets import interactions
from explorer.study import open_study
from tests.pages.test_code_maps import metrics, problems, texts

PAGE = "relations"


@pytest.fixture
def study(studio):
    found = open_study("tiny-vqvae", str(studio.photos))
    yield found
    for key in interactions.kept(found.images.fingerprint):
        interactions.forget(key)


def press(app, key: str):
    app.button(key=f"act-{key}").click().run()
    assert not app.exception
    return app


def test_nobody_is_there_yet(open_app, study):
    app = open_app(PAGE)
    assert not problems(app) and "what each may want next" in texts(app) and "stays on this machine" in texts(app)
    assert [one.label for one in app.button if one.label == "Simulate users"]


def test_users_are_simulated_and_deleted_for_good(open_app, study):
    app = press(open_app(PAGE, crowd_users="9", crowd_each="4"), "simulate")
    assert not problems(app) and metrics(app)["Users"] == "9"
    assert any("these users are made up" in one.value for one in app.warning)
    assert len(interactions.kept(study.images.fingerprint)) == 1
    press(app, "forget")
    assert not problems(app) and not interactions.kept(study.images.fingerprint)
    assert "what each may want next" in texts(app)


def test_a_table_is_dropped(open_app, study):
    app = open_app(PAGE, hashed="yes")
    table = "user_id,image_id\n" + "".join(f"anna,{row}\nbert,{row + 4}\n" for row in range(4)) + "bert,gone.jpg\n"
    app.file_uploader(key="receive-interactions").upload("looked.csv", table.encode(), "text/csv").run()
    assert not problems(app) and metrics(app)["Users"] == "2" and metrics(app)["Interactions"] == "8"
    assert "anna" not in str([one.value for one in app.markdown]) and not app.warning
    assert "anna" not in str(app.query_params)


def test_what_cannot_be_read_is_a_sentence(open_app, study, tmp_path):
    app = open_app(PAGE)
    app.file_uploader(key="receive-interactions").upload("looked.csv", b"a,b\n1,2\n", "text/csv").run()
    assert not app.exception and "has no column of users" in app.error[0].value.replace("\\", "")
    app = press(open_app(PAGE, crowd_like="class=blue"), "simulate")
    assert "blue" in app.error[0].value and not interactions.kept(study.images.fingerprint)


@pytest.mark.parametrize("address", [{"people": "nothing"}, {"person": "99"}, {"people": "../x", "product": "-4"}])
def test_a_mistyped_address_goes_on(open_app, study, address):
    app = open_app(PAGE, **address)
    assert not app.exception and not app.error
