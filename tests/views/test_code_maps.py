"""What the view of code maps says, without an interface."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from explorer.sheets import Card, Cards, CodeMap, Controls, Note, Pictures, filled, walk
from explorer.sheets.code_map import sent
from explorer.study import Picture, open_study
from explorer.views import code_maps, fields


@pytest.fixture(scope="module")
def study():
    """A shipped checkpoint with its shipped encoding: 8 × 8 codes of 1,024."""
    return open_study("vqvae-shapes")


def shown(study, row: int | None = 0, picture: Picture | None = None, **asked):
    picture = picture or study.image(row)
    options, faults = fields.settled(code_maps.Options, study, asked, picture)
    assert not faults
    return options, code_maps.sheet(study, options, picture)


def texts(blocks) -> str:
    return "\n".join(getattr(block, "text", "") for block in walk(blocks))


def named(blocks, name: str):
    return next(block for block in walk(blocks) if getattr(block, "name", "") == name)


def cards(blocks) -> dict[str, Card]:
    return {card.label: card for block in walk(blocks) if isinstance(block, Cards) for card in block.cards}


def test_a_click_on_a_cell_carries_its_code_cell_and_layer(study):
    _, sheet = shown(study)
    block = named(sheet.blocks, "map")
    where = filled(block.go, row=2, column=5, point=int(block.codes[2, 5]))
    options, after = shown(study, **where)
    assert (options.code, options.cell) == (block.codes[2, 5], "2,5")
    found = named(after.blocks, "map")
    assert found.cell == (2, 5) and found.code == options.code
    assert f"Code {options.code:,} of layer code" in texts(after.blocks)
    assert set(block.waits) <= {getattr(one, "name", "") for one in walk(sheet.blocks)}, "what a click greys is there"


def test_the_panel_leads_with_the_classes_of_its_images_and_where_it_stands(study):
    codes = study.codes("code")
    labels = study.concepts()["colour"].to_numpy()
    present = (codes == 969).any((1, 2))
    told = " ".join(texts(shown(study, code="969")[1].blocks).split("\n"))
    green = int((labels[present] == "green").sum())
    assert f"colour: {green:,} of its {present.sum():,} images are “green”" in told
    assert "Mostly centre: " in told and told.index("Classes of its images") < told.index("Top patches")
    assert shown(study, code="969")[1].told()["images"]["concepts"]["colour"]["inside"] == green


def test_what_is_sent_of_a_map_is_json_with_a_text_for_each_cell(study):
    _, sheet = shown(study, view="over", opacity="40")
    data = json.loads(json.dumps(sent(named(sheet.blocks, "map"))))
    codes, distances = study.codes_of(study.image(0), "code")
    assert data["codes"] == codes.tolist() and data["opacity"] == 0.4 and data["behind"].startswith("data:image/png")
    assert data["notes"][3][1].split("\n")[0] == f"code {codes[3, 1]:,}"
    assert f"distance {distances[3, 1]:.4g}" in data["notes"][3][1] and "% of all tokens" in data["notes"][3][1]
    assert sent(named(shown(study)[1].blocks, "map"))["behind"] is None, "without a picture behind, none is sent"


def test_patches_come_first_and_images_that_have_it_last(study):
    _, sheet = shown(study)
    names = [block.name for block in walk(sheet.blocks) if isinstance(block, Pictures)]
    order = [name for name in names if name in ("top", "neighbours", "change", "all")]
    assert order == ["top", "neighbours", "change", "all"]
    top, having = named(sheet.blocks, "top"), named(sheet.blocks, "all")
    assert len(having.pictures) <= 8, "a few at first"
    rows, _, distances = study.encoding.top_patches("code", sheet.numbers["code"], 12)
    first = top.pictures[0]
    assert (first.title, first.note) == (f"image {rows[0]:,}", f"distance {distances[0]:.3g}")
    assert study.images.names[rows[0]] in first.help and first.go.carried["image"] == rows[0]


def test_a_code_stays_over_images_and_is_said_to_be_missing(study):
    absent = next(code for code in range(1024) if code not in study.codes_of(study.image(7), "code")[0])
    options, sheet = shown(study, 7, code=str(absent), change="out")
    assert options.code == absent and f"Code {absent:,} does not stand in this image." in texts(sheet.blocks)
    assert options.change == "cell", "what is not there cannot be taken out"
    assert not any(block.tone in ("info", "warning") for block in walk(sheet.blocks) if isinstance(block, Note))


def test_a_change_is_told_beside_random_codes(study):
    _, sheet = shown(study)
    told = sheet.told()["change"]
    assert told["cells"] == 1 and told["inside"] > told["outside"] and told["random"]["n"] == 16
    found = cards(sheet.blocks)
    assert found["Inside the 1 cell"].value == f"{told['inside']:.4f}"
    assert found["A random code"].value == f"{told['random']['mean']:.4f}" and "90 %" in found["A random code"].note
    _, nearest = shown(study, instead="nearest")
    assert nearest.told()["change"]["what"] != told["what"]


def test_a_code_goes_into_the_clicked_cell_of_another_code(study):
    codes = study.codes_of(study.image(0), "code")[0]
    options, sheet = shown(study, cell="1,6", code=str(codes[6, 1]), change="cell")
    assert (options.row, options.column) == (1, 6)
    assert f"code {codes[1, 6]:,} in row 1, column 6" in sheet.told()["change"]["what"]
    options, sheet = shown(study, code=str(codes[6, 1]), change="code", other=str(codes[1, 6]))
    assert sheet.told()["change"]["cells"] == (codes == codes[1, 6]).sum()


@pytest.mark.parametrize("cell", ["8,0", "1,", "x", "-1,2", "1,2,3", "999999999999,0"])
def test_a_cell_that_is_none_is_no_cell(study, cell):
    _, sheet = shown(study, cell=cell)
    assert named(sheet.blocks, "map").cell is None


def test_an_own_picture_has_codes_and_what_comes_back(study):
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    own = Picture(pixels, "a very long name of a file.jpg")
    options, sheet = shown(study, picture=own)
    codes, _ = study.codes_of(own, "code")
    assert sheet.numbers["codes"] == codes.tolist() and sheet.numbers["image"] is None
    assert options.code == codes[4, 4]
    looked = [named(sheet.blocks, f"looked-{index}").pictures[0] for index in (0, 1)]
    assert (looked[0].pixels == pixels).all() and looked[0].help == own.name and looked[1].note.endswith("dB")
    assert not any(isinstance(block, Controls) and "order" in block.names for block in walk(sheet.blocks))


def test_the_maps_of_several_layers_stand_around_the_chosen_one():
    study = open_study("mae-shapes")
    _, sheet = shown(study, layer="block2")
    maps = {block.name: block for block in walk(sheet.blocks) if isinstance(block, CodeMap)}
    assert list(maps) == [*(f"map-{layer}" for layer in study.layer_names), "map"]
    assert maps["map"].codes.tolist() == study.codes_of(study.image(0), "block2")[0].tolist()
    assert maps["map-block1"].code is None and maps["map-block2"].code is not None
    assert "k-means" in texts(sheet.blocks)


def test_a_map_of_one_cell_says_so():
    study = open_study("vae-shapes")
    options, sheet = shown(study)
    assert "single cell" in texts(sheet.blocks)
    assert not fields.counts(
        {one.name: one for one in dataclasses.fields(options)}["row"],
        study,
        dataclasses.asdict(options) | {"picture": 0},
    )


def test_nothing_is_said_before_there_is_a_picture(study):
    options, _ = fields.settled(code_maps.Options, study, {})
    assert "Choose an image" in texts(code_maps.sheet(study, options).blocks)


def test_the_colours_of_a_change_reach_beyond_its_mean_in_the_cells_that_changed(study, monkeypatch):
    """A cell of a fine grid is few of all pixels: a scale that is taken from all of them would end below its mean."""
    from explorer.study import Study

    change = Study.change

    def small(self, picture, layer, where, *more):
        found = change(self, picture, layer, where, *more)
        row, column = np.argwhere(where)[0] * 8
        difference = np.zeros((64, 64), np.float32)
        difference[row : row + 3, column : column + 5] = 0.5
        return dataclasses.replace(found, difference=difference, inside=15 / 64 / 2)

    monkeypatch.setattr(Study, "change", small)
    _, sheet = shown(study)
    assert named(sheet.blocks, "change").pictures[-1].note == "0 to 0.50"


def test_a_change_is_shown_where_cells_are_no_whole_number_of_pixels(study, monkeypatch):
    from explorer.study import Study

    change = Study.change

    def odd(self, *arguments):
        return dataclasses.replace(change(self, *arguments), difference=np.full((65, 65), 0.25, np.float32))

    monkeypatch.setattr(Study, "change", odd)
    _, sheet = shown(study)
    assert named(sheet.blocks, "change").pictures[-1].note == "0 to 0.25"


def test_no_random_code_is_the_one_that_stands_there(study, monkeypatch):
    from explorer.analysis import interventions

    seen, real = [], interventions.other_vectors
    monkeypatch.setattr(
        interventions, "other_vectors", lambda v, c, but, *more: seen.append(but) or real(v, c, but, *more)
    )
    here = study.codes("code")[2]
    code = int(np.setdiff1d(np.flatnonzero(study.usage("code")), here)[0])
    _, sheet = shown(study, 2, code=str(code), change="cell", cell="1,2")
    assert sheet.told()["change"]["random"]["n"] == 16
    assert set(seen[0]) == {code, int(here[1, 2])}
