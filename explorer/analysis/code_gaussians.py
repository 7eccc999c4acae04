"""The continuous part of a hybrid model, given the code beside it: a Gaussian for each code.

A prior over codes says nothing of the numbers that stand beside them, such as the scale of a projected VQ-VAE. Given
the code they are taken to be a Gaussian of their own, which is drawn toward the Gaussian of all positions where a code
is rare, as far as makes other images likeliest (Friedman, Regularized Discriminant Analysis, 1989).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

FULL = 8  # numbers a position up to which covariances are full, diagonal above
STRENGTHS = (
    0.1,
    1.0,
    4.0,
    16.0,
    64.0,
    1024.0,
    65_536.0,
)  # positions that the Gaussian of all counts for, one is chosen
BACK = 0.2  # of the images, that choose it
UNCHOSEN = 16.0  # of too few images to choose
FLOOR = 1e-6  # of the variance of all positions, below which none of a code falls


@dataclass(frozen=True)
class CodeGaussians:
    """p(numbers | code).

    Attributes:
        means: (K, D). covariances: (K, D, D), or (K, D) where they are diagonal.
        counts: (K,) positions of each code that were fitted.
        needed: (K,) bool, codes whose numbers the decoder needs; those of others are constant, their `means`.
        mean, covariance: of all positions that are needed, (D,), and (D, D) or (D,).
        strength: positions that these count for beside those of a code: of means, and of covariances.
    """

    means: np.ndarray
    covariances: np.ndarray
    counts: np.ndarray
    needed: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray
    strength: tuple[float, float]

    def nats(self, codes: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Log-likelihood of numbers (M, D) given their codes (M,): (M,)."""
        return _nats(values - self.means[codes], _roots(self.covariances)[codes])

    def overall(self, values: np.ndarray) -> np.ndarray:
        """The same without the codes: (M, D) -> (M,)."""
        return _nats(values - self.mean, _roots(self.covariance)[None])

    def mean_of(self, codes: np.ndarray) -> np.ndarray:
        """Mean given the code: (...) int -> (..., D) float32."""
        return self.means[codes].astype(np.float32)

    def draw(self, codes: np.ndarray, generator: np.random.Generator, *, given: bool = True) -> np.ndarray:
        """Numbers drawn for codes (...): (..., D) float32; from the Gaussian of all positions unless `given` the code.

        Codes whose numbers are not needed keep the constant that they have.
        """
        flat = np.asarray(codes).reshape(-1)
        noise = generator.standard_normal((len(flat), len(self.mean)))
        means = self.means[flat] if given else np.broadcast_to(self.mean, noise.shape)
        roots = _roots(self.covariances)[flat] if given else _roots(self.covariance)[None]
        moved = np.einsum("mij,mj->mi", np.broadcast_to(roots, (len(flat), *roots.shape[1:])), noise) \
            if roots.ndim == 3 else roots * noise  # fmt: skip
        found = np.where(self.needed[flat][:, None], means + moved, self.means[flat])
        return found.reshape(*np.shape(codes), -1).astype(np.float32)


def fit(
    codes: np.ndarray, values: np.ndarray, size: int, needed: np.ndarray | None = None, *, seed: int = 0
) -> CodeGaussians:
    """A Gaussian for each of `size` codes, of codes (N, H, W) and the numbers (N, H, W, D) beside them.

    How far codes are drawn toward all is chosen on a fifth of the images, for means and covariances apart; of fewer
    than five images, it is 16 positions.
    `needed` (size,) bool are the codes whose numbers are needed; all, unless told.
    """
    needed = np.ones(size, bool) if needed is None else np.asarray(needed, bool)
    codes, values = np.asarray(codes), np.asarray(values, np.float64)
    best = (UNCHOSEN, UNCHOSEN)
    if len(codes) >= 5:
        order = np.random.default_rng(seed).permutation(len(codes))
        back = max(1, round(BACK * len(codes)))
        held, used = order[:back], order[back:]
        some, numbers = _flat(codes[held], values[held], needed)
        sums = _sums(codes[used], values[used], size, needed)
        if len(some) and sums is not None:
            scored = {
                one: float(_shrunk(sums, needed, one).nats(some, numbers).mean())
                for one in itertools.product(STRENGTHS, STRENGTHS)
            }
            best = max(scored, key=scored.get)
    constants, counts = _constants(codes, values, size, needed), np.bincount(codes.reshape(-1), minlength=size)
    sums = _sums(codes, values, size, needed)
    if sums is None:  # no position is needed
        dim = values.shape[-1]
        none = 1e-12 * (np.eye(dim) if dim <= FULL else np.ones(dim))
        covariances = np.broadcast_to(none, (size, *none.shape))
        return CodeGaussians(constants, covariances, counts, needed, values.mean((0, 1, 2)), none, best)
    found = _shrunk(sums, needed, best)
    means = np.where(needed[:, None], found.means, constants)
    return CodeGaussians(means, found.covariances, counts, needed, found.mean, found.covariance, best)


def explained(codes: np.ndarray, values: np.ndarray, found: CodeGaussians) -> tuple[np.ndarray, np.ndarray]:
    """Squared error of the mean given the code, and of the mean of all, summed over the needed positions of each image:
    (N, H, W), (N, H, W, D) -> (N,), (N,). One less their quotient is the share of the variance that codes explain."""
    needed = found.needed[codes][..., None]
    given = ((values - found.means[codes]) ** 2 * needed).sum((1, 2, 3))
    return given, ((values - found.mean) ** 2 * needed).sum((1, 2, 3))


def by_image(nats: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Mean of nats (M,) over the positions of each image where `mask` (N, H, W) is true: (N,), NaN of none."""
    whole = np.zeros(mask.shape)
    whole[mask] = nats
    with np.errstate(invalid="ignore"):
        return whole.sum((1, 2)) / mask.sum((1, 2))


@dataclass(frozen=True)
class _Sums:
    """Positions, means and scatter about them of each code, and mean and covariance of all needed positions."""

    counts: np.ndarray
    means: np.ndarray
    scatter: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray


def _flat(codes: np.ndarray, values: np.ndarray, needed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes (M,) and numbers (M, D) of the positions that are needed."""
    flat, numbers = np.asarray(codes).reshape(-1), values.reshape(-1, values.shape[-1])
    keep = needed[flat]
    return flat[keep], numbers[keep]


def _sums(codes: np.ndarray, values: np.ndarray, size: int, needed: np.ndarray) -> _Sums | None:
    from scipy.sparse import csr_matrix

    flat, numbers = _flat(codes, values, needed)
    if not len(flat):
        return None
    rows = csr_matrix((np.ones(len(flat)), (flat, np.arange(len(flat)))), (size, len(flat)))
    counts = np.bincount(flat, minlength=size).astype(np.float64)
    centre = numbers.mean(0)
    away = numbers - centre
    means = rows @ away / np.maximum(counts, 1)[:, None]
    left = away - means[flat]
    dim = numbers.shape[1]
    if dim <= FULL:
        scatter = (rows @ (left[:, :, None] * left[:, None]).reshape(len(flat), -1)).reshape(size, dim, dim)
        covariance = away.T @ away / len(flat)
        covariance = covariance + np.eye(dim) * max(1e-6 * float(np.trace(covariance)) / dim, 1e-12)
    else:
        scatter, covariance = rows @ left**2, np.maximum((away**2).mean(0), 1e-12)
    return _Sums(counts, means + centre, scatter, centre, covariance)


def _shrunk(sums: _Sums, needed: np.ndarray, strengths: tuple[float, float]) -> CodeGaussians:
    """Each code's own, with so many positions of the Gaussian of all added: to the mean, and to the covariance."""
    count, (of_mean, strength) = sums.counts[:, None], strengths
    away = sums.means - sums.mean
    away[sums.counts == 0] = 0
    means = sums.mean + away * count / (count + of_mean)
    if sums.scatter.ndim == 3:
        count = count[..., None]
        floor = np.diag(np.diag(sums.covariance)) * FLOOR
    else:
        floor = sums.covariance * FLOOR
    covariances = (sums.scatter + strength * sums.covariance) / (count + strength) + floor
    return CodeGaussians(means, covariances, sums.counts, needed, sums.mean, sums.covariance, strengths)


def _constants(codes: np.ndarray, values: np.ndarray, size: int, needed: np.ndarray) -> np.ndarray:
    """(K, D): the numbers of codes that are not needed, which are the same at all of their positions."""
    flat, numbers = np.asarray(codes).reshape(-1), values.reshape(-1, values.shape[-1])
    rest = ~needed[flat]
    found = np.tile(numbers[rest].mean(0) if rest.any() else np.zeros(values.shape[-1]), (size, 1))
    found[flat[rest]] = numbers[rest]
    return found


def _roots(covariances: np.ndarray) -> np.ndarray:
    """Square roots of covariances (…, D, D), or of variances (K, D) and (D,)."""
    full = covariances.ndim == 3 or (covariances.ndim == 2 and covariances.shape[0] == covariances.shape[1] <= FULL)
    return np.linalg.cholesky(covariances) if full else np.sqrt(covariances)


def _nats(away: np.ndarray, roots: np.ndarray) -> np.ndarray:
    """Log density of N(0, root rootᵀ) at (M, D); roots (M, D, D), (M, D), or one for all."""
    if roots.ndim == 3:
        roots = np.broadcast_to(roots, (len(away), *roots.shape[1:]))
        white = np.linalg.solve(roots, away[..., None])[..., 0]
        logs = np.log(np.einsum("mii->mi", roots)).sum(1)
    else:
        white, logs = away / roots, np.log(roots).sum(-1)
    return -0.5 * (white**2 + np.log(2 * np.pi)).sum(1) - logs
