"""CKA and shared neighbours of two representations: known answers, and a second implementation of each."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose

from explorer.analysis import similarity
from explorer.analysis.similarity import cka, jaccard, prepare, shared_neighbours


def gram_cka(first: np.ndarray, second: np.ndarray) -> float:
    """Debiased CKA another way: kernels of all pairs of images, U-centred (Székely and Rizzo, 2014)."""

    def centred(x: np.ndarray) -> np.ndarray:
        kernel, n = x @ x.T, len(x)
        np.fill_diagonal(kernel, 0)
        rows = kernel.sum(0)
        kernel = kernel - rows[:, None] / (n - 2) - rows[None, :] / (n - 2) + kernel.sum() / ((n - 1) * (n - 2))
        np.fill_diagonal(kernel, 0)
        return kernel

    a, b = centred(first), centred(second)
    return (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())


def set_jaccard(first: np.ndarray, second: np.ndarray, k: int) -> float:
    """Mean Jaccard index another way: all cosines, sorted, as sets."""

    def near(x: np.ndarray) -> list[set[int]]:
        unit = x / np.linalg.norm(x, axis=1, keepdims=True)
        cosines = unit @ unit.T
        np.fill_diagonal(cosines, -np.inf)
        return [set(row[:k]) for row in np.argsort(-cosines, axis=1)]

    return float(np.mean([len(a & b) / len(a | b) for a, b in zip(near(first), near(second), strict=True)]))


@pytest.fixture(scope="module")
def latents() -> tuple[np.ndarray, np.ndarray]:
    """Two networks that share some of what they see, of 90 images; the second has more dimensions than images."""
    generator = np.random.default_rng(0)
    shared = generator.normal(size=(90, 3))
    first = np.hstack([shared @ generator.normal(size=(3, 12)), generator.normal(size=(90, 4))]) + 2
    second = shared @ generator.normal(size=(3, 200)) + generator.normal(size=(90, 200))
    return first, second


def test_both_agree_with_a_second_implementation(latents):
    first, second = (prepare(one) for one in latents)
    assert_allclose(cka(first, second).value, gram_cka(*latents), rtol=1e-9)
    assert_allclose(shared_neighbours(first, second).value, set_jaccard(*latents, 10), rtol=1e-12)
    assert_allclose(cka(second, second).value, 1)


def test_wide_latents_are_summed_over_images_and_give_the_same(latents, monkeypatch):
    monkeypatch.setattr(similarity, "BLOCK", 90 * 7)  # blocks that end within groups
    wide = prepare(np.hstack([latents[1]] * 3))
    assert_allclose(cka(wide, prepare(latents[0])).value, gram_cka(latents[1], latents[0]), rtol=1e-9)
    without = similarity._hsic(wide.vectors, wide.vectors, wide.starts)[1:]
    for group in (0, 7, 39):
        rest = np.delete(wide.vectors, similarity._groups(wide.starts, 90)[group], 0)
        assert_allclose(without[group], similarity._hsic(rest, rest, rest[:0, 0].astype(int))[0], rtol=1e-9)


def test_what_differs_by_a_turn_a_mirror_a_scale_or_an_offset_is_the_same_to_cka(latents):
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(16, 16)))[0]
    moved = 7 * latents[0] @ turn * [-1, *[1] * 15] - 3
    found = cka(prepare(latents[0]), prepare(moved))
    assert_allclose([found.value, found.low, found.high], 1, atol=1e-9)
    turned = shared_neighbours(prepare(latents[0]), prepare(7 * latents[0] @ turn))  # cosines are about the origin
    assert (turned.value, turned.low, turned.high) == (1, 1, 1)


def test_identical_latents_are_the_same_and_shuffled_ones_are_not(latents):
    one = prepare(latents[0])
    for found in (cka(one, one), shared_neighbours(one, one)):
        assert_allclose([found.value, found.low, found.high], 1)
        assert abs(found.null) < 0.1 and found.null_high < 0.2 and found.n == 90


def test_unrelated_latents_are_alike_by_chance_only():
    generator = np.random.default_rng(2)
    first, second = (prepare(generator.normal(size=(300, 64))) for _ in range(2))
    found, near = cka(first, second), shared_neighbours(first, second)
    assert found.low < 0 < found.high and abs(found.value) < 0.03, "with its diagonal, CKA would be 0.18 here"
    chance = 10 / (2 * 299 - 10)
    assert near.value == pytest.approx(chance, abs=0.01) and near.null == pytest.approx(chance, abs=0.005)


def test_neighbours_by_hand():
    assert_allclose(jaccard(np.array([[1, 2], [3, 4]]), np.array([[2, 1], [4, 5]])), [1, 1 / 3])
    angles = np.array([0, 10, 25, 90, 95, 105]) * np.pi / 180
    first = np.stack([np.cos(angles), np.sin(angles)], 1) * [[1], [5], [9], [2], [1], [3]]  # lengths do not count
    second = first.copy()
    second[2] = [np.cos(88 * np.pi / 180), np.sin(88 * np.pi / 180)]  # the third image now looks like the fourth
    found = shared_neighbours(prepare(first, 1), prepare(second, 1), 1)
    # nearest in A: 1 0 1 4 3 4; in B: 1 0 3 2 3 4
    assert_allclose(found.value, 4 / 6)


@pytest.mark.parametrize(("measure", "most"), [(cka, 1.4), (shared_neighbours, 2.2)])
def test_the_interval_is_at_least_as_wide_as_other_images_would_move_the_value(measure, most):
    generator = np.random.default_rng(3)
    projections = generator.normal(size=(2, 4, 12))

    def found(images: int = 120):
        shared = generator.normal(size=(images, 4)) * [3, 2, 1, 1]
        return measure(*(prepare(shared @ one + generator.normal(size=(images, 12))) for one in projections))

    values = np.array([found().value for _ in range(50)])
    halves = np.array([(one.high - one.low) / 2 for one in (found() for _ in range(10))])
    assert 0.8 < halves.mean() / (1.96 * values.std()) < most


def test_what_cannot_be_compared_is_none():
    generator = np.random.default_rng(4)
    vectors, constant, number = generator.normal(size=(30, 5)), np.ones((30, 5)), generator.normal(size=(30, 1))
    assert cka(prepare(vectors), prepare(constant)) is None
    assert shared_neighbours(prepare(vectors), prepare(number)) is None, "a cosine of one number is its sign"
    assert cka(prepare(vectors), prepare(number)) is not None
    for few in (1, 2, 3):
        assert cka(prepare(vectors[:few]), prepare(vectors[:few])) is None
    assert shared_neighbours(prepare(vectors[:2]), prepare(vectors[:2])) is None
    small = cka(prepare(vectors[:6]), prepare(vectors[:6]))
    assert small.value == pytest.approx(1) and small.n == 6
    with pytest.raises(ValueError, match="NaN"):
        prepare(np.full((5, 2), np.nan))
