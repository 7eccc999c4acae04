"""Maps and their trustworthiness."""

import numpy as np
import pytest

from explorer.analysis import projection


@pytest.fixture(scope="module")
def clusters():
    generator = np.random.default_rng(0)
    label = np.repeat(np.arange(6), 50)
    return generator.normal(size=(6, 10))[label] * 6 + generator.normal(size=(300, 10)), label


@pytest.fixture(scope="module")
def mapped(clusters):
    return projection.umap_map(clusters[0], seed=3)


def test_clusters_stay_together_on_the_map(clusters, mapped):
    points, label = clusters
    assert mapped.shape == (300, 2) and mapped.dtype == np.float32 and np.isfinite(mapped).all()
    index, _ = projection.nearest(mapped, 10)
    assert (label[index] == label[:, None]).mean() > 0.99
    # the map is nothing like PCA's: each cluster keeps its inner neighbourhoods too
    assert projection.trustworthiness(points, mapped) > 0.95


def test_seed_decides(clusters, mapped):
    assert np.array_equal(mapped, projection.umap_map(clusters[0], seed=3))
    assert not np.array_equal(mapped, projection.umap_map(clusters[0], seed=4))


def test_three_dimensions_and_progress(clusters):
    seen = []
    found = projection.umap_map(clusters[0], dims=3, epochs=20, progress=lambda share, message: seen.append(share))
    assert found.shape == (300, 3)
    assert seen == sorted(seen) and seen[0] == 0 and seen[-1] == pytest.approx(1)


def test_progress_may_cancel(clusters):
    def stop(share, message):
        if share > 0.5:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        projection.umap_map(clusters[0], progress=stop)


@pytest.mark.parametrize("vectors", [np.zeros((0, 4)), np.zeros((1, 4)), np.eye(2), np.eye(5), np.ones((40, 3))])
def test_degenerate_vectors_have_a_map(vectors):
    found = projection.umap_map(vectors)
    assert found.shape == (len(vectors), 2) and np.isfinite(found).all()


def test_duplicates_have_a_map():
    points = np.repeat(np.random.default_rng(0).normal(size=(5, 3)), 30, 0)
    assert np.isfinite(projection.umap_map(points)).all()


def test_refuses_nan():
    with pytest.raises(ValueError, match="1 of 3 vectors contain NaN"):
        projection.umap_map(np.array([[0.0], [1], [np.inf]]))
    with pytest.raises(ValueError, match="at least 2 neighbours"):
        projection.umap_map(np.zeros((5, 2)), neighbours=1)


def test_pca_by_hand():
    points = np.array([[3.0, 1], [-3, 1], [0, 2], [0, 0]]) + 7
    assert projection.pca_map(points) == pytest.approx(np.array([[3, 0], [-3, 0], [0, 1], [0, -1]]), abs=1e-5)
    assert projection.explained_variance(points) == pytest.approx([0.9, 0.1])
    assert (projection.pca_map(points, 3)[:, 2] == 0).all()


def test_trustworthiness_agrees_with_scikit_learn(clusters, monkeypatch):
    from sklearn.manifold import trustworthiness

    monkeypatch.setattr(projection, "BLOCK", 300 * 70)
    generator = np.random.default_rng(0)
    for low in (clusters[0][:, :2], generator.normal(size=(300, 2))):
        expected = trustworthiness(clusters[0], low, n_neighbors=15)
        assert projection.trustworthiness(clusters[0], low) == pytest.approx(expected, abs=1e-6)
        sampled = projection.trustworthiness(clusters[0], low, sample=150)
        assert sampled == pytest.approx(expected, abs=0.02) and sampled != expected


def test_trustworthiness_perfect_useless_and_by_hand():
    points = np.random.default_rng(0).normal(size=(400, 2))
    assert projection.trustworthiness(points, points * 3 + 1) == 1
    shuffled = np.random.default_rng(1).permutation(points)
    assert projection.trustworthiness(points, shuffled) == pytest.approx(0.5, abs=0.05)
    # points 0, 1, 3, 7 on a line, k = 1
    high, low = np.array([[0.0], [1], [3], [7]]), np.array([[0.0], [10], [11], [1]])
    # nearest on the map: 0 -> 7 (rank 3), 1 -> 3 (rank 2), 3 -> 1 (rank 1), 7 -> 0 (rank 3): cost 2 + 1 + 0 + 2
    assert projection.trustworthiness(high, low, k=1) == pytest.approx(1 - 2 * 5 / (4 * 1 * (8 - 3 - 1)))


def test_trustworthiness_refuses_too_many_neighbours():
    with pytest.raises(ValueError, match="half the number of points"):
        projection.trustworthiness(np.zeros((10, 2)), np.zeros((10, 2)), k=5)
    with pytest.raises(ValueError, match="places on the map"):
        projection.trustworthiness(np.zeros((10, 2)), np.zeros((9, 2)), k=2)
