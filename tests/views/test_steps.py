"""What the view Six steps says, checked by a second computation."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from explorer import checkpoints
from explorer.sheets import Chart, CodeMap, Link, More, Note, Piece, Table, walk
from explorer.study import Picture, open_study
from explorer.views import VIEWS, fields, instead
from tests.pages.conftest import built, studio  # noqa: F401

VIEW = VIEWS["steps"]


@pytest.fixture
def drawn(studio):  # noqa: F811
    """`drawn("tiny-vqvae", cell="1,2")` -> the study, the picture, and the sheet for these options."""

    def made(checkpoint: str = "tiny-vqvae", row: int = 3, **asked):
        study = open_study(studio.checkpoints / checkpoint, str(studio.photos))
        picture = study.image(row)
        options, faults = fields.settled(VIEW.options, study, asked, picture)
        assert not faults
        return study, picture, VIEW.sheet(study, options, picture)

    return made


def blocks(sheet, kind) -> list:
    return [block for block in walk(sheet.blocks) if isinstance(block, kind)]


def notes(sheet) -> str:
    return "\n".join(block.text for block in blocks(sheet, Note))


def network(studio, name="tiny-vqvae"):  # noqa: F811
    return checkpoints.load(studio.checkpoints / name)


def test_the_numbers_are_those_of_the_network(drawn, studio):  # noqa: F811
    _, picture, sheet = drawn(cell="1,2")
    told, model = sheet.told(), network(studio)
    image = torch.from_numpy(picture.pixels[None]).permute(0, 3, 1, 2).float() / 255
    with torch.no_grad():
        z = model.encode(image)["code"]
    book = model.codebooks["code"].vectors
    away = torch.cdist(z.double().reshape(-1, 4), book.double(), compute_mode="donot_use_mm_for_euclid_dist")
    two = away.sort(1)
    row = 1 * 4 + 2
    assert told["cell"] == [1, 2] and told["code"] == int(two.indices[row, 0])
    assert told["runner_up"] == int(two.indices[row, 1])
    assert told["distance"] == pytest.approx(float(two.values[row, 0]), rel=1e-5)
    assert told["runner_up_distance"] == pytest.approx(float(two.values[row, 1]), rel=1e-5)
    margins = (two.values[:, 1] - two.values[:, 0]).numpy()
    assert told["margin"] == pytest.approx(margins[row], rel=1e-4)
    assert told["margin_share"] == pytest.approx(margins[row] / float(two.values[row, 0]), rel=1e-4)
    assert told["margin_quantile"] == np.mean(margins <= margins[row] + 1e-9) and told["margins_of"] == 16
    assert told["shapes"] == {
        "latents": [1, 4, 4, 4], "rows": [16, 4], "codebook": [8, 4], "distances": [16, 8], "codes": [16],
        "values": [16, 4], "quantized": [1, 4, 4, 4],
    }  # fmt: skip
    json.dumps(told)


@pytest.mark.parametrize("loss", ["mse", "mae", "lightness"])
def test_the_gradient_is_that_of_the_decoder(drawn, studio, loss):  # noqa: F811
    """By differences of the loss itself, through the decoder's own layers."""
    _, picture, sheet = drawn(cell="2,1", loss=loss)
    told, model = sheet.told()["gradient"], network(studio).double()
    image = torch.from_numpy(picture.pixels[None]).permute(0, 3, 1, 2).double() / 255
    with torch.no_grad():
        q = model.codebooks["code"].lookup(model.codebooks["code"].assign(model.encode(image)["code"])).double()

        def value(q):
            out = ((model.decoder(q.permute(0, 3, 1, 2)) + 1) / 2).clamp(0, 1)
            return float({"mse": (out - image).square(), "mae": (out - image).abs(), "lightness": out}[loss].mean())

        steps = []
        for number in range(4):
            step = torch.zeros_like(q)
            step[0, 2, 1, number] = 1e-5
            steps.append((value(q + step) - value(q - step)) / 2e-5)
        assert told["value"] == pytest.approx(value(q), rel=1e-4)
    assert told["decoder"] == pytest.approx(np.linalg.norm(steps), rel=0.02) and told["decoder"] > 0
    assert told["encoder"] == told["decoder"] and told["cosine"] == pytest.approx(1) and told["codebook"] == 0


def test_commitment_differs_at_both_ends(drawn):
    _, _, sheet = drawn(cell="0,0", loss="commitment")
    told = sheet.told()
    assert told["gradient"]["decoder"] == 0 and told["gradient"]["cosine"] is None
    assert told["gradient"]["encoder"] == pytest.approx(2 * told["distance"] / 64, rel=1e-4)  # 2 (z - e) / (4 · 4 · 4)
    _, _, other = drawn(cell="0,0", loss="codebook")
    assert other.told()["gradient"]["encoder"] == 0 and other.told()["gradient"]["codebook"] > 0


def test_the_cards_tell_the_numbers_and_the_shapes(drawn):
    _, _, sheet = drawn(cell="1,2")
    (piece,) = blocks(sheet, Piece)
    told, cards = sheet.told(), piece.data["cards"]
    assert [card["title"] for card in cards] == [
        "Reshape", "Distances", "Argmin", "Lookup", "Reshape", "Straight-through copy",
    ]  # fmt: skip
    assert cards[0]["shape"] == "(1, 4, 4, 4) → (16, 4)" and "Row 6" in cards[0]["say"]
    assert cards[1]["shape"] == "(16, 4) → (16, 8)" and len(cards[1]["curve"]["points"]) == 8
    assert f"wins: {told['code']}." in cards[2]["say"]
    assert [one["role"] for one in cards[2]["call"]["codes"]] == ["winner", "runner-up"]
    assert [len(one["values"]) for one in cards[3]["bars"]["series"]] == [4, 4]
    assert [loss["value"] for loss in cards[5]["losses"]][:3] == ["mse", "mae", "commitment"]
    assert "moving average" in cards[5]["note"]
    json.dumps(piece.data)


def test_a_cell_that_is_not_there_is_one_sentence(drawn):
    _, _, sheet = drawn(cell="9,9")
    assert "no cell 9,9 on a grid of 4 × 4" in notes(sheet) and sheet.told()["cell"] == [2, 2]


def test_the_map_and_the_piece_lead_to_a_cell(drawn):
    _, _, sheet = drawn(cell="1,2")
    (shown,) = blocks(sheet, CodeMap)
    assert shown.cell == (1, 2) and shown.go.carried == {"cell": "{row},{column}"}
    assert blocks(sheet, Piece)[0].go.carried == {"cell": "{cell}", "loss": "{loss}"}


@pytest.mark.parametrize("checkpoint", ["tiny-vae", "tiny-mae"])
def test_a_continuous_layer_has_steps_to_look_at_and_no_gradient(drawn, checkpoint):
    _, _, sheet = drawn(checkpoint)
    assert "no such layer" in notes(sheet) and sheet.told()["gradient"] is None
    card = blocks(sheet, Piece)[0].data["cards"][5]
    assert "bars" not in card and "Left out here" in card["note"]
    assert blocks(sheet, Link)[0].go.carried == {"checkpoint": "vqvae-shapes", "dataset": "shapes"}


def test_layers_of_two_grids_have_their_own_steps(drawn):
    for layer, side in (("top", 2), ("bottom", 4)):
        _, _, sheet = drawn("tiny-vqvae2", layer=layer)
        told = sheet.told()
        assert told["shapes"]["latents"][1:3] == [side, side] and told["gradient"]["decoder"] > 0


def test_codes_without_a_network_are_one_sentence(studio, tmp_path):  # noqa: F811
    np.savez(tmp_path / "mine.npz", codes=np.random.default_rng(0).integers(0, 6, (30, 4, 4)))
    study = open_study(tmp_path / "mine.npz", str(tmp_path / "mine.npz"))
    study.make("encoding")
    options, faults = fields.settled(VIEW.options, study, {})
    sheet = VIEW.sheet(study, options, study.image(0))
    assert not faults and "holds codes only" in notes(sheet) and not blocks(sheet, Piece) and not sheet.told()
    assert len(blocks(sheet, Link)) == 1


def test_an_own_picture_has_its_own_steps(drawn):
    study, picture, sheet = drawn()
    yours = Picture(255 - picture.pixels, "mine")
    other = VIEW.sheet(study, VIEW.options(layer="code"), yours).told()
    assert other["image"] is None and other["distance"] != sheet.told()["distance"]


def test_projected_has_its_scale_in_real_numbers_and_the_others_as_toys():
    study = open_study("projected-shapes")
    options, _ = fields.settled(VIEW.options, study, {})
    sheet = VIEW.sheet(study, options, study.image(0))
    told = sheet.told()
    assert told["bottleneck"] == "projected"
    z, e = study.look(study.image(0)).latents["code"][4, 4], study.vectors("code")[told["code"]]
    amounts = {row["what"]: row["amount"] for row in told["instead"]}
    assert amounts["scale, ⟨z, e⟩ / ⟨e, e⟩"] == pytest.approx(float(z @ e / (e @ e)), rel=1e-3)
    assert amounts["left over with it"] <= amounts["left over without the scale, ‖z − e‖"]
    assert "a scale beside it" in blocks(sheet, Piece)[0].data["cards"][2]["note"]
    assert len(blocks(sheet, Table)) == 1 and len(blocks(sheet, More)) == len(instead.NAMES) - 1


def test_toys_say_what_is_so():
    z = np.array([0.9, -0.3])
    a, b = np.array([2, 0]), np.array([0.6, -0.6])
    cosine = [one @ z / np.linalg.norm(one) / np.linalg.norm(z) for one in (a, b)]
    assert "(0.42 against 1.14)" in instead.TOY["cosine"] and "(0.95 against 0.89)" in instead.TOY["cosine"]
    assert [f"{np.linalg.norm(z - one):.2f}" for one in (b, a)] == ["0.42", "1.14"]
    assert [f"{one:.2f}" for one in cosine] == ["0.95", "0.89"]
    levels = np.array([-1, -0.5, 0, 0.5, 1])
    assert [levels[np.abs(levels - one).argmin()] for one in z] == [1, -0.5] and "(1, −0.5)" in instead.TOY["fsq"]


@pytest.fixture
def quantized(studio, tmp_path):  # noqa: F811
    """`quantized("fsq")` -> the study of a tiny network with that quantizer, and its sheet."""

    def made(quantizer: str, **settings):
        from explorer.models import build

        torch.manual_seed(0)
        sizes = {"hidden": 8, "residual_blocks": 1, "residual_channels": 4, "codes": 16, "quantizer": quantizer}
        network = build("vqvae", sizes | settings, 16).eval()
        for weights in network.parameters():
            weights.data.mul_(2)
        for book in network.codebooks.values():
            if book.kind == "learned":
                book.vectors[:] = torch.nn.functional.normalize(torch.randn(book.vectors.shape), dim=1)
        path = tmp_path / quantizer
        path.mkdir()
        facts = {"family": "vqvae", "dataset": str(studio.photos), "training": {}, "metrics": {}, "card": ""}
        checkpoints.save(path, network, **facts)
        study = open_study(path, str(studio.photos))
        study.make("encoding")
        picture = study.image(0)
        options, _ = fields.settled(VIEW.options, study, {"cell": "1,1"}, picture)
        return study, VIEW.sheet(study, options, picture)

    return made


def test_cosine_tells_angles_that_belong_to_its_distances(quantized):
    told = quantized("cosine", dim=4)[1].told()
    assert told["bottleneck"] == "cosine"
    for row in told["instead"]:
        assert row["distance"] ** 2 == pytest.approx(2 - 2 * row["cosine"], abs=1e-5)
        assert np.cos(np.radians(row["angle"])) == pytest.approx(row["cosine"], abs=1e-6)
    assert told["instead"][0]["cosine"] >= told["instead"][1]["cosine"]


def test_fsq_rounds_each_number_to_its_level_which_is_the_code(quantized):
    study, sheet = quantized("fsq")
    told = sheet.told()
    assert told["bottleneck"] == "fsq" and [row["levels"] for row in told["instead"]] == [5, 3]
    rounded = [row["rounded"] for row in told["instead"]]
    assert study.vectors("code")[told["code"]] == pytest.approx(rounded, abs=1e-6)
    assert told["code"] == told["instead"][0]["level"] + 5 * told["instead"][1]["level"]


def test_lfq_signs_are_the_bits_of_the_code(quantized):
    told = quantized("lfq")[1].told()
    bits = "".join(str(row["bit"]) for row in told["instead"])
    assert told["bottleneck"] == "lfq" and told["code"] == int(bits, 2)


def test_residual_stages_tell_what_each_leaves(quantized):
    _, sheet = quantized("residual", dim=4, stages=3)
    told = sheet.told()
    rows = told["instead"]
    assert told["bottleneck"] == "residual" and [row["layer"] for row in rows] == ["code.0", "code.1", "code.2"]
    assert [row["before"] for row in rows[1:]] == pytest.approx([row["after"] for row in rows[:-1]], rel=1e-4)
    assert told["gradient"]["cosine"] == pytest.approx(1) and told["gradient"]["decoder"] > 0
    assert "together with the other layers" in blocks(sheet, Piece)[0].data["cards"][4]["say"]


def test_frequency_passes_a_detail_on_where_the_code_is_rare(quantized):
    told = quantized("frequency", dim=4, frequent=8)[1].told()
    detail, distance = (row["amount"] for row in told["instead"])
    assert told["bottleneck"] == "frequency"
    assert detail == 0 or detail == pytest.approx(distance, rel=1e-4)


def test_a_codebook_of_arithmetic_learns_nothing_and_says_so(quantized):
    _, sheet = quantized("lfq")
    note = blocks(sheet, Piece)[0].data["cards"][5]["note"]
    assert "arithmetic" in note and "moving average" not in note


def test_a_stage_of_a_residual_takes_what_is_left(quantized):
    study, _ = quantized("residual", dim=4, stages=3)
    options, _ = fields.settled(VIEW.options, study, {"layer": "code.2"})
    (piece,) = blocks(VIEW.sheet(study, options, study.image(0)), Piece)
    assert "What the codes of code.0 and those after it left over is a grid" in piece.data["cards"][0]["say"]


def test_a_codebook_of_one_has_nothing_to_choose(studio, tmp_path):  # noqa: F811
    """One image alone: k-means has one centre."""
    (tmp_path / "0.png").write_bytes((studio.photos / "test" / "red" / "0.png").read_bytes())
    study = open_study(studio.checkpoints / "tiny-vae", str(tmp_path), split="all")
    study.make("encoding")
    options, _ = fields.settled(VIEW.options, study, {})
    sheet = VIEW.sheet(study, options, study.image(0))
    told = sheet.told()
    assert told["code"] == 0 and told["runner_up"] is told["margin"] is told["margin_quantile"] is None
    assert "nothing to choose" in blocks(sheet, Piece)[0].data["cards"][2]["call"]["says"]
    for chart in blocks(sheet, Chart):
        chart.figure("light")


def test_every_face_can_draw_it_in_both_themes(drawn):
    from explorer.sheets import html

    _, _, sheet = drawn(loss="codebook")
    assert 'data-script="steps"' in html.draw(sheet.blocks, html.Paper(lambda controls: ""))


def test_the_panel_of_a_code_leads_to_the_steps_of_its_cell(studio):  # noqa: F811
    study = open_study(studio.checkpoints / "tiny-vqvae", str(studio.photos))
    picture = study.image(3)
    code = int(study.codes_of(picture, "code")[0][1, 2])
    view = VIEWS["code_maps"]
    for asked, expected in (({"cell": "1,2", "code": code}, [("3", "code", "1,2")]), ({"code": code}, [])):
        options, _ = fields.settled(view.options, study, asked, picture)
        links = [one.go for one in blocks(view.sheet(study, options, picture), Link) if one.go.view == "steps"]
        assert [(one.carried["image"], one.carried["layer"], one.carried["cell"]) for one in links] == expected


def test_the_arrow_of_the_copy_tells_both_lengths(drawn):
    _, _, sheet = drawn()
    assert "the same at both ends" in blocks(sheet, Piece)[0].data["parts"]["copy"]
    _, _, sheet = drawn(loss="commitment")
    assert blocks(sheet, Piece)[0].data["parts"]["copy"].startswith("length 0 at q, ")
