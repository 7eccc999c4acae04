"""A mixture of Gaussians fitted to latents, samples of it, and how far samples lie from latents of real images."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

COMPONENTS = (1, 2, 4, 8, 16, 32)
EACH = 5  # vectors for each dimension of a component with a full covariance, at least
MEANS, COVARIANCES = 2**14, 2**18  # numbers of all components at most; of long latents fewer are tried
FITTED = 10_000  # vectors that a mixture is fitted to, at most, and that choose among them
FLOOR = 1e-3  # of the mean variance, added to every variance, so that no component shrinks to one vector
NEAR, TRIED = 3, 1000  # neighbours that make up a ball, and vectors on either side


@dataclass(frozen=True)
class Mixture:
    """Gaussians with weights.

    Attributes:
        weights: (K,), sum 1. means: (K, D). covariances: (K, D, D), or (K, D) where they are diagonal.
    """

    weights: np.ndarray
    means: np.ndarray
    covariances: np.ndarray

    @property
    def kind(self) -> str:
        return "full" if self.covariances.ndim == 3 else "diagonal"

    def sample(self, count: int, seed: int) -> np.ndarray:
        """(count, D) float32."""
        generator = np.random.default_rng(seed)
        chosen = generator.choice(len(self.weights), count, p=self.weights / self.weights.sum())
        return self.of(chosen, generator.standard_normal((count, self.means.shape[1])))

    def of(self, chosen: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """What components `chosen` (n,) make of standard normal noise (n, D): (n, D) float32."""
        roots = np.linalg.cholesky(self.covariances) if self.kind == "full" else np.sqrt(self.covariances)
        moved = np.einsum("nij,nj->ni", roots[chosen], noise) if self.kind == "full" else roots[chosen] * noise
        return (self.means[chosen] + moved).astype(np.float32)

    def nats(self, points: np.ndarray) -> np.ndarray:
        """Log-likelihood of points (n, D) in nats: (n,) float64."""
        from scipy.linalg import solve_triangular
        from scipy.special import logsumexp

        points, each = np.asarray(points, np.float64), []
        for weight, mean, covariance in zip(self.weights, self.means, self.covariances, strict=True):
            if self.kind == "full":
                root = np.linalg.cholesky(np.asarray(covariance, np.float64))
                scaled, spread = solve_triangular(root, (points - mean).T, lower=True).T, np.diag(root)
            else:
                spread = np.sqrt(np.asarray(covariance, np.float64))
                scaled = (points - mean) / spread
            with np.errstate(divide="ignore"):  # a component without weight
                each.append(np.log(weight) - 0.5 * (scaled**2 + np.log(2 * np.pi)).sum(1) - np.log(spread).sum())
        return logsumexp(each, axis=0)


def fit(vectors: np.ndarray, held_out: np.ndarray, seed: int = 0) -> tuple[Mixture, list[dict[str, Any]]]:
    """The mixture of those in COMPONENTS under which held-out vectors are most likely, and what each got.

    Covariances are full where there are 5·D vectors for each component, and diagonal in all sizes.

    Args:
        vectors: (M, D) to fit. held_out: (L, D) of other images.

    Returns:
        The mixture, and for each tried {`components`, `covariance`, `nats`: mean log-likelihood of a held-out vector}.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    vectors, held_out = (np.asarray(some, np.float64) for some in (vectors, held_out))
    dim, floor = vectors.shape[1], FLOOR * max(float(vectors.var(0).mean()), 1e-12)
    best, tried = None, []
    for kind in ("full", "diag"):
        for count in COMPONENTS:
            too_many = count > 1 and (2 * count > len(vectors) or count * dim > MEANS)
            few = kind == "full" and (len(vectors) < EACH * dim * count or count * dim * dim > COVARIANCES)
            if too_many or few or (kind == "diag" and dim == 1 and tried and len(vectors) >= EACH):
                continue
            model = GaussianMixture(
                count, covariance_type=kind, reg_covar=floor, random_state=seed, n_init=1, max_iter=60, tol=1e-2
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # the held-out likelihood tells how good it is
                model.fit(vectors)
            nats = float(model.score(held_out))
            tried.append({"components": count, "covariance": "full" if kind == "full" else "diagonal", "nats": nats})
            if best is None or nats > best[0]:
                best = nats, Mixture(model.weights_, model.means_, model.covariances_)
    return best[1], tried


def near(points: np.ndarray, real: np.ndarray, k: int = NEAR) -> np.ndarray:
    """Whether each point is as near to some real vector as that one's k-th neighbour is: (Q, D), (M, D) -> (Q,) bool.

    Their mean is the improved precision of Kynkäänniemi et al. 2019, arXiv:1904.06991, equation 1, here of latents.
    """
    real, points = (np.asarray(some, np.float64) for some in (real, points))
    if len(real) < 2:
        return np.zeros(len(points), bool)
    centre = real.mean(0)
    among = _squares(real - centre, real - centre)
    np.fill_diagonal(among, np.inf)
    last = min(k, len(real) - 1) - 1
    radius = np.partition(among, last, axis=1)[:, last]
    return (_squares(points - centre, real - centre) <= radius).any(1)


def _squares(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Squared distances of all pairs (Q, D), (M, D) -> (Q, M), as one matrix product."""
    return np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T, 0)


def compare(drawn: np.ndarray, alive: np.ndarray, *, prior: bool, seed: int = 0) -> dict[str, Any]:
    """A mixture of the units that are used, and how near samples of it, and of the prior, come to latents of images.

    Latents of half of the images fit the mixtures, and those of the other half choose one. Samples are held against
    that other half, since a mixture lies nearer to what it was fitted to; so are the latents of the first, a yardstick.

    Args:
        drawn: (N, C, D), C latents of each image, drawn from its posterior where it has one.
        alive: (D,) bool, the units that are fitted; the others are sampled apart, each with its mean and deviation.
        prior: whether N(0, I) is a prior that the latents were trained towards.

    Returns:
        `fitted_on`, `chosen_on` vectors, `tried` and `alive` units; `mixture` {`weights`, `means`, `covariances`},
        `rest` {`mean`, `deviation`} of all units; `near`, {what was sampled: {`share`, `low`, `high`, `n`}}: the share
        of samples that are near a real latent, with Wilson's 95 % interval for the samples, these real latents being
        given; and `against`, how many real latents. Empty where there are fewer than four images or no unit moves.
    """
    from explorer.analysis.points import wilson

    order = np.random.default_rng(seed).permutation(len(drawn))
    half = len(drawn) // 2
    if half < 2 or not alive.any():
        return {}
    first, second = (drawn[order[part]].reshape(-1, drawn.shape[2]) for part in (slice(half), slice(half, None)))
    first, second = first[:FITTED], second[:FITTED]
    found, tried = fit(first[:, alive], second[:, alive], seed)
    # a few cells of an image are alike: vectors that are held against one another are of different images
    apart = [drawn[order[part], 0][:TRIED] for part in (slice(half), slice(half, None))]
    generator = np.random.default_rng([seed, 1])
    points = {"real": apart[0][:, alive], "mixture": found.sample(TRIED, seed)}
    points |= {"prior": generator.standard_normal((TRIED, int(alive.sum())))} if prior else {}
    shares = {}
    for name, some in points.items():
        inside = near(some, apart[1][:, alive])
        low, high = (float(end[0]) for end in wilson(np.array([inside.sum()]), len(inside)))
        shares[name] = {"share": float(inside.mean()), "low": low, "high": high, "n": len(inside)}
    everything = drawn.reshape(-1, drawn.shape[2]).astype(np.float64)
    return {
        "fitted_on": len(first), "chosen_on": len(second), "tried": tried, "covariance": found.kind,
        "alive": np.flatnonzero(alive).tolist(),
        "mixture": {name: _rounded(getattr(found, name)) for name in ("weights", "means", "covariances")},
        "rest": {"mean": _rounded(everything.mean(0)), "deviation": _rounded(everything.std(0))},
        "near": shares, "against": len(apart[1]), "neighbours": NEAR,
    }  # fmt: skip


def drawn(found: dict[str, Any], count: int, seed: int) -> np.ndarray:
    """Samples (count, D) float32 of what `compare` found: the mixture, and the other units each by itself."""
    alive = np.asarray(found["alive"])
    mean, deviation = (np.asarray(found["rest"][name]) for name in ("mean", "deviation"))
    points = mean + deviation * np.random.default_rng([seed, 2]).standard_normal((count, len(mean)))
    mixture = Mixture(*(np.asarray(found["mixture"][name]) for name in ("weights", "means", "covariances")))
    points[:, alive] = mixture.sample(count, seed)
    return points.astype(np.float32)


def _rounded(values: np.ndarray) -> list:
    """Numbers of six digits as lists."""
    array = np.asarray(values, np.float64)
    places = np.where(array == 0, 0, 5 - np.floor(np.log10(np.abs(np.where(array == 0, 1, array)))))
    scale = 10.0**places
    return (np.round(array * scale) / scale).tolist()
