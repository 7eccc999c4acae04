"""Which images of a study are most like a picture in one layer, and where the picture lies on the map of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from explorer.results import maps

if TYPE_CHECKING:
    from explorer.analysis.placing import Neighbours
    from explorer.study import Picture, Study


@dataclass(frozen=True)
class Known:
    """The images on a map of one layer.

    Attributes:
        method: umap, or pca where no UMAP is kept for this layer.
        rows: (M,) of the images. places: (M, 2). vectors: (M, D) latents averaged over the grid.
        gaps: (M,) distance of each to its nearest other.
        trust: trustworthiness of the map.
    """

    method: str
    rows: np.ndarray
    places: np.ndarray
    vectors: np.ndarray
    gaps: np.ndarray
    trust: float


def known(study: Study, layer: str) -> Known:
    """The map of a layer: the UMAP that is kept, else the two main directions."""
    return study.remember(_known, layer)


def _known(study: Study, layer: str) -> Known:
    from explorer.analysis import placing, projection

    found, pooled = study.result("map", maps.Options(layer)), study.encoding.pooled(layer)
    if found is not None:
        rows, places = found.table["id"].to_numpy(), found.table[["x", "y"]].to_numpy()
        method, trust = "umap", float(found.facts["trustworthiness"])
    else:
        rows, places = np.arange(len(pooled)), projection.pca_map(pooled)
        method, trust = "pca", projection.trustworthiness(pooled, places, min(15, (len(pooled) - 1) // 2))
    vectors = pooled[rows]
    return Known(method, rows, places, vectors, placing.gaps(vectors), trust)


def nearest(study: Study, picture: Picture, layer: str, count: int) -> tuple[Neighbours, np.ndarray]:
    """The images most like a picture in a layer (rows into `known`), and its place (2,) on the map."""
    from explorer.analysis import placing

    among = known(study, layer)
    vector = study.look(picture).latents[layer].mean((0, 1))
    found = placing.find(vector, among.vectors, among.gaps, max(count, placing.K))
    return found, placing.place(found.distances[: placing.K], among.places[found.rows[: placing.K]])
