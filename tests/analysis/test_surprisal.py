"""Sums and means of surprisal, by hand, with intervals by image."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from explorer.analysis import surprisal
from explorer.analysis.concepts.values import prepared

CODES = np.array([[[0, 1], [1, 2]], [[0, 0], [1, 1]], [[2, 2], [2, 1]]])
BITS = np.array([[[1, 4], [2, 3]], [[1, 1], [6, 0]], [[5, 5], [5, 8]]], np.float32)


def test_bits_add_up_over_cells_and_levels():
    maps = {"top": BITS[:, :1], "bottom": BITS}
    assert surprisal.images_bits(maps).tolist() == [5 + 10, 2 + 8, 10 + 23]


def test_means_of_codes_are_over_tokens_and_intervals_over_images():
    found = surprisal.of_codes(CODES, BITS)
    assert found.codes.tolist() == [0, 1, 2] and found.tokens.tolist() == [3, 5, 4]
    assert found.images.tolist() == [2, 3, 2]
    assert found.mean == pytest.approx([1, (4 + 2 + 6 + 0 + 8) / 5, (3 + 15) / 4])
    assert np.isnan(found.low[[0, 2]]).all(), "two images have no interval"
    mean, residuals = 4.0, np.array([6 - 2 * 4, 6 - 2 * 4, 8 - 4])
    half = 4.302653 * np.sqrt(3 / 2 * (residuals**2).sum()) / 5
    assert (found.low[1], found.high[1]) == pytest.approx((max(mean - half, 0), mean + half), rel=1e-5)
    assert found.rare.all()


def test_intervals_of_codes_hold():
    rng, hits, shown = np.random.default_rng(0), 0, 0
    for _ in range(150):
        images = rng.normal(3, 1, (40, 1, 1))  # what the cells of an image have in common
        codes = rng.integers(0, 4, (40, 3, 3))
        found = surprisal.of_codes(codes, images + rng.normal(0, 0.5, (40, 3, 3)))
        hits, shown = hits + ((found.low < 3) & (found.high > 3)).sum(), shown + 4
    assert 0.92 < hits / shown < 0.985


def test_values_that_surprise_are_found_and_others_are_not():
    rng = np.random.default_rng(1)
    kind = np.repeat(["a", "b", "c"], 60)
    bits = rng.normal(3, 0.3, 180) + (kind == "c") * 0.5
    found = surprisal.of_values(
        bits, [prepared("kind", pd.Series(kind)), prepared("luck", pd.Series(np.tile(list("xy"), 90)))]
    )
    by = {(one.concept, one.value): one for one in found}
    assert by["kind", "c"].q < 0.001 and by["kind", "c"].difference == pytest.approx(0.5, abs=0.15)
    assert by["luck", "x"].q > 0.05 and by["kind", "a"].n == 60
    assert by["kind", "c"].low < by["kind", "c"].mean < by["kind", "c"].high
    same = surprisal.of_values(np.full(180, 2.0), [prepared("kind", pd.Series(kind))])
    assert all(one.q == 1 and one.difference == 0 for one in same)


def test_false_finds_are_rare():
    rng, alarms = np.random.default_rng(2), 0
    kinds = prepared("kind", pd.Series(np.repeat(list("abcdefghij"), 12)))
    for _ in range(200):
        alarms += any(one.q < 0.05 for one in surprisal.of_values(rng.normal(size=120), [kinds]))
    assert alarms / 200 < 0.09


def test_the_most_surprising_images_and_cells():
    assert surprisal.order(surprisal.images_bits({"code": BITS})).tolist() == [2, 0, 1]
    rows, at = surprisal.cells(BITS)
    assert rows.tolist() == [2, 1, 0] and at.tolist() == [3, 2, 1]
    rows, at = surprisal.cells(BITS, most=False)
    assert rows[0] == 1 and at[0] == 3
    ties = surprisal.order(np.zeros(200))
    assert ties[:100].mean() > 60, "ties are no first rows of the file"


def test_places_among_others():
    assert surprisal.percentile(2.0, np.array([1.0, 2, 3, 4])) == (1 + 0.5) / 4
    assert np.isnan(surprisal.percentile(2.0, np.empty(0)))
    assert surprisal.top([np.zeros((3, 2, 2))]) == 1 and surprisal.top([]) == 1
