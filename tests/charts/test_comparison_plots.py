"""Charts of two checkpoints: every image is counted on its side, and cells are named."""

from __future__ import annotations

import json

import numpy as np
import pytest

from explorer.charts import comparison_plots


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("values", [[-2, -1, 0.5, 0, 30], [1e-9], [-3, -2], [0.1] * 50 + [400]])
def test_each_image_is_counted_on_the_side_of_whoever_is_better(values, theme):
    values = np.array(values, float)
    figure = comparison_plots.differences(values, np.sign(values), "PSNR (dB), A − B", ("a", "<b>"), theme=theme)
    bars = {one["name"]: one for one in json.loads(figure.to_json())["data"]}
    assert sum(np.sum(list(one.y)) for one in figure.data) == len(values)
    for name, side in (("a better", 1), ("&lt;b&gt; better", -1)):
        trace = next((one for one in figure.data if one.name == name), None)
        assert (trace is not None) == bool((np.sign(values) == side).any())
        if trace is not None:
            filled = np.array(trace.x)[np.array(trace.y) > 0]
            assert (np.sign(filled) == side).all(), "no bar of one stands on the side of the other"
    assert len(bars) == len(figure.data) and figure.layout.xaxis.title.text and figure.layout.yaxis.title.text


def test_of_an_error_the_left_side_is_of_a():
    values = np.array([-1.0, -0.5, 0.25])  # A − B of an error: A errs less on two
    figure = comparison_plots.differences(values, -np.sign(values), "MSE, A − B", ("a", "b"))
    assert {one.name: int(np.sum(list(one.y))) for one in figure.data} == {"a better": 2, "b better": 1}


def test_layers_of_both_by_likeness_with_what_is_not_there_left_open():
    one = {"value": 0.5, "low": 0.4, "high": 0.6, "null": 0.01}
    pairs = [{"a": a, "b": b, "cka": None if (a, b) == ("y", "q") else one} for a in "xy" for b in "pq"]
    figure = comparison_plots.layers(pairs, "cka", ("y", "p"), ("first", "second"))
    (trace,) = figure.data
    assert [list(row) for row in trace.text] == [["0.50", "0.50"], ["0.50", "–"]] and trace.z[1][1] is None
    outline = figure.layout.shapes[0]
    assert (outline.x0, outline.y0) == (-0.5, 0.5)
