"""Hit rate, nDCG and MRR by hand, in all orders of ties, against the library implicit; and what must not be found."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose

from explorer.analysis.relations import Events, behaviour, choosing, holding, judging, merged


def events(pairs, shape, time=None):
    user, item = np.array(pairs).T
    return Events(user, item, np.ones(len(user)), None if time is None else np.array(time, float), shape)


def random_events(users=60, items=80, each=8, seed=0):
    rng = np.random.default_rng(seed)
    pairs = [(user, item) for user in range(users) for item in rng.permutation(items)[:each]]
    return events(pairs, (users, items), rng.permutation(len(pairs)))


def test_by_hand():
    # places 1, 3 and 11 of a ranking without ties, at 10
    found = judging.metrics(np.array([0, 2, 10]), np.array([1, 1, 1]), 10)
    assert_allclose(found, [[1, 1, 0], [1, 0.5, 0], [1, 1 / 3, 0]])


def test_ties_are_the_mean_over_all_orders():
    for higher, tied, k in itertools.product((0, 1, 3, 5), (1, 2, 4), (1, 3, 4)):
        places = np.arange(higher + 1, higher + tied + 1)
        hit = places <= k
        expected = [hit.mean(), (hit / np.log2(places + 1)).mean(), (hit / places).mean()]
        assert_allclose(judging.metrics(np.array([higher]), np.array([tied]), k)[:, 0], expected)


def test_perfect_useless_and_random():
    held = holding.one_each(random_events(), 1000)
    wanted = dict(zip(held.user, held.item, strict=True))

    def knows(users):
        found = np.zeros((len(users), 80))
        found[np.arange(len(users)), [wanted[user] for user in users]] = 1
        return found

    assert_allclose(judging.judge(knows, held, 10).found, 1)
    assert_allclose(judging.judge(lambda users: -knows(users), held, 10).found, 0)
    left = 80 - 7  # each user looked at 8, one of which was held back
    none = judging.judge(lambda users: np.ones((len(users), 80)), held, 10)
    assert_allclose(none.found[0], 10 / left)
    assert_allclose(none.found[2], (1 / np.arange(1, 11)).sum() / left)
    assert none.coverage > 0.95 and none.popularity == pytest.approx(0.5, abs=0.05)


def test_what_was_looked_at_is_not_recommended_and_popularity_is_told():
    held = holding.one_each(random_events(), 1000)
    popular = held.known.popularity()
    judged = judging.judge(lambda users: np.tile(popular, (len(users), 1)), held, 10)
    assert judged.popularity > 0.85 and judged.gini > 0.6 and judged.coverage < 0.5
    seen = held.known.seen().toarray()
    high = judging.judge(lambda users: seen[users] * 9.0, held, 10)  # as good as nothing, since all of it is left out
    assert_allclose(high.found[0], 10 / 73)


def test_the_same_as_the_library_implicit():
    """Its hit rate is precision of one product that is held back; of several users its nDCG is ours."""
    from implicit.evaluation import ranking_metrics_at_k
    from scipy.sparse import csr_matrix

    held, k = holding.one_each(random_events(seed=3), 1000), 10
    known, wanted = csr_matrix(held.known.seen()), np.zeros(held.known.shape)
    wanted[held.user, held.item] = 1
    from implicit.nearest_neighbours import CosineRecommender

    model = CosineRecommender(K=80, num_threads=1)
    model.fit(known, show_progress=False)
    theirs = ranking_metrics_at_k(model, known, csr_matrix(wanted), K=k, show_progress=False, num_threads=1)
    alike, rng = behaviour.together(held.known, 80), np.random.default_rng(0)
    assert_allclose(alike.toarray(), model.similarity.toarray())
    scores = held.known.seen() @ alike
    jitter = rng.random(scores.shape) * 1e-7  # it leaves ties to chance
    ours = judging.judge(lambda users: scores.toarray()[users] + jitter[users], held, k).found.mean(1)
    assert_allclose(ours[:2], [theirs["precision"], theirs["ndcg"]], atol=0.02)
    assert theirs["precision"] > 0


def test_neighbours_first_and_then_the_popular():
    known = events([(0, 0), (0, 1), (1, 0), (2, 3), (3, 3), (4, 2)], (5, 5))
    scores = behaviour.by_neighbours(known.seen()[[1]], behaviour.together(known), known.popularity())[0]
    assert scores[1] > scores[3] > scores[2] > scores[4] == 0


def test_the_last_is_held_back_and_users_with_one_keep_it():
    some = events([(0, 1), (0, 2), (0, 3), (1, 4), (2, 0), (2, 4)], (3, 5), [5, 9, 7, 1, 3, 2])
    held = holding.one_each(some, 10)
    assert held.user.tolist() == [0, 2] and held.item.tolist() == [2, 0]
    assert sorted(zip(held.known.user, held.known.item, strict=True)) == [(0, 1), (0, 3), (1, 4), (2, 4)]
    assert len(holding.one_each(some, 1).user) == 1
    anyone = holding.one_each(events([(0, 1), (0, 2), (1, 3)], (2, 5)), 10)
    assert anyone.user.tolist() == [0] and len(anyone.known) == 2


def test_nothing_is_known_of_new_products():
    some = random_events()
    held = holding.new_products(some, 0.25, 1000)
    assert len(held.among) == 20 and not np.isin(held.known.item, held.among).any()
    assert np.isin(held.item, held.among).all() and len(held.item) + len(held.known) == len(some)
    popular = held.known.popularity()[held.among]
    judged = judging.judge(lambda users: np.tile(popular, (len(users), 1)), held, 5)
    for at, user in enumerate(held.users):  # other new ones that the user wanted are not ranked against one
        assert judged.found[0][at] == pytest.approx(5 / (20 - (held.user == user).sum() + 1))
    assert np.isnan(judged.popularity)


def test_copies_are_one_product():
    some = events([(0, 0), (0, 2), (1, 1), (1, 3)], (2, 4), [1, 8, 3, 4])
    one = merged(some, np.array([0, 1, 0, 2]))
    assert one.shape == (2, 3) and one.user.tolist() == [0, 1, 1] and one.item.tolist() == [0, 1, 2]
    assert one.weight.tolist() == [2, 1, 1] and one.time.tolist() == [8, 3, 4]
    assert len(holding.one_each(one, 10).user) == 1  # user 0 has one product, twice


def test_what_is_older_counts_less():
    day = 86_400.0
    some = events([(0, 0), (0, 1), (1, 2)], (2, 3), [0, 30 * day, 0])
    assert_allclose(some.shares(30).toarray(), [[1 / 3, 2 / 3, 0], [0, 0, 1]])
    assert_allclose(some.shares().toarray(), [[0.5, 0.5, 0], [0, 0, 1]])


def test_gini():
    assert judging.gini(np.array([3, 3, 3])) == pytest.approx(0)
    assert judging.gini(np.array([0, 0, 0, 8])) == pytest.approx(0.75)
    assert judging.gini(np.array([1, 3])) == pytest.approx(0.25)


def test_intervals_hold_what_chance_allows():
    held = holding.one_each(random_events(users=400), 1000)
    rng = np.random.default_rng(1)
    judged = judging.judge(lambda users: rng.random((len(users), 80)), held, 10)
    between = choosing.between(judged.found[:1])[0]
    assert between.low < 10 / 73 < between.high
