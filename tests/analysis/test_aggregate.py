"""Densities of latents: known answers in nats, what a better prior saves, and units that nobody uses."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.analysis import aggregate, flows, latent_samples, mixture
from explorer.analysis.aggregate import Latents

ROOT = np.linalg.cholesky(np.array([[2.0, 0.9, 0.0], [0.9, 1.0, 0.3], [0.0, 0.3, 0.5]]))
ENTROPY = 1.5 * np.log(2 * np.pi * np.e) + np.log(np.diag(ROOT)).sum()  # nats
CENTRES = np.array([[-3.0, 0.0], [3.0, 1.0]])


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Trainings of a tenth of the length, on few cores that others use."""
    monkeypatch.setattr(flows, "STEPS", 120)


def gaussian(count, seed):
    return Latents(np.random.default_rng(seed).standard_normal((count, 3)) @ ROOT.T + 1)


def two(count, seed):
    generator = np.random.default_rng(seed)
    return CENTRES[generator.integers(0, 2, count)] + 0.5 * generator.standard_normal((count, 2))


def test_latents_of_one_gaussian_cost_its_entropy_and_nothing_beats_it():
    fitted = aggregate.fit(gaussian(4000, 0))
    assert "standard" not in fitted.densities, "latents without a posterior were trained towards no prior"
    told = aggregate.judge(fitted, gaussian(4000, 1))
    for name in ("gaussian", "flow"):
        one = told["priors"][name]["nats"]
        assert one["low"] - 0.02 < -ENTROPY < one["high"] + 0.02
    truth = aggregate.Gaussian(np.ones(3), ROOT).nats(gaussian(4000, 1).means).mean()
    for name, one in told["priors"].items():
        assert one["nats"]["mean"] < truth + 0.003, f"{name} is better than the truth"
    assert told["priors"]["gaussian"]["bits_per_unit"]["mean"] == pytest.approx(ENTROPY / 3 / np.log(2), abs=0.03)


def test_two_planted_gaussians_are_found_by_mixture_and_flow_which_never_beat_the_truth():
    fitted = aggregate.fit(Latents(two(3000, 0)))
    told = aggregate.judge(fitted, Latents(two(4000, 1)))
    truth = mixture.Mixture(np.array([0.5, 0.5]), CENTRES, np.full((2, 2), 0.25)).nats(two(4000, 1)).mean()
    nats = {name: one["nats"]["mean"] for name, one in told["priors"].items()}
    assert nats["mixture"] == pytest.approx(truth, abs=0.02)
    assert nats["gaussian"] + 0.2 < nats["flow"] < truth + 0.003
    saved = told["saved"]["mixture"]["gaussian"]
    assert saved["low"] < saved["bits"] < saved["high"] and saved["n"] == 4000
    assert saved["bits"] == pytest.approx((nats["mixture"] - nats["gaussian"]) / np.log(2))
    drawn = aggregate.drawn(fitted, "mixture", 2000, 0)  # within six deviations of a centre
    assert np.linalg.norm(drawn[:, None] - CENTRES, axis=2).min(1).max() < 3
    bent = aggregate.drawn(fitted, "flow", 2000, 0)
    assert np.abs(bent.mean(0) - CENTRES.mean(0)).max() < 0.5 and (np.abs(bent[:, 0]) > 1.5).mean() > 0.7


def test_the_rate_under_the_standard_normal_is_the_divergence_and_what_is_saved_is_known():
    """Posteriors N(m, 1/4) with m ~ N(2, 1): all together N(2, 5/4)."""
    means = np.random.default_rng(0).standard_normal((6000, 1)) + 2
    known = Latents(means[:3000], np.full((3000, 1), 0.25))
    held = Latents(means[3000:], np.full((3000, 1), 0.25))
    told = aggregate.judge(aggregate.fit(known), held)
    divergence = (0.5 * (held.means**2 + 0.25 - 1 - np.log(0.25))).mean() / np.log(2)
    assert told["priors"]["standard"]["rate"]["mean"] == pytest.approx(divergence, abs=0.05)
    # N(2, 5/4): half a ln(1.25 / 0.25) nats
    assert told["priors"]["gaussian"]["rate"]["mean"] == pytest.approx(0.5 * np.log2(5), abs=0.03)
    saved = told["saved"]["gaussian"]["standard"]["bits"]
    parts = (told["priors"][name]["rate"]["mean"] for name in ("standard", "gaussian"))
    assert saved == pytest.approx(next(parts) - next(parts))


def test_units_that_nobody_uses_are_left_to_the_standard_normal():
    generator = np.random.default_rng(0)
    means = np.concatenate([2 * generator.standard_normal((180, 2)), np.zeros((180, 3))], 1)  # too few for a flow
    variances = np.concatenate([np.full((180, 2), 0.1), np.ones((180, 3))], 1)
    fitted = aggregate.fit(Latents(means, variances))
    assert fitted.facts["active"] == 2 and fitted.active.tolist() == [0, 1] and fitted.facts["dim"] == 5
    told = aggregate.judge(fitted, Latents(means, variances))
    alone = aggregate.judge(fitted_of(means, variances), Latents(means[:, :2], variances[:, :2]))
    assert told["priors"]["gaussian"]["rate"]["mean"] == pytest.approx(alone["priors"]["gaussian"]["rate"]["mean"])
    drawn = aggregate.drawn(fitted, "gaussian", 4000, 0)
    assert drawn.shape == (4000, 5) and drawn[:, 2:].std(0) == pytest.approx(1, abs=0.05)
    assert drawn[:, :2].std(0) == pytest.approx(2, abs=0.4)


def fitted_of(means, variances):
    return aggregate.fit(Latents(means[:, :2], variances[:, :2]))


@pytest.mark.parametrize("count, dim", [(60, 1), (60, 512)])
def test_few_images_and_long_latents_get_what_can_be_fitted(count, dim):
    generator = np.random.default_rng(0)
    fitted = aggregate.fit(Latents(generator.standard_normal((count, dim)) * 3))
    assert set(fitted.densities) == {"gaussian", "mixture"}, "a flow of 48 images would learn them by heart"
    told = aggregate.judge(fitted, Latents(generator.standard_normal((50, dim)) * 3))
    truth = (0.5 * np.log(2 * np.pi * np.e) + np.log(3)) / np.log(2)
    assert told["priors"]["gaussian"]["bits_per_unit"]["mean"] == pytest.approx(truth, abs=0.3)
    assert np.isfinite(aggregate.drawn(fitted, "mixture", 3, 0)).all()


@pytest.mark.parametrize("means", [np.ones((1, 4)), np.ones((100, 4)), np.empty((0, 4))])
def test_one_image_and_constant_latents_are_a_sentence(means):
    fitted = aggregate.fit(Latents(means))
    assert not fitted.densities and fitted.facts["said"].endswith(".")
    assert aggregate.judge(fitted, Latents(np.ones((3, 4))))["priors"] == {}


def test_the_same_noise_makes_the_same_samples_however_many():
    fitted = aggregate.fit(gaussian(150, 0))
    assert np.array_equal(aggregate.drawn(fitted, "mixture", 4, 1), aggregate.drawn(fitted, "mixture", 4, 1))
    assert not np.array_equal(aggregate.drawn(fitted, "gaussian", 4, 1), aggregate.drawn(fitted, "gaussian", 4, 2))
    assert np.array_equal(aggregate.drawn(fitted, "gaussian", 8, 1)[:4], aggregate.drawn(fitted, "gaussian", 4, 1))


def test_a_flow_that_has_not_learned_is_its_gaussian_and_noise_comes_back():
    points = gaussian(300, 0).means
    flow = flows.Flow(np.ones(3), ROOT, flows._weights(flows._built(3, 0)))
    assert flow.nats(points) == pytest.approx(aggregate.Gaussian(np.ones(3), ROOT).nats(points), abs=1e-4)
    noise = np.random.default_rng(0).standard_normal((5, 3))
    assert flow.of(noise) == pytest.approx(aggregate.Gaussian(np.ones(3), ROOT).of(noise), abs=1e-4)


def test_a_flow_of_many_units_bends_and_is_stopped_by_what_is_held_back():
    """The second number is the square of the first: no Gaussian knows that, nor does a large step count overfit."""

    def bent(generator, count):
        first = generator.standard_normal((count, 10))
        first[:, 1] = first[:, 0] ** 2 + 0.2 * first[:, 1]
        return first

    generator = np.random.default_rng(0)
    points = bent(generator, 3000)
    centre, root = points.mean(0), np.linalg.cholesky(np.cov(points.T))
    flow = flows.fit(bent, bent(generator, 500), centre, root)
    held = bent(generator, 2000)
    assert flow.nats(held).mean() > aggregate.Gaussian(centre, root).nats(held).mean() + 0.5
    assert flow.steps == max(flow.looked, key=lambda one: one[1])[0]
    assert flow.parameters < sum(one.size for one in flow.weights.values()), "what a mask hides is no parameter"


def test_images_sorted_by_class_are_judged_like_shuffled_ones(monkeypatch):
    """Ten far clusters, one after another: a sampler that is right is as good as other images are."""
    generator = np.random.default_rng(0)
    points = np.repeat(8 * generator.standard_normal((10, 4)), 120, 0) + generator.standard_normal((1200, 4))
    monkeypatch.setattr(latent_samples, "_seen", lambda model, found, layer: found)
    monkeypatch.setattr(latent_samples, "MOST", 300)
    shuffled = generator.permutation(points)
    monkeypatch.setattr(aggregate, "drawn", lambda fitted, name, count, seed: shuffled[:count])
    fitted = aggregate.Fitted({"right": None}, np.arange(4), np.zeros(4), {})
    scores = latent_samples.judge(None, fitted, Latents(points), "latent")["scores"]
    assert min(scores[name][one]["mean"] for name in scores for one in ("precision", "recall", "coverage")) > 0.8
