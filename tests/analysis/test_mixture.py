"""Mixtures of Gaussians: planted clusters are found, and samples of them lie where the clusters do."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.analysis import mixture

CENTRES = np.array([[8.0, 0, 0], [-8, 6, 0], [0, -8, 8]])


def planted(count, seed=0):
    """(count, 1, 3) around three centres, one vector of an image."""
    generator = np.random.default_rng(seed)
    return (CENTRES[generator.integers(0, 3, count)] + 0.4 * generator.standard_normal((count, 3)))[:, None]


def test_three_planted_clusters_are_found_and_samples_lie_near_them_while_those_of_the_prior_do_not(monkeypatch):
    monkeypatch.setattr(mixture, "COMPONENTS", (1, 2, 3, 5))
    found = mixture.compare(planted(800), np.ones(3, bool), prior=True)
    assert (
        len(found["mixture"]["weights"]) == 3
        or max(one["nats"] for one in found["tried"] if one["components"] != 3)
        < max(one["nats"] for one in found["tried"] if one["components"] == 3) + 0.1
    )
    means = np.asarray(found["mixture"]["means"])
    assert all(np.linalg.norm(means - centre, axis=1).min() < 0.3 for centre in CENTRES)
    near = {name: one["share"] for name, one in found["near"].items()}
    assert near["prior"] < 0.01 and near["mixture"] > 0.8 and abs(near["mixture"] - near["real"]) < 0.1
    drawn = mixture.drawn(found, 300, 1)
    away = np.linalg.norm(drawn[:, None] - CENTRES, axis=2).min(1)
    assert (away < 3).all() and len(np.unique(np.linalg.norm(drawn[:, None] - CENTRES, axis=2).argmin(1))) == 3
    assert np.array_equal(drawn, mixture.drawn(found, 300, 1)) and not np.array_equal(
        drawn, mixture.drawn(found, 300, 2)
    )


@pytest.mark.parametrize("covariances", [np.array([[[4.0, 1.2], [1.2, 1.0]]]), np.array([[4.0, 1.0]])])
def test_samples_have_the_mean_and_covariance_of_their_component(covariances):
    one = mixture.Mixture(np.ones(1), np.array([[3.0, -1.0]]), covariances)
    drawn = one.sample(20_000, 0)
    expected = covariances[0] if one.kind == "full" else np.diag(covariances[0])
    assert drawn.mean(0) == pytest.approx([3, -1], abs=0.05) and np.cov(drawn.T) == pytest.approx(expected, abs=0.1)


def test_near_is_within_the_third_nearest_other():
    real = np.array([[0.0], [1], [2], [3]])  # third neighbours are at 3, 2, 2, 3
    assert mixture.near(np.array([[-2.9], [-3.1], [6.0], [6.1], [1.5]]), real).tolist() == [
        True,
        False,
        True,
        False,
        True,
    ]
    assert mixture.near(real, real).all()


def test_few_vectors_get_diagonal_covariances_and_too_few_nothing():
    drawn = np.random.default_rng(0).standard_normal((40, 1, 16))
    assert mixture.compare(drawn, np.ones(16, bool), prior=False)["covariance"] == "diagonal"
    assert mixture.compare(drawn[:3], np.ones(16, bool), prior=False) == {}
    assert mixture.compare(drawn, np.zeros(16, bool), prior=False) == {}


def test_units_that_are_not_used_are_drawn_by_themselves():
    generator = np.random.default_rng(0)
    drawn = np.concatenate([planted(600)[:, 0], 5 + 2 * generator.standard_normal((600, 1))], 1)[:, None]
    found = mixture.compare(drawn, np.array([True, True, True, False]), prior=True)
    samples = mixture.drawn(found, 4000, 0)
    assert np.asarray(found["mixture"]["means"]).shape[1] == 3
    assert samples[:, 3].mean() == pytest.approx(5, abs=0.2) and samples[:, 3].std() == pytest.approx(2, abs=0.2)


def test_samples_are_held_against_images_that_the_mixture_was_not_fitted_to(monkeypatch):
    drawn, asked = planted(300), {}
    fit, near = mixture.fit, mixture.near

    def fitted(vectors, held_out, seed):
        asked["fitted"], asked["chosen"] = vectors, held_out
        return fit(vectors, held_out, seed)

    monkeypatch.setattr(mixture, "fit", fitted)
    monkeypatch.setattr(
        mixture, "near", lambda points, real: asked.setdefault("against", real) is None or near(points, real)
    )
    mixture.compare(drawn, np.ones(3, bool), prior=True)
    sets = {name: {tuple(one) for one in some.tolist()} for name, some in asked.items()}
    assert not sets["fitted"] & sets["against"] and not sets["fitted"] & sets["chosen"]
