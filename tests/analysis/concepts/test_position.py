"""How much of a code is its position, and what it tells beyond."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.analysis.concepts import position


def quadrants(images=50):
    codes = np.zeros((images, 6, 6), int)
    codes[:, :3, 3:], codes[:, 3:, :3], codes[:, 3:, 3:] = 1, 2, 3
    return codes


def test_codes_that_are_the_quadrant_are_all_position():
    found = position.of_position(quadrants(), 4)
    assert found.code_bits == pytest.approx(2) and found.told.plugin == pytest.approx(2)
    assert found.share == found.low == found.high == pytest.approx(1)


def test_codes_that_stand_anywhere_are_not_position():
    found = position.of_position(np.random.default_rng(0).integers(0, 50, (80, 6, 6)), 50)
    assert found.told.plugin > 0.3, "as counted, which is the same by chance"
    assert found.share < 0.01 and found.told.low < 0 < found.told.high and found.told.p > 0.05


def test_half_by_hand():
    """The upper half is always code 0, the lower half code 0 or 1 with the image: H = 0.811, H given position = 0.5."""
    codes = np.zeros((40, 2, 1), int)
    codes[::2, 1] = 1
    found = position.of_position(codes, 2)
    assert found.code_bits == pytest.approx(0.8113, abs=1e-4) and found.told.plugin == pytest.approx(0.3113, abs=1e-4)


def test_one_position_is_none():
    with pytest.raises(ValueError, match="one position"):
        position.of_position(np.zeros((4, 1, 1), int), 2)


def test_a_label_that_is_written_at_one_place_of_four():
    labels = np.arange(200) % 2
    codes = np.zeros((200, 2, 2), int)
    codes[:, 1, 1] = labels
    found, positions = position.given_position(codes, labels)
    assert positions == 4 and found.plugin == pytest.approx(0.25) and found.bits == pytest.approx(0.25, abs=0.01)
    assert found.p == pytest.approx(0.01) and found.low <= 0.25 <= found.high


def test_a_code_that_is_position_tells_nothing_beyond():
    found, _ = position.given_position(quadrants(), np.arange(50) % 2)
    assert found.bits == pytest.approx(0, abs=1e-12) and found.p == 1


def test_a_code_that_means_something_only_where_it_stands():
    """Code 1 on the left is one value, on the right the other: without position it tells nothing."""
    labels = np.arange(100) % 2
    codes = np.stack([labels, 1 - labels], 1).reshape(100, 1, 2)
    found, _ = position.given_position(codes, labels)
    assert found.plugin == pytest.approx(1) and found.bits == pytest.approx(1, abs=0.02)


def test_of_many_positions_a_sample_is_looked_at():
    generator = np.random.default_rng(0)
    codes, labels = generator.integers(0, 3, (60, 12, 12)), generator.integers(0, 2, 60)
    found, positions = position.given_position(codes, labels, shuffles=29)
    assert positions == position.PLACES and abs(found.bits) < 0.01
