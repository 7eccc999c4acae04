"""Pairs of codes: an exclusive or that is found, independent codes that are not, and bits by hand."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.analysis.concepts import pairs
from explorer.analysis.selection import adjust


def exclusive(images=1_000, seed=0):
    """Noise codes 4 … 9 on a 4 × 4 grid; two neighbours somewhere are 0 or 1 and 2 or 3, and differ by the label."""
    generator = np.random.default_rng(seed)
    codes = generator.integers(4, 10, (images, 4, 4))
    first, second = generator.integers(0, 2, (2, images))
    top, left = generator.integers(0, 4, images), generator.integers(0, 3, images)
    codes[np.arange(images), top, left] = first
    codes[np.arange(images), top, left + 1] = 2 + second
    return codes, first ^ second


def test_bits_by_hand():
    assert pairs.presence_bits([10, 0], [10, 10]) == pytest.approx(1)
    assert pairs.presence_bits([5, 5], [10, 10]) == pytest.approx(0)
    third = 1 - 0.75 * -(2 / 3 * np.log2(2 / 3) + 1 / 3 * np.log2(1 / 3))  # a quarter has it, all of one value
    assert pairs.presence_bits([10, 0], [20, 20]) == pytest.approx(third)


def test_an_exclusive_or_of_neighbours_is_found_though_neither_tells_anything():
    codes, labels = exclusive()
    offset, chosen = pairs.choose(codes[:500], labels[:500])
    told = pairs.score(codes[500:], labels[500:], offset, chosen)
    found = (adjust(told.p) < 0.05) & (told.gain > 0)
    names = {(*step, *pair) for step, pair in zip(offset[found].tolist(), chosen[found].tolist(), strict=True)}
    assert {(0, 1, first, second) for first in (0, 1) for second in (2, 3)} <= names and len(names) <= 6
    some = (chosen[:, 0] < 2) & (chosen[:, 1] > 1) & (chosen[:, 1] < 4) & (offset == [0, 1]).all(1)
    assert (told.alone[some] < 0.02).all() and np.allclose(told.gain[some], 0.31, atol=0.06)
    assert (told.low[some] > 0).all() and (told.null_high[some] < 0.1).all()


def test_independent_codes_are_found_by_chance_only():
    found, scored = 0, 0
    for seed in range(12):
        generator = np.random.default_rng(seed)
        labels = generator.integers(0, 3, 400)
        codes = (generator.random((400, 3, 3)) * (5 + labels[:, None, None])).astype(np.int64)  # told by single codes
        offset, chosen = pairs.choose(codes[:200], labels[:200])
        if len(chosen):
            told = pairs.score(codes[200:], labels[200:], offset, chosen, shuffles=199)
            found, scored = found + int((told.p <= 0.05).sum()), scored + len(chosen)
    assert scored > 20 and found / scored < 0.12


def test_every_single_code_keeps_what_it_has_to_do_with_the_label():
    labels = np.array([0, 1, 0, 1, 1, 2])
    for given in pairs.within(labels, np.random.default_rng(0), 20):
        assert np.array_equal(labels[given], labels) and sorted(given) == list(range(6))


def test_pairs_of_each_offset_by_hand():
    codes = np.arange(6).reshape(1, 2, 3)
    for offset, expected in (((0, 1), "01 12 34 45"), ((1, 0), "03 14 25"), ((1, -1), "13 24"), ((0, 2), "02 35")):
        first, second = pairs.shifted(codes, offset)
        assert " ".join(f"{a}{b}" for a, b in zip(first[0], second[0], strict=True)) == expected
    assert pairs.shifted(codes, (2, 0))[0].shape == (1, 0)
