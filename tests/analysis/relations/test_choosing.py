"""The method to take: chosen by one half of the users, scored by the other, with intervals over users."""

import numpy as np
import pytest

from explorer.analysis.relations.choosing import between, choose


def test_a_mean_has_the_interval_of_its_standard_error():
    hits = (np.arange(1000) % 4 == 0).astype(float)
    (one,) = between(hits[None])
    error = 1.96 * np.sqrt(0.25 * 0.75 / 1000)
    assert one.value == 0.25 and one.low == pytest.approx(0.25 - error, abs=0.004)
    assert one.high == pytest.approx(0.25 + error, abs=0.004)


def test_the_better_one_is_chosen_and_luck_is_not_taken_for_skill():
    rng = np.random.default_rng(0)
    luck = (rng.random((40, 200)) < 0.1).astype(float)
    found = choose(luck, range(20), range(20, 40))
    assert found.difference.low < 0 < found.difference.high and found.queries == 100
    luck[3] = 1
    found = choose(luck, range(20), range(20, 40))
    assert found.way == 3 and found.score.value == 1 and found.difference.low > 0.5


def test_too_few_users_choose_nothing():
    assert choose(np.ones((2, 3)), [0], [1]) is None and choose(np.ones((2, 9)), [], [1]) is None
    assert np.isnan(between(np.ones((1, 0)))[0].value)
