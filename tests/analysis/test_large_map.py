"""A map of which a sample is laid out: placed points are to be trusted like those, on clusters that are known."""

import numpy as np
import pytest

from explorer.analysis import large_map, projection

FITTED, K = 300, 15


def made(points, make=large_map.umap, report=lambda share, message: None, **more):
    how = {"fitted": FITTED, "neighbours": 15, "min_dist": 0.1} if make is large_map.umap else {}
    return make(points, 2, k=K, seed=0, report=report, **how | more)


@pytest.fixture(scope="module")
def clusters():
    """3,000 points in six clusters, of which the last has 40."""
    generator = np.random.default_rng(0)
    label = np.repeat(np.arange(6), (900, 900, 600, 400, 160, 40))
    centres = 6 * generator.normal(size=(6, 10))
    return (centres[label] + generator.normal(size=(3_000, 10))).astype(np.float32), label


@pytest.fixture(scope="module")
def mapped(clusters):
    seen = []
    return *made(clusters[0], report=lambda share, message: seen.append((share, message))), seen


def test_placed_points_are_to_be_trusted_nearly_like_those_that_are_laid_out(clusters, mapped):
    places, facts, asked, _ = mapped
    assert places.shape == (3_000, 2) and places.dtype == np.float32 and np.isfinite(places).all()
    assert (facts["fitted"], facts["placed"]) == (FITTED, 2_700) and facts["placing_recall"] > 0.99
    placed, fitted = facts["trustworthiness_placed"], facts["trustworthiness_fitted"]
    assert placed["low"] < placed["mean"] < placed["high"] and placed["mean"] > fitted["mean"] - 0.05
    assert placed["mean"] > 0.88 and facts["trustworthiness_pca"]["mean"] < placed["mean"]
    assert facts["trustworthiness_random"]["mean"] == pytest.approx(0.5, abs=0.1)
    whole = projection.trustworthiness(clusters[0], places, K, None)
    assert facts["trustworthiness"] == pytest.approx(whole, abs=0.01)
    # neighbours of those that were asked are of the same cluster, also of the rare one
    label = clusters[1]
    for near in (asked.on_map, asked.latents):
        same = label[near] == label[asked.queries][:, None]
        assert same.mean() > 0.98 and same[label[asked.queries] == 5].mean() > 0.9


def test_where_nearly_all_are_laid_out_the_few_that_were_placed_are_asked_apart(clusters, monkeypatch):
    monkeypatch.setattr(large_map, "ALL", 20)
    some = clusters[0][::10]
    facts = made(some, fitted=295)[1]
    assert facts["trustworthiness_placed"]["n"] == facts["placed"] == 5 and facts["trustworthiness_queries"] == 20
    assert facts["trustworthiness_placed"]["low"] < facts["trustworthiness_placed"]["mean"]
    assert facts["trustworthiness_placed"]["high"] <= 1
    facts = made(some, fitted=299)[1]
    assert facts["trustworthiness_placed"]["n"] == 1 and 0 < facts["trustworthiness_placed"]["mean"] <= 1


def test_what_is_laid_out_is_a_map_like_any_other_and_progress_runs_on(clusters, mapped):
    seen = [share for share, _ in mapped[3]]
    assert seen == sorted(seen) and seen[0] == 0 and seen[-1] == pytest.approx(1)
    assert {"drawing the points to lay out", large_map.PLACING, large_map.ASKING} <= {text for _, text in mapped[3]}
    assert 0 < mapped[1]["placing_error"] < 0.1
    assert sum(mapped[1]["weights"]) > 2 * 1, "each stands for itself at least"


def test_random_vectors_have_a_map_that_is_trusted_little():
    facts = made(np.random.default_rng(0).normal(size=(800, 40)).astype(np.float32), fitted=100)[1]
    assert facts["trustworthiness_placed"]["mean"] < 0.8 and facts["trustworthiness_random"]["mean"] < 0.65


def test_pca_is_of_all_points(clusters):
    places, facts, asked = made(clusters[0], large_map.pca)
    assert np.array_equal(places, projection.pca_map(clusters[0]))
    assert facts["trustworthiness"] == pytest.approx(projection.trustworthiness(clusters[0], places, K, None), abs=0.02)
    assert facts["explained_variance"] == pytest.approx(projection.explained_variance(clusters[0]))
    assert asked.on_map.shape == asked.latents.shape == (large_map.BASELINE, K)


def test_copies_and_numbers_that_never_change(clusters):
    few = np.repeat(clusters[0][:10], 50, 0)
    few[:, 3] = 7.0
    places, facts, _ = made(few, fitted=60)
    assert np.isfinite(places).all() and facts["trustworthiness"] > 0.9


def test_what_is_not_finite_is_refused_and_whoever_waits_may_stop(clusters):
    broken = clusters[0].copy()
    broken[7, 2] = np.nan
    with pytest.raises(ValueError, match="1 of 3,000 vectors contain NaN"):
        made(broken)

    def stop(share, message):
        if message == large_map.PLACING:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        made(clusters[0], report=stop, fitted=50)
