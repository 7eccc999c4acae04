"""Known answers for what the points of a map are coloured by, and for a selection beside the rest."""

import numpy as np
import pytest

from explorer.analysis import points
from explorer.analysis.neighbours import nearest

CODES = np.array([[[0, 0], [1, 2]], [[1, 1], [1, 0]], [[2, 2], [0, 0]]])  # 3 images of 2 × 2 cells, 4 codes


def test_most_frequent_takes_the_lower_code_of_equals():
    assert points.most_frequent(CODES, 4).tolist() == [0, 1, 0]


def test_a_code_has_the_mean_of_its_tokens_and_a_dead_one_none():
    found = points.mean_of_codes(CODES, np.array([1.0, 4.0, np.nan]), 4)
    assert found[0] == pytest.approx((1 + 1 + 4) / 3) and found[1] == pytest.approx((1 + 4 * 3) / 4)
    assert found[2] == pytest.approx(1.0) and np.isnan(found[3])


def test_a_code_has_the_value_of_most_of_its_tokens():
    found = points.value_of_codes(CODES, np.array(["cat", "dog", None], object), 4)
    assert found.tolist() == ["cat", "dog", "cat", None]
    assert points.value_of_codes(CODES, np.array([None] * 3, object), 4).tolist() == [None] * 4


def test_log_tokens_leaves_dead_codes_out():
    found = points.log_tokens(np.array([0, 1, 1000]))
    assert np.isnan(found[0]) and found[1:].tolist() == [0.0, pytest.approx(3.0)]


def test_images_with_any_of_some_codes():
    assert points.images_with_any(CODES, np.array([2, 3])).tolist() == [True, False, True]
    assert not points.images_with_any(CODES, np.array([], int)).any()


def test_agreement_is_one_for_pure_neighbourhoods_and_chance_for_none():
    labels = np.array(["a", "a", "b", "b"], object)
    assert points.agreement(np.array([[1], [0], [3], [2]]), labels) == (1.0, pytest.approx(1 / 3))
    assert points.agreement(np.array([[2], [3], [0], [1]]), labels)[0] == 0.0
    assert points.agreement(np.array([[1], [0], [3], [2]]), np.array(["a", None, "b", "b"], object))[0] == 1.0
    assert np.isnan(points.agreement(np.array([[1], [0]]), np.array([None, None], object))).all()


def test_shares_beside_the_rest_by_hand():
    labels = np.array(["a", "a", "b", "b", "b", None], object)
    found = points.beside(labels, np.array([1, 1, 1, 0, 0, 1], bool), continuous=False)
    assert found.labels.tolist() == ["b", "a"] and (found.selected, found.rest) == (3, 2)
    assert found.share_inside.tolist() == [pytest.approx(1 / 3), pytest.approx(2 / 3)]
    assert found.share_outside.tolist() == [1.0, 0.0]
    assert ((found.low <= found.share_inside) & (found.share_inside <= found.high))[0].all()


def test_a_continuous_concept_has_the_same_bins_on_both_sides_and_its_means():
    values = np.arange(100.0)
    found = points.beside(values, values >= 75, continuous=True)
    assert found.edges[0] == 0 and found.edges[-1] == 99 and len(found.labels) == points.BINS
    assert found.inside.sum() == 25 and found.outside.sum() == 75
    assert found.means[0].mean == 87 and found.means[1].mean == 37
    assert found.inside[: points.BINS // 2].sum() == 0
    same = points.beside(np.full(4, 2.0), np.array([1, 0, 0, 0], bool), continuous=True)
    assert same.inside.tolist() == [1] and same.outside.tolist() == [3]
    nothing = points.beside(np.full(4, np.nan), np.array([1, 0, 0, 0], bool), continuous=True)
    assert nothing.selected == nothing.rest == 0


def test_wilsons_interval_is_the_textbooks():
    low, high = points.wilson(np.array([0, 5, 10]), 10)
    assert low.tolist() == [0, pytest.approx(0.2366, abs=1e-4), pytest.approx(0.7225, abs=1e-4)]
    assert high.tolist() == [pytest.approx(0.2775, abs=1e-4), pytest.approx(0.7634, abs=1e-4), 1]
    assert [end.tolist() for end in points.wilson(np.array([0]), 0)] == [[0], [1]]


def test_the_interval_of_agreement_holds_although_one_image_is_near_many():
    def asked(seed):
        rng = np.random.default_rng(seed)
        labels = rng.integers(0, 4, 80)
        places = rng.normal(size=(80, 2)) + 1.2 * np.stack([np.cos(labels), np.sin(labels)], 1)
        return nearest(places, 15)[0], labels.astype(object)

    found = [points.agreement_interval(*asked(seed), np.arange(80)) for seed in range(200)]
    truth = np.mean([share for share, _, _ in found])
    assert 0.91 <= np.mean([low <= truth <= high for _, low, high in found]) <= 0.99


def test_the_interval_of_agreement_is_that_of_images_drawn_anew():
    labels = np.array(["a"] * 200 + ["b"] * 200, object)
    rng = np.random.default_rng(0)
    neighbours = rng.integers(0, 400, (400, 10))
    share, low, high = points.agreement_interval(neighbours, labels, np.arange(400))
    assert share == points.agreement(neighbours, labels)[0] and low < share < high
    assert (high - low) / 4 == pytest.approx((0.25 / 4000) ** 0.5, rel=0.2), "as of 4,000 independent pairs"
    perfect = np.array([[1], [0], [3], [2]])
    assert points.agreement_interval(perfect, np.array(["a", "a", "b", "b"], object), np.arange(4)) == (1, 1, 1)
    useless = np.array([[2], [3], [0], [1]])
    assert points.agreement_interval(useless, np.array(["a", "a", "b", "b"], object), np.arange(4)) == (0, 0, 0)
    same = rng.integers(0, 2, 40).repeat(10)  # ten patches of an image that agree together say no more than one
    groups = np.arange(40).repeat(10)
    near = np.where(same == 1, rng.integers(0, 200, 400), rng.integers(200, 400, 400))[:, None]
    wide = points.agreement_interval(near, labels, groups)
    assert wide[2] - wide[1] > 2 * np.subtract(*points.agreement_interval(near, labels, np.arange(400))[:0:-1])
    assert np.isnan(points.agreement_interval(perfect, np.full(4, None), np.arange(4))).all()
