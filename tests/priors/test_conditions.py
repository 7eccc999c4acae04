"""What a prior can be conditioned on: columns of every kind, missing values, and values that training never had."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest

from explorer.errors import BadInput
from explorer.priors.conditions import Condition


def test_values_keep_the_order_of_their_categories_and_those_that_no_image_has_are_left_out():
    column = pd.Series(pd.Categorical(["b", "a", "b", None], ["c", "b", "a"]), name="shape")
    found = Condition.fit(column)
    assert found == Condition("shape", ("b", "a"), (), (2, 1)) == Condition.read(found.facts())
    assert found.classes(column).tolist() == [0, 1, 0, -1]
    assert found.classes(pd.Series(["a", "c", "z", None])).tolist() == [1, -1, -1, -1]
    assert (found.index("a"), found.index("B"), found.index("none"), found.index("")) == (1, 0, -1, -1)
    with pytest.raises(BadInput, match="no training image has shape 'c'; choose from b, a, or none"):
        found.index("c")


def test_words_and_whole_numbers_are_values_in_their_natural_order():
    assert Condition.fit(pd.Series(["x10", "x9", None, "x9"], name="a")).values == ("x10", "x9")
    counted = Condition.fit(pd.Series([10, 9, 2, 9], name="doors"))
    assert counted.values == ("2", "9", "10")
    assert counted.classes(pd.Series([2.0, np.nan, 10.0, 3.0])).tolist() == [0, -1, 2, -1]
    assert counted.index("9") == counted.index("9.0") == 1
    told = Condition.fit(pd.Series([True, False, True], name="sold"))
    assert told.values == ("no", "yes")
    assert told.classes(pd.Series([False, True])).tolist() == [0, 1]


def test_quantities_become_eight_ranges_with_equally_many_images():
    numbers = pd.Series(np.random.default_rng(0).gamma(2, 3, 4000), name="price")
    found = Condition.fit(numbers)
    counts = np.bincount(found.classes(numbers), minlength=8)
    assert len(found) == 8 == len(set(found.values))
    assert abs(counts - 500).max() <= 1
    assert found.index(str(numbers.median())) in (3, 4)
    assert found.index(found.values[2]) == 2
    assert found.classes(pd.Series([-5.0, np.nan, np.inf, 1e9])).tolist() == [0, -1, -1, 7]  # beyond: the end's range
    assert found == Condition.read(found.facts())
    with pytest.raises(BadInput, match="no training image has price 'cheap'; choose from a number, "):
        found.index("cheap")


def test_a_quantity_that_is_mostly_one_number_has_a_class_for_it():
    numbers = pd.Series([0.0] * 90 + [0.5, 1.5, 2.5, 3.5, 4.5] * 2, name="discount")
    found = Condition.fit(numbers)
    assert found.values == ("0", "0 to 4.5")
    assert np.bincount(found.classes(numbers)).tolist() == [90, 10]


def test_dates_are_ranges_of_years_that_can_be_told_apart():
    days = pd.Series([datetime.date(2020, 1, 1) + datetime.timedelta(days) for days in range(0, 800, 4)], name="made")
    found = Condition.fit(days)
    assert len(found) == 8
    assert found.index("2020.01") == 0
    assert found.index("2022.1") == 7
    assert (np.bincount(found.classes(days)) == 25).all()


def test_what_cannot_be_a_condition_is_a_sentence_that_offers_others():
    many = pd.Series([f"product {row}" for row in range(3000)], name="product")
    with pytest.raises(BadInput, match=r"'product' has 3,000 values, and a prior takes at most 256.*choose from shape"):
        Condition.fit(many, ["product", "shape"])
    with pytest.raises(BadInput, match="'shape' is round in every training image"):
        Condition.fit(pd.Series(["round"] * 5, name="shape"))
    with pytest.raises(BadInput, match="'price' has no value in any training image"):
        Condition.fit(pd.Series([np.nan] * 5, name="price"))
    with pytest.raises(BadInput, match=r"'weight' is 3\.5 in every training image"):
        Condition.fit(pd.Series([3.5, 3.5, np.nan], name="weight"))
    assert len(Condition.fit(pd.Series([f"{row}" for row in range(256)], name="code"))) == 256
