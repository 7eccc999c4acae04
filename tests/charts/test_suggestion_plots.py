"""The climb of a score beside random swaps: what is drawn is what was found."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.charts.suggestion_plots import climb


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_climb_shows_scores_the_range_and_the_median_of_random_swaps(theme):
    random = np.array([[0.1, 0.0, 0.4], [0.1, 0.2, 0.1], [0.1, 0.3, 0.2]])
    figure = climb(np.array([0.1, 0.5, 0.9]), random, "probability of red", percent=True, theme=theme)
    band, middle, line = figure.data
    assert line.y.tolist() == [0.1, 0.5, 0.9] and middle.y.tolist() == [0.1, 0.2, 0.2]
    assert band.y.tolist() == [0.1, 0.0, 0.1, 0.4, 0.3, 0.1]
    assert figure.layout.yaxis.title.text == "probability of red" and figure.layout.xaxis.title.text == "swaps"
    assert climb(np.array([6.0]), np.full((3, 1), 6.0), "nearness (dB)", theme=theme).data[-1].y.tolist() == [6.0]
