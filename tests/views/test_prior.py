"""The page Prior: what is drawn is what the prior draws, what is kept stays, and numbers are those of a second hand."""

from __future__ import annotations

import base64
import io
import shutil
import threading

import numpy as np
import pytest
import torch
from PIL import Image

from explorer.errors import BadInput
from explorer.priors import Level, folder
from explorer.priors.sampling import Choices, sample
from explorer.sheets import Link, Note, Piece, walk
from explorer.sheets.cells import hexed
from explorer.study import open_study, priors
from explorer.study.sampling import Drawing
from explorer.views import VIEWS, fields
from explorer.views.priors import drawn
from tests.pages.conftest import built, studio  # noqa: F401
from tests.priors.folders import keep


@pytest.fixture
def opened(studio):  # noqa: F811
    """`opened(family)` -> a study of a tiny checkpoint that has a prior, conditional on the colour."""
    made = []

    def open_one(family: str = "vqvae"):
        checkpoint, photos = studio.checkpoints / f"tiny-{family}", str(studio.photos)
        made.append(keep(studio.checkpoints / f"tiny-{family}-prior", checkpoint, photos, "class"))
        return open_study(checkpoint, photos)

    yield open_one
    for path in made:
        shutil.rmtree(path)


def shown(study, picture=None, **asked):
    view = VIEWS["prior"]
    options, faults = fields.settled(view.options, study, asked, picture)
    return view.sheet(study, options, picture), faults


def piece(sheet) -> Piece:
    return next(block for block in walk(sheet.blocks) if isinstance(block, Piece))


def texts(sheet) -> str:
    return "\n".join(block.text for block in walk(sheet.blocks) if isinstance(block, Note))


def finished(board: Piece, **message) -> dict:
    """Asks on until all is drawn; rows never become fewer."""
    state, before = board.answer({"have": 0, **message}), -1
    while not state["done"]:
        assert state["rows"] >= before
        before = state["rows"]
        state = board.answer({"have": state["rows"], **message})
    return state


def pictures(state: dict) -> np.ndarray:
    """(n, h, w, 3) of the one picture that holds all."""
    whole = np.asarray(Image.open(io.BytesIO(base64.b64decode(state["url"].split(",")[1]))).convert("RGB"))
    side = whole.shape[1] // state["across"]
    tiles = whole.reshape(-1, side, state["across"], side, 3).swapaxes(1, 2).reshape(-1, side, side, 3)
    return tiles[: state["n"]]


@pytest.mark.parametrize("family", ["vqvae", "vqvae2"])
def test_samples_are_those_of_the_prior_and_bits_those_of_its_probabilities(opened, family):
    study = opened(family)
    facts = priors.available(study)[0]
    sheet, _ = shown(study, samples=8, seed=3)
    board = piece(sheet)
    state = finished(board)
    classes = np.array([0] * 4 + [1] * 4)
    expected = {name: one.numpy() for name, one in sample(folder.load(facts.path), classes, Choices(seed=3)).items()}
    assert (pictures(state) == priors.decoded(study, facts, expected)).all()
    nats = folder.load(facts.path).nats(
        {n: torch.from_numpy(c) for n, c in expected.items()}, torch.from_numpy(classes)
    )
    places = sum(one[0].numel() for one in nats.values())
    bits = sum(one.flatten(1).double().sum(1) for one in nats.values()) / places / np.log(2)
    assert np.allclose(board.answer({"about": True})["bits"], bits, atol=1e-3)
    told = sheet.told()
    assert told["classes"] == ["green"] * 4 + ["red"] * 4 and np.allclose(told["bits"], bits, atol=1e-3)
    one = board.answer({"one": 5})
    assert one["title"] == "red" and len(one["maps"]) == len(facts.levels)
    assert [two["codes"] for two in one["maps"]] == [codes[5].reshape(-1).tolist() for codes in expected.values()]
    again = drawn.based(facts, one["base"])
    assert all((again[name] == codes[5]).all() for name, codes in expected.items()), "a link carries all its codes"


def test_files_hold_what_is_shown(opened):
    study = opened()
    board = piece(shown(study, samples=4)[0])
    state = finished(board)
    data = base64.b64decode(board.answer({"save": "npz"})["file"].split(",")[1])
    with np.load(io.BytesIO(data)) as kept:
        assert (priors.decoded(study, priors.available(study)[0], dict(kept)) == pictures(state)).all()
    assert board.answer({"save": "png"})["file"].startswith("data:application/zip")
    with pytest.raises(BadInput, match="not there"):
        board.answer({"save": "exe"})


def test_one_value_no_class_and_wrong_values(opened):
    study = opened()
    assert shown(study, samples=4, drawn_class="red")[0].numbers["classes"] == ["red"] * 4
    assert shown(study, samples=4, drawn_class=drawn.NONE)[0].numbers["classes"] == [""] * 4
    assert "training images are shown" not in texts(shown(study, samples=4)[0])
    sheet, faults = shown(study, samples=4, drawn_class="blue", temperature="9", top_p="0")
    assert "green" in faults["drawn_class"] and "0.0 to 2.0" in faults["temperature"] and "top_p" in faults
    assert finished(piece(sheet))["done"]


@pytest.mark.parametrize("family", ["vqvae", "vqvae2"])
def test_kept_cells_stay_and_shares_are_counted(opened, family):
    study = opened(family)
    facts, picture = priors.available(study)[0], study.image(2)
    own = drawn.codes_of(study, facts, picture)
    fine = facts.levels[-1]
    missing = np.zeros(fine.grid, bool)
    missing[1:3, 0] = True  # kept cells come after these
    board = piece(shown(study, picture, part="complete")[0])
    state = finished(board, mask=hexed(missing))
    assert state["carried"] == {"missing": hexed(missing)} and state["drafts"] > 1
    assert all(1 <= one <= state["drafts"] for one in state["effective"])
    for at in range(4):
        found = drawn.based(facts, board.answer({"mask": hexed(missing), "have": 0, "one": at})["base"])
        assert (found[fine.name] == own[fine.name])[~missing].all()
        equal = sum(int((found[name] == own[name]).sum()) for name in own)
        all_cells = sum(one.size for one in own.values())
        kept = all_cells - state["cells"]
        assert state["same"][at] == pytest.approx((equal - kept) / state["cells"])
    assert len(pictures(state)) == 4


def test_the_usual_code_of_other_images_is_the_yardstick(opened):
    study = opened()
    facts, picture = priors.available(study)[0], study.image(0)
    missing = np.zeros(facts.levels[0].grid, bool)
    missing[-1] = True
    state = finished(piece(shown(study, picture, part="complete")[0]), mask=hexed(missing))
    codes = study.codes("code")
    right = [np.bincount(codes[1:, r, c]).argmax() == codes[0, r, c] for r, c in zip(*np.nonzero(missing), strict=True)]
    assert state["usual"] == pytest.approx(np.mean(right)) and "drafts" not in state, "nothing comes after them"


def test_coarse_cells_are_kept_where_that_is_asked_for(opened):
    study = opened("vqvae2")
    facts, picture = priors.available(study)[0], study.image(2)
    top, own = facts.levels[0].name, drawn.codes_of(study, facts, picture)
    mask = hexed(np.ones(facts.levels[-1].grid, bool))
    board = piece(shown(study, picture, part="complete", upper="keep")[0])
    finished(board, mask=mask)
    found = drawn.based(facts, board.answer({"mask": mask, "have": 0, "one": 0})["base"])
    assert (found[top] == own[top]).all()


def test_bad_addresses_are_sentences_and_something_is_shown(opened):
    study = opened()
    picture = study.image(1)
    sheet, _ = shown(study, picture, part="complete", missing="zz", base="code:0=1")
    assert "lower half is missing" in texts(sheet) and "image is completed instead" in texts(sheet)
    board = piece(sheet)
    assert board.data["cells"] == "0" * 8 + "1" * 8
    assert finished(board, mask="0000")["none"], "nothing is missing"
    for message in ({}, {"mask": "00", "have": 0}, {"mask": 3, "have": 0}, {"mask": "00ff", "have": "x"}, None):
        with pytest.raises(BadInput, match="reload"):
            board.answer(message)


def test_a_checkpoint_without_a_prior_says_what_one_is_and_leads_to_one(studio):  # noqa: F811
    study = open_study(studio.checkpoints / "tiny-vqvae", str(studio.photos))
    sheet, _ = shown(study)
    assert "no prior" in texts(sheet) and "learned which codes" in texts(sheet)
    assert any(isinstance(block, Link) for block in sheet.blocks)


def test_a_drawing_ends_when_it_is_left_and_begins_again_when_it_is_asked_for():
    levels, gate, rounds = (Level("code", (3, 2), 5),), threading.Event(), []
    codes = {"code": torch.full((1, 3, 2), -1)}

    def draw(told):
        rounds.append(len(rounds))
        for row in range(3):
            codes["code"][:, row] = row
            told("code", row, codes)
            gate.wait(5)
        return {"code": codes["code"].numpy()}, None, 0.0

    drawing = Drawing(levels, 1, draw)
    assert drawing.wait(0, 5).steps == 1 and drawing.codes["code"][0, :, 0].tolist() == [0, -1, -1]
    drawing.leave()
    gate.set()
    drawing._thread.join(5)
    assert not drawing.done and rounds == [0]
    assert drawing.all()["code"][0, :, 0].tolist() == [0, 1, 2] and rounds == [0, 1]


def test_what_cannot_be_drawn_is_a_sentence():
    def draw(told):
        raise BadInput("there is no class 7")

    with pytest.raises(BadInput, match="no class 7"):
        Drawing((Level("code", (1, 1), 2),), 1, draw).all()


def test_cells_not_drawn_yet_look_like_their_neighbours():
    codes = np.array([[[-1, 3], [2, -1], [-1, -1]], [[-1, -1]] * 3])
    assert drawn.filled(codes).tolist() == [[[2, 3], [2, 3], [2, 3]], [[0, 0]] * 3]


def test_a_prior_of_weights_that_changed_is_said_to_be_one(opened):
    study = opened()
    config = folder.resolve(priors.available(study)[0].path) / "config.json"
    config.write_text(config.read_text().replace(study.subject.fingerprint, "0" * len(study.subject.fingerprint)))
    told = texts(shown(study)[0])
    assert "tiny-vqvae-prior was learned from codes that tiny-vqvae no longer makes" in told
    assert f"explorer prior train tiny-vqvae --dataset {study.subject.dataset}" in told


def test_a_prior_whose_files_were_written_by_somebody_else_breaks_nothing(opened):
    study = opened()
    place = folder.resolve(priors.available(study)[0].path)
    good = (place / "config.json").read_text()
    for broken in (good.replace('"codes": 8', '"codes": 1e999'), good.replace('"codes": 8', '"codes": 9'),
                   good.replace('"name": "code"', '"name": "zzz"')):  # fmt: skip
        assert broken != good
        (place / "config.json").write_text(broken)
        assert "There is no prior" in texts(shown(study)[0])
    (place / "config.json").write_text(good)
    for broken in ('{"bits_per_code": "many"}', '{"bits_per_code": {"mean": null}, "uniform": []}', "[1]"):
        (place / "metrics.json").write_text(broken)
        assert "keeps no scores" in texts(shown(study, part="about")[0])


def test_images_that_were_learned_from_are_said_to_surprise_less(opened, studio):  # noqa: F811
    opened()
    study = open_study(studio.checkpoints / "tiny-vqvae", str(studio.photos), split="train")
    assert "learned from these images" in texts(shown(study, part="surprise")[0])
    assert "learned from these images" not in texts(
        shown(open_study(study.checkpoint.path, str(studio.photos)), part="surprise")[0]
    )
