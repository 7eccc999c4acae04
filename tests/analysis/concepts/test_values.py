"""Columns of a table as concepts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from explorer.analysis.concepts.values import FIFTHS, prepared


@pytest.mark.parametrize("first, last", [(2020.0, 2021.1), (1900, 2019), (1e9, 1e9 + 500), (0.12341, 0.12342)])
def test_fifths_of_numbers_that_differ_late_have_names_that_differ(first, last):
    concept = prepared("when", pd.Series(np.linspace(first, last, 500)))

    ends = [one.split(" to ") for one in concept.values]
    assert len(ends) == FIFTHS
    assert all(float(low) < float(high) for low, high in ends)
    assert [high for _, high in ends[:-1]] == [low for low, _ in ends[1:]]


def test_fifths_of_other_numbers_have_short_names():
    assert prepared("price", pd.Series(np.linspace(1, 101, 501))).values[1:] == (
        "21 to 41",
        "41 to 61",
        "61 to 81",
        "81 to 101",
    )
