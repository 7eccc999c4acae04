"""Charts of surprisal show the numbers they are given, also where there is next to nothing to show."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from explorer.analysis import outliers, surprisal, surroundings
from explorer.analysis.concepts.values import prepared
from explorer.analysis.quality import interval
from explorer.charts import surprisal_plots
from explorer.charts.plots import THEMES

NAMES = {step: step for step in surroundings.STEPS}


@pytest.mark.parametrize("theme", THEMES)
def test_bars_are_bits_with_their_intervals(theme):
    bits = {"unigram": np.array([30.0, 34, 32]), "prior": np.array([20.0, 16, 18])}
    found = surroundings.explained(bits, 4.0, 10)
    bars = surprisal_plots.steps(found, NAMES, theme).data[0]
    assert bars.x.tolist() == pytest.approx([4, 3.2, 1.8])
    assert bars.error_x.array[0] == 0 and bars.error_x.array[2] == pytest.approx(found[2]["high"] - 1.8)
    assert len(set(bars.marker.color)) == 2, "what is learned stands out"


@pytest.mark.parametrize("codes", [np.zeros((3, 2, 2), int), np.arange(400).reshape(100, 2, 2) % 5])
def test_a_point_is_a_code_and_the_line_its_frequency(codes):
    found = surprisal.of_codes(codes, np.ones(codes.shape))
    figure = surprisal_plots.codes(found)
    points = [trace for trace in figure.data if trace.mode == "markers"]
    assert sorted(np.concatenate([one.customdata for one in points])) == np.unique(codes).tolist()
    line = figure.data[-1]
    assert np.allclose(line.y, -np.log2(np.array(line.x) / 100))
    assert figure.layout.xaxis.title.text and "bits" in figure.layout.yaxis.title.text


def test_values_that_differ_are_filled():
    kind, rng = np.repeat(["a", "b"], 40), np.random.default_rng(0)
    bits = rng.normal(3, 0.2, 80) + (kind == "b")
    found = surprisal.of_values(
        bits, [prepared("kind", pd.Series(kind)), prepared("luck", pd.Series(np.tile([*"xy"], 40)))]
    )
    figure = surprisal_plots.values(found, interval(bits))
    shown = {trace.name: trace for trace in figure.data}
    assert len(shown["differs (q < 0.05)"].x) == 2 and len(shown["may be chance"].x) == 2
    assert shown["may be chance"].marker.symbol == "circle-open"


def test_areas_and_sets():
    scores = {"bits": (np.arange(9.0), np.arange(9.0) + 4), "psnr": (np.arange(9.0), np.arange(9.0))}
    found = outliers.told(scores)
    dots = surprisal_plots.areas(found, {"bits": "Bits", "psnr": "PSNR", "size": "Size"}).data[0]
    assert dots.x.tolist() == [found["bits"]["auroc"], 0.5]
    figure = surprisal_plots.sets(np.full(3, 2.0), np.full(4, 2.0), ("these", "those"))
    assert [round(float(np.sum(trace.y))) for trace in figure.data] == [100, 100]
