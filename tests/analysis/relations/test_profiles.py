"""What users like: reasons add up to the score, and what all images have is no taste and no reason."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.sparse import csr_array

from explorer.analysis.relations import Events, holding, judging, profiles
from explorer.analysis.retrieval import bags


def rows_of(codes, size):
    counts = bags.counted(np.asarray(codes)[:, None, :], size)
    return bags.weights(counts).weigh(counts)


def looked(pairs, shape):
    user, item = np.array(pairs).T
    return Events(user, item, np.ones(len(user)), None, shape)


@pytest.fixture
def some():
    """Code 0 stands everywhere, 1 in the first three images, 2 in the others."""
    rows = rows_of([[0, 1], [0, 1], [0, 1], [0, 2], [0, 2], [0, 2]], 4)
    return profiles.profiles(looked([(0, 0), (1, 3), (1, 4), (2, 1)], (4, 6)).shares(), rows)


def test_what_is_like_what_was_looked_at_comes_first(some):
    scores = some.scores(np.array([0, 1, 3]))
    assert scores[0, :3].min() > 0 > scores[0, 3:].max() and scores[1, 3:].min() > 0
    assert_allclose(scores[2], 0)  # who looked at nothing
    assert_allclose(some.fit(2), some.scores(np.arange(4))[:, 2])


def test_reasons_add_up_and_what_all_have_is_none(some):
    parts = some.parts(0, 2)
    assert parts.sum() == pytest.approx(some.scores(np.array([0]))[0, 2], abs=1e-6)
    assert parts.argmax() == 1 and parts[0] == pytest.approx(0, abs=1e-6)
    assert some.taste(0)[2] < 0


def test_users_of_one_taste_are_near(some):
    assert_allclose(some.likeness(0), [1, -1, 1, 0], atol=1e-6)
    assert some.shared(0, 2).sum() == pytest.approx(1, abs=1e-6)
    assert_allclose(some.shared(0, 3), 0)


def test_sparse_and_dense_rows_agree(some):
    dense = profiles.profiles(looked([(0, 0), (1, 3), (1, 4), (2, 1)], (4, 6)).shares(), some.products.toarray())
    users = np.arange(4)
    assert_allclose(dense.scores(users), some.scores(users), atol=1e-6)
    assert_allclose(dense.likeness(1), some.likeness(1), atol=1e-6)


@pytest.mark.parametrize("dense", [False, True])
def test_one_code_for_everything_is_worth_what_chance_is(dense):
    rng = np.random.default_rng(0)
    pairs = [(user, item) for user in range(50) for item in rng.permutation(60)[:6]]
    held = holding.one_each(looked(pairs, (50, 60)), 100)
    rows = rows_of(np.zeros((60, 4), int), 3)
    of = profiles.profiles(held.known.shares(), rows.toarray() if dense else csr_array(rows))
    assert_allclose(judging.judge(of.scores, held, 10).found[0], 10 / 55)
