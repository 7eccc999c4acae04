"""Users with known taste: what they look at follows it, and the ceiling is what knowing it is worth."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from explorer.datasets import tastes
from explorer.datasets.tastes import Settings
from explorer.errors import BadInput

COLOURS = ("red", "green", "blue", "white")


@pytest.fixture
def concepts() -> pd.DataFrame:
    """200 things of four colours, half of them striped, of any weight."""
    generator = np.random.default_rng(0)
    return pd.DataFrame({
        "colour": pd.Categorical([COLOURS[row % 4] for row in range(200)]),
        "texture": pd.Categorical(["stripes" if row % 8 < 4 else "plain" for row in range(200)]),
        "weight": generator.normal(size=200).astype(np.float32),
    })  # fmt: skip


def test_probabilities_are_those_of_the_formula(concepts):
    settings = Settings(users=1, like="colour=red, texture!=stripes", strength=2, noise=0.25, popularity=0)
    (found,) = tastes.crowd(concepts, settings).probabilities()
    red, striped = concepts["colour"] == "red", concepts["texture"] == "stripes"
    weight = np.exp(2.0 * (red.astype(int) - striped.astype(int)))
    np.testing.assert_allclose(found, 0.75 * weight / weight.sum() + 0.25 / 200, rtol=1e-6)
    assert found.sum() == pytest.approx(1)


def test_who_likes_red_looks_at_red_and_not_at_stripes(concepts):
    looked = tastes.simulate(concepts, Settings(users=50, each=10, like="colour=red,texture!=stripes", noise=0))
    assert set(map(str, looked.crowd.tastes)) == {"likes colour = red; dislikes texture = stripes"}
    seen = concepts.iloc[looked.item]
    assert (seen["colour"] == "red").mean() > 0.8 and (seen["texture"] == "stripes").mean() < 0.1


def test_noise_alone_is_no_taste_and_popular_images_are_looked_at_by_all(concepts):
    even = tastes.simulate(concepts, Settings(users=400, noise=1, popularity=0))
    share = (concepts["colour"].iloc[even.item] == "red").mean()
    assert share == pytest.approx(0.25, abs=0.02)
    skewed = tastes.simulate(concepts, Settings(users=400, noise=1, popularity=1))
    counts = np.sort(np.bincount(skewed.item, minlength=200))[::-1]
    assert counts[:20].sum() / counts.sum() > 2 * np.sort(np.bincount(even.item, minlength=200))[-20:].sum() / len(
        even.item
    )


def test_nobody_looks_twice_and_times_rise(concepts):
    looked = tastes.simulate(concepts, Settings(users=100))
    pairs = pd.DataFrame({"user": looked.user, "item": looked.item})
    assert not pairs.duplicated().any()
    assert (pd.Series(looked.time).groupby(looked.user).diff().dropna() >= 0).all()
    lengths = np.bincount(looked.user)
    assert len(lengths) == 100 and lengths.min() >= 10 and lengths.max() <= 30 and len(set(lengths)) > 5
    assert looked.time.min() >= tastes.BEGIN


def test_a_seed_gives_the_same_users_and_another_seed_others(concepts):
    first, again = (tastes.simulate(concepts, Settings(seed=3)) for _ in range(2))
    np.testing.assert_array_equal(first.item, again.item)
    np.testing.assert_array_equal(first.time, again.time)
    other = tastes.simulate(concepts, Settings(seed=4))
    assert len(other.item) != len(first.item) or (other.item != first.item).any()


def test_blocks_of_users_change_nothing(concepts, monkeypatch):
    whole = tastes.simulate(concepts, Settings(users=60))
    expected = tastes.ceilings(whole)
    monkeypatch.setattr(tastes, "_BLOCK", 1400)
    parts = tastes.simulate(concepts, Settings(users=60))
    np.testing.assert_array_equal(whole.item, parts.item)
    assert tastes.ceilings(parts)[10]["ndcg"] == pytest.approx(expected[10]["ndcg"])


def test_the_ceiling_by_hand():
    probabilities = np.array([[0.4, 0.3, 0.2, 0.1]])
    seen = np.array([[True, False, False, False]])  # 0.3, 0.2 and 0.1 of 0.6 are left
    found = tastes.ceiling(probabilities, seen, 2)
    assert found["hit_rate"] == pytest.approx([5 / 6])
    assert found["mrr"] == pytest.approx([3 / 6 + 2 / 6 / 2])
    assert found["ndcg"] == pytest.approx([3 / 6 + 2 / 6 / np.log2(3)])
    among = tastes.ceiling(probabilities, seen, 1, np.array([True, False, True, True]))
    assert among["hit_rate"] == pytest.approx([2 / 3])
    assert tastes.ceiling(probabilities, seen, 10)["hit_rate"] == pytest.approx([1])
    assert np.isnan(tastes.ceiling(probabilities, np.ones((1, 4), bool), 2)["hit_rate"]).all()


def test_the_ranking_that_knows_the_taste_reaches_the_ceiling_and_popularity_does_not(concepts):
    settings = Settings(users=4000, each=6, noise=0.2, popularity=0.8)
    looked = tastes.simulate(concepts, settings)
    told = tastes.ceilings(looked)[10]
    probabilities = looked.crowd.probabilities()
    last = np.flatnonzero(np.diff(looked.user, append=-1))
    seen = np.zeros(probabilities.shape, bool)
    before = np.setdiff1d(np.arange(len(looked.user)), last)
    seen[looked.user[before], looked.item[before]] = True

    def reached(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scores = np.where(seen, -1, scores)
        rank = (scores > scores[np.arange(4000), looked.item[last]][:, None]).sum(1)
        return rank < 10, np.where(rank < 10, 1 / (rank + 1), 0)

    hits, reciprocal = reached(probabilities)
    for values, name in ((hits, "hit_rate"), (reciprocal, "mrr")):
        error = values.std() / np.sqrt(len(values))
        assert values.mean() == pytest.approx(told[name], abs=3 * error)
    popular, _ = reached(np.broadcast_to(looked.crowd.popular, probabilities.shape))
    assert popular.mean() < told["hit_rate"] - 0.05


def test_tastes_use_each_concept_once_and_numbers_in_thirds(concepts):
    drawn = tastes.crowd(concepts, Settings(users=30, likes=1)).tastes
    assert all({name for name, _ in (*one.likes, *one.dislikes)} == {"colour", "texture"} for one in drawn)
    assert len(set(drawn)) > 8
    heavy = tastes.crowd(concepts, Settings(users=2, like="weight=high"))
    assert heavy.pairs == (("weight", "high"),) and heavy.has.sum() == pytest.approx(200 / 3, abs=1)
    assert tastes.crowd(concepts[["weight"]], Settings(users=2)).pairs
    assert str(tastes.Taste()) == "no taste"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (Settings(like="colour=pink"), "no image has colour 'pink'.*red"),
        (Settings(like="shape=ring"), "unknown concept 'shape'.*colour"),
        (Settings(like="red"), "'red' is no taste.*colour=red"),
        (Settings(concepts="size"), "unknown concept 'size'.*colour"),
        (Settings(users=1_000_000_000), "too many to draw"),
    ],
)
def test_bad_settings_are_one_sentence(concepts, settings, said):
    with pytest.raises(BadInput, match=said):
        tastes.simulate(concepts, settings)


def test_sets_that_nobody_can_choose_from(concepts):
    with pytest.raises(BadInput, match="no concept with two values"):
        tastes.simulate(concepts[["colour"]].assign(colour="red"))
    with pytest.raises(BadInput, match="at least 4"):
        tastes.simulate(concepts[:3])
    few = tastes.simulate(concepts[:8], Settings(users=3, each=100))
    assert np.bincount(few.user).tolist() == [4, 4, 4]
