"""Vectors for codes of which no vectors are known: from the images that have them."""

from __future__ import annotations

import numpy as np


def by_shared_images(presence, dim: int, seed: int = 0) -> np.ndarray:
    """Codes near each other where the same images have them: sparse (N, K) counts -> (K, dim) float32.

    Singular vectors of D₁^(-1/2) P D₂^(-1/2) with P the table of which image has which code (spectral co-clustering,
    Dhillon 2001), without the first, which tells only how often a code is used; scaled by their singular values and by
    D₂^(-1/2). Codes that no image has stand at the origin. The signs of the axes are fixed, the search is seeded.
    """
    from sklearn.utils.extmath import randomized_svd

    found = np.zeros((presence.shape[1], dim), np.float32)
    table = presence.astype(bool).astype(np.float64).tocsr()
    used = np.flatnonzero(np.asarray(table.sum(0)).ravel())
    table = table[:, used]
    rows, columns = (np.asarray(table.sum(axis)).ravel() for axis in (1, 0))
    weighted = table.multiply(1 / np.sqrt(np.maximum(rows, 1))[:, None]).multiply(1 / np.sqrt(columns)).tocsr()
    rank = min(dim + 1, min(weighted.shape))
    if rank < 2:
        return found
    _, values, axes = randomized_svd(weighted, rank, random_state=seed)
    places = (axes[1:] * values[1:, None]).T / np.sqrt(columns)[:, None]
    found[used, : rank - 1] = places
    return found


def by_latents(codes: np.ndarray, latents: np.ndarray, size: int) -> np.ndarray:
    """The mean latent of each code's tokens: codes (N, L) and latents (N, L, D) or (N, D) -> (size, D) float32.

    A latent of an image counts for each of its tokens. Codes without tokens stand at the mean of all.
    """
    from scipy.sparse import csr_array

    flat, dim = codes.reshape(-1).astype(np.int64), latents.shape[-1]
    row = np.repeat(np.arange(len(codes)), codes.shape[1]) if latents.ndim == 2 else np.arange(len(flat))
    values = latents.reshape(-1, dim).astype(np.float64)
    weights = csr_array((np.ones(len(flat)), (flat, row)), shape=(size, len(values)))
    tokens = np.asarray(weights.sum(1)).ravel()
    found = (weights @ values) / np.maximum(tokens, 1)[:, None]
    found[tokens == 0] = values.mean(0)
    return found.astype(np.float32)
