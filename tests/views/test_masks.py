"""What the view Masks says, read from its sheet, without a page."""

from __future__ import annotations

import json

import numpy as np
import pytest

from explorer import results
from explorer.analysis import mask_search
from explorer.errors import BadInput
from explorer.results import masks
from explorer.results.subject import Subject
from explorer.sheets import Chart, Heading, Link, Missing, Note, Picture, Pictures, Piece, Table, walk
from explorer.sheets.cells import hexed, unhexed
from explorer.study import Picture as Looked
from explorer.study import mask_passes, open_study
from explorer.views import VIEWS, fields
from tests.pages.conftest import built, studio  # noqa: F401

VIEW = VIEWS["masks"]


@pytest.fixture
def drawn(studio):  # noqa: F811
    """`drawn("tiny-mae", mask="c000")` -> the study, and the sheet of an image for these options."""

    def made(checkpoint="tiny-mae", picture=None, **asked):
        study = open_study(studio.checkpoints / checkpoint, str(studio.photos))
        picture = picture or study.image(3)
        options, faults = fields.settled(VIEW.options, study, asked, picture)
        assert not faults
        return study, VIEW.sheet(study, options, picture)

    return made


@pytest.fixture
def searched(studio):  # noqa: F811
    """What the command writes for image 3."""
    return results.obtain("masks", Subject(studio.checkpoints / "tiny-mae", str(studio.photos)), {"image": 3})[1]


def blocks(sheet, kind):
    return [block for block in walk(sheet.blocks) if isinstance(block, kind)]


def notes(sheet) -> str:
    return "\n".join(block.text for block in blocks(sheet, Note))


def pictures(sheet, name) -> dict[str, Picture]:
    (found,) = [block for block in blocks(sheet, Pictures) if block.name == name]
    return {one.title: one for one in found.pictures}


def piece(sheet, script) -> Piece:
    return next(block for block in blocks(sheet, Piece) if block.script == script)


def test_a_painted_mask_hides_these_patches_and_its_numbers_are_those_of_a_comparison(drawn):
    cells = np.zeros((4, 4), bool)
    cells[0, :2] = True
    study, sheet = drawn(mask=hexed(cells))
    assert sheet.numbers["hidden"] == 2 and sheet.numbers["share"] == 2 / 16 and sheet.numbers["mask"] == "c000"
    other = study.compare(study.image(3).pixels[None], cells[None])
    assert sheet.numbers["inside"]["mse"] == pytest.approx(float(other.mse[0]), rel=1e-5)
    assert sheet.numbers["psnr"] == pytest.approx(float(other.psnr[0]), rel=1e-5)
    shown = pictures(sheet, "masked")
    grey = (shown["Seen"].pixels == 128).all(2)
    assert grey[:4, :8].all() and not grey[4:].all(1).any()
    assert np.array_equal(shown["What comes back"].pixels[4:], shown["Original"].pixels[4:])
    assert list(shown)[3:] == ["All predicted", "Error", "Mean colour", "Smooth fill"]
    (table,) = [block for block in blocks(sheet, Table) if block.name == "masked-table"]
    assert table.frame["filled by"].tolist() == ["the network", "Mean colour", "Smooth fill"]
    json.dumps(sheet.told())


def test_random_patches_are_as_many_as_the_slider_says_and_another_draw_has_others(drawn):
    first, other = (drawn(share=50, draw=draw)[1].numbers for draw in (0, 1))
    assert first["hidden"] == other["hidden"] == 8 and first["mask"] != other["mask"]
    assert drawn(share=25)[1].numbers["hidden"] == 4


def test_the_board_answers_with_the_picture_of_what_it_is_asked_for(drawn):
    _, sheet = drawn(mask="c000")
    board = piece(sheet, "maskboard")
    assert board.data["cells"] == "11" + 14 * "0" and board.go.carried == {"mask": "{mask}"}
    answer, (_, then) = board.answer({"mask": "f000"}), drawn(mask="f000")
    assert answer == piece(then, "maskboard").data["live"] and "4 of 16 patches hidden" in answer["words"]
    for wrong in (None, 3, {}, {"mask": None}, {"mask": "xyz"}, {"mask": "ff" * 99}):
        assert board.answer(wrong) is None


def test_bad_addresses_are_one_sentence_and_the_page_goes_on(drawn):
    _, sheet = drawn(mask="ff" * 8)
    assert "not those of a grid of 4 × 4" in notes(sheet) and sheet.numbers["hidden"] == 12
    _, sheet = drawn(mask="c000", asks="9,9")
    assert sheet.told()["attention"]["asks"] in ([1, 1], [1, 2], [2, 1], [2, 2])


@pytest.mark.parametrize(("mask", "said"), [("0000", "Nothing is hidden"), ("ffff", "Every patch is hidden")])
def test_nothing_and_everything_hidden_are_no_mistake(drawn, mask, said):
    _, sheet = drawn(mask=mask)
    assert said in notes(sheet)
    told = sheet.told()
    assert told["hardest"] is None and (told["inside"]["psnr"] is None) == (mask == "0000")
    assert (told["attention"] is None) == (told["outside"]["mse"] is None) == (mask == "ffff")
    assert drawn(mask=mask, part="decoder")[1].told()["attention"]["tokens"] == 17


@pytest.mark.parametrize("checkpoint", ["tiny-vqvae", "tiny-vae"])
def test_what_cannot_fill_in_says_so_and_leads_where_it_can(drawn, checkpoint):
    _, sheet = drawn(checkpoint)
    (note,), (link,) = blocks(sheet, Note), blocks(sheet, Link)
    assert f"{checkpoint} cannot fill in hidden patches" in note.text and sheet.told() == {}
    assert link.go.carried == {"checkpoint": "mae-shapes", "dataset": "shapes"}


def test_the_search_is_offered_and_never_made_unasked(drawn):
    _, sheet = drawn()
    (missing,) = blocks(sheet, Missing)
    assert missing.kind == "masks" and missing.options == masks.Options(3) and not missing.begin
    assert sheet.told()["hardest"] is None and not [one for one in blocks(sheet, Chart) if one.name == "mask-search"]


def test_what_was_found_is_compared_at_as_many_hidden_patches(drawn, searched):
    study, sheet = drawn(mask="f0f0")
    told = sheet.told()["hardest"]
    assert told["hidden"] == 8 and not blocks(sheet, Missing)
    assert told["best"]["mse"] <= told["random"]["min"] and told["worst"]["mse"] >= told["random"]["mean"]
    for name in ("worst", "best"):
        cells = unhexed(told[name]["mask"], (4, 4))
        assert np.flatnonzero(cells).tolist() == sorted(searched[name]["order"][:8])
        alone = drawn(mask=told[name]["mask"])[1].numbers
        assert alone["inside"]["mse"] == pytest.approx(told[name]["mse"], rel=1e-4), "a click takes that mask"
    assert pictures(sheet, "hardest")["Hurts most"].go.carried == {"mask": told["worst"]["mask"]}
    (chart,) = [one for one in blocks(sheet, Chart) if one.name == "mask-search"]
    figure = chart.figure("light")
    assert len(figure.data) == 5 and figure.data[-1].y[0] == pytest.approx(sheet.numbers["inside"]["mse"])
    assert study.result("masks", masks.Options(2)) is None, "another image is another search"


def test_a_search_is_told_for_the_nearest_ratio_that_random_masks_are_of(searched):
    told = masks.at(searched, 50)
    assert told["hidden"] == 8 and told["share"] == 0.5 and told["random"]["masks"] == 20
    assert len(told["worst"]["patches"]) == 8 and told["worst"]["mse"] >= told["random"]["mean"] >= told["best"]["mse"]
    lines = masks.lines(told)
    assert sum(line.count("#") for line in lines if line.startswith("  ")) == 16 and "8 of 16" in lines[0]


def test_a_search_is_of_the_pixels_and_refused_in_a_sentence(studio, searched, monkeypatch):  # noqa: F811
    subject = Subject(studio.checkpoints / "tiny-mae", str(studio.photos))
    assert results.key("masks", subject, {"image": 3}) != results.key("masks", subject, {"image": 4})
    same = subject.images.read([3, 3])
    same[1, 8, 8] ^= 1  # a pixel in the middle
    keys = set()
    with monkeypatch.context() as patch:
        for one in same:
            patch.setattr(masks, "pixels_of", lambda *_, pixels=one: pixels)
            keys.add(results.key("masks", subject, {"image": 3}))
    assert len(keys) == 2
    with pytest.raises(BadInput, match="choose from 0 to 11"):
        results.obtain("masks", subject, {"image": 12})
    with pytest.raises(BadInput, match="cannot fill in hidden patches"):
        results.obtain("masks", Subject(studio.checkpoints / "tiny-vae", str(studio.photos)), {"image": 3})


def test_attention_maps_add_up_and_hidden_patches_get_none(drawn):
    _, sheet = drawn(mask="f000", asks="2,1", block=1)
    data, told = piece(sheet, "attention").data, sheet.told()["attention"]
    assert data["query"] == 9 and told["asks"] == [2, 1] and told["tokens"] == 13 and len(data["heads"]) == 2
    assert all(weight == 0 for weight in data["mean"][:4]) and data["hidden"] == "1111" + 12 * "0"
    (table,) = [block for block in blocks(sheet, Table) if block.name == "attention-table"]
    sums = [sum(head) + first / 100 for head, first in zip(data["heads"], table.frame["first"], strict=True)]
    assert sums == pytest.approx([1, 1], abs=1e-3)
    assert np.array(told["entropy"]).shape == (2, 2) and np.array(told["entropy"]).max() <= np.log2(13) + 1e-6


def test_a_hidden_patch_asks_in_the_decoder_where_all_patches_are(drawn):
    _, sheet = drawn(mask="f000", asks="0,1", part="decoder", block=1)
    data, told = piece(sheet, "attention").data, sheet.told()["attention"]
    assert told["part"] == "decoder" and told["asks"] == [0, 1] and told["tokens"] == 17
    assert data["hidden"] == 16 * "0" and data["crossed"] == "1111" + 12 * "0" and min(data["mean"]) > 0
    (table,) = [block for block in blocks(sheet, Table) if block.name == "attention-table"]
    visible = [100 * sum(head[4:]) for head in data["heads"]]
    assert table.frame["visible"].tolist() == pytest.approx(visible, abs=0.1)
    assert drawn(mask="f000", part="decoder")[1].told()["attention"]["asks"] in ([0, 1], [0, 2]), "a hidden one"
    assert "visible" not in next(one for one in blocks(drawn()[1], Table) if one.name == "attention-table").frame


def test_a_hidden_patch_gives_way_to_the_visible_one_nearest_to_it(drawn):
    _, sheet = drawn(mask="f000", asks="0,1")
    assert "row 0, column 1 is hidden and cannot ask" in notes(sheet)
    assert sheet.told()["attention"]["asks"] == [1, 1]


def test_the_class_token_can_ask(drawn):
    _, sheet = drawn(asks="class")
    data, told = piece(sheet, "attention").data, sheet.told()["attention"]
    assert data["query"] is None and told["asks"] == "class" and "distance" not in told
    assert not [link for link in blocks(sheet, Link) if "class token" in link.label]


def test_a_picture_of_ones_own_is_searched_in_parts_while_the_page_waits(drawn, monkeypatch):
    from explorer.views import hardest

    monkeypatch.setattr(hardest, "SECONDS", 0.02)
    picture = Looked(np.random.default_rng(0).integers(0, 255, (16, 16, 3), dtype=np.uint8), "mine.png")
    _, sheet = drawn(picture=picture)
    assert sheet.numbers["image"] is None and sheet.numbers["inside"]["psnr"] and not blocks(sheet, Missing)
    search = piece(sheet, "searching")
    assert search.data["done"] == 0 and search.data["total"] == mask_search.passes(16)
    told = [search.answer({"go": True})]
    assert 0 < told[0]["done"] < told[0]["total"]
    assert piece(drawn(picture=picture)[1], "searching").data["done"] == told[0]["done"], "it goes on from there"
    while told[-1]["done"] < told[-1]["total"]:
        told.append(search.answer({"go": True}))
    study, sheet = drawn(picture=picture, mask="f0f0")
    found = sheet.told()["hardest"]
    assert found["hidden"] == 8 and found["worst"]["mse"] >= found["random"]["mean"] >= found["best"]["mse"]
    whole = study.through(mask_passes.search, picture.pixels, mask_search.begun((4, 4)), 1000)
    cells = mask_search.mask_of(whole["worst"]["order"], 8, (4, 4))
    assert found["worst"]["mask"] == hexed(cells), "the same as at one go"
    assert [one.text for one in blocks(sheet, Heading)][:2] == ["Which patches it needs", "Attention"]


def test_a_model_that_takes_something_of_the_original_back_is_said_to(drawn, studio, tmp_path):  # noqa: F811
    from transformers import ViTMAEConfig, ViTMAEForPreTraining

    path = tmp_path / "peeking"
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    sizes |= {f"decoder_{name}": value for name, value in sizes.items()}
    ViTMAEForPreTraining(ViTMAEConfig(image_size=16, patch_size=4, norm_pix_loss=True, **sizes)).save_pretrained(path)
    study = open_study(path, str(studio.photos))
    options, _ = fields.settled(VIEW.options, study, {}, study.image(3))
    sheet = VIEW.sheet(study, options, study.image(3))
    assert "those of the original" in notes(sheet) and sheet.numbers["hidden"] == 12
    assert "those of the original" not in notes(drawn()[1])
