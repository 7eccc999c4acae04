"""Whether samples look like images, and all images: precision, recall, density and coverage in a space of features.

Each real image has a ball that reaches to its k-th nearest other real image, each sample likewise. Precision is the
share of samples in some ball of a real image, recall of real images in some ball of a sample; density and coverage use
the balls of real images alone, which a lucky sample far from all others cannot widen.

Sources: Kynkäänniemi et al., Improved precision and recall metric for assessing generative models, 2019,
arXiv:1904.06991; Naeem et al., Reliable fidelity and diversity metrics for generative models, 2020, arXiv:2002.09797.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from explorer.analysis.concepts import shares

K = 5
GROUPS = 20  # of each side, left out one after another
MOST = 4_000  # images and samples: three tables of all pairs stay below 200 MB
METRICS = ("precision", "recall", "density", "coverage")
FEWEST = 3
SIDE = 16  # rows and columns of a grid that keep their places


@dataclass(frozen=True)
class Distances:
    """Euclidean distances among n real images, m samples, and between the two: (n, n), (m, m), (n, m) float32."""

    real: np.ndarray
    samples: np.ndarray
    between: np.ndarray


def distances(real: np.ndarray, samples: np.ndarray, among: np.ndarray | None = None) -> Distances:
    """Distances of features (n, D) and (m, D), from differences, so that copies are at 0; `among` real ones if known.

    Raises:
        ValueError: more than MOST of either, or features that are not finite.
    """
    from scipy.spatial.distance import cdist

    if max(len(real), len(samples)) > MOST:
        raise ValueError(f"at most {MOST:,} images and samples are compared; got {len(real):,} and {len(samples):,}")
    real, samples = (np.asarray(one, np.float64) for one in (real, samples))
    if not (np.isfinite(real).all() and np.isfinite(samples).all()):
        raise ValueError("features contain NaN or infinity")
    among = cdist(real, real).astype(np.float32) if among is None else among
    return Distances(among, cdist(samples, samples).astype(np.float32), cdist(real, samples).astype(np.float32))


def radii(own: np.ndarray, k: int = K) -> np.ndarray:
    """Distance (n,) of each to its k-th nearest other, given distances (n, n); to the farthest where there are fewer.

    Itself is left out by its place, so that a copy counts as a neighbour.
    """
    n = len(own)
    if n < 2:
        return np.zeros(n, own.dtype)
    others = own.copy()
    np.fill_diagonal(others, np.inf)
    k = min(k, n - 1)
    return np.partition(others, k - 1, axis=1)[:, k - 1]


def scores(found: Distances, k: int = K) -> np.ndarray:
    """Precision, recall, density, coverage, as in METRICS: (4,); NaN where one side is empty.

    All but density lie in [0, 1]; density is about 1 where samples are as dense as images, and may be more.
    """
    if not found.between.size:
        return np.full(4, np.nan)
    inside = found.between <= radii(found.real, k)[:, None]  # sample in the ball of a real image
    around = found.between <= radii(found.samples, k)[None]  # real image in the ball of a sample
    k = min(k, max(len(found.real) - 1, 1))
    return np.array(
        [inside.any(0).mean(), around.any(1).mean(), inside.sum() / (k * inside.shape[1]), inside.any(1).mean()]
    )


def measure(found: Distances, k: int = K, *, seed: int = 0) -> dict[str, dict[str, float | int]]:
    """{metric: {mean, low, high, n}} with 95 % intervals over images and samples, which are left out in groups.

    Each side is left out by itself, and the two variances are added (jackknife over groups). A bootstrap would draw
    some twice, and a copy is its own nearest neighbour. No interval of a share is narrower than Wilson's.
    """
    whole = scores(found, k)
    n, m = found.between.shape
    if min(n, m) < FEWEST:
        return {name: _ends(name, value, 0.0, min(n, m)) for name, value in zip(METRICS, whole, strict=True)}
    variance = np.zeros(4)
    for side, count in enumerate((n, m)):
        groups = np.random.default_rng([seed, side, 41]).permutation(count) % min(GROUPS, count)
        without = np.stack([scores(_kept(found, groups != group, side), k) for group in range(groups.max() + 1)])
        parts = len(without)
        variance += (parts - 1) / parts * np.square(without - without.mean(0)).sum(0)
    spread = np.sqrt(variance)
    return {
        name: _ends(name, whole[place], float(spread[place]), m if name in ("precision", "density") else n)
        for place, name in enumerate(METRICS)
    }


def _kept(found: Distances, keep: np.ndarray, side: int) -> Distances:
    if side == 0:
        return Distances(found.real[np.ix_(keep, keep)], found.samples, found.between[keep])
    return Distances(found.real, found.samples[np.ix_(keep, keep)], found.between[:, keep])


def _ends(name: str, value: float, spread: float, count: int) -> dict[str, float | int]:
    low, high = value - shares.Z * spread, value + shares.Z * spread
    if name != "density":
        least = shares.wilson(float(value), count)
        low, high = max(min(low, least[0]), 0), min(max(high, least[1]), 1)
    return {"mean": float(value), "low": float(max(low, 0)), "high": float(high), "n": int(count)}


@dataclass(frozen=True)
class Space:
    """Principal components of features that training images were fitted to.

    Attributes:
        mean: (D,). axes: (D, d). kept: share of the variance of training images that d components hold.
    """

    mean: np.ndarray
    axes: np.ndarray
    kept: float

    def place(self, features: np.ndarray) -> np.ndarray:
        """(n, D) -> (n, d) float32."""
        return ((np.asarray(features, np.float64) - self.mean) @ self.axes).astype(np.float32)


def fit_space(features: np.ndarray, dims: int = 64) -> Space:
    """The first principal components of features (n, D), in their own units, so that distances stay what they are."""
    features = np.asarray(features, np.float64)
    mean = features.mean(0)
    centred = features - mean
    wide = centred.shape[1] > len(centred)  # the smaller of the two products has the same values
    values, axes = np.linalg.eigh(centred @ centred.T if wide else centred.T @ centred)
    values, axes = np.maximum(values[::-1], 0), axes[:, ::-1]
    total, dims = float(values.sum()), max(1, min(dims, int((values > 1e-10 * max(values[0], 1e-300)).sum())))
    kept = axes[:, :dims]
    if wide:
        kept = centred.T @ kept / np.sqrt(np.maximum(values[:dims], 1e-300))
    return Space(mean, kept, float(values[:dims].sum() / total) if total > 0 else 1.0)


def at_places(vectors: np.ndarray, most: int = SIDE) -> np.ndarray:
    """Vectors (n, H, W, D) at their places, of a finer grid the means of at most `most` × `most` parts: (n, F) float32.

    Means of large parts hide where codes stand: on digits, codes that were drawn for each place apart had a precision
    of 0.81 by 4 × 4 means, and of 0.21 by their places; held-out images had 0.96 either way.
    """
    for axis in (1, 2):
        length = vectors.shape[axis]
        if length > most:
            edges = np.arange(most) * length // most
            sizes = np.diff(np.append(edges, length)).reshape([-1 if at == axis else 1 for at in range(4)])
            vectors = np.add.reduceat(vectors, edges, axis) / sizes
    return vectors.reshape(len(vectors), -1).astype(np.float32)


def frechet(first: np.ndarray, second: np.ndarray) -> float:
    """Fréchet distance of the Gaussians fitted to features (n, D) and (m, D); 0 where they are the same.

    |μ₁ − μ₂|² + tr(Σ₁ + Σ₂ − 2 (Σ₁Σ₂)^½). In Inception features it is the FID, in any other space a number of its own;
    it is biased upwards with few images, so that only values of as many images can be compared.

    Source: Heusel et al., GANs trained by a two time-scale update rule, 2017, arXiv:1706.08500; Dowson and Landau 1982.
    """
    (mean, cov), (other_mean, other_cov) = (_gaussian(one) for one in (first, second))
    return frechet_of(mean, cov, other_mean, other_cov)


def frechet_of(mean: np.ndarray, cov: np.ndarray, other_mean: np.ndarray, other_cov: np.ndarray) -> float:
    """The same of two Gaussians: means (D,), covariances (D, D)."""
    values, axes = np.linalg.eigh(cov)
    root = (axes * np.sqrt(np.maximum(values, 0))) @ axes.T
    middle = np.linalg.eigvalsh(root @ other_cov @ root)
    trace = np.trace(cov) + np.trace(other_cov) - 2 * np.sqrt(np.maximum(middle, 0)).sum()
    return float(max(np.square(mean - other_mean).sum() + trace, 0))


def _gaussian(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    features = np.asarray(features, np.float64)
    centred = features - features.mean(0)
    return features.mean(0), centred.T @ centred / max(len(features) - 1, 1)
