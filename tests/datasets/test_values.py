import datetime
import decimal

import pandas as pd
import pytest

from explorer.datasets.sources import continuous, discrete
from explorer.datasets.values import concepts

N = 8


def one(values, name="a"):
    table, notes = concepts(pd.DataFrame({name: pd.Series(values)}))
    return table, " ".join(notes)


@pytest.mark.parametrize(
    "values",
    [[True, None, False, True], pd.array([True, None, False, True], "boolean")],
)
def test_yes_and_no_with_gaps(values):
    table, notes = one(values)
    assert table["a"].astype(object).fillna("gap").tolist() == ["yes", "gap", "no", "yes"] and not notes


def test_lists_become_yes_and_no_for_each_frequent_label():
    lists = [["cat", "dog"], ["cat"], None, [], ["dog"], ["cat"], ["cow", "cow"], ["cat"]]
    table, notes = one(lists, "tags")
    assert table["tags: cat"].isna().tolist() == [row is None for row in lists]
    assert table["tags: cat"].dropna().tolist() == ["yes", "yes", "no", "no", "yes", "no", "yes"]
    assert (table["tags: cow"] == "yes").sum() == 1 and "yes and no for 3 of 3 labels" in notes
    table, notes = one([[f"l{row}", f"x{row % 3}"] for row in range(40)])
    assert list(table) == ["a: x0", "a: x1", "a: x2"] and "40 are left out" in notes


def test_dates_decimals_and_durations_are_quantities_in_order():
    dates = [datetime.date(2020, 1, 1), datetime.date(2020, 7, 2), None, datetime.date(2021, 1, 1)]
    table, notes = one(dates)
    assert table["a"].iloc[[0, 1, 3]].tolist() == pytest.approx([2020, 2020.5, 2021], abs=1e-9)
    assert pd.isna(table["a"][2]) and "counted in years" in notes
    zoned = pd.Series(pd.to_datetime(["2020-01-01T01:00+01:00", None, "2020-01-01T00:00Z"], utc=True))
    assert one(zoned)[0]["a"].dropna().tolist() == [2020, 2020]
    table, notes = one([decimal.Decimal("1.5"), None, decimal.Decimal("2.25")])
    assert table["a"].dropna().tolist() == [1.5, 2.25] and not notes
    assert one(pd.to_timedelta([1, 2], unit="min"))[0]["a (seconds)"].tolist() == [60, 120]


def test_fields_of_structs_are_columns_of_their_own():
    table, notes = one([{"x": row / 3, "in": {"y": "ab"[row % 2]}} for row in range(N)])
    assert continuous(table) == ["a.x"] and discrete(table) == ["a.in.y"] and not notes


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ([b"x", b"y"], "it holds bytes"),
        ([None, None], "it is empty"),
        ([[0.5, 1.5], [1.0, 2.0]], "its lists hold no labels but float"),
        ([1j, 2j], "complex numbers"),
    ],
)
def test_what_cannot_be_a_concept_is_named(values, why):
    table, notes = one(values)
    assert not len(table.columns) and "'a' is left out" in notes and why in notes


def test_text_that_looks_like_nothing_is_text_and_blanks_are_nothing():
    table, _ = one([" ", "", "nan", "NA", "None", "true", None, " x "])
    assert table["a"].astype(object).fillna("–").tolist() == ["–", "–", "nan", "NA", "None", "true", "–", "x"]


def test_two_columns_of_one_name_are_both_kept():
    table, _ = concepts(pd.DataFrame([[1, "x"], [2, "y"]], columns=["a", "a"]))
    assert list(table) == ["a", "a (2)"]
