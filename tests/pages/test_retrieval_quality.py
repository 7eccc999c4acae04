"""Which way to take, on the page of similar images: made when asked for, said in a sentence, by another concept."""

from __future__ import annotations

import pytest

from explorer import checkpoints, results
from explorer.results.subject import Subject
from tests.pages.test_code_maps import metrics, problems, texts

PAGE = "similar"


@pytest.fixture(autouse=True)
def nothing_left(studio):
    """What is found here would change what other pages begin with."""
    before = set(studio.cache.rglob("*"))
    yield
    for path in set(studio.cache.rglob("*")) - before:
        if path.is_file():
            path.unlink()


def made(studio, name: str = "tiny-vqvae2", **options) -> dict:
    """The scores of the tiny checkpoint on its twelve photographs, six of each class."""
    return results.obtain("retrieval", Subject(checkpoints.resolve(name), str(studio.photos)), options)[1]


def test_it_is_started_by_hand_where_it_is_not_there(open_app):
    app = open_app(PAGE, checkpoint="tiny-vqvae2", image="3")
    assert not problems(app) and "Which way to take?" in "\n".join(one.value for one in app.header)
    assert any(button.label == "Start" for button in app.button) and "Best without training" not in metrics(app)


def test_a_way_is_named_beside_what_needs_no_training(open_app, studio):
    found = made(studio)
    app = open_app(PAGE, checkpoint="tiny-vqvae2", image="3")
    shown, best = metrics(app), next(one for one in found["concepts"] if not one["computed"])["best"]
    assert not problems(app)
    assert shown["Best way here"] == f"{best['score'][0]:.2f}" and shown["A random order"].startswith("0.")
    assert "one half of the searches" in texts(app) + "\n".join(one.value for one in [*app.warning, *app.info])


def test_another_concept_is_chosen_and_one_that_cannot_be_judged_is_a_sentence(open_app, studio):
    found = made(studio)
    app = open_app(PAGE, checkpoint="tiny-vqvae2", image="3", concept="lightness")
    assert not problems(app)
    scores = next(one for one in found["concepts"] if one["concept"] == "lightness")
    assert metrics(app)["A random order"] == f"{scores['map'][-1][0]:.2f}"
    app = open_app(PAGE, checkpoint="tiny-vqvae2", image="3", concept="nowhere")
    assert not app.exception and any("nowhere" in one.value for one in [*app.warning, *app.info])
