"""Which images show the same product, and whatever is asked of all images of a split."""

from __future__ import annotations

import numpy as np

from explorer.lazy import cached_property
from explorer.results.scores import leak
from explorer.results.scores.material import Material


class Whole(Material):
    """Material of all images of the split, copies among them."""

    @cached_property
    def rows(self) -> np.ndarray:
        return np.arange(len(self.encoding))


def products(material: Whole) -> tuple[np.ndarray, np.ndarray]:
    """Copies of an image are one product: (N,) the product of each image, and (P,) the first image of each.

    Copies pixel for pixel are known of all images, near copies of a sample of 10,000.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    count, stamps = len(material.rows), getattr(material.subject.images, "stamps", None)
    edges = [np.stack([material.sampled, leak.earliest(material)], 1)]
    if stamps is not None:
        known = np.flatnonzero(stamps[:, 1] != 0)
        _, first, kind = np.unique(stamps[known, 1], return_index=True, return_inverse=True)
        edges.append(np.stack([known, known[first[kind.reshape(-1)]]], 1))
    pairs = np.concatenate(edges)
    graph = csr_array((np.ones(len(pairs)), pairs.T), shape=(count, count))
    group = connected_components(graph, directed=False)[1]
    _, first, product = np.unique(group, return_index=True, return_inverse=True)
    order = np.argsort(first)  # products in the order of their first images
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return place[product.reshape(-1)], first[order]
