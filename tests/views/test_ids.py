"""What the page Product ids says, read from its sheet, without a page."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch

from explorer import checkpoints, models, results
from explorer.errors import BadInput
from explorer.results import id_choices
from explorer.results import ids as made
from explorer.results.subject import Subject
from explorer.sheets import Cards, Download, Link, Missing, Note, Pictures, Piece, walk
from explorer.study import open_study
from explorer.study.picture import Picture
from explorer.views import VIEWS, fields, id_tree
from tests.pages.conftest import built, studio  # noqa: F401

VIEW = VIEWS["ids"]


@pytest.fixture
def drawn(studio):  # noqa: F811
    """`drawn("tiny-vqvae", levels=2)` -> the study, and the sheet for these options, with the ids made."""

    def made_of(checkpoint: str = "tiny-vqvae", row: int | None = 3, **asked):
        study = open_study(
            studio.checkpoints / checkpoint, str(studio.photos), kmeans=4 if "vqvae" in checkpoint else 64
        )
        options, faults = fields.settled(VIEW.options, study, asked)
        assert not faults
        sheet = VIEW.sheet(study, options, None if row is None else study.image(row))
        for block in walk(sheet.blocks):
            if isinstance(block, Missing):
                results.obtain(block.kind, study.subject, block.options)
                sheet = VIEW.sheet(study, options, None if row is None else study.image(row))
        return study, sheet

    return made_of


def blocks(sheet, kind) -> list:
    return [block for block in walk(sheet.blocks) if isinstance(block, kind)]


def notes(sheet) -> str:
    return "\n".join(block.text for block in blocks(sheet, Note))


def test_what_is_not_there_is_made_beside_the_page(studio):  # noqa: F811
    study = open_study(studio.checkpoints / "tiny-mae", str(studio.photos))
    sheet = VIEW.sheet(study, fields.settled(VIEW.options, study, {"levels": "5"})[0], study.image(0))
    (missing,) = blocks(sheet, Missing)
    line = results.command("ids", study.subject, missing.options)
    assert line[0] == "ids" and line[line.index("--levels") + 1] == "5"
    assert missing.kind == "ids" and missing.begin and missing.options.levels == 5 and sheet.numbers == {"ids": None}


@pytest.mark.parametrize("name", ["tiny-vqvae", "tiny-vqvae2", "tiny-vae", "tiny-mae"])
def test_every_family_has_ids_and_its_numbers_are_json(drawn, name):
    _, sheet = drawn(name)
    told = sheet.told()
    json.dumps(told)
    assert told["way"] == ("levels" if name == "tiny-vqvae2" else "tree") and told["images"] == 12
    assert {"level", "size", "used", "coverage", "entropy_bits", "max_bits", "perplexity", "prefixes", "collisions",
            "largest"} <= told["levels"][0].keys()  # fmt: skip
    near = told["neighbours"]
    assert {"mean", "low", "high", "n"} <= near["recall"].keys() and {"random", "pixels"} <= near["baselines"].keys()
    assert near["k"] == 10 and 0 <= near["ndcg"]["mean"] <= 1 + 1e-9
    assert told["sentence"] in notes(sheet)
    (cards,) = blocks(sheet, Cards)
    assert cards.cards[0].value == str(told["levels"][-1]["prefixes"])


def test_the_tree_opens_where_the_address_says_and_answers_for_every_branch(drawn):
    _, sheet = drawn(levels=2, branch=4)
    (tree,) = blocks(sheet, Piece)
    here = tree.data["here"]
    assert here["count"] == 12 and sum(one["count"] for one in here["branches"]) == 12
    below = tree.answer({"prefix": here["branches"][0]["prefix"]})
    assert below["count"] == here["branches"][0]["count"] and below["depth"] == 2
    assert below["images"][0]["url"].startswith("data:image/jpeg") and below["images"][0]["text"].count("-") == 2
    leaf = tree.answer({"prefix": below["branches"][0]["prefix"]})
    assert leaf["branches"] == [] and len(leaf["images"]) == leaf["count"]
    for wrong in (
        {"prefix": [99]},
        {"prefix": "0"},
        {"prefix": [0, 0, 0]},
        {"prefix": [True]},
        None,
        {"prefix": [1e9]},
    ):
        with pytest.raises(BadInput):
            tree.answer(wrong)
    text = "-".join(map(str, below["prefix"]))
    _, sheet = drawn(levels=2, branch=4, prefix=text)
    assert blocks(sheet, Piece)[0].data["here"]["text"] == text
    for wrong in ("77", "x", "0-0-0-0", "9" * 40):
        _, sheet = drawn(levels=2, branch=4, prefix=wrong)
        assert "the tree is opened at its root" in notes(sheet) and not blocks(sheet, Piece)[0].data["here"]["text"]


def test_a_large_set_reads_only_what_a_branch_shows(drawn, monkeypatch):
    _, sheet = drawn(levels=2, branch=4)
    expected = blocks(sheet, Piece)[0].data["here"]
    monkeypatch.setattr(id_tree, "WHOLE", 0)
    study, _ = drawn(levels=2, branch=4)
    asked = id_choices.complete(study.checkpoint.layers, "", made.Options(levels=2, branch=4))
    assert id_tree.node(study, asked, ()) == expected


def test_the_id_of_an_image_leads_to_its_branches_and_a_picture_of_ones_own_gets_the_same_id(drawn):
    study, sheet = drawn(levels=2, branch=4)
    found = study.result("ids", made.Options(levels=2, branch=4))
    own = "-".join(map(str, found.whole[3]))
    assert f"The id of image 3 is {own}." in notes(sheet)
    links = [one.go.carried["prefix"] for one in blocks(sheet, Link)]
    assert links == [own.split("-")[0], "-".join(own.split("-")[:2])]
    for row in range(12):
        pixels = Picture(study.image(row).pixels, "mine")
        for asked in ({"levels": 2, "branch": 4}, {"levels": 2, "branch": 4, "of": "ze"}):
            study, _ = drawn(**asked)
            options = id_choices.complete(study.checkpoint.layers, "", made.Options(**asked))
            codes = study.result("ids", options).codes
            assert id_tree.own(study, options, pixels).tolist() == codes[row].tolist()
    _, sheet = drawn(levels=2, branch=4, row=None)
    assert "Choose an image" in notes(sheet)


def test_grids_of_a_network_with_two_give_a_code_each_and_own_pictures_too(drawn):
    study, sheet = drawn("tiny-vqvae2", row=5)
    options = id_choices.complete(study.checkpoint.layers, "", made.Options())
    found = study.result("ids", options)
    assert options.way == "levels" and options.books == "own" and found.codes.shape == (12, 2)
    book = study.book("top")
    assert found.codes[:, 0].tolist() == book.assign(torch.tensor(study.encoding.pooled("top"))).tolist()
    mine = id_tree.own(study, options, Picture(study.image(5).pixels, "mine"))
    assert mine.tolist() == found.codes[5].tolist()
    assert "the codebooks are the checkpoint's own" in notes(sheet)


def test_residual_layers_are_asked_one_after_another(tmp_path, studio):  # noqa: F811
    torch.manual_seed(0)
    settings = {"hidden": 8, "residual_blocks": 1, "residual_channels": 4, "codes": 8, "dim": 4}
    model = models.build("vqvae", settings | {"quantizer": "residual"}, 16).eval()
    path = tmp_path / "residual"
    path.mkdir()
    checkpoints.save(path, model, family="vqvae", dataset="photos", training={}, metrics={}, card="# r")
    subject = Subject(path, str(studio.photos))
    options = made.settled(subject, made.Options())
    names = id_choices.chain(subject.facts.layers)
    assert (options.way, options.books) == ("residual", "own") and len(names) > 1
    found = results.obtain("ids", subject)[1]
    encoding = results.obtain("encoding", subject)[1]
    left = torch.from_numpy(encoding.pooled(names[0]))
    for level, name in enumerate(names):
        codes = encoding.codebook(name).assign(left)
        assert found.codes[:, level].tolist() == codes.tolist()
        left = left - encoding.codebook(name).lookup(codes)


def test_one_code_for_everything_looks_collapsed(tmp_path, studio):  # noqa: F811
    torch.manual_seed(0)
    settings = {"hidden": 8, "residual_blocks": 1, "residual_channels": 4, "codes": 8, "dim": 4}
    model = models.build("vqvae", settings, 16).eval()
    model.codebooks["code"].vectors[1:] = 1e4  # all cells are nearest to code 0
    path = tmp_path / "collapsed"
    path.mkdir()
    checkpoints.save(path, model, family="vqvae", dataset="photos", training={}, metrics={}, card="# c")
    study = open_study(path, str(studio.photos))
    results.obtain("ids", study.subject)
    sheet = VIEW.sheet(study, fields.settled(VIEW.options, study, {})[0], study.image(0))
    told = sheet.told()
    assert told["collapsed"] and told["levels"][0]["entropy_bits"] == 0 and told["levels"][0]["coverage"] == 1 / 16
    (warning,) = [one for one in blocks(sheet, Note) if one.tone == "warning"]
    assert "12 of 12 images share one id" in warning.text
    near = told["neighbours"]
    assert near["recall"]["mean"] == pytest.approx(near["baselines"]["random"]["recall"]["mean"])
    facts = results.obtain("ids", study.subject, {"way": "residual"})[1].facts
    assert facts["collapsed"] and [row["size"] for row in facts["levels"]] == [16] * 3


def test_what_cannot_be_had_is_one_sentence(studio):  # noqa: F811
    facts = checkpoints.describe(studio.checkpoints / "tiny-vqvae").layers
    for asked, said in (
        ({"way": "levels"}, "has no codes on several grids"),
        ({"layer": "top"}, "unknown layer 'top'"),
        ({"way": "tree", "books": "own"}, "a tree is fitted"),
        ({"way": "residual", "books": "own"}, "has no residual quantizer"),
    ):
        with pytest.raises(BadInput, match=said):
            id_choices.complete(facts, "tiny", made.Options(**asked))
    study = open_study(studio.checkpoints / "tiny-vqvae", str(studio.photos))
    options, faults = fields.settled(VIEW.options, study, {"way": "levels", "layer": "top", "books": "own"})
    assert not faults and (options.way, options.layer, options.books) == ("tree", "code", "fitted")


def test_one_image_alone_has_an_id_and_no_neighbours(drawn, studio):  # noqa: F811
    subject = Subject(studio.checkpoints / "tiny-vqvae", str(studio.photos), limit=1)
    facts = results.obtain("ids", subject)[1].facts
    assert facts["neighbours"] is None and facts["images"] == 1 and not facts["collapsed"]
    study = open_study(studio.checkpoints / "tiny-vqvae", str(studio.photos), limit=1)
    sheet = VIEW.sheet(study, fields.settled(VIEW.options, study, {})[0], study.image(0))
    assert "too few images" in notes(sheet) and "No other image has an id that begins alike" in notes(sheet)
    assert not blocks(sheet, Pictures)


def test_the_file_reads_into_polars_and_duckdb_as_it_says(drawn, tmp_path):
    study, sheet = drawn(levels=2, branch=4)
    (download,) = blocks(sheet, Download)
    path = tmp_path / "ids.parquet"
    path.write_bytes(download.data())
    import pandas as pd

    frame = pd.read_parquet(path)
    _same(frame, study)
    for name in ("polars", "duckdb"):
        library = pytest.importorskip(name)
        if name == "polars":
            other = library.read_parquet(path).to_dicts()
        else:
            other = library.sql(f"select * from read_parquet('{path}') order by image_id").df().to_dict("records")
        assert [row["text"] for row in other] == frame["text"].tolist()
        assert [list(row["id"]) for row in other] == [list(one) for one in frame["id"]]


def _same(frame, study) -> None:
    assert frame.columns.tolist() == ["image_id", "name", "id", "level_0", "level_1", "level_2", "text"]
    assert frame["image_id"].tolist() == list(range(12)) and frame["name"].tolist() == list(study.images.names)
    assert frame["text"].nunique() == 12
    for row in frame.to_dict("records"):
        assert list(row["id"]) == [row[f"level_{level}"] for level in range(3)]
        assert row["text"] == "-".join(map(str, row["id"]))


def test_the_options_of_the_page_are_those_of_the_result():
    ours = {field.name for field in dataclasses.fields(VIEW.options)} - {"prefix"}
    assert ours == {field.name for field in dataclasses.fields(made.Options)}
    assert np.prod(id_tree.BRANCHES) >= 24
