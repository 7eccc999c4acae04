"""Images as rows of numbers to be searched by, one way or another: the table WAYS.

A row has length 1, so that the likeness of two images is the cosine, a product. What has no sign of its own, such as
latents or pixels, is held against the mean of the set, since a mean that all share would make all alike.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis import retrieval
from explorer.errors import BadInput

if TYPE_CHECKING:
    from explorer.analysis.retrieval import Rows
    from explorer.study import Picture, Study

EVERY = "all"  # in place of a layer: all of them side by side
BATCH = 512


@dataclass(frozen=True)
class By:
    """What images are searched by.

    Attributes:
        way: a name in WAYS. layer: of the codes or latents; "" is the main one, `EVERY` all of them.
        encoder: another checkpoint, a name or a path, for the way `encoder`.
    """

    way: str = "bag"
    layer: str = ""
    encoder: str = ""


@dataclass(frozen=True)
class Way:
    """One way to search.

    Attributes:
        title: what to call it. about: what makes two images alike.
        fit: (study, layer or encoder) -> what the set of images says, such as which codes are rare.
        of_set: (study, layer or encoder, fitted) -> rows (N, F) of all images, not yet of length 1.
        of_picture: (study, layer or encoder, fitted, picture, cells) -> row (1, F); `cells` (H, W) bool or None are
            those of the layer that count.
        coded, layered: whether it is of codes; whether there is one for each layer.
    """

    title: str
    about: str
    fit: Callable[[Study, str], Any]
    of_set: Callable[[Study, str, Any], Rows]
    of_picture: Callable[[Study, str, Any, Picture, np.ndarray | None], Rows]
    coded: bool = False
    layered: bool = True


def represented(study: Study, by: By) -> Rows:
    """Rows (N, F) of all images, float32 and of length 1; sparse for codes.

    Raises:
        BadInput: an unknown way, layer or encoder.
    """
    return study.remember(_represented, checked(study, by))


def represent(study: Study, by: By, picture: Picture, cells: np.ndarray | None = None) -> Rows:
    """The row (1, F) of a picture, by what the set says; with `cells` (H, W) bool, by those of the layer alone."""
    by = checked(study, by)
    if picture.row is not None and cells is None:
        return represented(study, by)[[picture.row]]
    rows = [
        retrieval.unit(WAYS[by.way].of_picture(study, of, study.remember(_fitted, by.way, of), picture, cells))
        for of in _parts(study, by)
    ]
    return _beside(rows)


def nearest(study: Study, by: By, query: Rows, k: int, leave: tuple[int, ...] = ()) -> tuple[np.ndarray, np.ndarray]:
    """Rows (≤ k,) of the images most like a query (1, F), the most alike first, and their cosines.

    Rows in `leave` are left out. Ties stand in a fixed random order.
    """
    found = retrieval.likeness(represented(study, by), query)[0]
    rows = retrieval.top(found, k, leave)
    return rows, found[rows]


def checked(study: Study, by: By) -> By:
    """The same with the layer's name; BadInput for what is not there."""
    if by.way not in WAYS:
        raise BadInput(f"unknown way {by.way!r} to search; choose from {', '.join(WAYS)}")
    if by.way == "encoder":
        if not by.encoder:
            raise BadInput("name the checkpoint whose latents are to be searched by; `explorer list` has those here")
        return By(by.way, "", by.encoder)
    if not WAYS[by.way].layered:
        if not study.images.pictured:
            raise BadInput(f"{study.images.name} has codes without pictures, so there are no pixels to search by")
        return By(by.way)
    if by.layer != EVERY:
        return By(by.way, study.layer(by.layer or study.main_layer).name)
    return by


def _parts(study: Study, by: By) -> list[str]:
    if by.layer == EVERY and WAYS[by.way].layered:
        return [layer.name for layer in study.layers]
    return [by.encoder or by.layer]


def _represented(study: Study, by: By) -> Rows:
    way = WAYS[by.way]
    rows = [retrieval.unit(way.of_set(study, of, study.remember(_fitted, by.way, of))) for of in _parts(study, by)]
    return _beside(rows)


def _fitted(study: Study, way: str, of: str) -> Any:
    return WAYS[way].fit(study, of)


def _beside(rows: list[Rows]) -> Rows:
    """Rows of several layers side by side; each layer counts as much as another."""
    if len(rows) == 1:
        return rows[0]
    from scipy.sparse import hstack, issparse

    together = hstack(rows, format="csr") if issparse(rows[0]) else np.concatenate(rows, 1)
    return retrieval.unit(together)


# ---- codes


def _codes(study: Study, layer: str, picture: Picture) -> np.ndarray:
    return study.codes_of(picture, layer)[0][None]


def _fit_bag(study: Study, layer: str) -> Any:
    from explorer.analysis.retrieval import bags

    return bags.weights(bags.counted(study.codes(layer), len(study.book(layer))))


def _bags(study: Study, layer: str, weights: Any) -> Rows:
    from explorer.analysis.retrieval import bags

    return weights.weigh(bags.counted(study.codes(layer), len(study.book(layer))))


def _bag(study: Study, layer: str, weights: Any, picture: Picture, cells: np.ndarray | None) -> Rows:
    from explorer.analysis.retrieval import bags

    return weights.weigh(bags.counted(_codes(study, layer, picture), len(study.book(layer)), cells))


def _fit_places(study: Study, layer: str) -> Any:
    from explorer.analysis.retrieval import bags

    codes = study.codes(layer)
    places = bags.places(codes, len(study.book(layer)))
    return places, bags.weights(places.counted(codes))


def _places(study: Study, layer: str, fitted: Any) -> Rows:
    return fitted[1].weigh(fitted[0].counted(study.codes(layer)))


def _place(study: Study, layer: str, fitted: Any, picture: Picture, cells: np.ndarray | None) -> Rows:
    return fitted[1].weigh(fitted[0].counted(_codes(study, layer, picture), cells))


# ---- latents and pixels, held against their mean


def _mean(of: Callable[[Study, str], np.ndarray]) -> Callable[[Study, str], np.ndarray]:
    return lambda study, layer: of(study, layer).mean(0, dtype=np.float64).astype(np.float32)


def _centred(of: Callable[[Study, str], np.ndarray]) -> Callable[[Study, str, np.ndarray], np.ndarray]:
    return lambda study, layer, mean: of(study, layer) - mean


def _quantized(study: Study, layer: str) -> np.ndarray:
    """(N, D) means of the vectors of the codes."""
    from explorer.analysis.retrieval import bags

    vectors, codes = study.vectors(layer), study.codes(layer)
    return (bags.counted(codes, len(vectors)) @ vectors / codes[0].size).astype(np.float32)


def _zq(study: Study, layer: str, mean: np.ndarray, picture: Picture, cells: np.ndarray | None) -> np.ndarray:
    found = study.vectors(layer)[_codes(study, layer, picture)[0]]
    return _averaged(found, cells) - mean


def _latents(study: Study, layer: str) -> np.ndarray:
    return study.encoding.pooled(layer)


def _ze(study: Study, layer: str, mean: np.ndarray, picture: Picture, cells: np.ndarray | None) -> np.ndarray:
    return _averaged(study.look(picture).latents[layer], cells) - mean


def _averaged(vectors: np.ndarray, cells: np.ndarray | None) -> np.ndarray:
    """(H, W, D) -> (1, D) mean of the cells that count."""
    inside = np.ones(vectors.shape[:2], bool) if cells is None else np.asarray(cells, bool)
    return vectors[inside].mean(0, dtype=np.float64).astype(np.float32)[None]


def _seen(function: Callable[[np.ndarray], np.ndarray]) -> Callable[[Study, str], np.ndarray]:
    def of_all(study: Study, _: str) -> np.ndarray:
        starts = range(0, len(study.images), BATCH)
        return np.concatenate([function(study.images.read(slice(at, at + BATCH))) for at in starts])

    return of_all


def _pixels(images: np.ndarray) -> np.ndarray:
    from explorer.analysis.concepts import features

    return features.pixels(images)


def _small(study: Study, _: str, mean: np.ndarray, picture: Picture, cells: np.ndarray | None) -> np.ndarray:
    """Pixels outside of the cells that count are those of the mean image, so that they tell nothing."""
    found = _pixels(picture.pixels[None]) - mean
    if cells is None:
        return found
    side = int(np.sqrt(found.shape[1] // 3))
    return found * np.repeat(_spread(cells, (side, side)).reshape(-1), 3)


def _colours(images: np.ndarray) -> np.ndarray:
    """Square roots of the shares of colours: the cosine of two is their Bhattacharyya coefficient."""
    from explorer.analysis.concepts import features

    return np.sqrt(features.colour_counts(images)).astype(np.float32)


def _histogram(study: Study, _: str, fitted: None, picture: Picture, cells: np.ndarray | None) -> np.ndarray:
    if cells is None:
        return _colours(picture.pixels[None])
    inside = picture.pixels[_spread(cells, picture.pixels.shape[:2])]
    return _colours(inside[None, None])


def _spread(cells: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Cells (H, W) bool over an area (h, w)."""
    down, across = (np.arange(to) * of // to for to, of in zip(shape, cells.shape, strict=True))
    return np.asarray(cells, bool)[down][:, across]


# ---- another checkpoint


def _other(study: Study, encoder: str) -> Any:
    """The study of the other checkpoint, and rows of the same images in both."""
    from explorer import checkpoints
    from explorer.study.pair import Pair, open_pair

    found = open_pair(study, checkpoints.describe(checkpoints.resolve(encoder)))
    if not isinstance(found, Pair):
        raise BadInput(f"{found.facts.name} has no encoding of {study.images.name} yet; encode it first")
    return found


def _fit_encoder(study: Study, encoder: str) -> np.ndarray:
    pair = _other(study, encoder)
    return pair.b.encoding.pooled(pair.b.main_layer, pair.rows[1]).mean(0, dtype=np.float64).astype(np.float32)


def _encoded(study: Study, encoder: str, mean: np.ndarray) -> np.ndarray:
    """Zeros, which are like nothing, for images that the other checkpoint does not have."""
    pair = _other(study, encoder)
    rows = np.zeros((len(study.images), len(mean)), np.float32)
    rows[pair.rows[0]] = pair.b.encoding.pooled(pair.b.main_layer, pair.rows[1]) - mean
    return rows


def _encode(study: Study, encoder: str, mean: np.ndarray, picture: Picture, cells: np.ndarray | None) -> np.ndarray:
    """A picture in the size of the other checkpoint; cells are of another grid, so a part cannot be searched for."""
    from PIL import Image

    from explorer.study.picture import Picture as Looked

    if cells is not None:
        raise BadInput("a part of a picture is searched for by this checkpoint's own codes or latents, or by pixels")
    pair = _other(study, encoder)
    side = pair.b.checkpoint.image_size
    pixels = np.asarray(Image.fromarray(picture.pixels).resize((side, side), Image.Resampling.BICUBIC))
    return _averaged(pair.b.look(Looked(pixels, picture.name)).latents[pair.b.main_layer], None) - mean


WAYS: dict[str, Way] = {
    "bag": Way(
        "Bag of codes", "the same codes, wherever they stand; rare ones count more (tf–idf).",
        _fit_bag, _bags, _bag, coded=True,
    ),
    "place": Way(
        "Codes at places", "the same codes in the same cells; rare ones count more (tf–idf).",
        _fit_places, _places, _place, coded=True,
    ),
    "zq": Way(
        "Mean of z_q", "the vectors of their codes, averaged over the image.",
        _mean(_quantized), _centred(_quantized), _zq, coded=True,
    ),
    "ze": Way(
        "Mean of z_e", "what the encoder says before it is quantized, averaged over the image.",
        _mean(_latents), _centred(_latents), _ze,
    ),
    "pixels": Way(
        "Pixels", "the small image itself, at most 16 × 16; no network.",
        _mean(_seen(_pixels)), _centred(_seen(_pixels)), _small, layered=False,
    ),
    "colours": Way(
        "Colours", "the share of each of 64 colours; no network.",
        lambda study, _: None, lambda study, of, _: _seen(_colours)(study, of), _histogram, layered=False,
    ),
    "encoder": Way(
        "Another encoder", "the mean latents of another checkpoint, which you name.",
        _fit_encoder, _encoded, _encode, layered=False,
    ),
}  # fmt: skip
