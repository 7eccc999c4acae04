"""A Gaussian for each code: planted ones are found, rare codes lean on all, what the code tells is known in bits."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.analysis import code_gaussians


def planted(count, means, deviations, seed=0, dim=1):
    """Codes (count, 4, 4) and numbers (count, 4, 4, dim) around the mean of each code."""
    generator = np.random.default_rng(seed)
    codes = generator.integers(0, len(means), (count, 4, 4))
    noise = generator.standard_normal((count, 4, 4, dim))
    return codes, np.asarray(means)[codes][..., None] + np.asarray(deviations)[codes][..., None] * noise


@pytest.mark.parametrize("dim", [1, 3, 12])
def test_planted_means_and_deviations_are_found(dim):
    codes, values = planted(400, [0.0, 5.0, -2.0], [1.0, 0.2, 0.5], dim=dim)
    found = code_gaussians.fit(codes, values, 3)
    assert found.means == pytest.approx(np.tile([[0.0], [5], [-2]], dim), abs=0.08)
    diagonal = found.covariances if dim > code_gaussians.FULL else np.einsum("kii->ki", found.covariances)
    assert np.sqrt(diagonal) == pytest.approx(np.tile([[1.0], [0.2], [0.5]], dim), rel=0.15)
    drawn = found.draw(np.full((50, 40), 1), np.random.default_rng(0))
    assert drawn.shape == (50, 40, dim) and drawn.mean() == pytest.approx(5, abs=0.05)
    assert drawn.std() == pytest.approx(0.2, rel=0.15)


def test_the_bits_that_a_code_tells_are_those_that_were_planted():
    """Two codes at ±1 with deviation 1/10: given the code, a Gaussian of variance 0.01, and of 1.01 without."""
    codes, values = planted(600, [-1.0, 1.0], [0.1, 0.1])
    found = code_gaussians.fit(codes, values, 2)
    held, numbers = planted(300, [-1.0, 1.0], [0.1, 0.1], seed=1)
    given = found.nats(held.reshape(-1), numbers.reshape(-1, 1)).mean()
    alone = found.overall(numbers.reshape(-1, 1)).mean()
    assert given == pytest.approx(-0.5 * np.log(2 * np.pi * np.e * 0.01), abs=0.03)
    assert given - alone == pytest.approx(0.5 * np.log(1.01 / 0.01), abs=0.05)


def test_codes_that_say_nothing_are_drawn_to_all():
    generator = np.random.default_rng(0)
    codes, values = generator.integers(0, 400, (60, 4, 4)), generator.standard_normal((60, 4, 4, 1))
    found = code_gaussians.fit(codes, values, 400)
    assert found.means.std() < 0.1, "means of two or three positions each are not believed"
    held, numbers = generator.integers(0, 400, (200, 4, 4)), generator.standard_normal((200, 4, 4, 1))
    gain = found.nats(held.reshape(-1), numbers.reshape(-1, 1)) - found.overall(numbers.reshape(-1, 1))
    assert abs(gain.mean()) < 0.03


def test_a_code_that_was_never_seen_is_the_gaussian_of_all():
    codes, values = planted(100, [0.0, 5.0], [1.0, 1.0])
    found = code_gaussians.fit(codes, values, 4)
    assert found.counts.tolist()[2:] == [0, 0]
    assert found.means[3] == pytest.approx(values.mean(), abs=1e-6)
    assert found.covariances[3, 0, 0] == pytest.approx(values.var(), rel=1e-3)


def test_numbers_that_are_not_needed_stay_what_they_are():
    """Code 0 is frequent, and nothing stands beside it but zeros."""
    codes, values = planted(100, [0.0, 3.0, 4.0], [0.0, 0.5, 0.5], dim=2)
    needed = np.array([False, True, True])
    found = code_gaussians.fit(codes, values, 3, needed)
    assert (found.draw(np.zeros((2, 2), int), np.random.default_rng(0)) == 0).all()
    assert (found.mean_of(np.zeros((2, 2), int)) == 0).all()
    assert found.mean == pytest.approx(3.5, abs=0.1), "the mean of those that are needed"
    assert (found.draw(np.zeros((2, 2), int), np.random.default_rng(0), given=False) == 0).all()
    nothing = code_gaussians.fit(codes, values, 3, np.zeros(3, bool))
    assert np.isfinite(nothing.draw(codes, np.random.default_rng(0))).all()


@pytest.mark.parametrize("count, dim, values", [(1, 1, 0.5), (1, 12, 0.5), (50, 1, 1.0), (50, 12, 1.0)])
def test_one_code_one_image_and_constants(count, dim, values):
    found = code_gaussians.fit(np.zeros((count, 1, 1), int), np.full((count, 1, 1, dim), values), 1)
    drawn = found.draw(np.zeros((3, 1, 1), int), np.random.default_rng(0))
    assert drawn == pytest.approx(values, abs=0.01) and np.isfinite(found.overall(np.full((2, dim), values))).all()


def test_correlations_are_kept_of_few_numbers():
    generator = np.random.default_rng(0)
    values = generator.standard_normal((200, 4, 4, 2))
    values[..., 1] = values[..., 0] + 0.1 * values[..., 1]
    found = code_gaussians.fit(np.zeros((200, 4, 4), int), values, 1)
    drawn = found.draw(np.zeros(3000, int), generator)
    assert np.corrcoef(drawn.T)[0, 1] == pytest.approx(0.995, abs=0.01)


def test_positions_of_an_image_are_averaged_and_none_is_nan():
    mask = np.array([[[True, False]], [[True, True]], [[False, False]]])
    assert code_gaussians.by_image(np.array([1.0, 2.0, 4.0]), mask)[:2].tolist() == [1.0, 3.0]
    assert np.isnan(code_gaussians.by_image(np.array([1.0, 2.0, 4.0]), mask)[2])
