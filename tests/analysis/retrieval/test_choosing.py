"""Intervals over queries, and a choice that is not scored on what it was chosen by."""

from __future__ import annotations

import numpy as np
from numpy.testing import assert_allclose

from explorer.analysis.retrieval import choosing


def test_means_over_queries_and_over_values():
    scores, values = np.array([[1.0, 1, 1, 0]]), np.array([0, 0, 0, 1])
    assert choosing.between(scores, values)[0].value == 0.75
    assert choosing.between(scores, values, alike=True)[0].value == 0.5
    weights = choosing.draws(values, alike=True)
    assert_allclose(weights.sum(1), 1)
    assert_allclose(weights[:, 3], 0.5)  # the rare value weighs as much as the common one


def test_the_interval_holds_as_often_as_it_says():
    rng, held = np.random.default_rng(0), 0
    for trial in range(200):
        scores = rng.beta(1, 3, (1, 80))
        found = choosing.between(scores, rng.integers(0, 3, 80), seed=trial)[0]
        held += found.low <= 0.25 <= found.high
    assert held / 200 > 0.9


def test_a_difference_is_known_better_than_either_score():
    rng = np.random.default_rng(1)
    hard = rng.random(200)
    scores = np.stack([np.clip(hard + 0.03 + rng.normal(0, 0.02, 200), 0, 1.1), hard])
    found = choosing.choose(scores, [0], [1], np.zeros(200, int))
    assert found.difference.low > 0 and found.score.low < found.beside.high
    assert_allclose(found.difference.value, found.score.value - found.beside.value)


def test_the_best_of_many_equal_ways_is_not_ahead():
    """Chosen and scored on the same queries, the best of fifty ways of pure noise looks better than the baseline."""
    rng, naive, honest = np.random.default_rng(2), [], []
    for trial in range(30):
        scores, values = rng.random((51, 60)), rng.integers(0, 2, 60)
        naive.append(scores[:50].mean(1).max() - scores[50].mean())
        honest.append(choosing.choose(scores, range(50), [50], values, seed=trial).difference.value)
    assert np.mean(naive) > 0.06
    assert abs(np.mean(honest)) < 0.03


def test_halves_share_every_value():
    values = np.repeat([0, 1, 2], [10, 4, 2])
    first = choosing.halves(values)
    assert [int((first & (values == value)).sum()) for value in range(3)] == [5, 2, 1]


def test_too_few_queries_choose_nothing():
    assert choosing.choose(np.ones((2, 3)), [0], [1], np.zeros(3, int)) is None
    assert np.isnan(choosing.between(np.ones((1, 0)), np.zeros(0, int))[0].value)
