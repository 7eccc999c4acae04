"""The intruder test: perfect, useless and hand-computed."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.analysis.concepts import intruder


def patches(seed=0, codes=12, images=80, each=6):
    generator = np.random.default_rng(seed)
    return generator.integers(0, codes, images * each), np.repeat(np.arange(images), each)


def test_seven_of_ten_by_wilson():
    found = intruder.share(7, 10)
    assert (found["share"], round(found["low"], 3), round(found["high"], 3)) == (0.7, 0.397, 0.892)
    assert np.isnan(intruder.share(0, 0)["share"])


def test_a_trial_is_five_of_one_code_and_one_of_another_in_six_images():
    codes, images = patches()
    trials = intruder.plan(codes, images, 12, 0)
    assert [sum(one.arm == arm for one in trials) for arm in intruder.ARMS] == [12, 6]
    asked = []
    for one in trials:
        at = np.array(one.patches)
        assert len(set(images[at])) == 6 and tuple(codes[at]) == one.codes
        if one.arm == "code":
            rest = [code for place, code in enumerate(one.codes) if place != one.odd]
            assert len(set(rest)) == 1 and one.codes[one.odd] != rest[0]
            asked.append(rest[0])
        else:
            assert len(set(one.codes)) == 6
    assert sorted(asked) == list(range(12)), "every code once before any comes twice"
    assert trials == intruder.plan(codes, images, 12, 0) != intruder.plan(codes, images, 12, 1)
    assert len({one.odd for one in trials}) > 3 and len({one.arm for one in trials[:9]}) == 2, (
        "nothing tells by its place"
    )


def test_intruders_are_used_as_often_as_the_code():
    codes = np.concatenate([np.repeat(np.arange(30), 8), np.repeat(np.arange(30, 60), 80)])
    images = np.random.default_rng(0).permutation(len(codes))
    for one in intruder.plan(codes, images, 40, 0):
        if one.arm == "code":
            assert len({code < 30 for code in one.codes}) == 1


def test_the_nearest_patches_are_shown_where_they_are_asked_for():
    codes, images = np.repeat(np.arange(8), 40), np.arange(320)
    nearness = np.tile(np.arange(40)[::-1], 8).astype(float)
    for one in intruder.plan(codes, images, 8, 0, nearness):
        if one.arm == "code":
            five = [patch for place, patch in enumerate(one.patches) if place != one.odd]
            assert sorted(nearness[five]) == [0, 1, 2, 3, 4]


def test_who_knows_finds_all_and_who_guesses_one_of_six():
    codes, images = patches(codes=200, images=4_000)
    trials = intruder.plan(codes, images, 400, 0)
    arms, odd = [one.arm for one in trials], [one.odd for one in trials]
    perfect = intruder.score(arms, odd, odd)
    assert perfect["code"]["share"] == 1 and perfect["code"]["n"] == 400 and perfect["random"]["n"] == 200
    guessed = intruder.score(arms, odd, np.random.default_rng(0).integers(0, 6, len(odd)))
    assert all(guessed[arm]["low"] < intruder.CHANCE < guessed[arm]["high"] for arm in intruder.ARMS)
    first = intruder.score(arms, odd, [0] * len(odd))  # a place of its own tells nothing
    assert first["code"]["low"] < intruder.CHANCE < first["code"]["high"]


def test_a_machine_says_the_farthest():
    assert intruder.oddest([[0, 0], [0, 1], [1, 0], [9, 9], [1, 1], [0, 0]]) == 3


@pytest.mark.parametrize(
    ("codes", "images"), [([0] * 20, range(20)), ([0, 1], [0, 1]), ([], []), ([0, 1] * 9, [0] * 18)]
)
def test_too_little_to_show_gives_no_trial(codes, images):
    assert intruder.plan(np.array(codes, int), np.array(images, int), 10, 0) == []


def test_two_codes_are_enough():
    trials = intruder.plan(np.arange(40) % 2, np.arange(40), 10, 0)
    assert sum(one.arm == "code" for one in trials) == 10
