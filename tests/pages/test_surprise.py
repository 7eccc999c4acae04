"""The part Surprise of the page Prior: one image at once, the whole set once it was asked about, another set beside."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from explorer import results
from explorer.results.subject import Subject
from tests.priors.folders import keep


@dataclass(frozen=True)
class Home:
    """Folders: `checkpoints` holds tiny-vqvae2 and its prior `classed`; `other` are other pictures."""

    checkpoints: Path
    photos: Path
    other: Path

    @property
    def subject(self) -> Subject:
        return Subject(self.checkpoints / "tiny-vqvae2", str(self.photos))

    def ask(self, against: str = ""):
        asked = {"prior": str(self.checkpoints / "classed"), "against": against}
        return results.obtain("surprisal", self.subject, asked)[1]


@pytest.fixture(scope="module")
def made(built, tmp_path_factory):
    home = tmp_path_factory.mktemp("surprised")
    for family in ("vqvae2", "vqvae"):
        shutil.copytree(built.checkpoints / f"tiny-{family}", home / f"tiny-{family}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPLORER_CACHE", str(built.cache))
        keep(home / "classed", home / "tiny-vqvae2", str(built.photos), "class")
    return home


@pytest.fixture
def home(studio, made, monkeypatch, tmp_path):
    monkeypatch.setenv("EXPLORER_CHECKPOINTS", str(made))
    for place in (studio.cache / "surprisal").glob("*"):
        place.unlink()
    other = shutil.copytree(studio.photos / "test" / "red", tmp_path / "other" / "test" / "red").parents[1]
    shutil.copytree(studio.photos / "train" / "green", other / "train" / "red")
    return Home(made, studio.photos, other)


def opened(open_app, **more: str):
    return open_app("prior", checkpoint="tiny-vqvae2", part="surprise", image="3", **more)


def said(app) -> str:
    shown = [*app.caption, *app.markdown, *app.info, *app.header]
    return "\n".join(element.value for element in shown).replace("\\", "")


def test_one_image_is_looked_at_before_anything_is_computed(open_app, home):
    app = opened(open_app)
    assert "Where this image surprises" in said(app) and not app.error and not app.warning
    assert "Ask the prior about all 12 images" in said(app)
    assert any(button.label == "Start" for button in app.button) and not app.metric


def test_the_whole_set(open_app, home):
    found = home.ask()
    app = opened(open_app)
    cards = {one.label: one.value for one in app.metric}
    assert cards["This image, all levels"] == f"{found.image_bits()[3]:.2f} bits"
    assert cards["Bits per code, all levels"] == f"{found.image_bits().mean():.2f}"
    assert cards["Nothing known, bottom"] == "3.00" and "%" in cards["Predictable, bottom"]
    text = said(app)
    for heading in ("All images", "How much is predictable", "Codes", "Concepts", "Another set of images"):
        assert heading in text
    assert "expected least, of all 12" in text and "told the class" in text
    table = app.dataframe[0].value
    assert set(table["code"]) == set(found.codes["bottom"].reshape(-1).tolist())
    assert table["tokens"].sum() == 12 * 16 and (table["rare"] == "rare").all(), "twelve images are few"
    app.segmented_control(key="pick-surprising").set_value("least").run()
    assert "expected most, of all 12" in said(app) and not app.exception


def test_each_level_has_its_own_codes(open_app, home):
    found = home.ask()
    app = opened(open_app, level="top")
    assert app.dataframe[0].value["tokens"].sum() == 12 * 4
    assert set(app.dataframe[0].value["code"]) == set(found.codes["top"].reshape(-1).tolist())


def test_another_set_is_asked_about_and_told_apart(open_app, home):
    home.ask()
    app = opened(open_app, unlike=str(home.other))
    assert "Ask the prior about images of other" in said(app)
    assert [one for one in app.warning if "trained too little" not in one.value] == [], "the prior is untrained"
    home.ask(str(home.other))
    app = opened(open_app, unlike=str(home.other))
    cards = {one.label: one.value for one in app.metric}
    assert 0 <= float(cards["Bits of the prior"]) <= 1 and 0 <= float(cards["Size as PNG"]) <= 1
    assert f"12 images of {home.photos.name}" in said(app), "both are told"
    assert "6 are copies" in said(app), "red ones are in both"


def test_the_same_set_is_not_told_apart(open_app, home):
    home.ask(str(home.photos))
    home.ask()
    app = opened(open_app, unlike=str(home.photos))
    assert "0.5 by construction" in said(app)


def test_an_address_that_cannot_be_had_is_a_sentence(open_app, home):
    home.ask()
    app = opened(open_app, unlike="/no/such/folder", level="sideways", surprising="sometimes")
    assert not app.exception and "Another set of images" in said(app)

    assert any("no-such" in one.value or "/no/such" in one.value for one in app.warning)


def test_a_checkpoint_without_a_prior_says_what_one_is(open_app, home):
    app = open_app("prior", checkpoint="tiny-vqvae", part="surprise")
    assert "A prior is a network" in app.info[0].value and not app.exception
