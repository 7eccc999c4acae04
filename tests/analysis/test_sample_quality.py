"""Precision, recall, density, coverage: known answers, a second implementation, intervals that hold."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.analysis import sample_quality as quality


def found(real, samples, k: int = 5) -> dict[str, float]:
    scores = quality.scores(quality.distances(np.asarray(real, float), np.asarray(samples, float)), k)
    return dict(zip(quality.METRICS, scores, strict=True))


def slow(real: np.ndarray, samples: np.ndarray, k: int) -> list[float]:
    """The definitions in the papers, one pair after another."""

    def radius(of: np.ndarray, at: int) -> float:
        return sorted(float(np.linalg.norm(of[at] - other)) for i, other in enumerate(of) if i != at)[k - 1]

    real_balls, sample_balls = ([radius(of, at) for at in range(len(of))] for of in (real, samples))
    far = np.linalg.norm(samples[:, None] - real, axis=2)
    inside = [[far[s, r] <= ball + 1e-6 for r, ball in enumerate(real_balls)] for s in range(len(samples))]
    around = [[far[s, r] <= ball + 1e-6 for s, ball in enumerate(sample_balls)] for r in range(len(real))]
    covered = [any(inside[s][r] for s in range(len(samples))) for r in range(len(real))]
    return [
        np.mean([any(one) for one in inside]), np.mean([any(one) for one in around]),
        np.sum(inside) / (k * len(samples)), np.mean(covered),
    ]  # fmt: skip


def test_a_hand_computed_case():
    """On a line with k = 1: balls of 0, 1, 5 have radii 1, 1, 4; those of 0.5, 9 both 8.5."""
    scores = found([[0], [1], [5]], [[0.5], [9]], 1)
    assert scores == {"precision": 1.0, "recall": 1.0, "density": 1.5, "coverage": 1.0}
    # 0.5 lies in the balls of 0 and 1; 9 in that of 5, at its very edge
    far = found([[0], [1], [5]], [[9.5], [10]], 1)
    assert far == {"precision": 0, "recall": 0, "density": 0, "coverage": 0}


def test_equal_sets_have_everything():
    points = np.random.default_rng(0).standard_normal((60, 4))
    scores = found(points, points)
    assert scores["precision"] == scores["recall"] == scores["coverage"] == 1
    assert scores["density"] == pytest.approx(6 / 5), "each lies in its own ball, too"


def test_disjoint_sets_have_nothing():
    points = np.random.default_rng(0).standard_normal((60, 4))
    assert set(found(points, points + 100).values()) == {0}


def test_a_part_of_the_images_is_precise_and_lacks_the_rest():
    rng = np.random.default_rng(0)
    left, right = rng.standard_normal((50, 3)), rng.standard_normal((50, 3)) + 50
    scores = found(np.concatenate([left, right]), rng.standard_normal((100, 3)))
    assert scores["precision"] > 0.9 and scores["recall"] <= 0.5 and scores["coverage"] <= 0.5


@pytest.mark.parametrize("k", [1, 3, 5])
def test_a_second_implementation_agrees(k):
    rng = np.random.default_rng(k)
    real, samples = rng.standard_normal((30, 3)), rng.standard_normal((25, 3)) * 0.8 + 0.4
    assert list(found(real, samples, k).values()) == pytest.approx(slow(real, samples, k))


def test_copies_among_images_have_balls_of_no_size_which_hold_copies():
    real = np.zeros((10, 2))
    scores = found(real, np.zeros((5, 2)))
    assert scores["precision"] == scores["coverage"] == 1
    assert found(real, np.full((5, 2), 1e-3))["precision"] == 0


def test_fewer_images_than_neighbours_are_no_error():
    for count in (1, 2, 3):
        points = np.arange(count, dtype=float)[:, None]
        told = quality.measure(quality.distances(points, points))
        assert told["precision"]["mean"] == 1 and told["precision"]["low"] < 1
    assert np.isnan(quality.scores(quality.distances(np.empty((0, 2)), np.ones((3, 2))))).all()


def test_intervals_hold_about_as_often_as_they_say():
    rng, held, values, ends = np.random.default_rng(0), 0, [], []
    for _ in range(12):
        told = quality.measure(quality.distances(rng.standard_normal((100, 6)), 0.9 * rng.standard_normal((100, 6))))
        values.append([told[name]["mean"] for name in quality.METRICS])
        ends.append([[told[name]["low"], told[name]["high"]] for name in quality.METRICS])
    truth = np.mean(values, 0)
    held = ((np.array(ends)[:, :, 0] <= truth) & (truth <= np.array(ends)[:, :, 1])).mean()
    assert held >= 0.85
    assert (np.diff(ends, axis=2)[:, [0, 1, 3]] < 0.6).all(), "and are of use"


def test_what_is_not_finite_or_too_much_is_an_error():
    with pytest.raises(ValueError, match="NaN"):
        quality.distances(np.full((3, 2), np.nan), np.ones((3, 2)))
    with pytest.raises(ValueError, match="at most"):
        quality.distances(np.ones((quality.MOST + 1, 1)), np.ones((3, 1)))


def test_principal_components_keep_distances_whichever_way_they_are_found():
    rng = np.random.default_rng(0)
    for shape in ((40, 6), (6, 40)):
        points = rng.standard_normal(shape)
        space = quality.fit_space(points)
        placed = space.place(points)
        assert space.kept == pytest.approx(1)
        assert np.linalg.norm(placed[0] - placed[3]) == pytest.approx(np.linalg.norm(points[0] - points[3]), rel=1e-5)
    assert quality.fit_space(np.ones((5, 3))).place(np.ones((2, 3))).tolist() == [[0], [0]]
    few = quality.fit_space(rng.standard_normal((200, 5)) * [5, 1, 1, 1, 1], 1)
    assert few.kept == pytest.approx(25 / 29, abs=0.05) and abs(few.axes[0, 0]) > 0.99


def test_vectors_stay_at_their_places_and_fine_grids_are_averaged():
    vectors = np.arange(2 * 4 * 4 * 3, dtype=float).reshape(2, 4, 4, 3)
    assert quality.at_places(vectors).shape == (2, 48) and quality.at_places(vectors)[1, 5] == vectors[1, 0, 1, 2]
    halved = quality.at_places(vectors, 2)
    assert halved.shape == (2, 12) and halved[0, 0] == vectors[0, :2, :2, 0].mean()


def test_the_frechet_distance_of_known_gaussians():
    zero, one = np.zeros(2), np.eye(2)
    assert quality.frechet_of(zero, one, zero, one) == pytest.approx(0, abs=1e-9)
    assert quality.frechet_of(zero, one, np.array([3.0, 4.0]), one) == pytest.approx(25)
    assert quality.frechet_of(zero, one, zero, 4 * one) == pytest.approx(2)  # (1 - 2)² twice
    first, second = np.diag([1.0, 9.0]), np.diag([4.0, 1.0])
    assert quality.frechet_of(zero, first, zero, second) == pytest.approx(1 + 4)


def test_the_frechet_distance_of_features_of_an_extractor():
    """Any function of pictures will do: here their mean colour."""
    rng = np.random.default_rng(0)
    dark, light = rng.normal(0.3, 0.05, (2_000, 8, 8, 3)), rng.normal(0.7, 0.05, (2_000, 8, 8, 3))
    extract = lambda pictures: pictures.mean((1, 2))  # noqa: E731
    assert quality.frechet(extract(dark), extract(light)) == pytest.approx(3 * 0.4**2, rel=0.02)
    assert quality.frechet(extract(dark), extract(dark)) == pytest.approx(0, abs=1e-9)
