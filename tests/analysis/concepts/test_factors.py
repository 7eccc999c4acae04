"""Scores of factors: the reference vectors of disentanglement_lib, and perfect, useless and doubled latents."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.analysis.concepts import factors, latents

DIAGONAL = np.diag(5.0 * np.ones(5))
EMPTY = np.array([[1.0, 0], [0, 1], [0, 0]])
LESS = 1 - np.log(2) / np.log(10)


@pytest.mark.parametrize(
    ("importance", "separate", "complete", "modular"),
    [
        (DIAGONAL, 1, 1, 1),
        (EMPTY, 1, 1, 2 / 3),
        (np.zeros((10, 10)), 0, 0, 0),
        (np.vstack([DIAGONAL, DIAGONAL]), 1, LESS, 1),
        (DIAGONAL[:2], 1, 1, 1),
        (np.hstack([DIAGONAL, DIAGONAL]), LESS, 1, 1 - 1 / 9),
    ],
)
def test_reference_vectors(importance, separate, complete, modular):
    assert factors.disentanglement(importance) == pytest.approx(separate, abs=1e-6)
    assert factors.completeness(importance) == pytest.approx(complete, abs=1e-6)
    assert factors.modularity(importance) == pytest.approx(modular, abs=1e-6)


def test_information_by_hand_and_as_scikit_learn_counts_it():
    from sklearn.metrics import mutual_info_score

    levels = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    assert np.allclose(factors.mutual_information(levels, np.array([0, 0, 1, 1])), [1, 0])
    generator = np.random.default_rng(0)
    levels, labels = generator.integers(0, 5, (200, 3)), generator.integers(0, 4, 200)
    expected = [mutual_info_score(labels, one) / np.log(2) for one in levels.T]
    assert np.allclose(factors.mutual_information(levels, labels), expected)


def ten(images=2_000, seed=0):
    """Ten factors of ten values: (n, 10)."""
    return np.random.default_rng(seed).integers(0, 10, (images, 10))


def table(levels, known):
    return np.stack([factors.mutual_information(levels, one) for one in known.T], 1), np.full(10, np.log2(10))


def test_gap_of_the_same_nothing_and_twice():
    known = ten()
    assert factors.gap(*table(known, known)) > 0.9
    assert factors.gap(*table(np.zeros_like(known), known)) < 0.01
    assert factors.gap(*table(np.hstack([known, known]), known)) < 0.01


def test_info_of_the_same_and_of_two_factors_in_one():
    known = ten()
    told = table(known, known)[0] / np.log2(10)
    active = np.ones(10, bool)
    assert factors.info_modularity(told, active) > 0.8 and factors.info_compactness(told, active) > 0.8
    clear = np.eye(4)
    assert factors.info_modularity(clear, active[:4]) == factors.info_compactness(clear, active[:4]) == 1
    assert factors.info_modularity(np.ones((3, 4)), active[:3]) == pytest.approx(0)
    both = np.array([[1.0, 1, 0], [0, 0, 1]])  # one latent tells two factors: (1/2 + 1) / 2 = 3/4, less a third
    assert factors.info_modularity(both, active[:2]) == pytest.approx((0.75 - 1 / 3) / (2 / 3))
    assert factors.info_compactness(both, active[:2]) == pytest.approx(1)


def test_what_is_held_is_named_by_the_latent_that_varies_least():
    known, generator = ten(), np.random.default_rng(1)
    for nominal in (True, False):
        votes = [factors.fixed_votes(known, known, 200, generator, nominal=nominal) for _ in range(2)]
        assert factors.voted(*votes, 10) > 0.95
        noise = generator.permutation(known)
        votes = [factors.fixed_votes(noise, known, 200, generator, nominal=nominal) for _ in range(2)]
        assert factors.voted(*votes, 10) < 0.3


def represented(known):
    return latents.Latents(
        "vectors", np.arange(known.shape[1]), known, known.astype(np.float32), np.arange(known.shape[1])
    )


@pytest.mark.parametrize(("name", "ends"), [("same", (0.9, 1)), ("nothing", (0, 0.2)), ("twice", (0, 0.2))])
def test_single_latents(name, ends):
    known = ten(1_000)
    given = {"same": known, "nothing": np.zeros_like(known), "twice": np.hstack([known, known])}[name]
    fit, score = np.arange(500), np.arange(500, 1_000)
    found = [latents.single(represented(given), one, one.astype(float), fit, score) for one in known.T]
    assert ends[0] <= factors.separated(np.stack(found, 1)) <= ends[1]


def test_trees_and_regressions_find_the_latent_of_each_factor():
    known = ten(1_500)[:, :4]
    fit, score = np.arange(1_000), np.arange(1_000, 1_500)
    hot = (known[:, :, None] == np.arange(10)).reshape(len(known), -1).astype(np.float32)
    for given in (
        represented(known),
        latents.Latents("positions", np.arange(4), known, hot, np.repeat(np.arange(4), 10)),
    ):
        found = [latents.forest(given, one, fit, score) for one in known.T]
        importance = np.stack([one for one, _ in found], 1)
        assert factors.disentanglement(importance) > 0.8 and factors.completeness(importance) > 0.8
        assert min(right for _, right in found) > 0.9
    assert 1 - latents.explicitness(given, known[:, 0], fit, score).mean() > 0.8
    assert 1 - latents.explicitness(given, np.random.default_rng(2).permutation(known[:, 0]), fit, score).mean() < 0.05


def test_counts_and_cells_are_what_they_say():
    codes = np.array([[[3, 3], [1, 0]], [[3, 1], [1, 1]], [[2, 2], [2, 2]]])
    found = latents.counts(codes, np.arange(2), 5)
    assert found.names.tolist() == [0, 1, 3] and found.numbers.tolist() == [[1, 1, 2], [0, 3, 1], [0, 0, 0]]
    cells = latents.positions(codes, np.arange(3), 5)
    assert cells.levels.shape == (3, 4) and len(np.unique(cells.levels[:, 0])) == 2 and cells.nominal
    assert np.allclose(cells.numbers.reshape(3, 4, -1).sum(2), 1)


def test_dependence_of_independent_and_of_equal_factors():
    known = ten(2_000)
    v, bits, p = factors.association(known[:, 0], known[:, 1])
    assert v < 0.05 and bits < 0.05 and p > 0.001
    assert factors.association(known[:, 0], (known[:, 0] + 3) % 10) == pytest.approx((1, 1, 0), abs=1e-6)
