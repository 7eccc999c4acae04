"""What the view Edit says and answers, without an interface."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from explorer.analysis import edits
from explorer.errors import BadInput
from explorer.sheets import Note, Piece, walk
from explorer.sheets.pieces import answered
from explorer.study import Picture, open_study
from explorer.views import edit, fields

CHECKPOINTS = ("vqvae-shapes", "vqvae2-shapes", "vae-shapes", "mae-shapes", "projected-shapes")


def shown(study, picture=None, **asked):
    picture = picture or study.image(3)
    options, faults = fields.settled(edit.Options, study, asked, picture)
    assert not faults
    return edit.sheet(study, options, picture)


def piece(sheet) -> Piece:
    return next(block for block in walk(sheet.blocks) if isinstance(block, Piece))


def notes(sheet) -> str:
    return "\n".join(block.text for block in walk(sheet.blocks) if isinstance(block, Note))


def pixels(url: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB")).astype(int)


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_every_layer_of_every_family_can_be_painted(name):
    study = open_study(name)
    for layer in study.layer_names:
        canvas = piece(shown(study, layer=layer))
        json.dumps(canvas.data)
        used = int(study.usage(layer).argmax())
        own = study.codes_of(study.image(3), layer)[0].reshape(-1)
        other = next(code for code in (used, *range(len(study.book(layer)))) if code != own[0])
        answer = canvas.answer({"edit": f"{layer}:0={other}"})
        assert answer["cells"] == 1 and answer["inside"] > 0 and answer["carried"]["edit"] == f"{layer}:0={other}"
        assert np.array_equal(pixels(answer["before"]), pixels(canvas.data["answer"]["after"]))
        changed = np.abs(pixels(answer["after"]) - pixels(answer["before"])).mean() / 255
        told = [answer["inside"], answer["outside"] or 0]
        assert min(told) - 0.01 <= changed <= max(told) + 0.01
        assert answer["read"] + sum(map(len, answer["lost"].values())) == 1
        back = canvas.answer({"edit": ""})
        assert back["cells"] == 0 and back["carried"] == {"edit": None, "painted": None}


def test_codes_of_another_image_painted_over_all_cells_decode_as_that_image():
    study = open_study("vqvae-shapes")
    first, other = (study.codes_of(study.image(row), "code")[0] for row in (3, 8))
    text = edits.written({"code": other}, {"code": first})
    after = pixels(piece(shown(study, edit=text)).data["answer"]["after"])
    expected = list(study.look(study.image(8)).prefixes.values())[-1].reconstructions[0]
    assert np.abs(after - expected).max() <= 1


def test_finer_layers_can_be_left_out():
    study = open_study("vqvae2-shapes")
    text = f"top:5={int(study.usage('top').argmax())}"
    keep, drop = (shown(study, layer="top", finer=finer, edit=text) for finer in ("keep", "drop"))
    assert keep.numbers["inside"] != drop.numbers["inside"]
    assert not np.array_equal(*(pixels(piece(one).data["answer"]["before"]) for one in (keep, drop)))


def test_an_edit_that_cannot_be_is_one_sentence_and_the_page_goes_on():
    study = open_study("vqvae-shapes")
    sheet = shown(study, edit="code:3=5000")
    assert "paints code 5000 of code; choose from 0 to 1,023. Nothing is painted." in notes(sheet)
    assert sheet.numbers["cells"] == 0
    told = answered(piece(sheet), {"edit": "code:99=1"})
    assert told == {"error": "The edit paints cell 99 of code; choose from 0 to 63."}
    for message in (None, [], {"edit": 7}, {"code": -1}, {"code": 10**9}, {"edit": "x" * 3_000_000}):
        assert answered(piece(sheet), message)["error"].startswith("The canvas asked for something")
    other = shown(study, edit="code:3=5", painted="abc")
    assert "another image or another version" in notes(other) and other.numbers["cells"] == 1


def test_the_file_holds_what_is_painted_and_the_latents_of_layers_without_codes():
    study = open_study("projected-shapes")
    canvas = piece(shown(study, layer="code"))
    file = canvas.answer({"save": "code:7=11"})["file"]
    with np.load(io.BytesIO(base64.b64decode(file.partition(",")[2]))) as found:
        assert found["code"].shape == (1, 8, 8) and found["code"][0, 0, 7] == 11
        assert found["scale.latents"].shape == (1, 8, 8, 1)


def test_palettes_hold_the_codes_that_they_say():
    study = open_study("vqvae-shapes")
    own = study.codes_of(study.image(3), "code")[0]
    assert set(piece(shown(study)).data["palette"]["codes"]) == set(own.reshape(-1).tolist())
    near = piece(shown(study, palette="near", code=17)).data["palette"]
    vectors = study.vectors("code")
    away = np.linalg.norm(vectors - vectors[17], axis=1)
    assert near["codes"][0] == 17 and np.allclose(away[near["codes"][1:]], np.sort(away)[1 : len(near["codes"])])
    concept = piece(shown(study, palette="concept", concept="colour", value="red")).data["palette"]
    labels = study.concepts()["colour"].astype(str).to_numpy() == "red"
    has = (study.codes("code") == concept["codes"][0]).any((1, 2))
    assert has[labels].mean() > 2 * has[~labels].mean()
    found = piece(shown(study, palette="search", find="10")).data["palette"]["codes"]
    assert found[0] == 10 and found[1:] == [*range(100, 110), *range(1000, 1024)]
    assert not piece(shown(study, palette="search", find="zzz")).data["palette"]["codes"]


def test_cells_come_from_another_image_or_layer_in_codes_of_this_one():
    study = open_study("vqvae2-shapes")
    source = piece(shown(study, layer="bottom", copy=True, from_image=8)).data["source"]
    assert source["codes"] == study.codes_of(study.image(8), "bottom")[0].reshape(-1).tolist()
    across = piece(shown(study, layer="bottom", copy=True, from_image=8, from_layer="top")).data["source"]
    top = study.codes_of(study.image(8), "top")[0].reshape(-1)
    away = ((study.vectors("top")[top][:, None] - study.vectors("bottom")[None]) ** 2).sum(-1)
    assert across["codes"] == away.argmin(1).tolist() and "nearest vector" in across["note"]
    study = open_study("projected-shapes")
    none = piece(shown(study, layer="code", copy=True, from_layer="scale")).data["source"]
    assert none["codes"] == [] and "so none stands for another" in none["note"]


def test_a_picture_of_ones_own_can_be_painted():
    study = open_study("vqvae-shapes")
    own = Picture(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8), "mine.png")
    assert piece(shown(study, own)).answer({"edit": "code:0-63=5"})["cells"] >= 63


def test_a_missing_layer_is_bad_input():
    with pytest.raises(BadInput, match="layer 'nowhere'"):
        piece(shown(open_study("vqvae-shapes"))).answer({"edit": "nowhere:1=1"})
