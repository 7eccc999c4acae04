import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfTransformer

from explorer.analysis import retrieval
from explorer.analysis.retrieval import bags


@pytest.fixture
def codes():
    return np.random.default_rng(0).integers(0, 12, (40, 4, 4))


def test_bags_are_those_of_scikit_learn(codes):
    counts = bags.counted(codes, 12)
    theirs = TfidfTransformer(sublinear_tf=True).fit_transform(counts.astype(np.float64))
    assert np.allclose(bags.weights(counts).weigh(counts).toarray(), theirs.toarray(), atol=1e-6)


def test_a_code_that_every_image_has_tells_less():
    codes = np.array([[[0, 1]], [[0, 2]], [[0, 3]], [[0, 1]]])
    rows = bags.weights(bags.counted(codes, 4)).weigh(bags.counted(codes, 4)).toarray()
    assert rows[0, 1] > rows[0, 0] and (rows @ rows.T)[0, 3] == pytest.approx(1)


def test_only_the_cells_that_are_asked_for_count(codes):
    cells = np.zeros((4, 4), bool)
    cells[1, 2] = True
    one = bags.counted(codes, 12, cells).toarray()
    assert (one.argmax(1) == codes[:, 1, 2]).all() and (one.sum(1) == 1).all()


def test_codes_at_places_are_alike_by_the_cells_that_agree(codes):
    places = bags.places(codes, 12)
    ones = places.counted(codes).toarray()
    assert ones.sum(1).tolist() == [16.0] * 40
    agreed = (codes[:, None] == codes[None]).sum((2, 3))
    assert np.array_equal(ones @ ones.T, agreed)


def test_a_pair_that_no_image_has_is_left_out(codes):
    places = bags.places(codes[:1], 12)
    other = codes[:1].copy()
    other[0, 0, 0] = (other[0, 0, 0] + 1) % 12
    assert places.counted(other).sum() == 15


def test_the_most_alike_come_first_and_ties_favour_no_place():
    assert retrieval.top(np.array([0.1, 0.9, 0.5]), 2).tolist() == [1, 2]
    assert retrieval.top(np.array([0.1, 0.9, 0.5]), 5, (1,)).tolist() == [2, 0]
    tied = retrieval.top(np.ones(1000), 100)
    assert len(set(tied.tolist())) == 100 and 350 < tied.mean() < 650
    assert retrieval.top(np.zeros(0), 3).tolist() == []


def test_a_row_of_zeros_is_like_nothing():
    assert retrieval.unit(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist() == [
        [0.6000000238418579, 0.800000011920929],
        [0, 0],
    ]
