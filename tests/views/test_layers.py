"""What the view Layers says, read from its sheet, without a page."""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile

import numpy as np
import pytest

from explorer import checkpoints, results
from explorer.sheets import Chart, Download, Heading, Link, Missing, Note, Pictures, Row, Table, walk
from explorer.study import Study, open_study
from explorer.views import VIEWS, fields, layers
from tests.pages.conftest import built, studio  # noqa: F401

VIEW = VIEWS["layers"]


@pytest.fixture
def drawn(studio):  # noqa: F811
    """`drawn("tiny-mae", seed=1)` -> the study, and the sheet for these options."""

    def made(checkpoint: str = "tiny-vqvae2", **asked):
        study = open_study(studio.checkpoints / checkpoint, str(studio.photos))
        options, faults = fields.settled(VIEW.options, study, asked)
        assert not faults
        return study, VIEW.sheet(study, options)

    return made


def blocks(sheet, kind) -> list:
    return [block for block in walk(sheet.blocks) if isinstance(block, kind)]


def notes(sheet) -> str:
    return "\n".join(block.text for block in blocks(sheet, Note))


def test_a_model_that_decodes_one_layer_at_a_time_says_why_it_shows_no_reconstructions(drawn):
    _, sheet = drawn("tiny-mae")
    assert "every block gives the same picture and the same decibels by construction" in notes(sheet)
    assert not blocks(sheet, Chart) and not [one for one in blocks(sheet, Missing) if one.kind == "layers"]
    shown = [picture for row in blocks(sheet, Pictures) for picture in row.pictures]
    assert not any("dB" in picture.note for picture in shown)
    assert not any("Recombine" in one.text for one in blocks(sheet, Heading))
    json.dumps(sheet.numbers)


def test_it_shows_what_differs_by_block_the_codes(drawn):
    study, sheet = drawn("tiny-mae", images=2)
    (table,) = blocks(sheet, Table)
    assert table.frame["layer"].tolist() == ["block1", "block2"] and not table.frame.isna().any(axis=None)
    kept = [row["explained"] for row in sheet.numbers["layers"]]
    assert all(0 < share <= 1 for share in kept) and "a token tells from" in notes(sheet)
    for card in blocks(sheet, Pictures):
        original, *maps = card.pictures
        row = original.go.carried["image"]
        assert np.array_equal(original.pixels, study.image(row).pixels)
        assert [(one.go.view, one.go.carried) for one in maps] == [
            ("code_maps", {"image": row, "layer": name}) for name in ("block1", "block2")
        ]
        for name, one in zip(("block1", "block2"), maps, strict=True):
            assert np.array_equal(one.pixels, study.colours(name)[study.codes(name)[row]])


def test_an_own_picture_is_taken_apart_first(drawn):
    from explorer.study import Picture

    study, sheet = drawn(images=2)
    before = blocks(sheet, Pictures)
    yours = Picture(255 - study.image(0).pixels, "mine")
    sheet = VIEW.sheet(study, fields.settled(VIEW.options, study, {"images": 2}, yours)[0], yours)
    mine, *others = blocks(sheet, Pictures)
    assert np.array_equal(mine.pictures[0].pixels, yours.pixels) and len(mine.pictures) == 3
    whole = study.compare(yours.pixels[None]).reconstructions[0]
    assert np.abs(mine.pictures[-1].pixels.astype(int) - whole).max() <= 1
    assert [one.pictures[0].alt for one in others] == [one.pictures[0].alt for one in before]
    assert "Your picture" in notes(sheet)


def test_without_an_encoding_the_codes_are_offered(drawn, monkeypatch, tmp_path):
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path))
    _, sheet = drawn("tiny-mae")
    (missing,) = blocks(sheet, Missing)
    assert missing.kind == "encoding" and not missing.begin


def test_b_is_another_image_of_another_class_until_one_is_chosen(drawn):
    study, _ = drawn()
    classes = study.images.concepts["class"].tolist()
    for first in range(len(study.images)):
        options, _ = fields.settled(VIEW.options, study, {"image": first})
        assert classes[options.second] != classes[first]
    assert fields.settled(VIEW.options, study, {"image": 3, "second": "3"})[0].second == 3


def test_b_is_another_image_where_there_are_no_classes(drawn, studio, tmp_path):  # noqa: F811
    for number, file in enumerate(sorted((studio.photos / "test" / "red").iterdir())[:2]):
        (tmp_path / f"{number}.png").write_bytes(file.read_bytes())
    study = open_study(studio.checkpoints / "tiny-vqvae2", str(tmp_path), split="all")
    assert [layers.second(study, {"image": row}) for row in (0, 1)] == [1, 0]


def test_one_layer_leads_to_checkpoints_with_several_of_the_same_dataset_first(drawn, studio, monkeypatch):  # noqa: F811
    study, _ = drawn("tiny-vqvae")
    others = [
        dataclasses.replace(checkpoints.describe(studio.checkpoints / f"tiny-{family}"), dataset=dataset)
        for family, dataset in (("mae", str(studio.photos)), ("vqvae2", "elsewhere"), ("vae", str(studio.photos)))
    ]
    monkeypatch.setattr(checkpoints, "find", lambda *_: others)
    assert [one.name for one in layers.layered(study)] == ["tiny-mae", "tiny-vqvae2"]
    others[1] = dataclasses.replace(others[1], dataset=str(studio.photos))
    assert [one.name for one in layers.layered(study)] == ["tiny-vqvae2", "tiny-mae"], "layers with codes first"
    links = blocks(VIEW.sheet(study, VIEW.options()), Link)
    assert [link.go.carried for link in links] == [{"checkpoint": "tiny-vqvae2"}, {"checkpoint": "tiny-mae"}]
    assert links[0].label == "tiny-vqvae2: 2 layers, same dataset"


def test_pictures_are_those_of_the_model_and_go_home_in_a_zip(drawn):
    study, sheet = drawn(parts="alone", fill="zeros", images=2, seed=3)
    assert "Each picture has one layer; zeros stand" in notes(sheet)
    cards = [block for block in blocks(sheet, Pictures) if block.name != "recombined"]
    rows = [study.images.names.index(block.text) for block in blocks(sheet, Note)[1:3]]
    pixels = study.images.read(rows)
    found = study.decoded(pixels, "alone", "zeros")
    for index, card in enumerate(cards):
        assert np.array_equal(card.pictures[0].pixels, pixels[index])
        assert [one.title for one in card.pictures] == ["Original", "top", "bottom"]
        for name, one in zip(("top", "bottom"), card.pictures[1:], strict=True):
            assert np.array_equal(one.pixels, found[name].reconstructions[index])
            assert one.note == f"{found[name].psnr[index]:.1f} dB"
    files = zipfile.ZipFile(io.BytesIO(blocks(sheet, Download)[0].data())).namelist()
    assert sorted(files) == sorted(f"{row}-{what}.png" for row in rows for what in ("original", "top", "bottom"))
    assert [one.name for one in blocks(drawn(images=2, seed=4)[1], Pictures)] and rows != [
        study.images.names.index(block.text) for block in blocks(drawn(images=2, seed=4)[1], Note)[1:3]
    ]


def test_recombination_takes_the_layers_that_are_chosen(drawn):
    study, sheet = drawn(image=2, second=9, of_first="bottom")
    recombined = next(block for block in blocks(sheet, Pictures) if block.name == "recombined")
    a, b, mixed, swapped = recombined.pictures
    assert (a.note, b.note) == (study.images.names[2], study.images.names[9])
    assert (mixed.title, mixed.note) == ("bottom of A", "top of B")
    assert np.array_equal(mixed.pixels, study.recombined(a.pixels, b.pixels, ("bottom",)))
    assert np.array_equal(swapped.pixels, study.recombined(b.pixels, a.pixels, ("bottom",)))
    (others,) = blocks(sheet, Link)
    assert others.go.view is None and others.go.carried["image"] != others.go.carried["second"]
    nothing = next(one for one in blocks(drawn(of_first="")[1], Pictures) if one.name == "recombined")
    assert (nothing.pictures[2].title, nothing.pictures[2].note) == ("nothing of A", "top, bottom of B")


def test_numbers_are_those_of_the_measurement(drawn, studio, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path))
    study, sheet = drawn(fill="other")
    (missing,) = blocks(sheet, Missing)
    assert missing.kind == "layers" and missing.options.fill == "other" and not missing.begin
    found = results.obtain("layers", study.subject, {"fill": "other"})[1]
    study, sheet = drawn(fill="other")
    assert sheet.numbers["layers"] == found["layers"] and sheet.numbers["images"] == 12
    assert isinstance(study, Study) and not blocks(sheet, Missing)
    assert blocks(sheet, Table)[0].frame["layer"].tolist() == ["top", "bottom"]
    assert all(len(row.parts) for row in blocks(sheet, Row))
