"""Images as rows of numbers to be searched by, one way or another: the table WAYS.

A row has length 1, so that the likeness of two images is the cosine, a product. What has no sign of its own, such as
latents or pixels, is held against the mean of the set, since a mean that all share would make all alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis import retrieval
from explorer.errors import BadInput
from explorer.results import index as indices

if TYPE_CHECKING:
    from explorer.analysis.retrieval import Rows
    from explorer.encodings.rows import Fitted, Part
    from explorer.results.index import Index
    from explorer.study import Picture, Study

EVERY = indices.EVERY


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
        of_picture: (study, layer or encoder, fitted, picture, cells) -> row (1, F), not yet of length 1; `cells` (H, W)
            bool or None are those of the layer that count.
        coded, layered: whether it is of codes; whether there is one for each layer.
    """

    title: str
    about: str
    of_picture: Callable[[Study, str, Fitted, Picture, np.ndarray | None], Rows]
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
    from explorer.encodings import rows

    by = checked(study, by)
    if picture.row is not None and cells is None:
        return of_rows(study, by, [picture.row])
    index = index_of(study, by)
    fitted = _fitted(study, by) if index is None else index.fitted
    return rows.beside(
        [
            retrieval.unit(WAYS[by.way].of_picture(study, of, said, picture, cells))
            for of, said in zip(_parts(study, by), fitted, strict=True)
        ]
    )


def of_rows(study: Study, by: By, chosen: Sequence[int] | np.ndarray) -> Rows:
    """The rows (n, F) of some images of the set; of a large one no others are made."""
    by = checked(study, by)
    if indexing(study, by) is None:
        return represented(study, by)[np.asarray(chosen, np.int64)]
    index = index_of(study, by)
    return _rows(study, by, _fitted(study, by) if index is None else index.fitted, np.asarray(chosen, np.int64))


def nearest(study: Study, by: By, query: Rows, k: int, leave: tuple[int, ...] = ()) -> tuple[np.ndarray, np.ndarray]:
    """Rows (≤ k,) of the images most like a query (1, F), the most alike first, and their cosines.

    Rows in `leave` are left out. Ties stand in a fixed random order. Of a large set an index is asked, where there is
    one.
    """
    by = checked(study, by)
    index = index_of(study, by)
    if index is not None:
        return index.nearest(query, k, leave)
    found = retrieval.likeness(represented(study, by), query)[0]
    best = retrieval.top(found, k, leave)
    return best, found[best]


def index_of(study: Study, by: By) -> Index | None:
    """The index that answers, where the set is so large that there should be one, and it is there."""
    wanted = indexing(study, by)
    return None if wanted is None else study.result("index", wanted)


def indexing(study: Study, by: By) -> indices.Options | None:
    """The index that a set so large should have, to be made if it is not there; None where none is needed."""
    by = checked(study, by)
    if len(study.images) <= indices.EXACT or by.way not in indices.WAYS:
        return None
    return indices.Options(by.way, by.layer)


def columns(study: Study, by: By) -> list[tuple[str, np.ndarray]]:
    """Which code each column of `represented` is, layer by layer: (layer, (F,) codes), of ways by bags or places."""
    by = checked(study, by)
    found = []
    for layer, said in zip(_parts(study, by), _fitted(study, by), strict=True):
        codes = said["known"] % int(said["size"]) if by.way == "place" else np.arange(len(said["idf"]))
        found.append((layer, codes))
    return found


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
    if by.way == "encoder":
        return retrieval.unit(_encoded(study, by.encoder, _fitted(study, by)[0]["mean"]))
    from scipy.sparse import issparse, vstack

    fitted = _fitted(study, by)
    parts = _searched(study, by)
    found = [_rows(study, by, fitted, block) for block in parts[0].blocks()]
    return vstack(found, format="csr") if issparse(found[0]) else np.concatenate(found)


def _rows(study: Study, by: By, fitted: Sequence[Fitted], which: slice | np.ndarray) -> Rows:
    from explorer.encodings import rows

    return rows.beside([part.rows(said, which) for part, said in zip(_searched(study, by), fitted, strict=True)])


def _searched(study: Study, by: By) -> list[Part]:
    from explorer.encodings import rows

    return [rows.Part(study.encoding, study.images, by.way, of) for of in _parts(study, by)]


def _fitted(study: Study, by: By) -> list[Fitted]:
    """What the set says, layer by layer."""
    return [study.remember(_fit, by.way, of) for of in _parts(study, by)]


def _fit(study: Study, way: str, of: str) -> Fitted:
    from explorer.encodings import rows

    if way == "encoder":
        pair = _other(study, of)
        return {
            "mean": pair.b.encoding.pooled(pair.b.main_layer, pair.rows[1]).mean(0, dtype=np.float64).astype(np.float32)
        }
    return rows.Part(study.encoding, study.images, way, of).fit()


# ---- a picture's own row


def _codes(study: Study, layer: str, picture: Picture) -> np.ndarray:
    return study.codes_of(picture, layer)[0][None]


def _bag(study: Study, layer: str, fitted: Fitted, picture: Picture, cells: np.ndarray | None) -> Rows:
    from explorer.analysis.retrieval import bags

    counted = bags.counted(_codes(study, layer, picture), len(study.book(layer)), cells)
    return bags.Weights(fitted["idf"]).weigh(counted)


def _place(study: Study, layer: str, fitted: Fitted, picture: Picture, cells: np.ndarray | None) -> Rows:
    from explorer.analysis.retrieval import bags

    places = bags.Places(fitted["known"], int(fitted["size"]))
    return bags.Weights(fitted["idf"]).weigh(places.counted(_codes(study, layer, picture), cells))


def _zq(study: Study, layer: str, fitted: Fitted, picture: Picture, cells: np.ndarray | None) -> np.ndarray:
    found = study.vectors(layer)[_codes(study, layer, picture)[0]]
    return _averaged(found, cells) - fitted["mean"]


def _ze(study: Study, layer: str, fitted: Fitted, picture: Picture, cells: np.ndarray | None) -> np.ndarray:
    return _averaged(study.look(picture).latents[layer], cells) - fitted["mean"]


def _averaged(vectors: np.ndarray, cells: np.ndarray | None) -> np.ndarray:
    """(H, W, D) -> (1, D) mean of the cells that count."""
    inside = np.ones(vectors.shape[:2], bool) if cells is None else np.asarray(cells, bool)
    return vectors[inside].mean(0, dtype=np.float64).astype(np.float32)[None]


def _small(study: Study, _: str, fitted: Fitted, picture: Picture, cells: np.ndarray | None) -> np.ndarray:
    """Pixels outside of the cells that count are those of the mean image, so that they tell nothing."""
    from explorer.encodings import rows

    found = rows.pixels(picture.pixels[None]) - fitted["mean"]
    if cells is None:
        return found
    side = int(np.sqrt(found.shape[1] // 3))
    return found * np.repeat(_spread(cells, (side, side)).reshape(-1), 3)


def _histogram(study: Study, _: str, fitted: Fitted, picture: Picture, cells: np.ndarray | None) -> np.ndarray:
    from explorer.encodings import rows

    if cells is None:
        return rows.colours(picture.pixels[None])
    inside = picture.pixels[_spread(cells, picture.pixels.shape[:2])]
    return rows.colours(inside[None, None])


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


def _encoded(study: Study, encoder: str, mean: np.ndarray) -> np.ndarray:
    """Zeros, which are like nothing, for images that the other checkpoint does not have."""
    pair = _other(study, encoder)
    found = np.zeros((len(study.images), len(mean)), np.float32)
    found[pair.rows[0]] = pair.b.encoding.pooled(pair.b.main_layer, pair.rows[1]) - mean
    return found


def _encode(study: Study, encoder: str, fitted: Fitted, picture: Picture, cells: np.ndarray | None) -> np.ndarray:
    """A picture in the size of the other checkpoint; cells are of another grid, so a part cannot be searched for."""
    from PIL import Image

    from explorer.study.picture import Picture as Looked

    if cells is not None:
        raise BadInput("a part of a picture is searched for by this checkpoint's own codes or latents, or by pixels")
    pair = _other(study, encoder)
    side = pair.b.checkpoint.image_size
    pixels = np.asarray(Image.fromarray(picture.pixels).resize((side, side), Image.Resampling.BICUBIC))
    return _averaged(pair.b.look(Looked(pixels, picture.name)).latents[pair.b.main_layer], None) - fitted["mean"]


WAYS: dict[str, Way] = {
    "bag": Way(
        "Bag of codes", "the same codes, wherever they stand; rare ones count more (tf–idf).", _bag, coded=True
    ),
    "place": Way(
        "Codes at places", "the same codes in the same cells; rare ones count more (tf–idf).", _place, coded=True
    ),
    "zq": Way("Mean of z_q", "the vectors of their codes, averaged over the image.", _zq, coded=True),
    "ze": Way("Mean of z_e", "what the encoder says before it is quantized, averaged over the image.", _ze),
    "pixels": Way("Pixels", "the small image itself, at most 16 × 16; no network.", _small, layered=False),
    "colours": Way("Colours", "the share of each of 64 colours; no network.", _histogram, layered=False),
    "encoder": Way(
        "Another encoder", "the mean latents of another checkpoint, which you name.", _encode, layered=False
    ),
}  # fmt: skip
