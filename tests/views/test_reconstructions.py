"""What the view Reconstructions says, read from its sheet, without a page."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from explorer.sheets import Cards, Controls, Drop, Heading, Missing, Note, Piece, Strips, walk
from explorer.sheets.cells import hexed, unhexed
from explorer.study import Picture, Study, open_study
from explorer.views import VIEWS, fields
from explorer.views.reconstructions import baseline
from tests.pages.conftest import built, studio  # noqa: F401

VIEW = VIEWS["reconstructions"]


@pytest.fixture
def drawn(studio):  # noqa: F811
    """`drawn("tiny-mae", hide="painted")` -> the study, and the sheet for these options."""

    def made(checkpoint="tiny-vqvae", picture=None, study=None, **asked):
        study = study or open_study(studio.checkpoints / checkpoint, str(studio.photos), kmeans=kmeans(checkpoint))
        options, faults = fields.settled(VIEW.options, study, asked)
        assert not faults
        return study, VIEW.sheet(study, options, picture)

    return made


def kmeans(checkpoint: str) -> int:
    return 4 if checkpoint == "tiny-vqvae" else 64


def blocks(sheet, kind):
    return [block for block in walk(sheet.blocks) if isinstance(block, kind)]


def notes(sheet) -> str:
    return "\n".join(block.text for block in blocks(sheet, Note))


def test_numbers_have_n_and_intervals_and_the_baseline_says_what_it_is_of(drawn):
    study, sheet = drawn()
    scores = study.errors()["psnr"]
    assert sheet.numbers["psnr"]["mean"] == pytest.approx(scores.mean(), rel=1e-5)
    assert sheet.numbers["psnr"]["n"] == 12 and sheet.numbers["psnr"]["low"] < sheet.numbers["psnr"]["mean"]
    assert sheet.numbers["baseline_of"] == "12 training images"
    baseline = next(card for card in blocks(sheet, Cards)[0].cards if card.label == "Baseline PSNR")
    assert "12 training images" in baseline.help
    train, test = (study.subject.load(split).read(slice(None)) / 255 for split in ("train", "test"))
    errors = np.square(test - train.mean(0)).mean((1, 2, 3))
    assert sheet.numbers["baseline_psnr"]["mean"] == pytest.approx((-10 * np.log10(errors)).mean(), abs=1e-3)


def test_one_value_has_its_own_scores_beside_those_of_all(drawn):
    study, sheet = drawn(show="concept", concept="class", value="red")
    red = (study.images.concepts["class"] == "red").to_numpy()
    found = sheet.numbers["value"]
    assert found["name"] == "red" and found["psnr"]["n"] == 6
    assert found["psnr"]["mean"] == pytest.approx(study.errors()["psnr"][red].mean(), rel=1e-5)
    assert sheet.numbers["psnr"]["n"] == 12, "all images are still there to compare with"
    labels = [card.label for cards in blocks(sheet, Cards) for card in cards.cards]
    assert "Mean PSNR" in labels and "Mean PSNR of red" in labels and "Against all images" in labels
    assert {one["row"] for one in sheet.numbers["shown"]} == set(np.flatnonzero(red))


def test_the_scale_of_errors_is_one_for_every_choice_unless_its_own_is_asked_for(drawn):
    ends = [drawn(show=show)[1].numbers["error_scale"] for show in ("random", "worst", "best")]
    assert len(set(ends)) == 1
    _study, sheet = drawn(show="best", count=4, scale="own")
    assert sheet.numbers["error_scale"] != ends[0]
    assert f"{sheet.numbers['error_scale']:.2f} and more" in notes(sheet)


def test_pictures_of_ones_own_are_scored_and_lead_to_the_other_views(drawn):
    pixels = np.random.default_rng(0).integers(0, 255, (16, 16, 3), dtype=np.uint8)
    _study, sheet = drawn(show="own", picture=(Picture(pixels, "mine.png"),))
    assert blocks(sheet, Drop)
    (strip,) = blocks(sheet, Strips)[0].strips
    assert strip.note == "mine.png" and np.array_equal(strip.pictures[0].pixels, pixels)
    assert [(link.go.view, link.go.carried["image"]) for link in strip.links] == [
        ("code_maps", "own:mine.png"),
        ("latent_map", "own:mine.png"),
        ("similar", "own:mine.png"),
    ]
    assert not blocks(drawn(show="own")[1], Strips) and blocks(drawn(show="own")[1], Drop)


def test_a_picture_unlike_the_training_images_is_said_and_one_of_them_is_not(drawn):
    study, _ = drawn()
    strange = np.zeros((16, 16, 3), np.uint8)
    strange[::2] = 255, 255, 0
    said = notes(drawn(show="own", picture=(Picture(strange, "strange.png"),))[1])
    assert "strange.png is unlike the images that tiny-vqvae was trained on" in said
    known = Picture(study.image(3).pixels, "known.png")
    assert "unlike" not in notes(drawn(show="own", picture=(known,))[1])
    assert "unlike" not in notes(drawn()[1]), "its own held-out images need no warning"


def test_grey_pictures_for_a_checkpoint_of_coloured_ones_are_said(drawn):
    grey = np.repeat(np.random.default_rng(0).integers(0, 255, (16, 16, 1), dtype=np.uint8), 3, 2)
    said = notes(drawn(show="own", picture=(Picture(grey, "grey.png"),))[1])
    assert "grey.png is grey, but the images that tiny-vqvae was trained on" in said


def test_a_painted_mask_hides_these_patches_and_no_others(drawn):
    cells = np.zeros((4, 4), bool)
    cells[0, :2] = True
    _study, sheet = drawn("tiny-mae", hide="painted", mask=hexed(cells))
    (paint,) = blocks(sheet, Piece)
    assert paint.data["cells"] == "11" + 14 * "0" and paint.go.carried == {"mask": "{mask}"}
    seen = blocks(sheet, Strips)[0].strips[0].pictures[1]
    grey = (seen.pixels == 128).all(2)
    assert seen.title == "Seen" and grey[:4, :8].all() and not grey[4:].all(1).any()
    assert "2 patches of 16 hidden" in notes(sheet)


def test_a_mask_of_another_grid_is_said_and_hides_nothing(drawn):
    _, sheet = drawn("tiny-mae", hide="painted", mask="ff" * 8)
    assert "not those of a grid of 4 × 4" in notes(sheet)
    assert [one.title for one in blocks(sheet, Strips)[0].strips[0].pictures] == ["Original", "Reconstruction", "Error"]


@pytest.mark.parametrize("grid", [(1, 1), (3, 5), (14, 14)])
def test_cells_survive_an_address(grid):
    cells = np.random.default_rng(1).random(grid) < 0.5
    assert np.array_equal(unhexed(hexed(cells), grid), cells)
    assert unhexed("xyz", grid) is None and not unhexed("", grid).any()


def test_without_an_encoding_there_are_pictures_and_an_offer_but_no_scores(drawn, studio, monkeypatch, tmp_path):  # noqa: F811
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path / "empty"))
    study, sheet = drawn()
    (missing,) = blocks(sheet, Missing)
    assert missing.kind == "encoding" and not missing.begin
    assert len(blocks(sheet, Strips)[0].strips) == 8 and "psnr" not in sheet.numbers
    assert not blocks(sheet, Heading), "no distribution of scores that are not there"
    shown = next(names.names for names in blocks(sheet, Controls) if "show" in names.names)
    assert "count" in shown
    options = {field.name: field for field in fields.dataclasses.fields(VIEW.options)}
    assert "worst" not in fields.choices_of(options["show"], study, {})


def test_stored_scores_that_differ_say_what_they_are_of(drawn):
    import dataclasses

    study, _ = drawn()
    stored = {"mean": 20.0, "low": 19.5, "high": 20.5, "n": 300}
    study.subject.__dict__["facts"] = dataclasses.replace(
        study.checkpoint, metrics={"psnr": stored, "ssim": stored | {"mean": 0.5, "low": 0.4, "high": 0.6}}
    )
    said = notes(drawn(study=study)[1])
    assert "Stored with the checkpoint: 20.00 [19.50, 20.50] dB, SSIM 0.500" in said and "300 held-out images" in said


def test_files_that_could_not_be_read_are_named(drawn):
    study, _ = drawn()
    study.images.skipped = (("red/broken.png", "is not an image that can be read"),)
    assert "red/broken.png" in notes(drawn(study=study)[1])


@pytest.mark.parametrize(
    ("fit", "content", "stored"),
    [("crop", "same", True), ("pad", "same", False), ("crop", "changed", False), ("crop", None, False)],
)
def test_a_stored_baseline_counts_only_of_the_same_images_that_became_square_in_the_same_way(
    drawn, fit, content, stored
):
    study, _ = drawn()
    subject = dataclasses.replace(study.subject, fit=fit)
    interval = {"mean": 17.99, "low": 17.0, "high": 19.0, "n": len(study.images)}
    content = study.images.fingerprint if content == "same" else content
    metrics = {"split": "test", "content": content, "baselines": {"mean image": {"psnr": interval}}}
    known = dataclasses.replace(study.checkpoint, dataset=subject.dataset, metrics=metrics, training={"fit": "crop"})
    subject.__dict__["facts"] = known
    assert (baseline(Study(subject))[0]["mean"] == 17.99) == stored
