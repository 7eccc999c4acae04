"""Two checkpoints side by side: what the linked code maps and the two maps of images are told, without a page."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace

import numpy as np
import pytest

from explorer import checkpoints, results
from explorer.errors import BadInput
from explorer.results.subject import Subject
from explorer.sheets import Card, Cards, Chart, Gather, Missing, Note, Pictures, Piece, Table, html, walk
from explorer.study import open_study
from explorer.views import VIEWS, beside, fields
from tests.pages.conftest import built, studio  # noqa: F401


@pytest.fixture
def opened(studio):  # noqa: F811
    """`opened("tiny-vqvae")` -> its study of the twelve photographs."""
    return lambda name: open_study(studio.checkpoints / name, str(studio.photos))


@pytest.fixture
def permuted(studio, tmp_path):  # noqa: F811
    """The tiny VQ-VAE with its codes in another order: study, and the new number of each code."""
    network = checkpoints.load(studio.checkpoints / "tiny-vqvae")
    order = np.random.default_rng(0).permutation(8)
    vectors = network.codebooks["code"].vectors
    vectors.data[:] = vectors.data[order].clone()
    path = tmp_path / "permuted"
    path.mkdir()
    facts = {"family": "vqvae", "dataset": str(studio.photos), "training": {}, "metrics": {}, "card": "# permuted"}
    checkpoints.save(path, network, **facts)
    results.obtain("encoding", Subject(path, str(studio.photos)))
    return open_study(path, str(studio.photos)), np.argsort(order)


def drawn(study, other, image=3, **asked):
    options = {"layer": study.main_layer, "layer_b": other.main_layer, "method": "pca", "colour": "", "region": ""}
    picture = None if image is None else study.image(image)
    return walk(beside.blocks(study, other, SimpleNamespace(**options | asked), picture))


def of(kind, blocks) -> list:
    return [block for block in blocks if isinstance(block, kind)]


def piece(blocks, script) -> Piece:
    (found,) = [one for one in of(Piece, blocks) if one.script == script]
    json.dumps(found.data, allow_nan=False)
    return found


def numbers(text: str, kind=np.int32) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), kind)


def codes(side: dict) -> np.ndarray:
    """The codes of a map, as its script reads them."""
    return np.array(side["numbers"])[numbers(side["codes"])]


def test_the_same_partition_under_other_numbers_agrees_everywhere(opened, permuted):
    study, (other, renamed) = opened("tiny-vqvae"), permuted
    data = piece(drawn(study, other), "linked").data
    ours, theirs = map(codes, data["sides"])
    assert ours.tolist() == study.codes("code")[3].reshape(-1).tolist() and theirs.tolist() == renamed[ours].tolist()
    pairs = numbers(data["pairs"]).reshape(-1, 3)
    first, second = data["sides"]
    for a, b, count in pairs:  # each of ours stands with one of theirs alone, on all of its places
        assert renamed[first["numbers"][a]] == second["numbers"][b]
        assert count == numbers(first["of"])[a] == numbers(second["of"])[b]
        assert count == (study.codes("code") == first["numbers"][a]).sum()
        assert numbers(first["best"])[a] == second["numbers"][b] and numbers(first["best_of"])[a] == count
    assert len(pairs) == len(first["numbers"]) and data["images"] == 12 and data["places"] == 12 * 16


def test_a_coarser_grid_is_said_to_cover_four_cells(opened):
    study = opened("tiny-vqvae2")
    data = piece(drawn(study, study, layer="top", layer_b="bottom"), "linked").data
    first, second = data["sides"]
    assert (first["rows"], second["rows"]) == (2, 4) and not data["all"]
    assert first["spans"]["rows"] == [[0, 2], [2, 4]] and second["spans"]["columns"] == [[0, 1], [0, 1], [1, 2], [1, 2]]
    assert data["places"] == 12 * 16


def test_one_vector_stands_with_every_cell(opened):
    data = piece(drawn(opened("tiny-vqvae"), opened("tiny-vae")), "linked").data
    assert data["sides"][0]["spans"]["rows"] == [[0, 1]] * 4 and data["sides"][1]["spans"]["rows"] == [[0, 4]]


def test_a_click_leads_to_the_code_of_its_own_checkpoint(opened, studio):  # noqa: F811
    found = piece(drawn(opened("tiny-vqvae"), opened("tiny-vae")), "linked")
    assert found.go.view == "code_maps" and found.go.carried["code"] == "{code}" and "limit" not in found.go.carried
    assert [side["checkpoint"] for side in found.data["sides"]] == ["tiny-vqvae", "tiny-vae"]
    assert [side["layer"] for side in found.data["sides"]] == ["code", "latent"]


def test_the_image_and_both_reconstructions(opened):
    study, other = opened("tiny-vqvae"), opened("tiny-vae")
    shown = next(one for one in of(Pictures, drawn(study, other)) if one.name == "beside-looked")
    assert [one.title for one in shown.pictures] == ["Image 3", "Decoded by A", "Decoded by B"]
    for one, picture in zip((study, other), shown.pictures[1:], strict=True):
        pixels = study.image(3).pixels
        back = list(one.look(one.image(3)).prefixes.values())[-1]
        assert np.array_equal(picture.pixels, back.reconstructions[0]) and picture.note == f"{back.psnr[0]:.1f} dB"
        assert picture.pixels.shape == pixels.shape


def test_a_patch_is_told_to_who_asks(opened):
    found = piece(drawn(opened("tiny-vqvae"), opened("tiny-vae")), "linked")
    assert found.answer({"side": 1, "code": 0})["url"].startswith("data:image/png")
    for message in (None, [], {}, {"side": 2, "code": 0}, {"side": 0, "code": 8}, {"side": 0, "code": "1"}):
        with pytest.raises(BadInput):
            found.answer(message)


def test_a_sharper_picture_is_told_to_who_asks(opened):
    found = piece(drawn(opened("tiny-vqvae"), opened("tiny-vae")), "moved")
    assert len(set(found.answer({"row": 3})["urls"])) == 1, "both see images of one size"
    for message in (None, {}, {"row": 12}, {"row": "3"}):
        with pytest.raises(BadInput):
            found.answer(message)


def test_a_checkpoint_beside_itself_moves_nothing_and_keeps_all(opened):
    study = opened("tiny-vqvae")
    data = piece(drawn(study, study), "moved").data
    assert numbers(data["moved"], np.float32) == pytest.approx(0, abs=1e-5)
    assert set(numbers(data["kept"], np.uint8).tolist()) == {data["k"]} and data["k"] == 10
    assert numbers(data["a"], np.float32) == pytest.approx(numbers(data["b"], np.float32), abs=1e-5)
    assert numbers(data["rows"]).tolist() == list(range(12))


def test_a_selection_tells_how_many_what_they_share_and_can_be_kept(opened):
    study, other = opened("tiny-vqvae"), opened("tiny-vae")
    colours = study.concepts().iloc[:, 0].astype(str).to_numpy()
    red = np.flatnonzero(colours == "red")
    blocks = drawn(study, other, region="i:" + ";".join(map(str, red)))
    cards = {card.label: card for block in of(Cards, blocks) for card in block.cards if isinstance(card, Card)}
    assert cards["Chosen"].value == "6" and "12 images" in cards["Chosen"].note
    data = piece(blocks, "moved").data
    kept, moved = numbers(data["kept"], np.uint8)[red], numbers(data["moved"], np.float32)[red]
    assert cards["They keep"].value == f"{kept.mean():.2f} of 10"
    assert cards["They moved"].value == f"{np.median(moved):.2f} spreads"
    table = next(one for one in of(Table, blocks) if one.name == "beside-shared").frame
    row = table[table["value"] == "red"].iloc[0]
    assert row["chosen"] == "100% (6 of 6)" and row["others"] == "0% (0 of 6)" and row["q"] < 0.05
    (gather,) = of(Gather, blocks)
    assert gather.rows.tolist() == red.tolist() and gather.model == study.subject.fingerprint
    most = next(one for one in of(Table, blocks) if one.name == "moved-most").frame
    assert set(most["image"]) == set(red.tolist()) and most["moved"].is_monotonic_decreasing


def test_what_is_drawn_on_a_map_holds_the_points_within(opened):
    study, other = opened("tiny-vqvae"), opened("tiny-vae")
    data = piece(drawn(study, other), "moved").data
    for side, letter in (("a", "a"), ("b", "b")):
        x, y = numbers(data[side], np.float32).reshape(-1, 2).T
        inside = (x > 0.2) & (x < 0.6) & (y > 0.1) & (y < 0.7)
        blocks = drawn(study, other, region=f"{letter}:200,100;600,100;600,700;200,700")
        found = of(Gather, blocks)
        assert (found[0].rows.tolist() if found else []) == np.flatnonzero(inside).tolist()
        model = (other if letter == "b" else study).subject.fingerprint
        assert not found or found[0].model == model


def test_values_of_a_concept_are_chosen_by_their_name(opened):
    study = opened("tiny-vqvae")
    name = study.concepts().columns[0]
    (gather,) = of(Gather, drawn(study, study, region=f"v:{name}=green"))
    assert (study.concepts()[name].astype(str).to_numpy()[gather.rows] == "green").all() and len(gather.rows) == 6


@pytest.mark.parametrize("region", ["garbage", "i:99999", "a:0,0;1,0;1,1", "v:nothing=1", "v:", "a:x"])
def test_a_selection_of_nothing_is_one_sentence(opened, region):
    study = opened("tiny-vqvae")
    blocks = drawn(study, study, region=region)
    assert any("another one" in note.text for note in of(Note, blocks)) and not of(Gather, blocks)


def test_maps_that_are_not_there_are_offered_and_pca_stands_in(opened):
    study, other = opened("tiny-vqvae"), opened("tiny-vae")
    blocks = drawn(study, other, method="umap")
    missing = of(Missing, blocks)
    assert [one.subject.checkpoint for one in missing] == [study.subject.checkpoint, other.subject.checkpoint]
    assert all(one.kind == "map" and not one.begin for one in missing)
    assert all("PCA" in title for title in piece(blocks, "moved").data["titles"])


def test_without_an_image_there_are_the_maps_alone(opened):
    study = opened("tiny-vqvae")
    blocks = drawn(study, study, image=None)
    assert any("Choose an image" in note.text for note in of(Note, blocks)) and len(of(Piece, blocks)) == 1


def test_all_of_it_can_be_put_on_paper_and_has_numbers(opened):
    study, other = opened("tiny-mae"), opened("tiny-vqvae2")
    options = SimpleNamespace(layer="block2", layer_b="top", method="pca", colour="", region="i:3")
    found = beside.blocks(study, other, options, study.image(3))
    text = html.draw(found, html.Paper(lambda block: "", leads=True))
    assert 'data-script="linked"' in text and 'data-script="moved"' in text
    for chart in of(Chart, walk(found)):
        for theme in ("light", "dark"):
            assert chart.figure(theme).layout.xaxis.title.text and chart.figure(theme).layout.yaxis.title.text
    told = beside.numbers(study, other, options)["map"]
    assert told["images"] == 12 and 0 <= told["neighbours_kept"] <= 10 and told["displacement"] >= 0


def test_fewer_images_of_b_are_matched_by_name_and_one_that_it_lacks_is_said(opened, studio):  # noqa: F811
    study, path = opened("tiny-vqvae"), studio.checkpoints / "tiny-vqvae2"
    results.obtain("encoding", Subject(path, str(studio.photos), limit=8))
    other = open_study(path, str(studio.photos), limit=8)
    names = list(study.images.names)
    there = [names.index(name) for name in other.images.names]
    assert len(there) == 8
    data = piece(drawn(study, other, image=there[5]), "moved").data
    assert numbers(data["rows"]).tolist() == sorted(there)
    linked = piece(drawn(study, other, image=there[5]), "linked").data
    own = list(other.images.names).index(names[there[5]])
    assert codes(linked["sides"][1]).tolist() == other.codes(other.main_layer)[own].reshape(-1).tolist()
    assert linked["sides"][1]["image"] == str(own) and linked["images"] == 8
    found = piece(drawn(study, other, image=there[5]), "linked")
    assert found.go.carried["limit"] == "{limit}" and [side["limit"] for side in found.data["sides"]] == ["all", 8]
    missing = next(row for row in range(12) if row not in there)
    assert any("leaves this image out" in note.text for note in of(Note, drawn(study, other, image=missing)))


def test_too_few_images_for_a_map_are_one_sentence_and_the_code_maps_stay(studio):  # noqa: F811
    studies = []
    for name in ("tiny-vqvae", "tiny-vae"):
        results.obtain("encoding", Subject(studio.checkpoints / name, str(studio.photos), limit=2))
        studies.append(open_study(studio.checkpoints / name, str(studio.photos), limit=2))
    blocks = drawn(*studies, image=0)
    assert any("2 points make no map" in note.text for note in of(Note, blocks))
    assert [one.script for one in of(Piece, blocks)] == ["linked"]
    found, faults = fields.settled(VIEWS["compare"].options, studies[0], {"against": "tiny-vae"})
    assert not faults and (found.method, found.colour) == ("pca", "")
    assert beside.numbers(*studies, found) == {"map": None}
