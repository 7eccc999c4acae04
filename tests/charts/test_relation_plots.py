"""The chart of methods: the best on top, every interval, and lines that say what they are."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.charts import relation_plots

ROWS = [
    {"name": "item-kNN <b>", "kind": "behaviour", "value": 0.2, "low": 0.15, "high": 0.25},
    {"name": "codes", "kind": "codes", "value": 0.3, "low": 0.25, "high": 0.36},
    {"name": "random", "kind": "random", "value": 0.01, "low": None, "high": None},
]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_best_is_on_top_with_its_interval(theme):
    figure = relation_plots.methods(ROWS, "hit rate at 10 (% of users)", {"ceiling": 0.4}, theme=theme)
    ticks = figure.layout.yaxis.ticktext
    assert ticks[-1] == "codes" and ticks[0] == "random" and "<b>" not in ticks[1]
    codes = figure.data[0]
    assert codes.x[0] == pytest.approx(30) and codes.y[0] == 2
    np.testing.assert_allclose([codes.error_x.array[0], codes.error_x.arrayminus[0]], [6, 5])
    assert "30.0%, 95 %: 25.0% – 36.0%" in codes.customdata[0][1]
    assert figure.layout.annotations[0].text == "ceiling" and figure.layout.shapes[0].x0 == pytest.approx(40)
    assert figure.layout.xaxis.range[1] > 40 and figure.layout.xaxis.title.text == "hit rate at 10 (% of users)"


def test_nothing_found_by_anyone_is_still_a_chart():
    rows = [{"name": "codes", "kind": "codes", "value": 0.0, "low": 0.0, "high": 0.0}]
    low, high = relation_plots.methods(rows, "hit rate").layout.xaxis.range
    assert low < high


def test_what_is_no_share_is_no_percentage():
    figure = relation_plots.methods(ROWS, "nDCG at 10 (0 to 1)", percent=False)
    assert (
        figure.data[0].x[0] == pytest.approx(0.3) and "0.3000, 95 %: 0.2500 – 0.3600" in figure.data[0].customdata[0][1]
    )
