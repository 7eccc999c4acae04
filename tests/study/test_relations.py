"""Users of a study: tastes that were planted are found, with the codes that are the reason."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.datasets import interactions, tastes
from explorer.errors import BadInput
from explorer.study import open_study, relations
from explorer.study.similar import By

WAYS = [By(), By("place"), By("zq"), By("pixels")]


@pytest.fixture(scope="module")
def study():
    return open_study("vqvae-digits")


@pytest.fixture(scope="module")
def users(study):
    """Users who look at nothing but one digit each: user `u` likes that of `likes[u]`."""
    settings = tastes.Settings(users=30, each=6, strength=50, noise=0, popularity=0, like="digit=1;digit=0;digit=4")
    looked = tastes.simulate(study.images.concepts, settings)
    likes = np.array([taste.likes[0][1] for taste in looked.crowd.tastes])
    return interactions.of_simulated(looked, study.images), likes


def digits(study, rows):
    return study.images.concepts["digit"].astype(str).to_numpy()[rows]


@pytest.mark.parametrize("by", WAYS, ids=lambda by: by.way)
def test_a_user_gets_what_they_like_and_not_what_they_have_seen(study, users, by):
    found, likes = users
    hits = []
    for user in range(0, 30, 5):
        best = relations.for_user(study, found, user, by, 6)
        assert not set(best.found) & set(found.item[found.of(user)]) and (np.diff(best.scores) <= 1e-9).all()
        assert best.exact == (by.way in ("bag", "place")) and len(best.because) == len(best.found)
        hits.append((digits(study, best.found) == likes[user]).mean())
    assert np.mean(hits) > (0.1 if by.way == "zq" else 0.4)  # by chance one of ten; a mean of vectors tells little


def test_reasons_are_codes_that_user_and_product_have(study, users):
    found, _ = users
    best = relations.for_user(study, found, 0, By(), 4)
    own = study.codes("code")[found.item[found.of(0)]]
    for row, because in zip(best.found, best.because, strict=True):
        assert because and because[0].part >= because[-1].part > 0
        for one in because:
            assert one.code in study.codes("code")[row] and one.code in own
    score, because = relations.why(study, found, 0, int(best.found[0]), By())
    assert score == pytest.approx(best.scores[0]) and because == best.because[0]


@pytest.mark.parametrize("way", ["bag", "place", "zq"])
def test_the_planted_code_is_the_reason(tmp_path, way):
    """One code of four, in any cell, is the value that a user likes; all other codes are the same everywhere."""
    codes, rng = np.zeros((160, 4), int), np.random.default_rng(0)
    codes[np.arange(160), rng.integers(0, 4, 160)] = np.repeat([1, 2, 3, 4], 40)
    np.savez(tmp_path / "codes.npz", codes=codes.reshape(160, 2, 2), label=np.repeat(["a", "b", "c", "d"], 40))
    study = open_study(str(tmp_path / "codes.npz"), str(tmp_path / "codes.npz"))
    study.make("encoding")
    settings = tastes.Settings(users=12, each=8, strength=50, noise=0, popularity=0, like="label=a;label=c")
    looked = tastes.simulate(study.images.concepts, settings)
    found = interactions.of_simulated(looked, study.images)
    for user, taste in enumerate(looked.crowd.tastes):
        code = {"a": 1, "c": 3}[taste.likes[0][1]]
        said = relations.profile(study, found, user, By(way), 4)
        assert said[0].code == code and said[0].share == 1 and said[0].usual == 0.25
        best = relations.for_user(study, found, user, By(way), 6)
        assert all(because[0].code == code for because in best.because)
        assert way == "place" or all(len(because) == 1 for because in best.because)  # where code 0 stands tells, too
        near = relations.near_users(study, found, user, By(way), 3)
        assert all(because[0].code == code for because in near.because)


def test_users_of_the_same_taste_are_near(study, users):
    found, likes = users
    same = [(likes[relations.near_users(study, found, user, By(), 5).found] == likes[user]).mean() for user in range(9)]
    assert np.mean(same) > 0.8
    assert 4 not in relations.near_users(study, found, 4, By(), 29).found


def test_a_product_finds_its_users(study, users):
    found, likes = users
    right = []
    for row in np.flatnonzero(digits(study, slice(None)) == "0")[:10]:
        best = relations.for_product(study, found, int(row), By(), 3)
        assert not set(best.found) & set(found.user[found.item == row])
        right.append((likes[best.found] == "0").mean())
    assert np.mean(right) > 0.6  # by chance a third


def test_the_profile_says_how_often_codes_stand_in_what_was_looked_at(study, users):
    found, _ = users
    said = relations.profile(study, found, 0, By("zq"), 8)
    own, codes = found.item[found.of(0)], study.codes("code")
    assert len(said) == 8 and said[0].part > 0 and said[0].share > said[0].usual
    for one in said:
        having = (codes == one.code).any((1, 2))
        assert one.share == pytest.approx(having[own].mean()) and one.usual == pytest.approx(having.mean())


def test_what_the_same_users_looked_at(study, users):
    found, _ = users
    row = int(np.bincount(found.item).argmax())
    best = relations.near_products(study, found, row, 5)
    assert row not in best.rows and (best.users > 0).all() and (best.scores < 1).all()
    both = set(found.user[found.item == row]) & set(found.user[found.item == best.rows[0]])
    assert len(both) == best.users[0]


def test_who_is_not_there_is_said(study, users):
    with pytest.raises(BadInput, match="choose from 0 to 29"):
        relations.for_user(study, users[0], 30, By())
    other = open_study("vqvae-digits", split="train")
    with pytest.raises(BadInput, match="of other images"):
        relations.events(other, users[0])
