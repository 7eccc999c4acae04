"""The part Judged of the page Prior: the work that makes it, the verdict, and what cannot be judged."""

from __future__ import annotations

from dataclasses import replace

import pytest

from explorer import results
from explorer.results.subject import Subject
from explorer.sheets import Note
from explorer.study import Study
from explorer.views import VIEWS, fields
from tests.priors.folders import keep


@pytest.fixture
def kept(studio):
    """A tiny prior of the tiny VQ-VAE-2 with a class, among its checkpoints, and what it is over."""
    path = studio.checkpoints / "tiny-prior"
    if not path.exists():
        keep(path, studio.checkpoints / "tiny-vqvae2", str(studio.photos), _column(studio))
    return path, Subject(studio.checkpoints / "tiny-vqvae2", str(studio.photos))


def _column(studio) -> str:
    from explorer import datasets

    return next(iter(datasets.load(str(studio.photos), "train", 16).concepts.columns))


def said(app) -> str:
    return "\n".join(element.value for element in [*app.caption, *app.markdown, *app.info]).replace("\\", "")


def test_the_work_is_offered_and_then_its_verdict_stands_on_top(open_app, kept):
    path, subject = kept
    app = open_app("prior", checkpoint="tiny-vqvae2", part="judged")
    assert "Judge 12 samples of tiny-prior" in said(app) and not app.exception
    told = results.obtain("judged", subject, {"prior": str(path)})[1]
    assert told["n"] == 12 and told["copying"]["kind"] == "few", "twelve are too few for a verdict, and it says so"
    app = open_app("prior", checkpoint="tiny-vqvae2", part="judged")
    assert not app.exception and not app.warning
    for words in ("too few to tell", "Like images? Precision", "read", "compute an FID"):
        assert words in said(app)
    labels = {metric.label.replace("\\", "") for metric in app.metric}
    assert {"Half a map repeated", "Nearer than held-out", "Precision", "Coverage", "Bits per code"} <= labels
    headings = [one.value for one in [*app.header, *app.subheader]]
    assert "Is it copied?" in headings and "Do they show what was asked for?" in headings


def test_images_that_it_learned_from_are_not_judged_by(kept):
    study = Study(replace(kept[1], split="train"))
    options, _ = fields.settled(VIEWS["prior"].options, study, {"part": "judged"})
    found = VIEWS["prior"].sheet(study, options)
    assert any(isinstance(block, Note) and "did not learn from" in block.text for block in found.blocks)
    assert found.told() == {"judged": None}


def test_an_address_with_an_unknown_temperature_goes_on(open_app, kept):
    app = open_app("prior", checkpoint="tiny-vqvae2", part="judged", judged_at="7")
    assert not app.exception and "Half a map repeated" not in said(app)
