"""Verdicts go on with what a swap does, and say what colour alone tells."""

from __future__ import annotations

from explorer.analysis.concepts import verdicts
from explorer.views import answers, verdict_table

PAIR = {
    "kind": "swap", "concept": "colour", "value": "red", "to_value": "blue", "code": 17, "to": 203, "turned": 0.88,
    "turned_low": 0.84, "turned_high": 0.91, "turned_of": 40, "null_turned": 0.05, "null_turned_low": 0.02,
    "null_turned_high": 0.1, "null_codes": [4, 5],
}  # fmt: skip
TURNS = (
    "Changing it to 203 turns the probe to “blue” in 88 % [84, 91] of 40 pictures; changing it to codes as far away in "
    "the codebook, in 5 % [2, 10]."
)


def row(verdict: str = verdicts.SINGLE, **more) -> dict:
    value = {"value": "red", "code": 17, "verdict": verdict, "sentence": "colour = red: held.", "n": 15}
    value |= {"detectable": 0.14, "joint": {"chance": 0.04}}
    joint = {"chance": 0.2, "metric": "balanced accuracy", "score": 0.41, "low": 0.39, "high": 0.43}
    joint["baselines"] = {"colour histogram": {"mean": 0.59, "low": 0.58, "high": 0.61}}
    return {
        "concept": "colour", "layer": "code", "verdict": verdict, "sentence": "colour: held.", "computed": False,
        "codes": [{"code": 17, "value": "red"}, {"code": 3, "value": "green"}], "values": [value], "joint": joint,
        "n": 372, "detectable": 0.02,
    } | more  # fmt: skip


def swaps(*pairs: dict, layer: str = "code") -> dict:
    return {"layers": [{"layer": layer, "pairs": list(pairs)}]}


def test_a_sentence_that_names_a_code_goes_on_with_what_changing_that_code_does():
    (found,) = answers.joined([row()], swaps(PAIR, PAIR | {"to": 9}))
    assert found["sentence"] == f"colour: held. {TURNS}"
    assert found["values"][0]["sentence"] == f"colour = red: held. {TURNS}"


def test_a_sentence_stays_as_it_is_where_no_swap_of_its_code_is_known_or_no_code_is_named():
    plain = row()
    others = PAIR | {"code": 3}, PAIR | {"kind": "out"}, PAIR | {"turned_of": 0}, PAIR | {"value": None}
    for known in (None, {"missing": "no decoder"}, swaps(PAIR, layer="top"), swaps(*others)):
        assert answers.joined([plain], known) == [plain]
    joint = row(verdicts.JOINT)
    (found,) = answers.joined([joint], swaps(PAIR))
    assert found["sentence"] == joint["sentence"]


def test_a_value_says_how_many_images_have_it_and_what_could_have_been_missed():
    (found,) = answers.joined([row(verdicts.CHANCE)], None)
    assert found["sentence"] == "colour: held. Less than 0.22 could have been missed with these images."
    assert found["values"][0]["sentence"] == (
        "colour = red: held. 15 of 372 scored images have it: less than 0.18 could have been missed."
    )


def test_what_colour_tells_stands_beside_what_the_codes_add():
    gained = {"alone": 0.4, "together": 0.52, "gain": 0.12, "low": 0.08, "high": 0.16}
    assert answers.only_colour(row(given_pictures=gained)) == (
        "Is it only colour? On top of lightness, hue, edges and background, which alone reach balanced accuracy 0.40, "
        "the codes add 0.12 [0.08, 0.16]. A colour histogram alone reaches 0.59 [0.58, 0.61], the codes alone 0.41 "
        "[0.39, 0.43]."
    )
    unsure = answers.only_colour(row(given_pictures=gained | {"gain": 0.002, "low": -0.03}))
    assert "The codes add nothing that is sure on top of" in unsure and "0.00 [−0.03, 0.16]" in unsure
    assert answers.only_colour(row(given_pictures=None)) == ""
    assert answers.only_colour(row(given_pictures=gained, computed=True)) == ""  # it would be taken away from itself


def test_who_finds_only_what_pixels_hold_is_told_what_to_do():
    said = verdict_table.advice({name: row(verdicts.PIXELS) for name in "abcde"})
    assert "the verdict on a, b, c, d and 1 more" in said and "which null reaches as far" in said
    assert verdict_table.advice({"a": row(verdicts.JOINT), "hue": row(verdicts.PIXELS, computed=True)}) == ""
