"""What images are searched by: rows of unit length, so that the likeness of two is the cosine, a product."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    Rows: TypeAlias = np.ndarray | csr_array  # (n, F)


def unit(rows: Rows) -> Rows:
    """Rows (n, F), dense or sparse, of length 1 as float32; a row of zeros stays one, and is like nothing."""
    from scipy.sparse import csr_array, diags_array, issparse

    if issparse(rows):
        lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(1), np.float64).reshape(-1))
        return csr_array(diags_array(1 / np.where(lengths > 0, lengths, 1)) @ rows).astype(np.float32)
    lengths = np.linalg.norm(np.asarray(rows, np.float64), axis=1, keepdims=True)
    return (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)


def likeness(rows: Rows, queries: Rows) -> np.ndarray:
    """Cosines of unit rows (n, F) with unit queries (q, F): (q, n) float32."""
    if queries.shape[0] == 1 and hasattr(queries, "toarray"):  # ten times as fast as a product of sparse rows
        found = (rows @ queries.toarray()[0])[None]
    else:
        found = queries @ rows.T
    return np.asarray(found.toarray() if hasattr(found, "toarray") else found, np.float32)


def top(similarity: np.ndarray, k: int, leave: np.ndarray | tuple[int, ...] = ()) -> np.ndarray:
    """The `k` rows with the largest of (n,) similarities, largest first, ties in a fixed random order.

    Rows in `leave` are left out. By row number ties would go to the first class of a sorted folder.
    """
    similarity = np.array(similarity, None if np.asarray(similarity).dtype == np.float32 else np.float64)
    out = np.asarray(leave, np.int64)
    similarity[out[(out >= 0) & (out < len(similarity))]] = -np.inf
    k = min(k, int(np.isfinite(similarity).sum()))
    if k <= 0:
        return np.empty(0, np.int64)
    least = np.partition(similarity, len(similarity) - k)[len(similarity) - k]
    found = np.flatnonzero(similarity >= least)
    best = similarity[found]
    if len(np.unique(best)) == len(best):  # an order of a million images takes longer than all the rest
        return found[np.argsort(-best)][:k]
    order = np.random.default_rng([len(similarity), 23]).permutation(len(similarity))
    return found[np.lexsort((order[found], -best))][:k]
