"""What the view of similar images says, without an interface."""

from __future__ import annotations

import base64
import dataclasses
import json

import numpy as np
import pytest

from explorer.sheets import Go, Link, Missing, Note, Piece, filled, walk
from explorer.sheets.cells import hexed, unhexed
from explorer.study import Picture, open_study
from explorer.views import fields, similar


@pytest.fixture(scope="module")
def study():
    """355 digits, 8 × 8 codes of 128."""
    return open_study("vqvae-digits")


def shown(study, row: int = 7, picture: Picture | None = None, **asked):
    picture = picture or study.image(row)
    options, faults = fields.settled(similar.Options, study, asked, picture)
    assert not faults
    return similar.sheet(study, options, picture)


def piece(sheet) -> Piece:
    return next(block for block in walk(sheet.blocks) if isinstance(block, Piece) and block.script == "alike")


def texts(sheet) -> str:
    return "\n".join(block.text for block in walk(sheet.blocks) if isinstance(block, Note))


def unpacked(text: str, kind=np.uint8) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), kind)


def test_marks_are_the_cells_of_the_codes_that_are_named(study):
    codes, sheet = study.codes("code"), shown(study, way="bag")
    data = piece(sheet).data
    json.dumps(data)
    assert unpacked(data["query"]["codes"], np.uint32).tolist() == codes[7].reshape(-1).tolist()
    assert len(data["hits"]) == 16
    for hit in data["hits"]:
        for at, (code, share, _) in enumerate(hit["because"], 1):
            assert (unpacked(hit["here"]) == at).tolist() == (codes[7] == code).reshape(-1).tolist()
            assert (unpacked(hit["there"]) == at).tolist() == (codes[hit["row"]] == code).reshape(-1).tolist()
            assert 0 < share <= 1
        slots = [slot for *_, slot in hit["because"]]
        assert len(set(slots)) == len(slots), "codes of one image have different colours"
    assert set(data["tiles"]["of"]) == {code for hit in data["hits"] for code, *_ in hit["because"]}


def test_numbers_are_those_that_are_shown(study):
    sheet = shown(study, way="place", results=8)
    numbers, hits = sheet.told(), piece(sheet).data["hits"]
    assert [one["id"] for one in numbers["neighbours"]] == [hit["row"] for hit in hits] and len(hits) == 8
    assert [one["because"] for one in numbers["neighbours"]] == [[code for code, *_ in hit["because"]] for hit in hits]
    assert numbers["by"] == "place" and numbers["n"] == len(study.images) - 1 and numbers["query"] == 7
    scores = [one["score"] for one in numbers["neighbours"]]
    assert scores == sorted(scores, reverse=True)


def test_values_are_those_of_the_table_and_counted_beside_chance(study):
    sheet = shown(study, way="ze")
    labels = study.concepts()["digit"].astype(str).to_numpy()
    (counted,) = [one for one in sheet.told()["values"] if one["concept"] == "digit"]
    rows = [hit["row"] for hit in piece(sheet).data["hits"]]
    assert counted["have"] == int((labels[rows] == labels[7]).sum()) and counted["of"] == 16
    assert counted["chance"] == pytest.approx(((labels == labels[7]).sum() - 1) / (len(labels) - 1))
    for hit in piece(sheet).data["hits"]:
        said = {name: (value, agrees) for name, value, agrees in hit["values"]}
        assert said["digit"] == (labels[hit["row"]], bool(labels[hit["row"]] == labels[7]))
    mine = shown(study, picture=Picture(study.images.read([7])[0], "mine.png"), way="ze")
    assert all(agrees is None for hit in piece(mine).data["hits"] for *_, agrees in hit["values"])


def test_what_is_touched_leads_on(study):
    block = piece(shown(study))
    assert filled(block.go, image=3) == {"image": "3", "search": "image"}
    assert filled(block.others["area"], area="ff") == {"area": "ff"} and block.others["area"].view is None
    assert block.others["code"].view == "codebook" and filled(block.others["code"], code=5)["code"] == "5"
    assert block.others["maps"].view == "code_maps"
    cells = np.zeros((8, 8), bool)
    cells[2:4, 3:5] = True
    data = piece(shown(study, search="area", area=hexed(cells), way="bag")).data
    assert (unhexed(data["query"]["area"], (8, 8)) == cells).all()
    assert all(cells.reshape(-1)[unpacked(hit["here"]) > 0].all() for hit in data["hits"])


def test_near_in_words_counts_as_a_number(study):
    codes = study.codes("code")
    first, second = (int(one) for one in (codes[7, 2, 3], codes[7, 2, 4]))
    words = shown(study, search="codes", wanted=f"{first} near {second}").told()
    number = shown(study, search="codes", wanted=f"{first}, {second}", near=similar.NEAR).told()
    anywhere = shown(study, search="codes", wanted=f"{first}, {second}").told()
    assert words["neighbours"] == number["neighbours"] and words["matching"] == anywhere["matching"]
    assert all(one["apart"] <= similar.NEAR for one in words["neighbours"])
    assert all(one["apart"] is None for one in anywhere["neighbours"])
    assert anywhere["query"] is None and anywhere["codes"] == f"{first}, {second}" and not anywhere["values"]


def test_vectors_that_decide_are_said_to(study):
    assert "they are no reason" in texts(shown(study, way="colours"))
    assert "they are no reason" not in texts(shown(study, way="bag"))


def test_the_search_begins_with_codes_and_says_where_others_find_more(study, monkeypatch):
    known = {
        "bag": {"map": 0.2, "low": 0.1, "high": 0.3, "layer": "code"},
        "place": {"map": 0.5, "low": 0.4, "high": 0.6, "layer": "code"},
        "pixels": {"map": 0.8, "low": 0.7, "high": 0.9, "layer": ""},
        "untrained ze": {"map": 0.99, "low": 0.98, "high": 1.0, "layer": "code"},
    }
    known = {way: one | {"concept": "digit", "queries": 300, "k": 10} for way, one in known.items()}
    monkeypatch.setattr(similar.quality, "quality", lambda *_, **__: known)
    options, _ = fields.settled(similar.Options, study, {}, study.image(7))
    assert options.way == "place"
    sheet = shown(study)
    assert "Pixels find more images" in texts(sheet)
    assert "0.80 [0.70, 0.90] against 0.50 [0.40, 0.60]" in texts(sheet) and "300 searches" in texts(sheet)
    assert Go(None, {"way": "pixels"}) in [block.go for block in walk(sheet.blocks) if isinstance(block, Link)]
    assert "find more" not in texts(shown(study, way="pixels"))
    known["pixels"]["low"] = 0.55
    assert "find more" not in texts(shown(study)), "that is not sure"


def test_one_vector_for_an_image_begins_with_the_latent_and_has_no_parts():
    single = open_study("vae-shapes")
    options, _ = fields.settled(similar.Options, single, {"search": "patch"}, single.image(0))
    assert options.way == "ze" and options.search == "image"
    bag = shown(single, 0, way="bag")
    assert "One code describes the whole image" in texts(bag) and "exactly as much alike" in texts(bag)


def test_layers_together_and_another_encoder(monkeypatch):
    layered = open_study("vqvae2-shapes")
    both = shown(layered, way="ze", together=True, layer="top").told()
    one = shown(layered, way="ze", layer="top").told()
    assert both["neighbours"] != one["neighbours"] and both["layer"] == "top"
    other = shown(layered, way="encoder", encoder="mae-shapes").told()
    assert other["by"] == "encoder" and not other["exact"] and other["neighbours"]


def test_an_encoder_without_an_encoding_is_encoded_first(study):
    sheet = shown(study, way="encoder", encoder="vqvae-photos")
    (missing,) = [block for block in walk(sheet.blocks) if isinstance(block, Missing)]
    assert missing.kind == "encoding" and missing.subject.facts.name == "vqvae-photos"


def test_options_travel_as_plain_values():
    assert all(
        isinstance(field.default, (str, int, bool)) for field in dataclasses.fields(similar.Options)
    )  # fmt: skip
