"""Scores of retrieval: by hand, against other implementations, and without any luck in the order of rows."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.testing import assert_allclose
from scipy.sparse import csr_matrix

from explorer.analysis.retrieval import scoring


def scored(similarity, own, values, k):
    own, values = np.asarray(own), np.asarray(values)
    similarity = np.asarray(similarity, float)
    relevant = ((own[:, None] == values) & np.isfinite(similarity)).sum(1)
    return scoring.found(scoring.rank(similarity, k), (own, values), relevant, k)


def plain(order, k):
    """AP@k and precision@k of one order of relevant (1) and other (0) images, as in the textbook."""
    hits, total = 0, 0.0
    for place, one in enumerate(order[:k], 1):
        hits += one
        total += one * hits / place
    return total / min(k, sum(order)), hits / k


def test_by_hand():
    # relevant at places 1 and 3 of 4, three relevant in all, k = 4: (1/1 + 2/3) / 3
    found = scored([[0.9, 0.8, 0.7, 0.6, 0.5]], [1], [1, 0, 1, 0, 1], 4)
    assert_allclose(found.average, [(1 + 2 / 3) / 3])
    assert_allclose(found.precision, [2 / 4])
    assert_allclose(found.hits, [2])


def test_perfect_and_useless():
    own, values = np.array([0, 1]), np.array([0] * 3 + [1] * 20)
    perfect = (own[:, None] == values) + 0.0
    found = scored(perfect, own, values, 10)
    assert_allclose(found.average, 1)
    assert_allclose(found.precision, [0.3, 1])  # three relevant ones cannot fill ten places
    assert_allclose(scored(-perfect, own, values, 3).average, 0)


def test_ties_are_the_mean_over_all_their_orders():
    rng = np.random.default_rng(0)
    for _ in range(20):
        values, k = rng.integers(0, 2, 6), int(rng.integers(1, 7))
        similarity = rng.integers(0, 3, 6)
        if not values.any():
            continue
        orders = [
            [values[i] for i in order]
            for order in itertools.permutations(range(6))
            if all(similarity[a] >= similarity[b] for a, b in itertools.pairwise(order))
        ]
        expected = np.mean([plain(order, k) for order in orders], 0)
        found = scored([similarity], [1], values, k)
        assert_allclose([found.average[0], found.precision[0]], expected)


def test_one_code_for_everything_is_chance_however_the_rows_are_sorted():
    """All images tie, in a set that is sorted by class, as folders are."""
    values = np.repeat([0, 1, 2], [50, 30, 20])
    similarity = np.full((100, 100), 0.5) + np.random.default_rng(0).normal(0, 1e-13, (100, 100))
    np.fill_diagonal(similarity, -np.inf)
    found = scored(similarity, values, values, 10)
    relevant = np.repeat([49, 29, 19], [50, 30, 20])
    expected = scoring.chance(relevant, np.full(100, 99), 10)
    for name in ("average", "precision", "hits"):
        assert_allclose(getattr(found, name), getattr(expected, name))
    assert_allclose(expected.precision, relevant / 99)


def test_chance_is_what_random_orders_reach():
    rng, values = np.random.default_rng(1), np.repeat([0, 1], [4, 26])
    reached = np.mean([scored(rng.random((1, 30)), [0], values, 10).average[0] for _ in range(3000)])
    assert_allclose(scoring.chance(np.array([4]), np.array([30]), 10).average, reached, atol=0.015)


def test_what_is_left_out_is_neither_ranked_nor_relevant():
    similarity = np.array([[-np.inf, -np.inf, 0.1, 0.9]])
    found = scored(similarity, [1], [1, 1, 1, 0], 10)
    assert_allclose(found.average, [1 / 2])
    assert_allclose(found.precision, [1 / 10])
    alone = scored(np.array([[-np.inf, 0.3]]), [1], [1, 0], 10)
    assert np.isnan(alone.average) and np.isnan(alone.precision)
    assert np.isnan(scoring.chance(np.array([0]), np.array([5]), 10).average)


def test_map_is_that_of_other_libraries():
    """Over the whole order, where all of them mean the same."""
    import torch
    from sklearn.metrics import average_precision_score
    from torchmetrics.functional.retrieval import retrieval_average_precision

    rng = np.random.default_rng(2)
    similarity, own, values = rng.random((40, 200)), rng.integers(0, 5, 40), rng.integers(0, 5, 200)
    found = scored(similarity, own, values, 200).average
    same = own[:, None] == values
    assert_allclose(found, [average_precision_score(*one) for one in zip(same, similarity, strict=True)])
    theirs = [
        retrieval_average_precision(torch.tensor(one), torch.tensor(truth)).item()
        for one, truth in zip(similarity, same, strict=True)
    ]
    assert_allclose(found, theirs, rtol=1e-5)


def test_precision_and_map_are_those_of_implicit():
    """The library's own test, with made-up ratings in place of a download: a model, a split, precision_at_k."""
    from implicit.evaluation import precision_at_k, ranking_metrics_at_k, train_test_split
    from implicit.nearest_neighbours import CosineRecommender

    rng = np.random.default_rng(3)
    taste = rng.integers(0, 4, 120)
    likes = rng.random((120, 80)) < np.where(taste[:, None] == np.arange(80) % 4, 0.4, 0.03)
    train, test = train_test_split(csr_matrix(likes.astype(np.float32)), random_state=0)
    model = CosineRecommender(K=30)
    model.fit(train, show_progress=False)
    how = {"K": 10, "show_progress": False, "num_threads": 1}
    theirs = ranking_metrics_at_k(model, train, test, **how)
    ids = model.recommend(np.arange(120), train, N=10)[0]
    similarity = np.full((120, 80), -10.0)
    np.put_along_axis(similarity, ids.astype(np.int64), np.tile(np.arange(10.0, 0, -1), (120, 1)), 1)
    asked, hits, average = np.diff(test.indptr) > 0, [], []
    for user in np.flatnonzero(asked):
        wanted = np.isin(np.arange(80), test[user].indices).astype(int)
        found = scored(similarity[[user]], [1], wanted, 10)
        hits, average = [*hits, found.hits[0]], [*average, found.average[0]]
    relevant = np.diff(test.indptr)[asked]
    assert_allclose(scoring.pooled_precision(np.array(hits), relevant, 10), precision_at_k(model, train, test, **how))
    assert_allclose(np.mean(average), theirs["map"])
    assert theirs["precision"] > 0.2


def test_pooled_precision_by_hand():
    assert scoring.pooled_precision(np.array([2, 1, 0]), np.array([2, 20, 0]), 10) == 3 / 12
    assert np.isnan(scoring.pooled_precision(np.array([0]), np.array([0]), 10))
