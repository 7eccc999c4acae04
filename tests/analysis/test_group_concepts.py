"""What groups hold of concepts: all, nothing, and beside random groups."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from explorer.analysis import group_concepts
from explorer.analysis.concepts import values


@pytest.fixture
def world():
    """Images of one of four kinds, whose codes are of that kind; a coin; and the true group of each of 24 codes."""
    rng = np.random.default_rng(0)
    kind, of = rng.integers(0, 4, 600), np.repeat(np.arange(4), 6)
    codes = (6 * kind[:, None] + rng.integers(0, 6, (600, 9))).reshape(-1, 3, 3)
    table = pd.DataFrame(
        {"kind": np.array(list("abcd"))[kind], "coin": np.array(["heads", "tails"])[rng.integers(0, 2, 600)]}
    )
    return codes, of, [values.prepared(name, table[name]) for name in table]


def test_a_group_is_tied_to_its_own_value_and_to_no_coin(world):
    codes, of, concepts = world
    shares = group_concepts.shares(codes, of, 4)
    assert shares.sum(1) == pytest.approx(1) and set(np.unique(shares)) == {0, 1}
    found = group_concepts.ties(shares, concepts)
    assert [(one.concept, one.value) for one in found] == [("kind", name) for name in "abcd"]
    assert all(one.sure and one.inside == one.having and not one.outside for one in found)
    assert all(one.having + one.lacking == 300 for one in found), "counted on the half that it was not chosen on"


def test_groups_at_random_are_tied_to_nothing(world):
    codes, _, concepts = world
    rng = np.random.default_rng(4)
    sure = 0
    for _ in range(20):
        coin = [concepts[1].of(rng.permutation(600))]
        found = group_concepts.ties(group_concepts.shares(codes, rng.integers(0, 6, 24), 6), coin)
        sure += sum(one is not None and one.sure for one in found)
    assert sure <= 2


def test_true_groups_keep_every_bit_and_random_ones_few(world):
    codes, of, concepts = world
    kind, coin = group_concepts.kept_bits(codes, of, 4, concepts)
    assert kind["share"] == pytest.approx(1, abs=0.02) and kind["bits"] == pytest.approx(2, abs=0.05)
    assert kind["random_high"] < 0.5 and kind["low"] > kind["random_high"]
    assert coin["low"] <= coin["random_high"], "nothing to keep"


def test_a_probe_tells_the_kind_from_true_groups_and_not_from_random_ones(world):
    codes, of, concepts = world
    kind, coin = group_concepts.probed(codes, of, 4, concepts, group_concepts.probe(codes, 24, concepts))
    assert kind["codes"] == kind["groups"] == 1 and kind["random_high"] < 1
    assert coin["low"] <= max(coin["random_high"], 0.5), "a coin is told by nothing"


def test_random_groups_have_the_same_sizes_and_leave_out_the_same_codes():
    of, tokens = np.array([0, 0, 0, 1, 1, -1, 2, 2, 2, 2, -1, 1]), np.arange(12)
    found = group_concepts.at_random(of, tokens, 3)
    assert (np.bincount(found[found >= 0]) == np.bincount(of[of >= 0])).all()
    assert ((found < 0) == (of < 0)).all() and (found != of).any()
