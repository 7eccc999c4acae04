"""Placing a new image among known ones: perfect, useless and hand-computed cases."""

import numpy as np
import pytest

from explorer.analysis import placing

LINE = np.array([[0.0], [1], [3], [7]])  # gaps 1, 1, 2, 4


@pytest.fixture
def cloud():
    return np.random.default_rng(0).normal(size=(400, 2)).astype(np.float32)


def found(vector, vectors, k=3):
    return placing.find(np.asarray(vector, np.float32), vectors, placing.gaps(vectors), k)


def test_gaps_by_hand():
    assert placing.gaps(LINE).tolist() == [1, 1, 2, 4]
    assert placing.gaps(np.array([[0.0, 0], [3, 4], [0, 0]])).tolist() == [0, 5, 0]
    alone = placing.gaps(np.zeros((1, 3)))
    assert alone.tolist() == [np.inf] and alone.dtype == np.float32


def test_find_by_hand():
    # from 4.5 it is 1.5 to 3, 2.5 to 7, 3.5 to 1 and 4.5 to 0; of the gaps 1, 1, 2, 4 two are below 1.5
    near = found([4.5], LINE)
    assert near.rows.tolist() == [2, 3, 1] and near.distances.tolist() == [1.5, 2.5, 3.5]
    assert near.distances.dtype == np.float32
    assert not near.copy and near.unusual == 0.5


def test_find_agrees_with_scikit_learn(cloud):
    from sklearn.neighbors import NearestNeighbors

    distances, rows = NearestNeighbors(n_neighbors=7).fit(cloud).kneighbors([[0.3, -0.2]])
    near = found([0.3, -0.2], cloud, 7)
    assert np.array_equal(near.rows, rows[0]) and near.distances == pytest.approx(distances[0], abs=1e-5)


def test_a_known_vector_is_a_copy_and_is_judged_by_its_next_neighbour():
    near = found([3], LINE)
    assert near.copy and near.rows.tolist() == [2, 1, 0] and near.distances.tolist() == [0, 2, 3]
    assert near.unusual == 0.5  # its gap is 2; two others have 1, and its own is no smaller
    assert not found([3.01], LINE).copy


@pytest.mark.parametrize("offset", [0.0, 1e-6])
def test_rounding_does_not_hide_a_copy_and_scale_does_not_make_one(cloud, offset):
    for scale in (1e-3, 1.0, 1e3):
        near = found((cloud[17] + offset) * scale, cloud * scale)
        assert near.copy and near.rows[0] == 17
        assert not found((cloud[17] + 0.01) * scale, cloud * scale).copy


def test_a_copy_is_known_when_the_others_were_stored_in_half_precision():
    known = np.random.default_rng(0).normal(1, 1, (300, 64)).astype(np.float32)
    stored = known.astype(np.float16).astype(np.float32)
    own = placing.gaps(stored)
    for row in range(0, 300, 30):
        near = placing.find(known[row], stored, own, 2)
        assert near.copy and near.rows[0] == row and near.unusual < 1


def test_unusual_at_its_ends(cloud):
    assert found([1000, 1000], cloud).unusual == 1
    assert found([0.5], np.array([[0.0], [1], [20], [30]])).unusual == 0  # all gaps are 1 or more


def test_an_equal_gap_is_not_a_smaller_one():
    grid = np.arange(10.0)[:, None]
    assert found([10], grid).unusual == 0 and found([4], grid).unusual == 0
    assert found([10.1], grid).unusual == 1


def test_how_unusual_the_known_ones_are_is_spread_evenly(cloud):
    shares = np.array([found(vector, cloud).unusual for vector in cloud])
    assert shares.min() == 0 and shares.max() > 0.99 and shares.mean() == pytest.approx(0.5, abs=0.01)


def test_equally_near_ones_come_in_the_order_of_their_rows():
    square = np.array([[1.0, 0], [0, 1], [-1, 0], [0, -1], [5, 5]])
    assert found([0, 0], square, 4).rows.tolist() == [0, 1, 2, 3]


def test_fewer_vectors_than_were_asked_for():
    near = found([2], LINE[:2], 5)
    assert near.rows.tolist() == [1, 0] and near.distances.tolist() == [1, 2]


def test_one_known_vector_says_nothing_about_what_is_unusual():
    far = found([9], np.zeros((1, 1)))
    assert far.rows.tolist() == [0] and far.distances.tolist() == [9] and not far.copy and far.unusual == 0
    same = found([0], np.zeros((1, 1)))
    assert same.copy and same.unusual == 0


def test_place_by_hand():
    # weights 1 and 1/3 of the places 0 and 4
    place = placing.place(np.array([1.0, 3.0]), np.array([[0.0, 10], [4, 10]]))
    assert place == pytest.approx([1, 10]) and place.dtype == np.float32 and place.shape == (2,)


def test_a_neighbour_at_distance_0_is_taken_as_it_is():
    places = np.array([[3.0, 4], [100, -100], [7, 7]])
    assert placing.place(np.array([0.0, 1, 2]), places) == pytest.approx([3, 4], abs=1e-4)
    assert placing.place(np.array([0.0, 0, 2]), places) == pytest.approx([51.5, -48], abs=1e-4)
    assert placing.place(np.zeros(3), places) == pytest.approx(places.mean(0), abs=1e-4)


def test_equal_distances_give_the_mean_at_any_scale():
    places = np.random.default_rng(0).normal(size=(5, 2))
    for distance in (1e-6, 1.0, 1e6):
        assert placing.place(np.full(5, distance), places) == pytest.approx(places.mean(0), abs=1e-6)


def test_many_are_placed_at_once():
    rng = np.random.default_rng(0)
    distances, places = rng.random((4, 3, 5)), rng.normal(size=(4, 3, 5, 2))
    placed = placing.place(distances, places)
    assert placed.shape == (4, 3, 2)
    assert placed[2, 1] == pytest.approx(placing.place(distances[2, 1], places[2, 1]))
    assert placing.place(np.ones(1), np.ones((1, 3))).shape == (3,)  # one neighbour, a map in three dimensions


def test_placing_error_by_hand():
    # of 0, 1, 3 on a line the others put 0 at 1.5, 1 at 1 and 3 at 0.6: missed by 1.5, 0 and 2.4, the map is 3 long
    line = LINE[:3]
    assert placing.placing_error(line, line) == pytest.approx(0.5)
    assert placing.placing_error(line, 100 * line) == pytest.approx(0.5)


def test_placing_error_is_0_where_every_point_has_a_twin(cloud):
    twins = cloud.repeat(2, 0)
    assert placing.placing_error(twins, twins) == pytest.approx(0, abs=1e-6)


def test_a_map_equal_to_the_vectors_places_well_and_a_shuffled_one_badly(cloud):
    good = placing.placing_error(cloud, cloud)
    bad = placing.placing_error(cloud, np.random.default_rng(1).permutation(cloud))
    assert good < 0.02 and bad > 8 * good and bad > 0.1


def test_no_error_without_other_points_or_without_extent(cloud):
    assert np.isnan(placing.placing_error(np.zeros((1, 3)), np.zeros((1, 2))))
    assert np.isnan(placing.placing_error(cloud, np.zeros((400, 2))))
