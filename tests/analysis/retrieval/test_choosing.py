"""Intervals that know that an image is searched for and is found, and a choice that is scored on other queries."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from explorer.analysis.retrieval import choosing, scoring
from explorer.analysis.retrieval.choosing import Asked, Scores


def plain(values):
    """Scores of queries that found nobody's image."""
    none = np.empty((0, len(values), 0))
    return Scores(np.asarray(values, float), none, none)


def searched(rng, images, dims=(4, 3), queries=None):
    """Scores of two ways on a drawn collection of five values: nearest by four numbers, and by three of them."""
    middles = np.random.default_rng(0).normal(size=(5, 4))
    values, chosen = rng.integers(0, 5, images), np.arange(images) if queries is None else np.arange(queries)
    drawn, ways = middles[values] + rng.normal(size=(images, 4)), []
    for dim in dims:
        rows = drawn[:, :dim] / np.linalg.norm(drawn[:, :dim], axis=1, keepdims=True)
        similarity = rows[chosen] @ rows.T
        similarity[np.arange(len(chosen)), chosen] = -np.inf
        ranked = scoring.rank(similarity, 10)
        relevant = np.bincount(values)[values[chosen]] - 1
        found = scoring.found(ranked, (values[chosen], values), relevant, 10)
        ways.append(Scores(found.average, ranked.rows[None], found.moved[None, 0]))
    return ways, Asked(chosen, images, values[chosen])


def test_what_an_image_moves_is_what_ranking_without_it_gives():
    rng = np.random.default_rng(0)
    similarity, own, values = rng.random((30, 60)), rng.integers(0, 3, 30), rng.integers(0, 3, 60)

    def score(some):
        relevant = (own[:, None] == values[some]).sum(1)
        ranked = scoring.rank(similarity[:, some], 10)
        return ranked, scoring.found(ranked, (own, values[some]), relevant, 10)

    ranked, whole = score(np.arange(60))
    for query in range(0, 30, 4):
        for place in (0, 3, 9):
            rest = np.delete(np.arange(60), ranked.rows[query, place])
            without = score(rest)[1]
            moved = [without.average - whole.average, without.precision - whole.precision]
            assert_allclose(whole.moved[:, query, place], [one[query] for one in moved], atol=1e-6)


def test_means_over_queries_and_over_values():
    asked, scores = Asked(np.arange(4), 4, np.array([0, 0, 0, 1])), plain([1, 1, 1, 0])
    assert choosing.between(scores, asked).value == 0.75
    assert choosing.between(scores, asked, alike=True).value == 0.5
    assert_allclose(asked.weights(alike=True), [1 / 6, 1 / 6, 1 / 6, 1 / 2])  # the rare value weighs as much
    perfect = choosing.between(plain([1, 1, 1, 1]), asked)
    assert (perfect.value, perfect.low, perfect.high) == (1, 1, 1)


def test_of_scores_alone_it_is_the_usual_interval():
    scores = np.random.default_rng(1).random(200)
    found = choosing.between(plain(scores), Asked(np.arange(200), 200, np.zeros(200, int)))
    assert_allclose(found.high - found.value, 1.96 * scores.std() / np.sqrt(200), rtol=1e-4)


@pytest.mark.parametrize("queries", [None, 60])
def test_intervals_hold_as_often_as_they_say(queries):
    """Over collections that are drawn again; a bootstrap over queries held 70 of 100 times."""
    found = []
    for trial in range(120):
        ways, asked = searched(np.random.default_rng([5, trial]), 150, queries=queries)
        found.append([choosing.between(one, asked) for one in (ways[0], tuple(ways))])
    for at in range(2):
        truth = np.mean([one[at].value for one in found])
        assert np.mean([one[at].low <= truth <= one[at].high for one in found]) > 0.92
        spread = np.std([one[at].value for one in found])
        assert (
            np.mean([one[at].high - one[at].value for one in found]) < 1.96 * spread * 1.6
        )  # and no wider than needed


def test_a_difference_is_known_better_than_either_score():
    ways, asked = searched(np.random.default_rng(3), 300)
    found = choosing.choose(ways, [0], [1], asked)
    assert found.difference.low > 0 and found.score.low < found.beside.high
    assert_allclose(found.difference.value, found.score.value - found.beside.value)
    assert found.queries == 150 and asked.weights(some=~choosing.halves(asked.values)).sum() == pytest.approx(1)


def test_the_best_of_many_equal_ways_is_not_ahead():
    """Chosen and scored on the same queries, the best of fifty ways of pure noise looks better than the baseline."""
    rng, naive, honest = np.random.default_rng(2), [], []
    for trial in range(30):
        scores, asked = rng.random((51, 60)), Asked(np.arange(60), 60, rng.integers(0, 2, 60))
        naive.append(scores[:50].mean(1).max() - scores[50].mean())
        found = choosing.choose([plain(one) for one in scores], range(50), [50], asked, seed=trial)
        honest.append(found.difference.value)
    assert np.mean(naive) > 0.06
    assert abs(np.mean(honest)) < 0.03


def test_halves_share_every_value():
    values = np.repeat([0, 1, 2], [10, 4, 2])
    first = choosing.halves(values)
    assert [int((first & (values == value)).sum()) for value in range(3)] == [5, 2, 1]


def test_too_few_queries_choose_nothing():
    assert choosing.choose([plain([1, 1, 1])] * 2, [0], [1], Asked(np.arange(3), 3, np.zeros(3, int))) is None
    none = Asked(np.zeros(0, int), 5, np.zeros(0, int))
    assert np.isnan(choosing.between(plain([]), none).value)
