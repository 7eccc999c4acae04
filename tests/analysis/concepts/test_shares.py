"""Shares, means and their intervals."""

import numpy as np
import pytest

from explorer.analysis.concepts import shares


def test_wilson_by_hand():
    assert shares.wilson(0.7, 10) == pytest.approx((0.3968, 0.8922), abs=1e-4)
    low, high = shares.wilson(0, 20)
    assert low == 0 and high == pytest.approx(0.1611, abs=1e-4)
    assert shares.wilson(1, 20)[1] == 1 and np.isnan(shares.wilson(0.5, 0)).all()


def test_unknown_is_left_out():
    found = shares.share(np.array([1, 0, np.nan, 1]))
    assert found["mean"] == pytest.approx(2 / 3) and found["n"] == 3
    assert shares.share(np.full(3, np.nan))["n"] == 0


def test_a_difference_by_hand():
    """Newcombe 1998, table II, example (a), method 10: 56/70 - 48/80 is 0.2 from 0.0524 to 0.3339."""
    one, other = ({"mean": x / n, "n": n} for x, n in ((56, 70), (48, 80)))
    for part in (one, other):
        part["low"], part["high"] = shares.wilson(part["mean"], part["n"])
    found = shares.apart(one, other)
    assert (found["mean"], found["low"], found["high"]) == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4)


def test_all_and_none_have_an_interval_and_equals_are_not_apart():
    found = shares.difference(np.ones(20), np.zeros(20))
    assert found["mean"] == 1 and 0.7 < found["low"] < 1
    found = shares.difference(np.ones(20), np.ones(20))
    assert found["low"] < 0 < found["high"]


def test_a_bootstrap_holds_the_mean_of_many_sets():
    rng = np.random.default_rng(0)
    held = 0
    for seed in range(100):
        found = shares.bootstrapped(rng.normal(3, 1, 60), seed=seed)
        held += found["low"] <= 3 <= found["high"]
    assert 89 <= held <= 99
    assert np.isnan(shares.bootstrapped(np.ones(1))["low"])


def test_what_is_of_one_image_counts_once():
    images, values = np.repeat(np.arange(10), 50), np.repeat(np.arange(10) % 2, 50).astype(float)
    found = shares.pooled(images, values)
    assert found["mean"] == 0.5 and found["n"] == 10
    assert found["low"] < 0.3 and found["high"] > 0.7, "500 answers of ten images are not 500 images"


def test_words():
    assert shares.worded({"mean": 0.876, "low": 0.84, "high": 0.914, "n": 9}) == "88 % [84, 91]"
