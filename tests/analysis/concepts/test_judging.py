"""Verdicts: codes that are known to hold a concept, or not, are judged so whatever the seed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from explorer.analysis.concepts import features, judging, verdicts
from explorer.analysis.concepts.folds import FIT, folds
from tests.benchmarks import judging as simulated

POSITIVE = {verdicts.SINGLE, verdicts.JOINT}


@pytest.mark.parametrize("images", [500, 5_000])
@pytest.mark.parametrize("kind", ["perfect", "random"])
def test_a_perfect_code_is_always_captured_and_a_random_one_never(kind, images):
    found = [simulated.verdict(kind, images, seed) for seed in range(50)]
    assert all((one == verdicts.SINGLE) if kind == "perfect" else (one not in POSITIVE) for one in found)


@pytest.mark.parametrize(("images", "seeds"), [(500, 25), (5_000, 4)])
def test_a_random_encoder_is_never_said_to_hold_what_pixels_hold(images, seeds):
    found = [simulated.verdict("random_encoder", images, seed) for seed in range(seeds)]
    assert not POSITIVE & set(found) and verdicts.PIXELS in found


@pytest.mark.parametrize("images", [500, 5_000])
def test_a_code_that_is_the_quadrant_is_about_position(images):
    assert {simulated.verdict("quadrant", images, seed) for seed in range(5)} == {verdicts.POSITION}


@pytest.mark.parametrize("images", [500, 5_000])
def test_a_concept_in_one_of_nine_cells_at_a_random_place_is_found(images):
    assert {simulated.verdict("one_cell", images, seed) for seed in range(5)} <= POSITIVE


def test_an_object_that_moves_makes_its_place_a_matter_of_position():
    rng = np.random.default_rng(0)
    codes, where = rng.integers(0, 4, (2_000, 6, 6)), rng.integers(0, 36, 2_000)
    codes.reshape(2_000, -1)[np.arange(2_000), where] = 4 + rng.integers(0, 4, 2_000)
    concepts = [simulated.concept((where % 6) // 2), simulated.concept(codes.reshape(2_000, -1).max(1))]
    place, kind = judging.decided(codes, 8, concepts, folds(2_000), judging.Beside())
    assert (place["verdict"], kind["verdict"]) == (verdicts.POSITION, verdicts.SINGLE)


def test_shuffled_labels_are_found_above_chance_in_a_twentieth_at_most():
    codes = np.random.default_rng(0).integers(0, 16, (500, 3, 3))
    labels = [simulated.concept(np.random.default_rng([seed, 1]).integers(0, 4, 500)) for seed in range(100)]
    found = judging.decided(codes, 16, labels, folds(500), judging.Beside())
    told = [one["verdict"] not in (verdicts.CHANCE, verdicts.FEW) for one in found]
    assert sum(told) <= 5


def test_what_is_said_of_a_perfect_code_names_it_with_its_numbers():
    truth = np.random.default_rng(0).integers(0, 8, 600)
    row = judging.judge(truth[:, None, None] * 2, 16, [simulated.concept(truth)], folds(600))[0]
    assert {one["code"]: one["value"] for one in row["codes"]} == {2 * value: str(value) for value in range(8)}
    assert row["metric"] == "average precision" and row["score"] == 1 and row["low"] > 0.9 and row["n"] == 600
    assert row["best_null"]["name"] == verdicts.SHUFFLED and row["best_null"]["high"] < 0.3
    first = row["codes"][0]
    assert row["sentence"].startswith(
        f"kind: held by single codes. Code {first['code']} marks {first['value']} with AP"
    )
    assert f"n = {first['n']} of 600" in row["sentence"]
    assert {one["verdict"] for one in row["values"]} == {verdicts.SINGLE}
    linear = {one["point"]: one["score"] for one in row["ladder"] if one["probe"] == "linear"}
    assert linear["bag of codes"] == 1 and linear["bag of codes, images shuffled"] < 0.25
    assert row["selectivity"]["control"] > 0.9, "one code for each image: a control task is as easy"


def test_numbers_are_judged_by_what_they_explain():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 6, (800, 4, 4))
    number = (codes == 2).sum((1, 2)) + rng.normal(0, 0.5, 800)
    concepts = [judging.Concept("amount", *_fifths(number)), judging.Concept("noise", *_fifths(rng.normal(size=800)))]
    amount, noise = judging.decided(codes, 6, concepts, folds(800), judging.Beside())
    assert amount["joint"]["metric"] == "R²" and amount["verdict"] in POSITIVE and amount["joint"]["score"] > 0.7
    assert noise["verdict"] == verdicts.CHANCE


def _fifths(number):
    from explorer.analysis.concepts.values import prepared

    found = prepared("number", pd.Series(number))
    return found.index, found.values, found.numbers


@pytest.mark.parametrize("images", [5, 12, 24])
def test_of_few_images_nothing_is_said_to_be_held_or_not(images):
    rng = np.random.default_rng(1)
    rows = (
        judging.decided(
            rng.integers(0, 8, (images, 2, 2)),
            8,
            [simulated.concept(np.arange(images) % 2)],
            folds(images),
            judging.Beside(),
        )
        if images >= 10
        else []
    )
    for row in rows:
        assert row["verdict"] in (verdicts.FEW, verdicts.POSITION) and "could have been missed" in row["sentence"]


def test_no_image_is_fitted_and_scored_at_once_and_every_image_can_be_scored():
    for images in (10, 700, 2 * FIT - 1, 9_000):
        divided = folds(images)
        scored = np.concatenate([part for _, part in divided])
        assert all(not set(fit) & set(part) and len(fit) <= FIT for fit, part in divided)
        assert len(set(scored)) == len(scored) == (images if images < 2 * FIT else images - FIT)


def test_the_share_of_bits_that_place_tells():
    where = np.broadcast_to(np.arange(4).reshape(2, 2), (300, 2, 2))
    assert judging.place_share(where, 4) == pytest.approx(1, abs=0.01)
    assert judging.place_share(np.random.default_rng(0).integers(0, 4, (300, 2, 2)), 4) < 0.01
    assert judging.place_share(np.zeros((30, 2, 2), int), 1) == 0


def test_colour_alone_explains_what_colour_explains():
    """A concept that is the shade of the picture: the codes add nothing to the shade; one that is not: they do."""
    rng = np.random.default_rng(0)
    shade, hidden = rng.integers(0, 4, 1_000), rng.integers(0, 4, 1_000)
    codes = np.stack([shade, 4 + hidden], 1)[:, None]
    beside = judging.Beside(pictures=np.stack([shade == one for one in range(4)], 1).astype(float))
    concepts = [simulated.concept(shade), simulated.concept(hidden)]
    only, more = (row["given_pictures"] for row in judging.judge(codes, 8, concepts, folds(1_000), beside))
    assert only["alone"] == 1 and only["low"] <= 0 <= only["high"]
    assert more["alone"] < 0.35 and more["together"] == 1 and more["low"] > 0.6


def test_one_value_of_ten_is_captured_and_the_others_are_not():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 10, 600)
    codes = np.where(truth == 3, 12, rng.integers(0, 12, 600))[:, None, None]
    row = judging.decided(codes, 13, [simulated.concept(truth)], folds(600), judging.Beside())[0]
    assert [one["value"] for one in row["values"] if one["verdict"] == verdicts.SINGLE] == ["3"]
    assert {one["verdict"] for one in row["values"] if one["value"] != "3"} == {verdicts.CHANCE}
    assert row["verdict"] == verdicts.JOINT and "by no single code" not in row["sentence"]
    assert row["sentence"].endswith("Single codes hold 1 of its 10 values: 3.")


def test_of_a_rare_value_its_own_code_is_named_and_not_that_of_all_others():
    """Whatever ranks the 98 % of the images without it has an average precision of 0.98 by chance."""
    truth = (np.random.default_rng(2).random(1_000) < 0.02).astype(int)
    codes = np.random.default_rng(1).integers(0, 16, (1_000, 3, 3))
    codes[truth == 1, 1, 1] = 16
    row = judging.decided(codes, 17, [simulated.concept(truth)], folds(1_000), judging.Beside())[0]
    assert row["verdict"] == verdicts.SINGLE and row["sentence"].startswith(
        "kind: held by single codes. Code 16 marks 1"
    )


def test_a_weak_mark_without_any_pixels_is_not_said_to_be_what_pixels_hold():
    """Codes that tell a little, with nothing beside them but shuffled labels."""
    found = []
    for seed in range(20):
        rng = np.random.default_rng([seed, 9])
        truth = rng.integers(0, 8, 500)
        codes = np.where(rng.random(500) < 0.1, truth, rng.integers(0, 8, 500))[:, None, None]
        found += judging.decided(codes, 8, [simulated.concept(truth)], folds(500), judging.Beside())
    assert verdicts.PIXELS not in {one["verdict"] for one in found}
    assert any("Single codes reach" in one["sentence"] for one in found if one["verdict"] == verdicts.CHANCE)


@pytest.mark.parametrize(("images", "size", "side"), [(12, 1_024, 8), (50, 8_192, 16)])
def test_random_codes_of_few_images_are_not_about_position(images, size, side):
    codes = np.random.default_rng(0).integers(0, size, (images, side, side))
    assert judging.place_share(codes, size) < 0.05


@pytest.mark.parametrize("images", [300, 1_000])
def test_a_score_as_far_above_chance_as_could_be_seen_is_seen(images):
    """An effect of that size is found in most samples; one of half the size is not promised."""
    told, size = [], 0.15
    for seed in range(24):
        rng, truth = np.random.default_rng([seed, images]), np.arange(images) % 2
        codes = np.where(rng.random(images) < 2 * size, truth, rng.integers(0, 2, images))[:, None, None]
        row = judging.decided(codes, 2, [simulated.concept(truth)], folds(images), judging.Beside())[0]
        told.append(row["verdict"] not in (verdicts.CHANCE, verdicts.FEW))
        size = row["detectable"] if seed < 4 else size
    assert np.mean(told[4:]) >= 0.55


def test_codes_at_places_keep_the_commonest_pairs():
    codes = np.array([[[0, 1]], [[0, 2]], [[0, 1]]])
    found = features.places(codes, 3, columns=2).toarray() * np.sqrt(2)
    assert np.allclose(found, [[1, 1], [1, 0], [1, 1]])
