"""What needs no picture: how popular products are, and which the same users looked at (item-kNN)."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from explorer.analysis.relations import Events

NEIGHBOURS = 200  # most alike products that are kept of each
FINE = 1e-9  # of a score, for each user: what neighbours do not tell apart is ranked by how popular it is; not a tie


def together(events: Events, neighbours: int = NEIGHBOURS) -> csr_array:
    """(N, N) cosine of who looked at two products, for the most alike of each; item-kNN of the library `implicit`.

    Source: Sarwar et al., Item-based collaborative filtering recommendation algorithms, 2001.
    """
    from scipy.sparse import csr_array, csr_matrix

    if not len(events):
        return csr_array((events.shape[1], events.shape[1]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the threads of BLAS, which is not asked here, and of its own conversions
        from implicit.nearest_neighbours import CosineRecommender

        model = CosineRecommender(K=min(neighbours, events.shape[1]), num_threads=1)
        # a product that a user looked at ten times is not ten times as much theirs
        model.fit(csr_matrix(events.seen()), show_progress=False)
    return csr_array(model.similarity)


def by_neighbours(seen: csr_array, alike: csr_array, popular: np.ndarray) -> np.ndarray:
    """Scores (u, N) of products for users who looked at `seen` (u, N): the sum of likenesses to those.

    Of those that are alike to none, the popular come first, as a shop would do it.
    """
    found = (seen @ alike).toarray()
    return found + FINE * popular
