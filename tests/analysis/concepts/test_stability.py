"""Codes of two networks agree where they own the same tokens, whatever their numbers."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.analysis.concepts import stability


def drawn(images=200, grid=(4, 4), size=12, seed=0):
    return np.random.default_rng(seed).integers(0, size, (images, *grid))


def test_a_permuted_copy_agrees_in_everything():
    codes = drawn()
    order = np.random.default_rng(1).permutation(12)
    found = stability.compare(codes, order[codes])
    assert (found.ami.mean, found.iou.mean, found.agreed.mean) == pytest.approx((1, 1, 1))
    assert found.ami.low == pytest.approx(1, abs=0.01) and found.matched == 12 and found.used == (12, 12)
    assert abs(found.ami.null) < 0.02 and found.agreed.null < 0.2
    assert found.same == (order == np.arange(12)).sum()


def test_unrelated_codes_agree_by_chance():
    found = stability.compare(drawn(seed=0), drawn(seed=1))
    assert found.ami.low < 0 < found.ami.high and abs(found.ami.mean) < 0.02
    assert found.iou.mean < found.iou.null_high + 0.02 and found.agreed.mean < 0.13
    assert found.iou.low < found.iou.null < found.iou.high


def test_codes_of_a_place_are_no_agreement_beyond_the_null():
    place = np.broadcast_to(np.arange(16).reshape(4, 4), (100, 4, 4))
    found = stability.compare(place, place[:, ::-1])
    assert found.ami.mean == pytest.approx(1) and found.ami.null == pytest.approx(1), "permuted images say the same"


def test_half_of_the_tokens_by_hand():
    first = np.tile([0, 1], 50)[:, None, None].repeat(4, 1)  # (100, 4, 1)
    second = first.copy()
    second[:, 2:] = 2  # the lower half of every image has a third code
    found = stability.compare(first, second)
    assert found.agreed.mean == pytest.approx(0.5) and found.iou.mean == pytest.approx((0.5 + 0.5 + 0) / 3)


@pytest.mark.parametrize(("size", "images"), [(2, 20), (12, 50), (60, 30)])
def test_it_is_sklearns_adjusted_mutual_information(size, images):
    from sklearn.metrics import adjusted_mutual_info_score

    first = drawn(images, size=size)
    second = np.where(drawn(images, size=3, seed=5) > 0, first, drawn(images, size=size, seed=7))
    found = stability.compare(first, second)
    assert found.ami.mean == pytest.approx(adjusted_mutual_info_score(first.reshape(-1), second.reshape(-1)), abs=1e-9)


def test_what_is_drawn_is_near_what_is_summed(monkeypatch):
    first, second = (np.bincount(drawn(seed=seed).reshape(-1)) for seed in (0, 1))
    summed = stability.expected_information(first, second)
    monkeypatch.setattr(stability, "CELLS", 1)
    assert stability.expected_information(first, second) == pytest.approx(summed, rel=0.2)


def test_greedy_partners_of_many_codes(monkeypatch):
    monkeypatch.setattr(stability, "DENSE", 4)
    codes = drawn()
    found = stability.compare(codes, 11 - codes)
    assert found.greedy and found.iou.mean == pytest.approx(1)


def test_intervals_hold_what_many_samples_give():
    def both(seed, images):
        first = drawn(images, size=6, seed=seed)
        noise = np.random.default_rng([seed, 3]).random((images, 1, 1)) < 0.5  # by image, not by token
        return first, np.where(noise, drawn(images, size=6, seed=seed + 1000), first)

    true = stability.compare(*both(99, 4000)).ami.mean
    found = [stability.compare(*both(seed, 80)).ami for seed in range(25)]
    assert sum(one.low <= true <= one.high for one in found) >= 21


def test_one_code_or_one_image_says_nothing():
    assert stability.compare(np.zeros((5, 2, 2), int), drawn(5, (2, 2))) is None
    assert stability.compare(drawn(1), drawn(1)) is None
    assert stability.compare(drawn(2, (1, 1), 2, 3), drawn(2, (1, 1), 2, 3)) is not None
