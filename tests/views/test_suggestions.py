"""What is proposed when a change is asked for: the search over codes of one image, and how it is told."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from explorer import results
from explorer.analysis import edits
from explorer.commands import run
from explorer.errors import BadInput
from explorer.results.subject import Subject
from explorer.results.suggestions import Options, question
from explorer.sheets import Cards, Chart, Link, Missing, Note, Pictures, Piece, walk
from explorer.sheets.pieces import answered
from explorer.study import Picture, Study, drafting, open_study
from explorer.views import VIEWS, fields
from explorer.views.proposals import Proposal

RED = {"more_of": "colour", "more_value": "red"}
STAR = 3  # it is pink


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A cache in which image 3 of 400 was made red, and was moved towards image 8, with few tries."""
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPLORER_CACHE", str(cache))
        patch.setattr(question, "MOST", 900)
        subject = Subject.of("vqvae-shapes", "shapes", limit=400)
        results.obtain("suggestions", subject, {"image": STAR, "concept": "colour", "value": "red", "swaps": 6})
        results.obtain("suggestions", subject, {"image": STAR, "towards": 8, "swaps": 4})
    return cache


@pytest.fixture
def study(kept, monkeypatch) -> Study:
    monkeypatch.setenv("EXPLORER_CACHE", str(kept))
    return open_study("vqvae-shapes", "shapes", limit=400)


def shown(study, picture=None, **asked):
    picture = picture or study.image(STAR)
    options, faults = fields.settled(VIEWS["edit"].options, study, {"swaps": 6, **asked}, picture)
    assert not faults
    return VIEWS["edit"].sheet(study, options, picture)


def of(kind, sheet):
    return [block for block in walk(sheet.blocks) if isinstance(block, kind)]


def notes(sheet) -> str:
    return "\n".join(block.text for block in of(Note, sheet))


def proposals(sheet) -> Piece:
    return next(block for block in of(Piece, sheet) if block.name == "proposals")


def test_swaps_for_red_make_a_pink_thing_red_and_random_ones_do_not(study):
    sheet = shown(study, **RED)
    found = sheet.numbers["suggestions"]
    scores = [found["start"], *(one["score"] for one in found["swaps"])]
    assert 1 <= len(found["swaps"]) <= 6 and (np.diff(scores) > 0).all()
    assert max(one[-1] for one in found["random"]["scores"]) < scores[-1]
    assert found["start_check"] < 0 < found["swaps"][-1]["check"], "a probe that the search never asked"
    assert found["probes"]["read"]["held_out"]["low"] > 0.5 < found["probes"]["seen"]["held_out"]["low"]
    said = notes(sheet)
    assert "none of 24 sets gets there with as many random swaps" in said and "never asked, agrees" in said
    names = [card.label for cards in of(Cards, sheet) for card in cards.cards]
    assert names[:2] == ["Probability of colour = red", "By the probe of pixels"]
    titles = [one.title for block in of(Pictures, sheet) for one in block.pictures]
    assert titles == ["Before", "All proposed swaps", "Random swaps"]
    before, after, random = (one.pixels.astype(float).mean((0, 1)) for one in of(Pictures, sheet)[0].pictures)
    redder = [one[0] - one[1:].mean() for one in (before, after, random)]
    assert redder[1] > max(redder[0], redder[2]) + 1, "of 255, over the whole picture"
    (chart,) = of(Chart, sheet)
    assert chart.figure("dark").data[-1].y[-1] == pytest.approx(1 / (1 + np.exp(-scores[-1])))


def test_the_list_says_what_the_search_found_and_scores_what_is_painted(study):
    sheet = shown(study, **RED)
    found, piece = sheet.numbers["suggestions"], proposals(sheet)
    json.dumps(piece.data)
    own = study.codes_of(study.image(STAR), "code")[0].reshape(-1)
    for row, one in zip(piece.data["rows"], found["swaps"], strict=True):
        assert row["cell"] == one["cell"] and row["before"] == own[one["cell"]] and row["code"] == one["code"]
        assert 0 <= row["from"] < row["to"] <= 1 and row["low"] <= row["high"]
    assert set(piece.data["tiles"]["codes"]) >= {row["code"] for row in piece.data["rows"]}
    cards, canvas = of(Cards, sheet)[0].cards, of(Piece, sheet)[0]
    before, after = (answered(canvas, {"edit": text})["value"]["aimed"] for text in ("", _all(study, found)))
    assert cards[0].value == after["score"] and cards[0].note.startswith(f"before: {before['score']}; random swaps: ")
    assert cards[1].value == after["check"] and cards[1].note.startswith(f"before: {before['check']}; random swaps: ")


def _all(study, found) -> str:
    own = {"code": study.codes_of(study.image(STAR), "code")[0].astype(int)}
    changed = own["code"].copy().reshape(-1)
    for one in found["swaps"]:
        changed[one["cell"]] = one["code"]
    return edits.written({"code": changed.reshape(8, 8)}, own)


def test_what_was_left_is_not_shown_and_another_question_forgets_it(study):
    assert proposals(shown(study, left="0,2", **RED)).data["left"] == [0, 2]
    assert proposals(shown(study, left="x,99,-1", **RED)).data["left"] == []
    for name in ("image", "layer", "aim", "more_of", "more_value", "towards", "swaps", "begin", "kmeans"):
        assert "left" in fields.AFTER[name]


def test_towards_an_image_comes_nearer_to_it_with_its_codes(study):
    sheet = shown(study, aim="image", towards=8, swaps=4)
    found = sheet.numbers["suggestions"]
    assert (np.diff([found["start"], *(one["score"] for one in found["swaps"])]) > 0).all()
    theirs = study.codes_of(study.image(8), "code")[0]
    assert {one["code"] for one in found["swaps"]} <= set(theirs.reshape(-1).tolist())
    answer = answered(of(Piece, sheet)[0], {"edit": ""})["value"]["aimed"]
    before = study.look(study.image(STAR)).prefixes["code"].reconstructions[0].astype(float)
    psnr = -10 * np.log10(np.square((before - study.image(8).pixels) / 255).mean())
    assert answer["score"] == f"{psnr:.2f} dB"
    assert [one.title for block in of(Pictures, sheet) for one in block.pictures][-1] == "Image 8"


def test_what_was_not_searched_yet_is_offered_and_never_begun_unasked(study):
    sheet = shown(study, more_of="colour", more_value="blue")
    (missing,) = of(Missing, sheet)
    assert missing.kind == "suggestions" and not missing.begin
    assert missing.options == Options(STAR, "code", "colour", "blue", None, 6)
    assert sheet.numbers["suggestions"] is None


def test_it_begins_with_what_is_painted_when_that_is_chosen(study):
    def begins(sheet):
        return next(one.go.carried["begin"] for one in of(Link, sheet) if "begin" in one.go.carried)

    assert not [one for one in of(Link, shown(study, **RED)) if "begin" in one.go.carried]
    assert begins(shown(study, edit="code:3=5", **RED)) == "code:3=5"
    sheet = shown(study, edit="code:3=5", begin="code:3=5", **RED)
    assert begins(sheet) == "" and of(Missing, sheet)[0].options.begin == "code:3=5"


def test_what_cannot_become_itself_is_one_sentence(study):
    sheet = shown(study, aim="image", towards=STAR)
    assert "Image 3 is this one" in notes(sheet) and not of(Missing, sheet)


def test_a_picture_of_ones_own_goes_towards_an_image_when_that_is_asked_for(study, monkeypatch):
    monkeypatch.setattr(drafting, "DRAWN", 300)
    own = Picture(study.image(STAR).pixels, "mine.png")  # what a search for it finds is known
    sheet = shown(study, own, towards=8, swaps=2)
    assert sheet.numbers["suggestions"] is None and not of(Missing, sheet)
    assert [one for one in of(Link, sheet) if one.go.carried == {"seek": True}]
    sheet = shown(study, own, towards=8, swaps=2, seek=True)
    found = sheet.numbers["suggestions"]
    same = results.obtain("suggestions", study.subject, {"image": STAR, "layer": "code", "towards": 8, "swaps": 2})[1]
    assert found["start"] == pytest.approx(same["start"], rel=1e-3) and len(found["swaps"]) == 2
    assert found["swaps"][-1]["score"] > found["start"] and proposals(sheet).data["rows"]
    painted = shown(study, own, towards=8, swaps=2, seek=True, begin="code:0=5").numbers["suggestions"]
    assert painted["start"] != found["start"] and painted["begin"] == "code:0=5"


def test_a_search_in_vain_says_so(study):
    found = study.result("suggestions", Options(STAR, concept="colour", value="red", swaps=6))
    proposal = Proposal(study, {**found, "swaps": []}, study.image(STAR))
    assert "swaps that were tried raises the probability of colour = red" in proposal.unfound()[0].text


def test_a_probe_that_tells_nothing_or_disagrees_is_said_to(study):
    found = study.result("suggestions", Options(STAR, concept="colour", value="red", swaps=6))
    useless = json.loads(json.dumps(found))
    useless["probes"]["read"]["held_out"]["low"] = 0.4
    assert "so that means nothing" in Proposal(study, useless, study.image(STAR)).verdict()
    fooled = json.loads(json.dumps(found))
    fooled["swaps"][-1]["check"] = fooled["start_check"] - 1
    assert "does not agree" in Proposal(study, fooled, study.image(STAR)).verdict()
    moved = json.loads(json.dumps(found))
    moved["start_check"], moved["swaps"][-1]["check"] = -9, -1
    moved["random"]["checks"] = [-9.0] * 24
    assert (
        "is moved, but not convinced: from under 0.1 % to 26.9 %" in Proposal(study, moved, study.image(STAR)).verdict()
    )
    moved["swaps"][-1]["check"], moved["random"]["checks"] = 5, [6.0] * 24
    assert "agrees" in (said := Proposal(study, moved, study.image(STAR)).verdict()) and "chance alone may" in said
    blind = json.loads(json.dumps(found))
    blind["probes"]["seen"]["held_out"]["low"] = 0.4
    assert "cannot be said" in Proposal(study, blind, study.image(STAR)).verdict()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"image": 400, "towards": 1}, "image 400 is not there; choose from 0 to 399"),
        ({"image": 1, "towards": 1}, "image 1 is to become itself"), ({"image": 1}, "nothing is asked for"),
        ({"image": 1, "concept": "colour", "value": "red", "towards": 2}, "nothing is asked for; give either"),
        ({"image": 1, "concept": "taste", "value": "red"}, "unknown concept 'taste'; choose from"),
        ({"image": 1, "concept": "colour", "value": "sour"}, "unknown value 'sour' of colour; choose from"),
        ({"image": 1, "towards": 2, "layer": "top"}, "unknown layer 'top'; choose from code"),
        ({"image": 1, "towards": 2, "begin": "code:0=9999"}, "paints code 9999"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_one_sentence(study, asked, said):
    with pytest.raises(BadInput, match=said):
        results.obtain("suggestions", study.subject, asked)


def test_a_concept_with_one_value_is_one_sentence_and_is_not_offered(study, monkeypatch):
    from explorer.results.scores.material import Material

    known = study.concepts().assign(planet="earth")
    monkeypatch.setattr(Material, "table", known)
    with pytest.raises(BadInput, match="planet is earth in every image"):
        results.obtain("suggestions", study.subject, {"image": 1, "concept": "planet", "value": "earth"})
    monkeypatch.setattr(Study, "known", lambda self: known)
    from explorer.views.suggestions import concepts

    assert "planet" not in concepts(study) and "red" in concepts(study)["colour"]


def test_the_command_prints_the_swaps(study, capfd):
    words = ["suggest", "vqvae-shapes", "--dataset", "shapes", "--limit", "400", "--image", str(STAR)]
    assert run([*words, "--towards", "8", "--swaps", "4", "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert len(told["swaps"]) == 4 and told["aim"]["towards"] == 8 and told["layer"] == "code"
    assert run([*words, "--towards", "8", "--swaps", "99"]) == 2


@pytest.mark.parametrize(
    ("name", "layer", "finer"),
    [("vqvae2-shapes", "top", "keep"), ("vqvae2-shapes", "top", "drop"), ("vae-shapes", "latent", "keep"),
     ("mae-shapes", "block2", "keep"), ("projected-shapes", "code", "keep")],
)  # fmt: skip
def test_every_family_and_layer_goes_towards_an_image(name, layer, finer, monkeypatch):
    monkeypatch.setattr(question, "MOST", 90)
    monkeypatch.setattr(question, "FEWEST", 60)
    subject = open_study(name).subject
    asked = Options(STAR, layer, towards=8, swaps=2, finer=finer)
    found = results.obtain("suggestions", subject, asked)[1]
    cells = int(np.prod(open_study(name).layer(layer).grid))
    assert len(found["swaps"]) <= min(2, cells) and found["layer"] == layer
    if name == "mae-shapes":
        assert found["layers"] == ["block2"]
    if finer == "drop":
        assert found["layers"] == ["top"]
    other = replace(subject, device="cpu")
    assert results.find("suggestions", other, asked) is not None
    sheet = shown(open_study(name), layer=layer, finer=finer, aim="image", towards=8, swaps=2)
    assert not of(Missing, sheet) and ("proposals" in [one.name for one in of(Piece, sheet)] or not found["swaps"])


def test_the_first_question_is_of_what_a_layer_tells_best_and_its_answer_ships():
    study = open_study("vqvae-shapes")
    sheet = shown(study, study.image(0), swaps=8)
    found = sheet.numbers["suggestions"]
    assert found["aim"]["concept"] == "colour" and not of(Missing, sheet)
    assert found["aim"]["value"] != str(study.known()["colour"][0]), "the image is not asked to become what it is"
    assert found["swaps"][-1]["check"] > found["start_check"]
