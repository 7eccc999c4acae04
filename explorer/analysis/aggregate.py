"""Where latents of images lie, all together: densities fitted to the aggregate posterior, and what each would save.

The aggregate posterior q(z) is the mean of the posteriors q(z | x) of all images (Hoffman and Johnson, ELBO surgery,
2016; Tomczak and Welling 2018, arXiv:1705.07120). A VAE pays KL(q(z | x) || p) nats an image for its latents, which is
-H(q(z | x)) - E log p(z): with encoder and decoder as they are, a prior p under which latents of images are likelier
by so many nats raises the bound on log p(x) by just as many.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from explorer.analysis import flows, mixture, quality
from explorer.analysis.posterior import dead

LN2 = float(np.log(2))
DRAWS = 8  # of the posterior of each held-out image
BACK = 0.2  # of the images to fit to, that choose sizes and stop trainings
FEWEST = 20  # images to fit to
FULL = 1024  # dimensions up to which a full covariance is fitted
FLOOR = 1e-3  # of the mean variance, added where there are few images for a covariance


class Density(Protocol):
    """What can be sampled, and says how likely a latent is."""

    def nats(self, points: np.ndarray) -> np.ndarray:
        """(n, D) -> (n,)."""


@dataclass(frozen=True)
class Latents:
    """Means (N, D) of the latents of N images, and variances (N, D) of their posteriors, where they have some."""

    means: np.ndarray
    variances: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.means)

    def of(self, rows: np.ndarray, units: np.ndarray | slice = slice(None)) -> Latents:
        """Those of some images, and some units."""
        kept = None if self.variances is None else self.variances[rows][:, units]
        return Latents(self.means[rows][:, units], kept)

    def draw(self, generator: np.random.Generator, rows: np.ndarray | None = None) -> np.ndarray:
        """A latent of each image, drawn from its posterior where it has one: (n, D) float64."""
        rows = np.arange(len(self)) if rows is None else rows
        means = self.means[rows].astype(np.float64)
        if self.variances is None:
            return means
        return means + np.sqrt(self.variances[rows]) * generator.standard_normal(means.shape)


@dataclass(frozen=True)
class Gaussian:
    """N(centre, root rootᵀ): (D,), and (D, D), the lower Cholesky factor."""

    centre: np.ndarray
    root: np.ndarray

    def nats(self, points: np.ndarray) -> np.ndarray:
        from scipy.linalg import solve_triangular

        white = solve_triangular(self.root, (np.asarray(points, np.float64) - self.centre).T, lower=True)
        return -0.5 * (white**2 + np.log(2 * np.pi)).sum(0) - np.log(np.diag(self.root)).sum()

    def of(self, noise: np.ndarray) -> np.ndarray:
        """(n, D) standard normal noise -> (n, D) float32."""
        return (self.centre + noise @ self.root.T).astype(np.float32)


@dataclass(frozen=True)
class Standard:
    """N(0, I), the prior that a VAE is trained towards."""

    def nats(self, points: np.ndarray) -> np.ndarray:
        return -0.5 * (np.asarray(points, np.float64) ** 2 + np.log(2 * np.pi)).sum(1)

    def of(self, noise: np.ndarray) -> np.ndarray:
        """The noise itself."""
        return np.asarray(noise, np.float32)


@dataclass(frozen=True)
class Fitted:
    """What was fitted.

    Attributes:
        densities: by name, of the active units alone. active: (A,) of the D units. rest: (D,) mean of each unit.
        facts: `dim, active, posterior, fitted_on`, and where something was fitted `chosen_on, tried, looked,
            flow_steps`; else `said`, why not.
    """

    densities: dict[str, Any]
    active: np.ndarray
    rest: np.ndarray
    facts: dict[str, Any]


def gaussian(points: np.ndarray) -> Gaussian:
    """One Gaussian of points (n, D): full where there are five for each dimension, else of each unit by itself."""
    dim = points.shape[1]
    spread = points.var(0)
    floor = max(float(spread.mean()), 1e-12)
    if dim > FULL or len(points) < mixture.EACH * dim:
        return Gaussian(points.mean(0), np.diag(np.sqrt(spread + FLOOR * floor)))
    covariance = np.atleast_2d(np.cov(points.T)) + 1e-6 * floor * np.eye(dim)
    return Gaussian(points.mean(0), np.linalg.cholesky(covariance))


def active(latents: Latents) -> np.ndarray:
    """(D,) bool: units whose posterior mean moves with the image; without a posterior, those that move at all."""
    spread = latents.means.var(0, dtype=np.float64)
    if latents.variances is not None:
        return ~dead(spread)
    return spread > 1e-6 * max(float(spread.max()), 1e-12)


def fit(latents: Latents, *, seed: int = 0, progress: Callable[[int, int, str], None] | None = None) -> Fitted:
    """Densities of the aggregate posterior of some images, those of training: `standard` where latents have a
    posterior, `gaussian`, `mixture`, and `flow` where there are at least 200 images and at most 1,024 units.

    A fifth of the images chooses the size of the mixture and stops the flow. Units that are not active are fitted by
    nobody: the encoder sends the prior there, and N(0, 1) is right.
    """
    moving = active(latents) if len(latents) else np.zeros(latents.means.shape[1], bool)
    facts = {"dim": latents.means.shape[1], "active": int(moving.sum()), "fitted_on": len(latents)}
    facts |= {"posterior": latents.variances is not None}
    still = np.flatnonzero(moving), latents.means.sum(0, dtype=np.float64) / max(1, len(latents))
    if len(latents) < FEWEST or not moving.any():
        return Fitted({}, *still, facts | {"said": _why(len(latents))})
    order, back = np.random.default_rng(seed).permutation(len(latents)), max(2, round(BACK * len(latents)))
    kept, used = (latents.of(rows, moving) for rows in (order[:back], order[back:]))
    generator = np.random.default_rng([seed, 1])
    points, held = used.draw(generator), kept.draw(generator)
    found: dict[str, Any] = {"standard": Standard()} if latents.variances is not None else {}
    found["gaussian"] = gaussian(points)
    if progress is not None:
        progress(0, 1, "fitting a mixture to the latents")
    found["mixture"], tried = mixture.fit(points[: mixture.FITTED], held[: mixture.FITTED], seed)
    facts |= {"chosen_on": len(kept), "tried": tried}
    if len(used) >= flows.FEWEST and points.shape[1] <= flows.LONGEST:

        def draw(generator: np.random.Generator, count: int) -> np.ndarray:
            return used.draw(generator, generator.integers(0, len(used), count))

        one = found["gaussian"]
        found["flow"] = flows.fit(draw, held, one.centre, one.root, seed=seed, progress=progress)
        facts |= {"flow_steps": found["flow"].steps, "looked": [list(one) for one in found["flow"].looked]}
    return Fitted(found, *still, facts)


def _why(count: int) -> str:
    if count < FEWEST:
        return f"There are {count:,} images to fit to, and a distribution of latents needs at least {FEWEST}."
    return "The latents are the same for every image, so there is no distribution to fit."


def judge(fitted: Fitted, latents: Latents, *, seed: int = 0) -> dict[str, Any]:
    """How likely latents of held-out images are under each density, the images being the sampling unit.

    Returns:
        `images`, `draws` of each; `priors`, {name: {`nats`: log-likelihood of an image's active units, `bits_per_unit`:
        the same with its sign turned, over the active units, and where there is a posterior `rate`: bits an image}},
        each {mean, low, high, n}; and `saved`, {name: {against: {`bits`, `low`, `high`, `n`}}}: how many bits an image
        a density saves against each that is simpler, by image.
    """
    count = DRAWS if latents.variances is not None else 1
    held, generator = latents.of(np.arange(len(latents)), fitted.active), np.random.default_rng([seed, 2])
    nats = {name: np.zeros(len(latents)) for name in fitted.densities}
    for _ in range(count):
        points = held.draw(generator)  # the same ones for every density
        for name, density in fitted.densities.items():
            nats[name] += density.nats(points) / count
    told, units = {}, max(1, len(fitted.active))
    spent = _spent(latents, fitted.active)
    for name, value in nats.items():
        told[name] = {"nats": quality.interval(value), "bits_per_unit": quality.interval(-value / LN2 / units)}
        told[name]["parameters"] = parameters(fitted.densities[name])
        if spent is not None:
            told[name]["rate"] = quality.interval((spent - value) / LN2)
    names = list(nats)
    saved = {
        name: {other: _bits(nats[name] - nats[other]) for other in names[:place]} for place, name in enumerate(names)
    }
    return {"images": len(latents), "draws": count, "priors": told, "saved": saved}


def _spent(latents: Latents, moving: np.ndarray) -> np.ndarray | None:
    """(N,) nats that the posteriors cost whatever the density of the active units: -H of these, KL of all others."""
    if latents.variances is None:
        return None
    means, variances = np.asarray(latents.means, np.float64), np.asarray(latents.variances, np.float64)
    rest = np.ones(means.shape[1], bool)
    rest[moving] = False
    entropy = 0.5 * (np.log(2 * np.pi * variances[:, moving]) + 1).sum(1)
    return 0.5 * (means**2 + variances - 1 - np.log(variances))[:, rest].sum(1) - entropy


def _bits(nats: np.ndarray) -> dict[str, Any]:
    found = quality.interval(nats / LN2)
    return {"bits": found["mean"], "low": found["low"], "high": found["high"], "n": found["n"]}


def parameters(density: Any) -> int:
    """How many numbers were fitted."""
    if isinstance(density, flows.Flow):
        return density.parameters
    if isinstance(density, Gaussian):
        dim = len(density.centre)
        diagonal = np.count_nonzero(density.root) <= dim
        return 2 * dim if diagonal else dim + dim * (dim + 1) // 2
    if isinstance(density, mixture.Mixture):
        count, dim = density.means.shape
        each = dim * (dim + 1) // 2 if density.kind == "full" else dim
        return count * (1 + dim + each) - 1
    return 0


def drawn(fitted: Fitted, name: str, count: int, seed: int) -> np.ndarray:
    """Samples (count, D) float32 of a density; the noise is the same for all of them.

    Units that are not active are drawn from N(0, 1) where there is a posterior, and keep their mean elsewhere.
    """
    noise = np.random.default_rng([seed, 3]).standard_normal((count, len(fitted.rest)))
    points = noise.copy() if fitted.facts["posterior"] else np.tile(fitted.rest, (count, 1))
    density, inner = fitted.densities[name], noise[:, fitted.active]
    if isinstance(density, mixture.Mixture):
        weights = density.weights / density.weights.sum()
        chosen = np.random.default_rng([seed, 4]).choice(len(weights), count, p=weights)
        points[:, fitted.active] = density.of(chosen, inner)
    else:
        points[:, fitted.active] = density.of(inner)
    return points.astype(np.float32)
