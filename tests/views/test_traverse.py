"""What the view Traverse says and shows, read from its sheet, without a page."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from explorer import results
from explorer.sheets import Cards, Chart, Download, Heading, Link, Missing, Note, Pictures, Piece, Table, walk
from explorer.sheets.pieces import answered
from explorer.study import open_study
from explorer.views import VIEWS, fields
from explorer.views.traversals import layer, unit_facts
from tests.pages.conftest import built, studio  # noqa: F401

VIEW = VIEWS["traverse"]


@pytest.fixture
def drawn(studio):  # noqa: F811
    """`drawn("tiny-vae", do="ways")` -> the study, and the sheet for these options."""

    def made(checkpoint: str = "tiny-vae", image: int = 2, measure: bool = True, **asked):
        study = open_study(studio.checkpoints / checkpoint, str(studio.photos))
        if measure and checkpoint == "tiny-vae":
            results.obtain("latents", study.subject)
        elif checkpoint == "tiny-vae":
            results.path("latents", study.subject).unlink(missing_ok=True)
        picture = study.image(image)
        options, faults = fields.settled(VIEW.options, study, asked, picture)
        assert not faults
        return study, VIEW.sheet(study, options, picture)

    return made


def blocks(sheet, kind) -> list:
    return [block for block in walk(sheet.blocks) if isinstance(block, kind)]


def piece(sheet) -> Piece:
    return blocks(sheet, Piece)[0]


def pixels(url: str) -> np.ndarray:
    """(h, w, 3) uint8 of a data URL."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("RGB"))


def strip(row: dict) -> np.ndarray:
    """(S, h, w, 3) uint8 of the pictures side by side."""
    sheet = pixels(row["sprite"])
    return sheet.reshape(len(sheet), -1, len(sheet), 3).swapaxes(0, 1)


def said(sheet) -> str:
    return "\n".join(block.text for block in blocks(sheet, (Note, Heading)))


def test_units_wait_for_their_measurement_which_begins_by_itself(drawn):
    _, sheet = drawn(measure=False)
    (missing,) = blocks(sheet, Missing)
    assert missing.kind == "latents" and missing.begin and not blocks(sheet, Piece)


def test_every_row_moves_one_unit_around_the_decoded_image(drawn):
    study, sheet = drawn(steps=5)
    walk_of, found = piece(sheet), study.result("latents")
    whole = study.compare(study.image(2).pixels[None]).reconstructions[0]
    assert walk_of.data["ticks"] == ["−3 σ", "−1.5 σ", "0", "+1.5 σ", "+3 σ"] and len(walk_of.data["rows"]) == 8
    for row in walk_of.data["rows"]:
        assert np.abs(strip(row)[2].astype(int) - whole).max() <= 1 and len(strip(row)) == 5
    ranked = unit_facts.order(found)
    assert [one["title"] for one in walk_of.data["rows"]] == [
        f"Unit {unit}" + " (dead)" * bool(found["units"]["variance"][unit] <= 0.01) for unit in ranked[:8]
    ]
    variances = np.asarray(found["units"]["variance"])[ranked]
    assert (np.diff(variances) <= 0).all()
    json.dumps(sheet.told())


def test_a_slider_answers_with_what_its_row_shows_and_is_kept_in_the_address(drawn):
    _, sheet = drawn(steps=5)
    walk_of = piece(sheet)
    row = walk_of.data["rows"][0]
    told = walk_of.answer({"values": {row["id"]: 1.5}})
    assert np.array_equal(pixels(told["views"]["moved"]), strip(row)[3])
    assert told["said"].startswith(f"Moved: unit {row['id']} by +1.5 σ. The picture changes by")
    _, again = drawn(steps=5, moved=told["carried"]["moved"])
    assert piece(again).data["start"] == {row["id"]: 1.5} and again.told()["moved"] == {int(row["id"]): 1.5}
    assert piece(again).data["views"][-1]["url"] == told["views"]["moved"] and piece(again).data["said"] == told["said"]
    other = walk_of.data["rows"][1]["id"]
    both = walk_of.answer({"values": {row["id"]: 1.5, other: -3}})
    assert both["views"] != told["views"] and "and" not in told["said"] and f"unit {other} by −3.0 σ" in both["said"]
    still = walk_of.answer({"values": {row["id"]: 0}})
    assert still["carried"] == {"moved": None} and still["said"].startswith("Nothing is moved")
    assert drawn("tiny-vqvae")[1].told()["do"] == "ways"


@pytest.mark.parametrize(
    "message", [None, {}, {"values": {"0": 99}}, {"values": {"64": 1}}, {"values": {"-1": 1}}, {"values": {"0": "far"}},
                {"values": {"0": float("nan")}}, {"values": [1]}],
)  # fmt: skip
def test_what_a_browser_sends_is_not_trusted(drawn, message):
    assert answered(piece(drawn()[1]), message)["error"].startswith("The sliders asked for something")
    assert "error" in answered(piece(drawn(do="ways")[1]), message)


@pytest.mark.parametrize(
    "text", ["abc", "000000.3~1", "MARK.3~9", "MARK.99~1", "MARK.x~1", "MARK.3", "MARK." + "3~1," * 999]
)
def test_moves_of_an_address_that_cannot_be_are_left_out(drawn, text):
    _, sheet = drawn()
    mark = piece(sheet).answer({"values": {"0": 1}})["carried"]["moved"].split(".")[0]
    assert piece(drawn(moved=text.replace("MARK", mark))[1]).data["start"] in ({}, {"3": 1.0})


def test_the_other_units_are_on_the_other_pages(drawn):
    study, sheet = drawn(units=8)
    ranked = unit_facts.order(study.result("latents"))
    assert [one["id"] for one in piece(sheet).data["rows"]] == [str(unit) for unit in ranked[56:]]
    (table,) = blocks(sheet, Table)
    assert table.frame["unit"].tolist() == ranked.tolist() and table.frame["page"].tolist()[-1] == 8
    assert table.go.carried == {"units": "{point}"} and blocks(sheet, Chart)[0].go(63).carried == {"units": 8}


def test_around_the_mean_every_row_has_the_mean_image_in_its_middle(drawn):
    study, sheet = drawn(around="mean", steps=5)
    middles = [strip(row)[2] for row in piece(sheet).data["rows"]]
    assert all(np.array_equal(one, middles[0]) for one in middles) and "to the mean latent" in said(sheet)
    assert not any("here" in row["note"] for row in piece(sheet).data["rows"])
    assert not np.array_equal(middles[0], study.compare(study.image(2).pixels[None]).reconstructions[0])


def test_numbers_of_units_are_those_of_the_measurement(drawn):
    study, sheet = drawn()
    found, numbers = study.result("latents"), sheet.told()
    assert numbers["kl"] == found["total"] and numbers["images"] == 12
    first = numbers["units"][0]
    assert first["kl"][0] == found["units"]["nats"][first["unit"]]
    cards = {one.label: one for block in blocks(sheet, Cards) for one in block.cards}
    assert cards["KL of an image"].value == f"{found['total']['mean']:.2f} nats"
    assert all(card.help for card in cards.values())


def test_a_way_begins_and_ends_at_the_two_decoded_images(drawn):
    study, sheet = drawn(do="ways", second=9, along=8)
    ends = study.compare(study.images.read([2, 9])).reconstructions
    for row in piece(sheet).data["rows"]:
        assert len(strip(row)) == 8
        for end, place in ((0, 0), (1, -1)):
            assert np.abs(strip(row)[place].astype(int) - ends[end]).max() <= 1
    assert sheet.told()["second"] == 9 and "numbers and norms of" in said(sheet)


def test_the_slider_of_a_way_stops_anywhere(drawn):
    _, sheet = drawn(do="ways", second=9, along=11)
    walk_of = piece(sheet)
    told = walk_of.answer({"values": {"latents": 0.3, "pixels": 0.3}})
    latents, faded = walk_of.data["rows"]
    assert np.abs(pixels(told["views"]["latents"]).astype(int) - strip(latents)[3]).max() <= 1
    assert np.abs(pixels(told["views"]["pixels"]).astype(int) - strip(faded)[3]).max() <= 1
    assert told["said"] == "30 % of the way"


def test_the_path_is_what_was_asked_for(drawn):
    assert drawn(do="ways", path="around")[1].told()["spherical"] == ["latent"]
    assert drawn(do="ways", path="straight")[1].told()["spherical"] == []


def test_codes_offer_a_way_alone_say_why_and_where_there_is_more(drawn):
    _, sheet = drawn("tiny-vqvae")
    assert "has codes and no continuous layer" in said(sheet) and "Halfway" in said(sheet)
    assert blocks(sheet, Link)[0].go.carried == {"checkpoint": "vae-shapes", "dataset": "shapes"}
    numbers = sheet.told()
    assert numbers["do"] == "ways" and sum(numbers["halfway"]["code"]) == pytest.approx(1)


def test_several_layers_of_codes_are_mixed_at_once(drawn):
    assert drawn("tiny-vqvae2")[1].told()["layers"] == ["top", "bottom"]


def test_a_mae_has_a_way_in_one_block_and_no_units(drawn):
    _, sheet = drawn("tiny-mae", layer="block1")
    numbers = sheet.told()
    assert "no meaning one by one" in said(sheet) and numbers["do"] == "ways" and numbers["layers"] == ["block1"]


def test_a_less_its_own_class_plus_another(drawn):
    study, sheet = drawn(do="sums")
    classes = study.concepts()["class"].astype(str)
    numbers = sheet.told()
    assert (numbers["b"]["value"], numbers["c"]["value"]) == (
        classes[2],
        next(one for one in classes if one != classes[2]),
    )
    assert numbers["b"]["images"] == 5 and numbers["c"]["images"] == 6  # the image itself is not among them
    pooled = study.encoding.pooled("latent")
    rest = [row for row in np.flatnonzero(classes == classes[2]) if row != 2]
    total = pooled[2] - pooled[rest].mean(0) + pooled[np.flatnonzero(classes != classes[2])].mean(0)
    order = np.argsort(np.linalg.norm(pooled - total, axis=1))
    assert numbers["nearest"] == [row for row in order if row != 2][:8]
    assert "is of 5 only" in said(sheet)
    near = next(block for block in blocks(sheet, Pictures) if block.name == "nearest")
    assert [one.go.carried["image"] for one in near.pictures] == numbers["nearest"]


def test_an_image_less_itself_plus_another_is_the_other(drawn):
    study, sheet = drawn(do="sums", a="picture", b="picture", c="image", c_row=7)
    *_, result = next(block for block in blocks(sheet, Pictures) if block.name == "sum").pictures
    other = study.compare(study.images.read([7])).reconstructions[0]
    assert np.abs(result.pixels.astype(int) - other).max() <= 1


def test_the_move_of_a_sum_has_a_slider_from_none_to_twice(drawn):
    study, sheet = drawn(do="sums")
    slider = piece(sheet)
    row = strip(slider.data["rows"][0])
    *_, result = next(block for block in blocks(sheet, Pictures) if block.name == "sum").pictures
    whole = study.compare(study.image(2).pixels[None]).reconstructions[0]
    assert np.abs(row[0].astype(int) - whole).max() <= 1 and np.abs(row[4].astype(int) - result.pixels).max() <= 1
    told = slider.answer({"values": {"move": 1.5}})
    assert np.abs(pixels(told["views"]["moved"]).astype(int) - row[6]).max() <= 1 and "1.5 × the move" in told["said"]
    assert np.abs(pixels(slider.answer({"row": "move", "at": 8})["picture"]).astype(int) - row[8]).max() <= 1
    for wrong in ({"values": {"move": 9}}, {"row": "move", "at": 9}, None, {"values": {"move": "1"}}):
        assert "error" in answered(slider, wrong)


def test_samples_of_every_kind_and_how_near_they_lie(drawn):
    study, sheet = drawn(do="samples", draws=4)
    shown = {block.name: [one.pixels for one in block.pictures] for block in blocks(sheet, Pictures)}
    assert set(shown) == {"samples-real", "samples-mixture", "samples-prior"}
    assert all(len(one) == 4 for one in shown.values())
    again = {block.name: block for block in blocks(drawn(do="samples", draws=4)[1], Pictures)}
    other = {block.name: block for block in blocks(drawn(do="samples", draws=4, seed=1)[1], Pictures)}
    for name, pictures in shown.items():
        assert all(np.array_equal(a, b.pixels) for a, b in zip(pictures, again[name].pictures, strict=True))
        assert not all(np.array_equal(a, b.pixels) for a, b in zip(pictures, other[name].pictures, strict=True))
    assert sheet.told()["near"] == study.result("latents")["samples"]["near"]


@pytest.mark.parametrize("asked", [{"units": "99"}, {"do": "fly"}, {"second": "12"}, {"layer": "code"}, {"a": "=blue"}])
def test_what_cannot_be_had_falls_back(studio, asked):  # noqa: F811
    study = open_study(studio.checkpoints / "tiny-vae", str(studio.photos))
    results.obtain("latents", study.subject)
    picture = study.image(0)
    options, faults = fields.settled(VIEW.options, study, asked, picture)
    assert all("choose from" in one for one in faults.values())
    assert VIEW.sheet(study, options, picture).blocks


def test_without_a_picture_it_asks_for_one(studio):  # noqa: F811
    study = open_study(studio.checkpoints / "tiny-vae", str(studio.photos))
    options, _ = fields.settled(VIEW.options, study, {})
    assert "Choose an image" in said(VIEW.sheet(study, options))


def test_an_own_picture_is_moved_too(studio):  # noqa: F811
    from explorer.study import Picture

    study = open_study(studio.checkpoints / "tiny-vae", str(studio.photos))
    results.obtain("latents", study.subject)
    yours = Picture(255 - study.image(0).pixels, "mine")
    for do in ("units", "ways", "sums", "samples"):
        options, faults = fields.settled(VIEW.options, study, {"do": do}, yours)
        sheet = VIEW.sheet(study, options, yours)
        assert not faults and sheet.told()["image"] is None
        json.dumps(sheet.told())


@pytest.mark.parametrize(("do", "row"), [("units", 0), ("ways", 0)])
def test_rows_of_a_slow_network_are_asked_for_picture_by_picture(drawn, monkeypatch, do, row):
    _, quick = drawn(do=do)
    monkeypatch.setattr(layer, "SLOW", -1)
    _, sheet = drawn(do=do)
    one, known = piece(sheet), piece(quick).data["rows"][row]
    assert one.data["rows"][row]["sprite"] is None and not blocks(sheet, Download)
    for at, picture in enumerate(strip(known)):
        answer = one.answer({"row": known["id"], "at": at})
        assert np.abs(pixels(answer["picture"]).astype(int) - picture).max() <= 1
    for wrong in ({"row": known["id"], "at": 99}, {"row": "99", "at": 0}, {"row": known["id"], "at": "0"}):
        assert "error" in answered(one, wrong)
    assert not sheet.told().get("change") and not sheet.told().get("steps")
    json.dumps(sheet.told())


def test_a_slow_network_draws_fewer_samples(drawn, monkeypatch):
    monkeypatch.setattr(layer, "SLOW", -1)
    assert all(len(block.pictures) == 4 for block in blocks(drawn(do="samples")[1], Pictures))
