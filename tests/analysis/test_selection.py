"""Over-representation in a selection: perfect, useless and hand-computed cases."""

import numpy as np
import pytest
from scipy.stats import fisher_exact

from explorer.analysis import selection


def test_a_code_that_only_the_selected_have_comes_first():
    codes = np.zeros((100, 2, 2), int)
    codes[:20, 0, 0] = 7
    found = selection.compare_codes(codes, np.arange(20), 16)
    assert found.items.tolist() == [7, 0]
    assert (found.inside[0], found.outside[0], found.selected, found.rest) == (20, 0, 20, 80)
    assert found.low[0] > 0 and found.q[0] < 1e-10
    # all images have code 0: nothing to tell
    assert found.p[1] == 1 and found.low[1] < 0 < found.high[1]


def test_presence_counts_once_an_image():
    codes = np.array([[[3, 3, 3]], [[1, 1, 1]], [[3, 1, 1]]])
    found = selection.compare_codes(codes, np.array([True, False, False]), 4)
    code = list(found.items).index(3)
    assert (found.inside[code], found.outside[code]) == (1, 1)


def test_a_random_selection_finds_about_nothing():
    generator = np.random.default_rng(0)
    finds = 0
    for _ in range(20):
        codes = generator.integers(0, 64, (200, 3, 3))
        found = selection.compare_codes(codes, generator.permutation(200)[:60], 64)
        finds += (found.q < 0.05).sum()
    assert finds <= 6


def test_log_odds_by_hand():
    # 3 of 4 selected, 1 of 6 others: ln(3.5 × 5.5 / (1.5 × 1.5)) = 2.1465; variance 1/3.5 + 1/1.5 + 1/1.5 + 1/5.5
    found = selection.enrich(np.array([5]), [3], [1], 4, 6)
    assert found.log_odds[0] == pytest.approx(2.14650, abs=1e-4)
    half = 1.959964 * (1 / 3.5 + 2 / 1.5 + 1 / 5.5) ** 0.5
    assert found.low[0] == pytest.approx(2.14650 - half, abs=1e-4)
    assert found.high[0] == pytest.approx(2.14650 + half, abs=1e-4)
    # P(3 or more of 4, when 4 of 10 have it) = (4·6 + 1) / 210; two-sided by doubling
    assert found.p[0] == pytest.approx(2 * 25 / 210)
    assert found.p[0] == pytest.approx(2 * fisher_exact([[3, 1], [1, 5]], alternative="greater").pvalue)
    assert found.q[0] == found.p[0]


def test_swapping_sides_changes_the_sign():
    one = selection.enrich(np.array([0]), [8], [2], 10, 10)
    other = selection.enrich(np.array([0]), [2], [8], 10, 10)
    assert one.log_odds[0] == -other.log_odds[0] and one.p[0] == pytest.approx(other.p[0])


def test_q_values_by_hand():
    assert selection.adjust([0.01, 0.04, 0.03, 0.5]) == pytest.approx([0.04, 0.16 / 3, 0.16 / 3, 0.5])
    assert selection.adjust([]).tolist() == []


def test_refuses_empty_and_full_selections():
    codes = np.zeros((5, 1, 1), int)
    for chosen in (np.zeros(5, bool), np.ones(5, bool)):
        with pytest.raises(ValueError, match="both sides"):
            selection.compare_codes(codes, chosen, 2)
    with pytest.raises(ValueError, match="3 entries for 5 images"):
        selection.compare_codes(codes, np.ones(3, bool), 2)
