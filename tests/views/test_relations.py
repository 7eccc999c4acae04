"""The view Relations on codes that are the colours of things: tastes, reasons and neighbours are what was planted."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from explorer.datasets import interactions, tastes
from explorer.errors import BadInput
from explorer.files import cache_folder
from explorer.options import kind_of
from explorer.sheets import Act, Chart, Missing, Note, Piece, Table, walk
from explorer.study import open_study
from explorer.views import VIEWS, fields
from explorer.views.people import judged

VIEW = VIEWS["relations"]
COLOURS = ("red", "green", "blue", "white")


@pytest.fixture
def shop(tmp_path):
    """240 things of four colours: the code of a colour stands in three of four cells, one code of 4 in the last."""
    colour = np.arange(240) % 4
    codes = np.stack([colour, colour, colour, np.full(240, 4)], 1).reshape(240, 2, 2)
    file = tmp_path / "shop.npz"
    np.savez(file, codes=codes, colour=np.array(COLOURS)[colour])
    found = open_study(str(file), str(file))
    found.make("encoding")
    return found


def visited(study, **asked):
    options, faults = fields.settled(VIEW.options, study, asked)
    assert not faults
    return VIEW.sheet(study, options)


def simulated(study, **settings) -> str:
    looked = tastes.simulate(study.images.concepts, tastes.Settings(**settings))
    return interactions.keep(interactions.of_simulated(looked, study.images))


def of(sheet, kind) -> list:
    return [block for block in walk(sheet.blocks) if isinstance(block, kind)]


def test_nobody_is_there_until_a_button_is_pressed(shop):
    sheet = visited(shop)
    assert sheet.told() == {"interactions": None}
    (act,) = [one for one in of(sheet, Act) if one.name == "simulate"]
    target = act.does()
    told = visited(shop, people=target.carried["people"]).told()
    assert told["simulated"] is True and told["users"] == 500


def test_who_likes_red_is_told_the_code_of_red(shop):
    simulated(shop, users=20, each=8, like="colour=red", strength=20, noise=0)
    told = visited(shop).told()["user"]
    assert told["codes"][0]["code"] == 0 and told["codes"][0]["share"] == 1 and told["codes"][0]["usual"] == 0.25
    assert all(one["row"] % 4 == 0 for one in told["near"]), "red things alone are near"
    assert all(one["because"] == [0] for one in told["near"]) and told["near"]
    assert not {one["row"] for one in told["near"]} & set(told["looked_at"])


def test_the_piece_marks_the_cells_of_the_reason(shop):
    simulated(shop, users=20, each=8, like="colour=blue", strength=20, noise=0)
    sheet = visited(shop)
    (piece,) = of(sheet, Piece)
    near = piece.data["near"]["items"]
    assert piece.data["of"][0] == 2 and [code for code, *_ in near[0]["because"]] == [2]
    import base64

    assert list(base64.b64decode(near[0]["cells"])) == [1, 1, 1, 0], "three cells of blue, and none of the rest"
    assert any("likes colour = blue" in one.text for one in of(sheet, Note)), "what is known is said"
    assert any(one.text.startswith("Simulated") and one.tone == "warning" for one in of(sheet, Note))


def test_users_who_like_the_same_are_near_and_by_that_code(shop):
    simulated(shop, users=40, each=8, like="colour=red;colour=green", strength=20, noise=0)
    sheet = visited(shop, person=5)
    found = interactions.find(next(iter(interactions.kept(shop.images.fingerprint))))
    (table,) = [one for one in of(sheet, Table) if one.name == "near-users"]
    user = np.argsort(-found.counts, kind="stable")[5]
    taste = found.simulated["taste_of"]
    others = [found.users.index(name) for name in table.frame["user"]]
    assert others and all(taste[one] == taste[user] for one in others)
    assert set(table.frame["codes"]) == {str(found.item[found.user == user][0] % 4)}


def test_a_product_is_near_what_the_same_users_looked_at(shop):
    file = "user_id,image_id\n" + "".join(f"u{user},{row}\n" for user in range(6) for row in (3, 8, 20 + user))
    interactions.keep(interactions.take("looked.csv", file.encode(), shop.images))
    told = visited(shop, product=3).told()
    assert told["product"]["users"] == 6 and told["simulated"] is False
    first = told["product"]["together"][0]
    assert (first["row"], first["users"]) == (8, 6) and 0.5 < first["score"] <= 1
    assert all(one["score"] < first["score"] for one in told["product"]["together"][1:])
    assert all(one["row"] % 4 == 3 for one in told["product"]["alike"])
    assert visited(shop).told()["product"]["row"] in (3, 8), "the one that most users looked at"


def test_one_user_and_users_without_taste_are_sentences(shop):
    interactions.keep(interactions.take("one.csv", b"user_id,image_id\nx,1\nx,2\n", shop.images))
    said = " ".join(one.text for one in of(visited(shop), Note))
    assert "one user only" in said.lower()


def test_no_name_of_a_person_is_carried_by_a_link(shop):
    interactions.keep(interactions.take("p.csv", b"user_id,image_id\nanna,1\nanna,2\nbert,1\n", shop.images))
    for block in of(visited(shop), Table):
        assert block.go is None or set(block.go.carried) <= {"person", "product"}


def test_deleted_users_are_gone_with_what_was_made_of_them(shop):
    key = simulated(shop, users=5, each=4)
    shop.make("relations", {"interactions": key})
    folder = cache_folder() / "relations"
    assert list(folder.glob("*.json"))
    (act,) = [one for one in of(visited(shop), Act) if one.name == "forget"]
    assert "Nobody can bring it back" in act.asks
    act.does()
    assert not interactions.kept(shop.images.fingerprint) and not list(folder.glob("*.json"))
    assert visited(shop, people=key).told() == {"interactions": None}


def told(study, **settings) -> dict:
    key = simulated(study, users=120, each=8, likes=1, dislikes=0, noise=0.1, popularity=0, **settings)
    return study.make("relations", {"interactions": key})


def test_what_was_found_is_said_first_and_charted(shop):
    found = told(shop, strength=6)
    sheet = visited(shop)
    said = [one.text for one in of(sheet, Note)]
    first = next(one for one in said if one.startswith("Codes ("))
    assert "of users among the first 10" in first and "best of what is no code of this checkpoint" in first
    assert any(one.startswith("Whoever knows every taste finds") for one in said), "the ceiling is beside it"
    (chart,) = [one for one in of(sheet, Chart) if one.name == "methods"]
    texts = [mark.text for mark in chart.figure("light").layout.annotations]
    assert set(texts) == {"chance", "ceiling"}
    (table,) = [one for one in of(sheet, Table) if one.name == "methods-table"]
    assert len(table.frame) == len(found["methods"]) and table.frame["hit rate"].max() == pytest.approx(
        100 * max(one["hit_rate"] for one in found["methods"])
    )
    assert sheet.told()["judged"]["methods"] == found["methods"]


def test_until_it_is_made_it_is_offered_and_begun_for_few_users(shop):
    simulated(shop, users=9, each=4)
    (missing,) = [one for one in of(visited(shop), Missing) if one.kind == "relations"]
    assert missing.begin and "9 users" in missing.title


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (2.0, 9.0, "5.5 points [2.0, 9.0] more"),
        (-9.0, -2.0, "5.5 points [2.0, 9.0] less: take item-kNN"),
        (-1.0, 2.0, "may be chance"),
    ],
)
def test_the_sentence_is_as_plain_where_codes_lose(low, high, said):
    between = {"value": (low + high) / 200, "low": low / 100, "high": high / 100}
    share = {"value": 0.3, "low": 0.2, "high": 0.4}
    best = {"method": "bag", "baseline": "item-kNN", "score": share, "beside": share, "difference": between}
    methods = [{"name": "bag", "title": "Bag of codes"}, {"name": "item-kNN", "title": "Item-kNN"}]
    text = judged.sentence({"best": best}, methods, 10).replace("Item", "item")
    assert said in text and "bag of codes" in text and "30.0 % [20.0, 40.0]" in text
    assert "too few users" in judged.sentence({"best": None}, methods, 10)


def test_users_of_one_image_each_cannot_be_judged(shop):
    interactions.keep(interactions.take("p.csv", b"user_id,image_id\nanna,1\nbert,2\n", shop.images))
    assert any("nothing can be judged" in one.text for one in of(visited(shop), Note))


def test_more_users_than_anybody_waits_for_are_a_sentence(shop):
    sheet = visited(shop, crowd_users=900_000)
    (act,) = [one for one in of(sheet, Act) if one.name == "simulate"]
    with pytest.raises(BadInput, match="at most 208,333 here"):
        act.does()


def test_a_table_of_other_images_is_not_shown(shop, tmp_path):
    key = simulated(shop, users=5, each=4)
    np.savez(tmp_path / "other.npz", codes=np.zeros((8, 2, 2), int), colour=np.array(["red", "green"] * 4))
    other = open_study(str(tmp_path / "other.npz"), str(tmp_path / "other.npz"))
    assert visited(other, people=key).told() == {"interactions": None}


def test_groups_of_a_user_are_those_of_the_planted_code(shop):
    simulated(shop, users=20, each=8, like="colour=red", strength=20, noise=0)
    assert any("taken as groups" in one.text for one in of(visited(shop), Note))
    made = shop.make("groups", {})
    assert made["codes"] == 5
    (table,) = [one for one in of(visited(shop), Table) if one.name == "user-groups"]
    assert table.frame["codes"].iloc[0].split(", ")[0] == "0" and table.frame["part"].sum() <= 100.001


def test_boxes_of_fractions_have_ends_and_steps_of_fractions():
    """A box whose ends are whole numbers makes a whole number of what it shows: a noise of 0.1 became 0."""
    floats = [one for one in dataclasses.fields(VIEW.options) if kind_of(one)[0] is float]
    assert {one.name for one in floats} == {"crowd_strength", "crowd_noise", "crowd_popularity"}
    for one in floats:
        assert all(isinstance(one.metadata[name], float) for name in ("min", "max", "step"))
