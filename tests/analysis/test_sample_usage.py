"""Usage of codes by samples, and the class that a probe reads from them: known answers."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.analysis import sample_reading, sample_usage


def drawn(count: int, weights: list[float], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).choice(len(weights), size=(count, 4, 4), p=weights)


def test_one_code_against_an_even_usage_costs_the_binary_logarithm():
    found = sample_usage.divergence(np.zeros((50, 2, 2), int), np.full(8, 1_000_000))
    assert found["mean"] == pytest.approx(3, abs=1e-4) and found["low"] == pytest.approx(found["high"], abs=1e-4)


def test_a_hand_computed_divergence():
    """p = (3/4, 1/4) against q = (1/2, 1/2): 3/4 log2 3/2 + 1/4 log2 1/2."""
    codes = np.tile(np.array([[0, 0], [0, 1]]), (400, 1, 1))
    found = sample_usage.divergence(codes, np.full(2, 10**9))
    assert found["mean"] == pytest.approx(0.75 * np.log2(1.5) - 0.25, abs=1e-6)


def test_the_same_usage_is_near_nothing_however_few_images():
    weights = np.random.default_rng(3).dirichlet(np.ones(40)).tolist()
    reference = np.array(weights) * 10**7
    found = [sample_usage.divergence(drawn(25, weights, seed), reference) for seed in range(40)]
    assert np.mean([one["mean"] for one in found]) == pytest.approx(0, abs=0.006), "the plug-in would say 0.05"
    assert np.mean([one["low"] <= 0 <= one["high"] for one in found]) >= 0.85


def test_samples_beside_images_and_the_codes_that_differ():
    even, skewed = [0.25] * 4, [0.97, 0.01, 0.01, 0.01]
    found = sample_usage.compare(drawn(200, skewed, 1), drawn(200, even, 2), np.full(4, 10_000))
    assert found["kl"]["difference"]["low"] > 1 and found["kl"]["held_out"]["mean"] == pytest.approx(0, abs=0.01)
    assert found["perplexity"]["samples"]["mean"] < 1.3 and found["perplexity"]["held_out"]["mean"] > 3.9
    assert {one["code"] for one in found["codes"]} == {1, 2, 3} and all(one["log_odds"] < 0 for one in found["codes"])


def test_equal_usage_names_no_code():
    even = [0.01] * 100
    found = sample_usage.compare(drawn(300, even, 1), drawn(300, even, 2), np.full(100, 10_000))
    assert len(found["codes"]) <= 2 and found["kl"]["difference"]["low"] < 0 < found["kl"]["difference"]["high"]


def of_classes(count: int, seed: int, noise: float = 0.2) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Maps of three classes: each has a code of its own in most cells."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(3, size=count)
    codes = np.where(rng.random((count, 3, 3)) < noise, rng.integers(6, size=(count, 3, 3)), classes[:, None, None])
    return {"code": codes}, classes


def test_a_probe_reads_what_is_there_and_guesses_where_nothing_is():
    training, classes = of_classes(400, 0)
    held, truth = of_classes(150, 1)
    nothing = {"code": np.random.default_rng(2).integers(6, size=(150, 3, 3))}
    said = sample_reading.read(training, classes, [held, nothing], {"code": 6})
    told = [sample_reading.told(one, truth, 3) for one in said]
    assert told[0]["right"]["mean"] > 0.95 and told[1]["right"]["mean"] == pytest.approx(1 / 3, abs=0.13)
    assert np.sum(told[0]["confusion"]) == 150 and np.trace(told[0]["confusion"]) == (said[0] == truth).sum()


def test_many_images_of_rare_codes_are_learned_from():
    """The gradient of their mean loss is small from the first step on; a probe that takes it for none guesses."""
    rng = np.random.default_rng(0)
    classes = rng.integers(4, size=5_000)
    codes = rng.integers(3_000, size=(5_000, 4, 4)) * 4 + np.where(
        rng.random((5_000, 4, 4)) < 0.5, classes[:, None, None], 0
    )
    said = sample_reading.read({"code": codes[1_000:]}, classes[1_000:], [{"code": codes[:1_000]}], {"code": 12_000})[0]
    assert (said == classes[:1_000]).mean() > 0.45


def test_where_a_code_stands_is_read_and_unknown_classes_are_left_out():
    rng = np.random.default_rng(0)
    codes = np.zeros((200, 2, 2), int)
    classes = rng.integers(2, size=200)
    codes[np.arange(200), classes, 0] = 1  # the same bag, in another cell
    known = np.where(np.arange(200) < 20, -1, classes)
    said = sample_reading.read({"code": codes}, known, [{"code": codes}], {"code": 2})[0]
    assert np.array_equal(said, classes)
    told = sample_reading.told(said, known, 2)
    assert told["right"]["n"] == 180 and told["balanced"]["score"] == 1
    with pytest.raises(ValueError, match="two classes"):
        sample_reading.read({"code": codes}, np.zeros(200, int), [{"code": codes}], {"code": 2})
