"""What the view Rate–distortion says, read from its sheet, without a page."""

from __future__ import annotations

import json

import pytest

from explorer import results
from explorer.analysis import codecs
from explorer.sheets import Cards, Chart, Missing, Note, Table, walk
from explorer.study import open_study
from explorer.views import VIEWS, fields
from tests.pages.conftest import built, studio  # noqa: F401

VIEW = VIEWS["rate_distortion"]


@pytest.fixture
def drawn(studio, tmp_path, monkeypatch):  # noqa: F811
    """`drawn("rates", "codecs")` makes these measurements, in a cache of its own, and gives the sheet."""
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path))

    def made(*kinds: str, checkpoint: str = "tiny-vqvae", **asked):
        study = open_study(studio.checkpoints / checkpoint, str(studio.photos))
        for kind in kinds:
            results.obtain(kind, study.subject)
        options, faults = fields.settled(VIEW.options, study, asked)
        assert not faults
        return VIEW.sheet(study, options)

    return made


def blocks(sheet, kind) -> list:
    return [block for block in walk(sheet.blocks) if isinstance(block, kind)]


def lines(sheet) -> set[str]:
    (chart,) = blocks(sheet, Chart)
    return {trace.name for trace in chart.figure("light").data}


def test_each_measurement_is_shown_as_soon_as_it_is_there(drawn):
    sheet = drawn()
    assert {(one.kind, one.begin) for one in blocks(sheet, Missing)} == {("rates", True), ("codecs", True)}
    assert not blocks(sheet, Chart)
    sheet = drawn("codecs")
    assert lines(sheet) == {"JPEG, payload", "WebP, payload"} and not blocks(sheet, Cards)
    assert [one.kind for one in blocks(sheet, Missing)] == ["rates"]
    sheet = drawn("rates")
    assert lines(sheet) == {"tiny-vqvae", "JPEG, payload", "WebP, payload"} and not blocks(sheet, Missing)


def test_the_model_is_shown_before_the_codecs_are_measured(drawn):
    sheet = drawn("rates")
    assert lines(sheet) == {"tiny-vqvae"} and [one.kind for one in blocks(sheet, Missing)] == ["codecs"]
    assert [card.label for card in blocks(sheet, Cards)[0].cards] == ["Bits per pixel", "PSNR at these bits"]
    assert any(note.text.startswith("On 12 held-out images tiny-vqvae reaches") for note in blocks(sheet, Note))


def test_numbers_say_what_the_codecs_need_for_the_same(drawn):
    sheet = drawn("rates", "codecs")
    json.dumps(sheet.numbers)
    points = codecs.curves(sheet.numbers["codecs"])["JPEG"]
    psnr = sheet.numbers["psnr"]
    assert psnr["n"] == 12 and psnr["low"] < psnr["mean"] < psnr["high"]
    beside = sheet.numbers["beside"]["JPEG"]
    assert beside["psnr"] == codecs.score_at(points, sheet.numbers["bits_per_pixel"], "payload")
    assert beside["bits_per_pixel_for_the_same"] == codecs.rate_for(points, psnr["mean"], "payload")


def test_the_table_says_what_is_sent_in_one_column(drawn):
    (table,) = blocks(drawn("rates", "codecs", checkpoint="tiny-vae"), Table)
    frame = table.frame
    assert list(frame.columns) == list(table.columns) and len(frame) == 9 + 20
    assert frame["sent"][0] == "latent, 1 bit" and frame["sent"][7] == "latent, 8 bits"
    assert frame["sent"][8] == "latent" and frame["sent"][9].startswith("quality ")
    low, high = map(float, frame["psnr_between"][0].split(" – "))
    assert low < frame["psnr"][0] < high and set(table.columns) >= {"ssim", "ssim_between"}


def test_another_checkpoint_that_is_not_measured_is_offered_as_its_own(drawn, studio):  # noqa: F811
    sheet = drawn("rates", "codecs", beside="tiny-mae")
    (missing,) = blocks(sheet, Missing)
    assert missing.subject.checkpoint == studio.checkpoints / "tiny-mae" and not missing.begin
    assert "tiny-mae" in missing.title
    words = results.command(missing.kind, missing.subject, missing.options)
    assert words[:3] == ["measure", "rates", str(studio.checkpoints / "tiny-mae")]


def test_another_checkpoint_that_was_trained_on_these_images_is_told(drawn, studio, monkeypatch):  # noqa: F811
    from explorer import datasets
    from explorer.datasets import seen

    other = studio.checkpoints / "tiny-vae"
    try:
        seen.record(other, datasets.load(str(studio.photos), "test", 16))
        said = " ".join(note.text for note in blocks(drawn("rates", beside="tiny-vae"), Note))
        assert "tiny-vae was trained on 12 of these 12 images" in said
    finally:
        (other / seen.FILE).unlink()
    assert "was trained on" not in " ".join(note.text for note in blocks(drawn("rates", beside="tiny-vae"), Note))
