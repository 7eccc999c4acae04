"""Agreement of codes of two networks: known answers, scikit-learn's AMI, and grids that differ."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from explorer.analysis import agreement
from explorer.analysis.agreement import aligned, ami


@pytest.fixture(scope="module")
def codes() -> np.ndarray:
    """(60, 4, 4) codes of 12, which no place prefers."""
    return np.random.default_rng(0).integers(0, 12, (60, 4, 4))


def test_identical_and_permuted_codes_agree_exactly(codes):
    permuted = np.random.default_rng(1).permutation(12)[codes]
    for other in (codes, permuted, permuted.astype(np.uint8)):
        found = ami(codes, other)
        assert (found.value, found.low, found.high, found.n) == (1, 1, 1, 60)


def test_it_is_that_of_scikit_learn(codes):
    from sklearn.metrics import adjusted_mutual_info_score

    generator = np.random.default_rng(2)
    noisy = np.where(generator.random(codes.shape) < 0.4, generator.integers(0, 12, codes.shape), codes // 2)
    found = ami(codes, noisy)
    assert_allclose(found.value, adjusted_mutual_info_score(codes.reshape(-1), noisy.reshape(-1)), rtol=1e-9)
    assert found.low < found.value < found.high < 1 and abs(found.null) < 0.05


def test_unrelated_codes_agree_by_chance_and_places_are_part_of_chance(codes):
    generator = np.random.default_rng(3)
    found = ami(codes, generator.integers(0, 12, codes.shape))
    assert found.low < 0.01 and abs(found.value) < 0.03
    places = np.broadcast_to(np.arange(16).reshape(4, 4), (60, 4, 4))
    found = ami(places, places[:, ::-1])
    assert found.value == 1 and found.null == pytest.approx(1), "codes of the place alone are no agreement on images"


def test_cells_of_different_grids_cover_the_same_places():
    fine, coarse = aligned((4, 4), (2, 2))
    assert_array_equal(fine, np.arange(16))
    assert_array_equal(coarse.reshape(4, 4), [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]])
    assert_array_equal(aligned((1, 1), (2, 2))[0], [0, 0, 0, 0])
    # three cells beside two: the centre of the middle one (1/2) lies at the start of the second
    assert_array_equal(aligned((3, 3), (2, 2))[1].reshape(3, 3), [[0, 1, 1], [2, 3, 3], [2, 3, 3]])
    # each side by the finer of the two
    tall, wide = aligned((4, 2), (2, 3))
    assert_array_equal(tall.reshape(4, 3), [[0, 1, 1], [2, 3, 3], [4, 5, 5], [6, 7, 7]])
    assert_array_equal(wide.reshape(4, 3), [[0, 1, 2], [0, 1, 2], [3, 4, 5], [3, 4, 5]])
    # a row of tokens has no place in the image, but one vector is of all of it
    assert aligned((1, 32), (4, 4)) is None
    assert_array_equal(aligned((1, 32), (1, 32))[0], np.arange(32))
    assert_array_equal(aligned((1, 32), (1, 1))[1], np.zeros(32))


def test_a_finer_copy_agrees_exactly(codes):
    finer = codes.repeat(2, 1).repeat(2, 2)
    assert ami(codes, finer).value == ami(finer, codes).value == 1


def test_what_cannot_be_compared_is_none(codes):
    assert ami(codes, np.zeros_like(codes)) is None
    assert ami(codes[:1], codes[:1]) is None
    assert ami(codes, codes.reshape(60, 1, 16)) is None


def test_many_tokens_are_a_sample_of_the_images(codes, monkeypatch):
    monkeypatch.setattr(agreement, "TOKENS", 16 * 20)
    found = ami(codes, (codes + 1) % 12)
    assert (found.value, found.n) == (1, 20)


def test_the_interval_is_as_wide_as_other_images_would_move_the_value():
    generator = np.random.default_rng(4)
    kinds, told = generator.dirichlet(np.full(12, 0.3), 6), generator.dirichlet(np.full(10, 0.2), 12)

    def found():
        """Codes of 80 images of six kinds, and codes of another network that tell a part of them."""
        first = np.stack([generator.choice(12, 16, p=kinds[kind]) for kind in generator.integers(0, 6, 80)])
        second = (told[first].cumsum(2) < generator.random((80, 16, 1))).sum(2).clip(0, 9)
        return ami(first.reshape(80, 4, 4), second.reshape(80, 4, 4))

    values = [found() for _ in range(60)]
    half = np.mean([(one.high - one.low) / 2 for one in values])
    assert half / (1.96 * np.std([one.value for one in values])) == pytest.approx(1, abs=0.3)
