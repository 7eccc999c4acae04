"""Colours of codes: near vectors look alike."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr

from explorer.analysis import colours


def correlation(vectors, painted):
    return spearmanr(pdist(vectors), pdist(colours.srgb_to_oklab(painted))).statistic


@pytest.mark.parametrize("dim", [2, 3, 8, 64])
def test_near_vectors_look_alike(dim):
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(8, dim)) * 3
    vectors = centres[generator.integers(0, 8, 200)] + generator.normal(size=(200, dim)) * 0.5
    painted = colours.colour_codes(vectors)
    found = correlation(vectors, painted)
    shuffled = [abs(correlation(vectors, generator.permutation(painted))) for _ in range(5)]
    assert found > 0.7
    assert found > max(shuffled) + 0.5


def test_same_vector_same_colour_and_the_same_every_time():
    vectors = np.random.default_rng(0).normal(size=(30, 5))
    painted = colours.colour_codes(np.vstack([vectors, vectors]))
    assert painted.dtype == np.uint8
    assert np.array_equal(painted[:30], painted[30:])
    assert np.array_equal(painted, colours.colour_codes(np.vstack([vectors, vectors])))


def test_colours_spread():
    painted = colours.colour_codes(np.random.default_rng(0).normal(size=(512, 64)))
    lightness, a, b = colours.srgb_to_oklab(painted).T
    assert np.ptp(lightness) > 0.3 and np.ptp(a) > 0.15 and np.ptp(b) > 0.15
    assert len(np.unique(painted, axis=0)) > 480


def test_dead_codes_do_not_flatten_the_used_ones():
    generator = np.random.default_rng(0)
    used = generator.normal(size=(50, 4))
    vectors = np.vstack([used, used[:1] + 1e6])
    counts = np.array([10] * 50 + [0])
    assert correlation(used, colours.colour_codes(vectors, counts)[:50]) > 0.6
    assert np.ptp(colours.colour_codes(vectors, counts)[:50].astype(int), axis=0).min() > 60


@pytest.mark.parametrize("vectors", [np.zeros((0, 4)), np.zeros((1, 4)), np.ones((5, 2)), np.array([[0.0], [1], [2]])])
def test_degenerate_codebooks(vectors):
    assert colours.colour_codes(vectors).shape == (len(vectors), 3)


def test_refuses_nan():
    with pytest.raises(ValueError, match="NaN"):
        colours.colour_codes(np.array([[np.nan, 0]]))


def test_oklab_by_hand():
    # white, black and the published value of sRGB red
    lab = colours.srgb_to_oklab(np.array([[255, 255, 255], [0, 0, 0], [255, 0, 0]], np.uint8))
    assert lab == pytest.approx(np.array([[1, 0, 0], [0, 0, 0], [0.62796, 0.22486, 0.12585]]), abs=2e-4)
    every = np.random.default_rng(0).integers(0, 256, (100, 3)).astype(np.uint8)
    assert np.array_equal(colours.oklab_to_srgb(colours.srgb_to_oklab(every)), every)


def test_out_of_gamut_keeps_its_hue():
    wanted = np.array([[0.6, 0.4, 0.1]])
    got = colours.srgb_to_oklab(colours.oklab_to_srgb(wanted))
    assert got[0, 0] == pytest.approx(0.6, abs=0.01)
    assert np.arctan2(got[0, 2], got[0, 1]) == pytest.approx(np.arctan2(0.1, 0.4), abs=0.02)


def test_paint_by_hand():
    table = np.array([[1, 2, 3], [9, 9, 9]], np.uint8)
    painted = colours.paint(np.array([[0, 1]]), table, 2)
    assert painted.shape == (2, 4, 3)
    assert painted[:, :2].reshape(-1, 3).tolist() == [[1, 2, 3]] * 4
    assert (painted[:, 2:] == 9).all()
