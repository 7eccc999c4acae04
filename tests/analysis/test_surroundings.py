"""How much of a code map is predictable: maps whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.analysis import surroundings


def test_what_stands_at_a_place():
    rng = np.random.default_rng(0)
    fixed = np.arange(16).reshape(4, 4)
    train, held = np.repeat(fixed[None], 400, 0), np.repeat(fixed[None], 5, 0)
    assert surroundings.by_place(train, held, 16).max() < 0.5, "a map that never changes costs next to nothing"
    loose = rng.integers(0, 16, (400, 4, 4)), rng.integers(0, 16, (300, 4, 4))
    cost = surroundings.by_place(*loose, 16).mean() / 16
    assert 4 <= cost < 4.04, "of random codes places tell nothing, and nothing is gained by seeing chance"


def test_costs_at_a_place_by_hand():
    train, held = np.array([[[0, 1]], [[0, 0]], [[0, 1]]]), np.array([[[0, 1]], [[1, 1]]])
    share = np.array([4.5, 2.5]) / 7
    a = 16.0  # too few images to choose another
    first = (3 + a * share[0]) / (3 + a), (2 + a * share[1]) / (3 + a)
    other = (0 + a * share[1]) / (3 + a), first[1]
    expected = [-np.log2(first).sum(), -np.log2(other).sum()]
    assert surroundings.by_place(train, held, 2) == pytest.approx(expected)


def test_large_codebooks_need_no_table():
    rng = np.random.default_rng(1)
    codes = rng.integers(0, 131_072, (40, 8, 8))
    found = surroundings.by_place(codes[:30], codes[30:], 131_072) / 64
    assert np.isfinite(found).all() and found.mean() > 15


def test_steps_are_bits_a_code_beside_frequency():
    bits = {"unigram": np.array([30.0, 34]), "prior": np.array([20.0, 16])}
    found = surroundings.explained(bits, 4.0, 10)
    assert [one["step"] for one in found] == ["uniform", "unigram", "prior"]
    assert found[0]["mean"] == 4 and found[1]["mean"] == pytest.approx(3.2)
    assert found[2]["gain"]["mean"] == pytest.approx(1.4) and found[2]["gain"]["low"] < 1.4


def test_the_share_that_is_predictable():
    whole = np.array([40.0, 20, 60])
    half = surroundings.share({"unigram": whole, "prior": whole / 2})
    assert half["mean"] == half["low"] == half["high"] == 0.5, "always half, so there is nothing to doubt"
    assert surroundings.share({"unigram": whole, "prior": whole})["mean"] == 0
    assert surroundings.share({"unigram": whole, "prior": whole * 0})["mean"] == 1
    assert surroundings.share({"unigram": whole * 0, "prior": whole * 0})["mean"] is None
    worse = surroundings.share({"unigram": whole, "prior": whole + np.array([3.0, 9, 1])})
    assert worse["mean"] < 0 and worse["low"] < worse["mean"] < worse["high"]
    assert surroundings.share({"unigram": whole[:1], "prior": whole[:1] / 2})["low"] is None


def test_intervals_of_the_share_hold():
    rng, hits = np.random.default_rng(2), 0
    for _ in range(300):
        whole = rng.gamma(20, 2, 50)
        found = surroundings.share({"unigram": whole, "prior": whole * rng.uniform(0.2, 0.6, 50)})
        hits += found["low"] <= 0.6 <= found["high"]
    assert hits / 300 > 0.92
