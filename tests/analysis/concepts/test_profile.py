"""What images of a code share, and where it stands: perfect, useless and hand-computed."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from explorer.analysis.concepts import profile
from explorer.analysis.concepts.values import prepared


def concept(values, name="class"):
    return prepared(name, pd.Series(values))


def test_a_ratio_by_hand():
    """12 of 44 against 20 of 156: 0.2727 / 0.1282; Katz: exp(± 1.96 √(1/12 − 1/44 + 1/20 − 1/156))."""
    ratio, low, high = profile.risk_ratio([12], [20], 44, 156)
    half = 1.959964 * np.sqrt(1 / 12 - 1 / 44 + 1 / 20 - 1 / 156)
    assert ratio[0] == pytest.approx(2.12727, abs=1e-4)
    assert (low[0], high[0]) == (
        pytest.approx(2.12727 * np.exp(-half), 1e-4),
        pytest.approx(2.12727 * np.exp(half), 1e-4),
    )


def test_a_count_of_nought_has_a_finite_ratio_by_half_an_image():
    ratio, low, high = profile.risk_ratio([5], [0], 10, 30)
    assert ratio[0] == pytest.approx((5.5 / 10.5) / (0.5 / 30.5)) and 1 < low[0] < ratio[0] < high[0] < np.inf
    ratio, low, high = profile.risk_ratio([5], [0], 10, 0)
    assert np.isnan(ratio[0]) and (low[0], high[0]) == (0, np.inf)


def test_a_code_of_one_class_alone_is_said_so():
    labels = np.array(["shoe", "hat", "coat", "bag"] * 25)
    found = profile.shares(labels == "shoe", [concept(labels)])[0]
    assert found.values[found.strongest] == "shoe" and (found.inside[found.strongest], found.having) == (25, 25)
    assert not found.outside[found.strongest] and found.low[found.strongest] > 5


def test_a_code_that_comes_at_random_stands_out_in_one_of_twenty_at_most():
    generator = np.random.default_rng(0)
    concepts = [concept(generator.integers(0, 5, 300).astype(str), f"c{number}") for number in range(3)]
    out = [
        any(one.strongest is not None for one in profile.shares(generator.random(300) < 0.2, concepts))
        for _ in range(200)
    ]
    assert np.mean(out) < 0.08, "exact tests and all values corrected together"


def test_images_without_a_value_are_not_counted():
    labels = np.array(["shoe", "hat", None, None] * 10, object)
    present = np.tile([True, False, True, False], 10)
    found = profile.shares(present, [concept(labels)])[0]
    assert (found.having, found.lacking) == (10, 10)


@pytest.mark.parametrize("present", [np.ones(40, bool), np.zeros(40, bool)])
def test_all_images_or_none_compare_with_nothing(present):
    found = profile.shares(present, [concept(["a", "b"] * 20)])[0]
    assert found.strongest is None and np.isnan(found.ratio).all() and (found.p == 1).all()
    assert profile.shares(present, []) == []


def test_a_code_in_one_corner_is_there():
    where = np.zeros((40, 8, 8), bool)
    where[:, 0, 1] = True
    found = profile.spread(where)
    assert (found.mostly.name, found.mostly.share, found.tokens, found.images) == ("top left", 1.0, 40, 40)
    assert found.mostly.area == pytest.approx(9 / 64) and found.counts[0, 1] == 40


def test_a_code_in_a_row_of_the_image_is_in_that_row():
    where = np.zeros((60, 6, 6), bool)
    where[np.arange(60), 5, np.arange(60) % 6] = True
    assert profile.spread(where).mostly.name == "bottom"


def test_even_spread_stands_out_in_one_of_twenty_at_most():
    generator = np.random.default_rng(1)
    found = [profile.spread(generator.random((50, 6, 6)) < 0.05).mostly for _ in range(200)]
    assert np.mean([one is not None for one in found]) <= 0.05


def test_one_image_with_a_thousand_tokens_in_a_corner_says_little():
    """The unit is the image: its tokens stand together."""
    where = np.zeros((1, 64, 64), bool)
    where[0, :20, :20] = True
    assert profile.spread(where).mostly is None
    where = np.zeros((30, 64, 64), bool)
    where[:, :20, :20] = True
    assert profile.spread(where).mostly.name == "top left"


def test_cells_without_a_place_have_none():
    assert profile.spread(np.ones((5, 1, 1), bool)) is None
    assert profile.spread(np.ones((5, 1, 32), bool)) is None
    assert profile.spread(np.zeros((5, 4, 4), bool)) is None and profile.spread(np.zeros((0, 4, 4), bool)) is None


def test_regions_cover_small_grids():
    found = profile.spread(np.ones((9, 2, 2), bool))
    assert {one.name for one in found.places} == {
        "top", "bottom", "left", "right", "top left", "top right", "bottom left", "bottom right"
    }  # fmt: skip
    assert found.mostly is None
