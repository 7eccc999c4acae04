"""Charts of how far images moved, and how many neighbours they keep."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.charts import moved_plots


def test_bars_are_shares_of_all_images_and_lines_of_the_chosen():
    moved, chosen = np.array([0.1, 0.1, 0.9, 0.9]), np.array([True, False, False, False])
    figure = moved_plots.displacements(moved, 1.2, chosen)
    every, some = figure.data
    assert sum(every.y) == pytest.approx(100) and sum(some.y) == pytest.approx(100) and some.name == "chosen"
    assert sorted(every.y)[-2:] == [50, 50] and max(some.y) == 100
    told = " ".join(note.text for note in figure.layout.annotations)
    assert "median 0.50" in told and "by chance 1.20" in told and "spreads" in figure.layout.xaxis.title.text


def test_neighbours_kept_stand_beside_what_chance_keeps():
    figure = moved_plots.neighbours_kept(np.array([0, 0, 2, 1]), 2, 10, theme="dark")
    every, chance = figure.data
    assert list(every.y) == [50, 25, 25]
    # of 10 others two are near: none of two drawn is with 8/10 * 7/9, both with 2/10 * 1/9
    assert list(chance.y) == pytest.approx([100 * 56 / 90, 100 * 32 / 90, 100 * 2 / 90])
    assert all(trace.name != "chosen" for trace in figure.data)


def test_all_or_none_chosen_and_no_move_are_drawn():
    for chosen in (np.zeros(3, bool), np.ones(3, bool), None):
        figure = moved_plots.displacements(np.zeros(3), 0.0, chosen)
        assert len(figure.data) == 1 and sum(figure.data[0].y) == pytest.approx(100)
