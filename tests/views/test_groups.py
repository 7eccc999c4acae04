"""What the view of groups of codes says, without an interface."""

from __future__ import annotations

import json

import numpy as np
import pytest

from explorer import results
from explorer.notebook import group_files
from explorer.sheets import Act, Card, Cards, Link, Missing, Note, Piece, Receive, Table, walk
from explorer.study import grouped, open_study
from explorer.views import fields, groups


@pytest.fixture
def study():
    """A shipped checkpoint with its shipped groups."""
    return open_study("vqvae-digits")


def shown(study, **asked):
    options, faults = fields.settled(groups.Options, study, asked)
    assert not faults
    return options, groups.sheet(study, options)


def texts(blocks) -> str:
    return "\n".join(getattr(block, "text", "") for block in walk(blocks))


def cards(blocks) -> dict[str, Card]:
    return {card.label: card for block in walk(blocks) if isinstance(block, Cards) for card in block.cards}


def only(kind, blocks):
    return next(block for block in walk(blocks) if isinstance(block, kind))


def test_the_numbers_are_plain_and_agree_with_what_is_shown(study):
    _, sheet = shown(study, count="8")
    told = json.loads(json.dumps(sheet.told()))
    assert told["count"] == 8 == len(told["groups"]) and told["codes"] == 128
    assert sum(len(one["codes"]) for one in told["groups"]) == 128
    assert sum(one["share"] for one in told["groups"]) == pytest.approx(1)
    assert cards(sheet.blocks)["Halves agree"].value == f"{told['stability']['ami']:.2f}"
    digit = next(one for one in told["baseline"] if one["concept"] == "digit")
    assert digit["codes"] > digit["groups"] > digit["random_high"], "groups keep something of the digits"


def test_the_tree_joins_all_groups_once(study):
    _, sheet = shown(study, count="8")
    data = only(Piece, sheet.blocks).data
    joined = [node for one, other, _ in data["tree"] for node in (one, other)]
    assert sorted(joined) == list(range(14)) and len(data["tree"]) == 7
    heights = [height for *_, height in data["tree"]]
    assert heights == sorted(heights) and heights[-1] == 1


def test_groups_that_are_not_there_yet_are_made_unasked(own_cache):
    options, _ = fields.settled(groups.Options, open_study("vqvae-digits"), {"by": "mixed", "count": "12"})
    sheet = groups.sheet(open_study("vqvae-digits"), options)
    assert options.count == 12, "a number is not lost while the groups are made"
    missing = only(Missing, sheet.blocks)
    assert missing.kind == "groups" and missing.begin and results.command("groups", open_study("vqvae-digits").subject)


def _asked(study):
    return study, fields.settled(groups.Options, study, {})[0]


def test_one_code_for_an_image_is_grouped_by_vectors_alone(own_cache):
    study = open_study("vae-shapes")
    options, _ = fields.settled(groups.Options, study, {"by": "beside"})
    assert options.by == "vectors"
    results.obtain("groups", study.subject, {"by": "vectors"})
    assert "vectors it is" in texts(groups.sheet(study, options).blocks)


def test_names_survive_reopening_and_are_in_the_table(study):
    options, _ = shown(study, count="8")
    grouping = groups.grouping_of(study, options)
    grouped.name(study, "code", tuple(grouping.codes(3)), "loops")
    _, again = shown(open_study("vqvae-digits"), count="8", group="3")
    assert again.numbers["groups"][3]["name"] == "loops" and "loops" in texts(again.blocks)
    assert only(Piece, again.blocks).data["groups"][3]["name"] == "loops"


def test_groups_of_ones_own_have_all_but_a_tree(study):
    text = group_files.written("code", [list(range(64)), list(range(64, 120))], ["low", "high"])
    _, sheet = shown(study)
    went = only(Receive, sheet.blocks).take("mine.csv", text.encode())
    _, sheet = shown(study, **went.carried)
    data, told = only(Piece, sheet.blocks).data, sheet.told()
    assert [one["name"] for one in data["groups"]] == ["low", "high"] and data["tree"] == []
    assert told["title"] == "mine.csv" and told["stability"] is None and told["left_out"]["unnamed"] > 0
    assert "Groups from mine.csv" in texts(sheet.blocks) and isinstance(only(Table, sheet.blocks), Table)
    remove = [block for block in walk(sheet.blocks) if isinstance(block, Act)][-1]
    assert remove.does().carried == {"own": "found"} and not grouped.own(study, "code")


def test_groups_stand_in_for_codes_on_every_page(study):
    from explorer.views import VIEWS

    options, _ = shown(study, count="8")
    grouping = groups.grouping_of(study, options)
    grouped.name(study, "code", tuple(grouping.codes(2)), "loops")
    went = only(Act, groups.sheet(study, options).blocks).does()
    carried = dict(went.carried)
    of = open_study(carried.pop("checkpoint"), carried.pop("dataset"))
    of.make("encoding")
    assert (of.codes("code") == grouping.of[study.codes("code")]).all()
    assert of.names("code") == {2: "loops"} and len(of.book("code")) == 8
    assert of.subject.encoding_key != study.subject.encoding_key
    mean = np.average(study.vectors("code")[grouping.codes(2)], 0, study.usage("code")[grouping.codes(2)])
    assert of.vectors("code")[2] == pytest.approx(mean, rel=1e-5)
    assert list(of.concepts().columns) == list(study.concepts().columns)
    back = next(block for block in groups.sheet(*_asked(of)).blocks if isinstance(block, Link))
    assert back.label == "Back to the codes of vqvae-digits" and "checkpoint" in back.go.carried
    for name in ("code_maps", "codebook"):
        view = VIEWS[name]
        picture = of.image(0) if view.pictured else None
        settled, faults = fields.settled(view.options, of, {}, picture)
        assert not faults and view.sheet(of, settled, picture).blocks


def test_noise_is_called_noise(study, monkeypatch):
    options, _ = shown(study, count="8")
    grouping = groups.grouping_of(study, options)
    stable = {"ami": 0.02, "low": -0.01, "high": 0.04, "null": 0.0, "null_high": 0.03}
    grouping.tree["stability"]["8"] = stable
    told = groups._stability(grouping)
    assert not told["there"]
    assert any(isinstance(one, Note) and one.tone == "warning" for one in groups._verdict(grouping, told))


def test_addresses_with_values_out_of_range_are_one_sentence_each(study):
    for asked in ({"group": "99"}, {"layer": "none"}):
        options, faults = fields.settled(groups.Options, study, {"count": "8", **asked})
        assert len(faults) == 1 and groups.sheet(study, options).blocks
    options, faults = fields.settled(groups.Options, study, {"count": "77", "by": "taste", "own": "gone"})
    assert options == groups.Options("code", group=options.group) and not faults
