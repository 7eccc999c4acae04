"""Clusters are those of a plain k-means, and packing by them loses little."""

from __future__ import annotations

import numpy as np

from explorer.analysis.retrieval import quantizers


def test_clear_clusters_are_found_and_a_centre_alone_stays():
    generator = np.random.default_rng(0)
    middles = np.array([[0, 0], [9, 0], [0, 9]], np.float32)
    points = np.concatenate([middle + 0.1 * generator.standard_normal((50, 2), np.float32) for middle in middles])
    told = []
    centres = quantizers.clusters(points, 24, tell=told.append)
    assert told == list(range(1, quantizers.ROUNDS + 1)) and np.isfinite(centres).all()
    found = middles[quantizers.nearest(centres, middles)]
    assert np.abs(centres - found).max() < 0.6 and len(np.unique(found, axis=0)) == 3
    assert np.array_equal(centres, quantizers.clusters(points, 24)), "a seed makes it the same again"


def test_the_nearest_centre_is_that_of_a_loop(monkeypatch):
    monkeypatch.setattr(quantizers, "BLOCK", 7)
    points, centres = np.split(np.random.default_rng(1).standard_normal((60, 5), np.float32), [50])
    loop = [int(np.argmin([np.linalg.norm(point - centre) for centre in centres])) for point in points]
    assert quantizers.nearest(points, centres).tolist() == loop


def test_packing_keeps_most_of_what_is_left():
    points = np.random.default_rng(2).standard_normal((2_000, 8), np.float32)
    centres = quantizers.clusters(points, 4)
    codes = quantizers.packing(points, centres, 4)
    assert codes.shape == (4, quantizers.CODES, 2)
    left = points - centres[quantizers.nearest(points, centres)]
    back = [code[quantizers.nearest(part, code)] for part, code in zip(np.split(left, 4, 1), codes, strict=True)]
    assert np.square(left - np.concatenate(back, 1)).mean() < 0.05 * np.square(left).mean()
