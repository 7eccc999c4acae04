"""Copying: planted copies are found, what is new is not accused, and the fast search equals the plain one."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.analysis import copying


def maps(count: int, codes: int = 16, places: int = 20, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(codes, size=(count, places)).astype(np.uint8)


def judged(samples: np.ndarray, held: np.ndarray, training: np.ndarray) -> tuple[dict, copying.Verdict]:
    found = []
    for one in (samples, held):
        search = copying.ByCodes(one)
        search.see(training)
        found.append(search.shares)
    told = copying.compared(*found)
    return told, copying.verdict(told)


@pytest.mark.parametrize(("codes", "places"), [(4, 9), (300, 20), (100_000, 600)])
def test_the_nearest_map_is_that_of_a_plain_search_in_any_blocks(codes, places, monkeypatch):
    rng = np.random.default_rng(1)
    training, queries = rng.integers(codes, size=(50, places)), rng.integers(codes, size=(7, places))
    queries[3, : places // 2] = training[41, : places // 2]
    same = (queries[:, None] == training).sum(2)
    monkeypatch.setattr(copying, "ROWS", 16)
    monkeypatch.setattr(copying, "QUERIES", 3)
    search = copying.ByCodes(queries)
    for start in range(0, 50, 20):
        search.see(training[start : start + 20], start)
    assert np.array_equal(search.found, same.max(1))
    assert np.array_equal(search.rows, same.argmax(1)), "the first of equal ones"
    assert np.allclose(search.shares, same.max(1) / places)


def test_the_nearest_picture_is_that_of_a_plain_search():
    rng = np.random.default_rng(2)
    training, queries = rng.random((40, 12)).astype(np.float32), rng.random((6, 12)).astype(np.float32)
    queries[2] = training[17]
    search = copying.ByPixels(queries)
    for start in range(0, 40, 15):
        search.see(training[start : start + 15], start)
    distances = np.sqrt(np.square(queries[:, None].astype(float) - training).mean(2))
    assert np.array_equal(search.rows, distances.argmin(1)) and np.allclose(search.distances, distances.min(1))
    assert search.distances[2] == 0


def test_levels_lie_side_by_side():
    flat = copying.flat({"top": np.arange(8).reshape(2, 2, 2), "bottom": np.full((2, 1, 3), 300)})
    assert flat.shape == (2, 7) and flat.dtype == np.uint16 and flat[1].tolist() == [4, 5, 6, 7, 300, 300, 300]


def test_half_of_a_map_is_counted_by_hand():
    found = copying.repeated(np.array([0.25, 0.5, 0.75, 1.0]))
    assert found["mean"] == 0.75 and found["n"] == 4 and found["low"] < 0.75 < found["high"]


def test_copies_are_said_to_be_copies():
    training, held = maps(400), maps(200, seed=1)
    told, verdict = judged(training[:200], held, training)
    assert verdict.kind == "copies" and verdict.sentence.startswith("It copies: 100 %")
    assert told["difference"]["mean"] == pytest.approx(1, abs=0.02) and told["nearer"]["mean"] > 0.99


def test_half_copied_maps_are_nearer_but_no_copies():
    training, held = maps(400), maps(200, seed=1)
    samples = maps(200, seed=2)
    samples[:, :12] = training[:200, :12]
    told, verdict = judged(samples, held, training)
    assert verdict.kind == "nearer" and told["samples"]["half"]["mean"] == 1
    assert "nearer to training" in verdict.sentence


def test_what_is_new_is_not_accused():
    accused = [judged(maps(100, seed=2 * s + 5), maps(100, seed=2 * s + 6), maps(300))[1].kind for s in range(20)]
    assert accused.count("same") >= 18, "95 % intervals may err now and then"


def test_samples_unlike_any_image_are_no_copies_but_said_to_be_far():
    training = np.repeat(maps(40), 5, 0)
    training[:, :4] = maps(200, seed=3)[:, :4]
    held = np.repeat(maps(40), 3, 0)
    held[:, :4] = maps(120, seed=4)[:, :4]
    verdict = judged(maps(120, seed=5), held, training)[1]
    assert verdict.kind == "same" and "farther from training" in verdict.sentence


def test_a_set_of_near_duplicates_cannot_tell():
    once = maps(50)
    training, held, samples = np.repeat(once, 4, 0), np.repeat(once, 3, 0), np.repeat(once, 3, 0)
    verdict = judged(samples, held, training)[1]
    assert verdict.kind == "duplicates" and "near duplicates" in verdict.sentence


def test_few_samples_get_no_verdict():
    assert judged(maps(10), maps(200, seed=1), maps(100))[1].kind == "few"


def test_nearer_is_the_share_of_pairs():
    rng = np.random.default_rng(0)
    samples, others = rng.integers(0, 9, 31), rng.integers(2, 11, 23)
    pairs = (samples[:, None] > others) + 0.5 * (samples[:, None] == others)
    found = copying.nearer(samples, others)
    assert found["mean"] == pytest.approx(pairs.mean()) and found["low"] < found["mean"] < found["high"]
    assert copying.nearer(np.ones(40), np.ones(40))["mean"] == 0.5
    sure = copying.nearer(np.ones(40), np.zeros(40))
    assert sure["mean"] == sure["high"] == 1 and sure["low"] < 1, "no certainty of forty"


def test_codes_drawn_by_place_keep_each_place_and_nothing_else():
    training = np.stack([np.arange(200) % 2, np.arange(200) % 2 + 5], 1)  # two places that always agree
    drawn = copying.by_place(training, 2_000)
    assert set(drawn[:, 0]) == {0, 1} and set(drawn[:, 1]) == {5, 6}
    assert (drawn[:, 0] + 5 == drawn[:, 1]).mean() == pytest.approx(0.5, abs=0.05)
