"""Rows of numbers that images are searched by, one way or another, a block of images at a time: the table WAYS.

What a way has to know of the whole set, such as which codes are rare, is fitted first, in one pass over blocks, and is
a few small arrays; a row then needs nothing of other images. So a set may be larger than memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from explorer.analysis import retrieval
from explorer.analysis.retrieval import bags

if TYPE_CHECKING:
    from explorer.analysis.retrieval import Rows
    from explorer.datasets import Images
    from explorer.encodings import Encoding

Fitted: TypeAlias = dict[str, np.ndarray]  # what the set says
Tell: TypeAlias = Callable[[int], None]  # is told how many images were seen

TOKENS, PIXELS, LATENTS = 1_000_000, 512, 16_384  # in a block: tokens; images that are decoded; images of latents
DENSE = 2**24  # pairs of code and cell up to which all are counted, whether there are any or not


@dataclass(frozen=True)
class Part:
    """The images of an encoding, searched one way by one layer.

    Attributes:
        way: a name in WAYS. layer: whose codes or latents; "" for what is of pixels.
    """

    encoding: Encoding
    images: Images
    way: str
    layer: str = ""

    def __len__(self) -> int:
        return self.encoding.images

    def fit(self, tell: Tell | None = None) -> Fitted:
        """What the set says."""
        return WAYS[self.way].fit(self, tell)

    def rows(self, fitted: Fitted, which: slice | np.ndarray) -> Rows:
        """Rows of length 1 of some images, (n, F) float32; those of codes are sparse."""
        return retrieval.unit(WAYS[self.way].rows(self, fitted, which))

    def blocks(self, tell: Tell | None = None) -> Iterator[slice]:
        """All images in parts that fit into memory."""
        each = WAYS[self.way].block
        if each is None:  # by the finest grid, since the other layers are read by the same blocks
            each = max(1, TOKENS // max(one.grid[0] * one.grid[1] for one in self.encoding.layers))
        for start in range(0, len(self), each):
            stop = min(start + each, len(self))
            yield slice(start, stop)
            if tell is not None:
                tell(stop)

    def codes(self, which: slice | np.ndarray) -> np.ndarray:
        return self.encoding.codes(self.layer, which)

    @property
    def size(self) -> int:
        """K."""
        return len(self.encoding.codebook(self.layer))


def beside(rows: list[Rows]) -> Rows:
    """Rows of several layers side by side, of length 1; each layer counts as much as another."""
    if len(rows) == 1:
        return rows[0]
    from scipy.sparse import hstack, issparse

    together = hstack(rows, format="csr") if issparse(rows[0]) else np.concatenate(rows, 1)
    return retrieval.unit(together)


@dataclass(frozen=True)
class Way:
    """How rows are made; block: images at once, None for as many as have TOKENS tokens."""

    fit: Callable[[Part, Tell | None], Fitted]
    rows: Callable[[Part, Fitted, slice], Rows]
    block: int | None = None
    sparse: bool = False


# ---- codes


def _fit_bags(part: Part, tell: Tell | None) -> Fitted:
    size = part.size
    having = np.zeros(size, np.int64)
    for block in part.blocks(tell):
        having += np.bincount(bags.counted(part.codes(block), size).indices, minlength=size)
    return {"idf": bags.weights_of(having, len(part)).idf, "having": having}


def _bags(part: Part, fitted: Fitted, which: slice) -> Rows:
    return bags.Weights(fitted["idf"]).weigh(bags.counted(part.codes(which), part.size))


def _fit_places(part: Part, tell: Tell | None) -> Fitted:
    size, (height, width) = part.size, part.encoding.layer(part.layer).grid
    dense = size * height * width <= DENSE
    known, having = np.empty(0, np.int64), np.zeros(size * height * width if dense else 0, np.int64)
    for block in part.blocks(tell):
        pairs = bags.pairs(part.codes(block), size).reshape(-1)
        if dense:
            having += np.bincount(pairs, minlength=len(having))
            continue
        found, counts = np.unique(pairs, return_counts=True)
        both = np.union1d(known, found)
        counted = np.zeros(len(both), np.int64)
        counted[np.searchsorted(both, known)] += having
        counted[np.searchsorted(both, found)] += counts
        known, having = both, counted
    if dense:
        known = np.flatnonzero(having)
        having = having[known]
    return {"idf": bags.weights_of(having, len(part)).idf, "having": having, "known": known, "size": np.int64(size)}


def _places(part: Part, fitted: Fitted, which: slice) -> Rows:
    places = bags.Places(fitted["known"], int(fitted["size"]))
    return bags.Weights(fitted["idf"]).weigh(places.counted(part.codes(which)))


# ---- latents and pixels, held against their mean


def _mean(of: Callable[[Part, slice], np.ndarray]) -> Callable[[Part, Tell | None], Fitted]:
    def fit(part: Part, tell: Tell | None) -> Fitted:
        total = sum(np.nansum(of(part, block), 0, dtype=np.float64) for block in part.blocks(tell))
        return {"mean": (total / max(1, len(part))).astype(np.float32)}

    return fit


def _centred(of: Callable[[Part, slice], np.ndarray]) -> Callable[[Part, Fitted, slice], np.ndarray]:
    """Rows without the mean; what is not a number is like nothing."""

    def rows(part: Part, fitted: Fitted, which: slice) -> np.ndarray:
        found = of(part, which) - fitted["mean"]
        broken = ~np.isfinite(found).all(1)
        return np.where(broken[:, None], 0, found) if broken.any() else found

    return rows


def _quantized(part: Part, which: slice) -> np.ndarray:
    """(n, D) means of the vectors of the codes."""
    vectors, codes = part.encoding.codebook(part.layer).vectors.cpu().numpy(), part.codes(which)
    return (bags.counted(codes, len(vectors)) @ vectors / codes[0].size).astype(np.float32)


def _latents(part: Part, which: slice) -> np.ndarray:
    return part.encoding.pooled(part.layer, which)


def pixels(images: np.ndarray) -> np.ndarray:
    """Small images: (n, h, w, 3) uint8 -> (n, ≤ 768) float32 in [0, 1]."""
    from explorer.analysis.concepts import features

    return features.pixels(images)


def colours(images: np.ndarray) -> np.ndarray:
    """Square roots of the shares of 64 colours: the cosine of two is their Bhattacharyya coefficient."""
    from explorer.analysis.concepts import features

    return np.sqrt(features.colour_counts(images)).astype(np.float32)


def _small(part: Part, which: slice) -> np.ndarray:
    return pixels(part.images.read(which))


WAYS: dict[str, Way] = {
    "bag": Way(_fit_bags, _bags, sparse=True),
    "place": Way(_fit_places, _places, sparse=True),
    "zq": Way(_mean(_quantized), _centred(_quantized)),
    "ze": Way(_mean(_latents), _centred(_latents), LATENTS),
    "pixels": Way(_mean(_small), _centred(_small), PIXELS),
    "colours": Way(lambda part, tell: {}, lambda part, _, which: colours(part.images.read(which)), PIXELS),
}
