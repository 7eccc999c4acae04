"""The page Similar of a large set: it offers an index, and says how much of the truth that finds."""

from explorer.results import index
from explorer.study import open_study, similar
from tests.pages.test_code_maps import problems, texts


def test_a_large_set_is_searched_by_an_index_that_is_offered(open_app, studio, monkeypatch):
    study = open_study("tiny-vqvae", str(studio.photos), kmeans=4)
    study.make("encoding")
    monkeypatch.setattr(index, "EXACT", 5)
    app = open_app("similar", image="3", way="zq")
    assert not problems(app) and "by: Mean of z_q" in texts(app)
    assert [button.label for button in app.button if button.label == "Start"] == ["Start"]
    for way in ("zq", "bag"):
        study.make("index", similar.indexing(study, similar.By(way)))
    app.run()
    assert not problems(app) and "Searched by an index of 12 images, all of which are looked at" in texts(app)
    assert len(app.get("bidi_component")) == 1
