"""Two checkpoints on the same images: which images these are, codes on one place, and two maps that lie on one another.

Functions are kept by `study.remember(function, other, …)`; `other` is the Study of the second checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from explorer.errors import BadInput
from explorer.results import comparison, maps
from explorer.study import points as mapped

if TYPE_CHECKING:
    from explorer.analysis.linked import Together
    from explorer.study import Picture, Study
    from explorer.study.points import Points

FEWEST = 4  # images of which two maps can be compared


def shared(study: Study, other: Study) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the images that both have: (n,) in the first, (n,) in the second; see `results.comparison.matched`."""
    return comparison.matched(study.images, other.images)


def same_picture(study: Study, other: Study, picture: Picture) -> Picture | None:
    """A picture as the other checkpoint sees it, at its own size; None where its images do not have it."""
    from explorer.study.picture import Picture

    if picture.row is None:
        return Picture(_resized(picture.pixels, other.checkpoint.image_size), picture.name)
    ours, theirs = study.remember(shared, other)
    at = np.searchsorted(ours, picture.row)
    return other.image(int(theirs[at])) if at < len(ours) and ours[at] == picture.row else None


def _resized(pixels: np.ndarray, size: int) -> np.ndarray:
    """A square picture (h, h, 3) uint8 at another size, as images of a dataset are resampled."""
    from PIL import Image

    if pixels.shape[0] == size:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((size, size), Image.Resampling.BICUBIC))


def together(study: Study, other: Study, layer: str, layer_b: str) -> Together:
    """How often the codes of two layers fall on the same place; of very many images, a sample."""
    from explorer.analysis import linked
    from explorer.datasets.sources import sample

    ours, theirs = study.remember(shared, other)
    few = sample(len(ours), linked.affordable(study.layer(layer).grid, other.layer(layer_b).grid))
    sizes = len(study.book(layer)), len(other.book(layer_b))
    return linked.together(study.some_codes(layer, ours[few]), other.some_codes(layer_b, theirs[few]), sizes)


def opposite(study: Study, other: Study, layer: str, layer_b: str) -> Together:
    """The same, asked of the other's codes."""
    return study.remember(together, other, layer, layer_b).turned(len(other.book(layer_b)))


@dataclass(frozen=True, eq=False)
class Beside:
    """The images of two maps, the second brought onto the first.

    Attributes:
        key: content of both maps. points: both maps. rows, others: (n,) images, in the first set and in the second.
        places: (2, n, 2) float32 in a frame: both axes from 0 to 1 at most, one scale, y upwards.
        moved: (n,) displacement in spreads of the first map. chance: the median of maps that share nothing.
        kept: (n,) of the `k` nearest images in the latents, how many are the same; of these n images.
    """

    key: str
    points: tuple[Points, Points]
    rows: np.ndarray
    others: np.ndarray
    places: np.ndarray
    moved: np.ndarray
    chance: float
    kept: np.ndarray
    k: int


def map_of(study: Study, layer: str, method: str) -> Points | None:
    """The map of images of a layer; None where it is a UMAP that is not there yet."""
    wanted = replace(maps.Options(layer), method="pca" if study.layer(layer).dim == 1 else method)
    return study.remember(mapped.find_pca, wanted) if wanted.method == "pca" else mapped.find(study, wanted)


def beside(study: Study, other: Study, points: Points, points_b: Points) -> Beside:
    """Two maps of the images that both show.

    Raises:
        BadInput: fewer than four of them.
    """
    from explorer.analysis import displacement

    ours, theirs = study.remember(shared, other)
    as_other = np.full(len(study.images), -1)
    as_other[ours] = theirs
    at = np.full(len(other.images), -1)
    at[points_b.ids] = np.arange(len(points_b.ids))
    second = np.where(as_other[points.ids] >= 0, at[as_other[points.ids]], -1)  # (M,) point of the second map
    first = np.flatnonzero(second >= 0)
    second = second[first]
    if len(first) < FEWEST:
        raise BadInput(f"the maps share {len(first):,} images; a comparison needs at least {FEWEST}")
    base = points.places[first]
    found = displacement.bring(base, points_b.places[second])
    k = min(displacement.K, len(first) - 1)
    kept = displacement.neighbours_kept(
        mapped.latents(study, points)[first], mapped.latents(other, points_b)[second], k
    )
    chance = displacement.by_chance(base, points_b.places[second])
    return Beside(
        f"{points.key}-{points_b.key}", (points, points_b), points.ids[first], points_b.ids[second],
        framed(np.stack([base, found.places])), found.distances, chance, kept, k,
    )  # fmt: skip


def framed(places: np.ndarray) -> np.ndarray:
    """Places (…, 2) moved and scaled, both axes alike, into a square from 0 to 1: float32."""
    flat = places.reshape(-1, 2)
    low, high = flat.min(0), flat.max(0)
    wide = float((high - low).max()) or 1.0
    return ((places - (low + high) / 2) / wide + 0.5).astype(np.float32)
