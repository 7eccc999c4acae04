"""Charts of units and of mixtures: axes with units, intervals, and dead units in grey."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.charts import unit_plots
from explorer.charts.plots import PALETTES, THEMES

UNITS = {
    "variance": [0.001, 2.0, 1.0],
    "nats": [0.01, 3.0, 2.0],
    "nats_low": [0.0, 2.5, 1.5],
    "nats_high": [0.02, 3.6, 2.5],
}
RANKED, DEAD = np.array([1, 2, 0]), np.array([True, False, False])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_bars_are_nats_with_their_intervals_and_dead_units_are_grey(theme):
    figure = unit_plots.units({"units": UNITS, "posterior": True}, RANKED, DEAD, theme)
    (bars,) = figure.data
    assert bars.y.tolist() == pytest.approx([3, 2, 0.01]) and list(bars.text) == ["unit 1", "unit 2", "unit 0"]
    assert bars.error_y.array.tolist() == pytest.approx([0.6, 0.5, 0.01])
    assert bars.error_y.arrayminus.tolist() == pytest.approx([0.5, 0.5, 0.01])
    assert list(bars.marker.color) == [PALETTES[theme][0]] * 2 + [THEMES[theme]["rest"]]
    assert "nats" in figure.layout.yaxis.title.text and figure.layout.xaxis.ticktext == ("1", "2", "0")


def test_without_a_posterior_bars_are_variances():
    figure = unit_plots.units({"units": {"variance": UNITS["variance"]}, "posterior": False}, RANKED, DEAD)
    assert figure.data[0].y.tolist() == pytest.approx([2, 1, 0.001]) and "variance" in figure.layout.yaxis.title.text


def test_one_image_has_no_interval():
    units = UNITS | {"nats_low": [None] * 3, "nats_high": [None] * 3}
    assert unit_plots.units({"units": units, "posterior": True}, RANKED, DEAD).data[0].error_y.array is None


def test_likelihoods_have_a_line_for_each_covariance_in_the_order_of_components():
    tried = [
        {"components": n, "covariance": kind, "nats": -float(n)} for kind in ("full", "diagonal") for n in (1, 16, 2)
    ]
    figure = unit_plots.likelihoods(tried)
    assert [line.name for line in figure.data] == ["full covariances", "diagonal covariances"]
    assert list(figure.layout.xaxis.categoryarray) == ["1", "2", "16"] and "nats" in figure.layout.yaxis.title.text
