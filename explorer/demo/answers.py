"""What the demo knows: shipped checkpoints and their encodings, and what they say about a visitor's picture.

Nothing here knows who asks. Results are kept by content (checkpoint, pixels), in memory, a bounded number of them.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from explorer import checkpoints
from explorer.checkpoints import Checkpoint
from explorer.demo import network
from explorer.errors import BadInput
from explorer.results import maps
from explorer.study import cutouts

if TYPE_CHECKING:
    import pandas as pd

    from explorer.analysis.comparison import Comparison
    from explorer.analysis.interventions import Change
    from explorer.analysis.placing import Neighbours
    from explorer.analysis.usage import Usage
    from explorer.datasets import Images
    from explorer.encodings import Encoding

EXAMPLES = 6  # held-out images that a visitor may start from
NEAR = 15  # neighbours that tell what the latents are about
OTHERS = 16  # random codes that a change is compared with


@dataclass(frozen=True)
class Opened:
    """A checkpoint with the held-out images that it was measured on, and what it makes of them."""

    checkpoint: Checkpoint
    images: Images
    encoding: Encoding

    @property
    def layers(self) -> list[str]:
        """Names of the layers, coarse to fine."""
        return [layer.name for layer in self.encoding.layers]


@functools.cache
def offered() -> dict[str, Checkpoint]:
    """The finished checkpoints that come with an encoding, by name, shipped ones first."""
    found = [one for one in checkpoints.find() if one.state == "done" and list(one.path.glob("encodings/*.lance"))]
    return {checkpoint.name: checkpoint for checkpoint in found}


def choose(name: str) -> Checkpoint:
    """The checkpoint called `name`; BadInput that lists them, because nothing else is opened, no path for one."""
    known = offered()
    if name not in known:
        raise BadInput(f"unknown checkpoint {str(name)[:60]!r}; choose from {', '.join(known)}")
    return known[name]


@functools.lru_cache(maxsize=8)
def opened(name: str) -> Opened:
    """Opens a checkpoint's encoding and images; BadInput where they are not there."""
    from explorer import datasets, encodings

    checkpoint = choose(name)
    images = datasets.load(checkpoint.dataset or "shapes", "test", checkpoint.image_size)
    path = encodings.locate(checkpoint.path, images)
    if path is None:
        raise BadInput(f"checkpoint {name} comes without an encoding of its held-out images; choose another checkpoint")
    return Opened(checkpoint, images, encodings.Encoding(path))


def layer_of(shown: Opened, layer: str | None) -> str:
    """The layer asked for, else the first; BadInput for an unknown one."""
    return shown.encoding.layer(layer).name if layer else shown.layers[0]


def shown_layer(shown: Opened, layer: str | None) -> str:
    """The layer that a tab shows: the one chosen; else the first on the finest grid of those with codes of their own.

    Where all are continuous, the last.
    """
    if layer in shown.layers:
        return layer
    own = [one for one in shown.encoding.layers if shown.encoding.codebook(one.name).kind != "kmeans"]
    return max(own, key=lambda one: one.grid[0]).name if own else shown.layers[-1]


def mapped_layers(shown: Opened) -> list[str]:
    """The layers that a map can be made of, coarse to fine: not those whose latents are one number."""
    return [layer.name for layer in shown.encoding.layers if layer.dim > 1]


# ------------------------------------------------------------------------------------------------------- one picture


def look(name: str, pixels: np.ndarray) -> network.Passed:
    """What the checkpoint makes of an image (h, w, 3) uint8 of its own size."""
    return _look(choose(name).path, checkpoints.fingerprint(choose(name).path), pixels.tobytes(), len(pixels))


@functools.lru_cache(maxsize=256)
def _look(path: Path, fingerprint: str, data: bytes, side: int) -> network.Passed:
    return network.look(path, _image(data, side))


def fill(name: str, pixels: np.ndarray, mask: np.ndarray) -> Comparison:
    """An image with its hidden patches (H, W) bool filled in by a masked autoencoder."""
    if mask.all():
        raise BadInput("every patch is hidden, so there is nothing to go by; leave at least one visible")
    path = choose(name).path
    return _fill(path, checkpoints.fingerprint(path), pixels.tobytes(), len(pixels), mask.tobytes(), mask.shape)


@functools.lru_cache(maxsize=64)
def _fill(path: Path, fingerprint: str, data: bytes, side: int, mask: bytes, grid: tuple[int, int]) -> Comparison:
    return network.fill(path, _image(data, side), np.frombuffer(mask, bool).reshape(grid).copy())


def mask_grid(name: str) -> tuple[int, int] | None:
    """The grid of patches that can be hidden; None for a model that cannot fill them in."""
    from explorer.autoencoder import Masks

    model = network.network(choose(name).path)[0]
    return model.mask_grid if isinstance(model, Masks) else None


def codes(name: str, pixels: np.ndarray, layer: str) -> tuple[np.ndarray, np.ndarray]:
    """Codes (H, W) of an image in one layer and the distance (H, W) of each latent to its code's vector."""
    import torch

    book = opened(name).encoding.codebook(layer)
    found, distances = book.nearest(torch.from_numpy(look(name, pixels).latents[layer]))
    return found.numpy(), distances.numpy()


def change(name: str, pixels: np.ndarray, layer: str, where: np.ndarray, code: int) -> Change:
    """The image decoded with `code` put into the cells `where` (H, W) bool, beside the decode without that."""
    from explorer.analysis import interventions

    shown = opened(name)
    vectors, counts = vectors_of(shown, layer), shown.encoding.usage(layer)
    random = interventions.other_vectors(vectors, counts, code, OTHERS)
    return network.change(shown.checkpoint.path, pixels, layer, where, vectors[code], random)


# --------------------------------------------------------------------------------------------------- the codebook


def vectors_of(shown: Opened, layer: str) -> np.ndarray:
    """(K, D) float32 vectors of a layer's codebook."""
    return shown.encoding.codebook(layer).vectors.detach().cpu().numpy()


@functools.lru_cache(maxsize=32)
def colours(name: str, layer: str) -> np.ndarray:
    """(K, 3) uint8: near codes look alike."""
    from explorer.analysis.colours import colour_codes

    shown = opened(name)
    return colour_codes(vectors_of(shown, layer), shown.encoding.usage(layer))


@functools.lru_cache(maxsize=32)
def usage(name: str, layer: str) -> tuple[Usage, tuple[float, float], float | None]:
    """Use of a layer's codebook over the held-out images, the 95 % interval of its perplexity, bits per pixel.

    Bits per pixel are at the measured entropy; None for a codebook that the model does not decode from.
    """
    from explorer.analysis import codes, usage

    shown = opened(name)
    counts, book = shown.encoding.usage(layer), shown.encoding.codebook(layer)
    found = usage.measure(counts, shown.encoding.images)
    grid, size = shown.encoding.layer(layer).grid, shown.checkpoint.image_size
    rate = None if book.kind == "kmeans" else usage.bits_per_pixel(grid, len(book), size, found.entropy_bits)
    return found, codes.perplexity_interval(shown.encoding.codes(layer), len(counts)), rate


@functools.lru_cache(maxsize=32)
def code_table(name: str, layer: str) -> pd.DataFrame:
    """One row for each code; see `analysis.codes.table`."""
    from explorer.analysis import codes

    shown = opened(name)
    return codes.table(shown.encoding.codes(layer), vectors_of(shown, layer))


@functools.lru_cache(maxsize=128)
def patches_of(name: str, layer: str, code: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The patches nearest to a code, (n, s, s, 3) uint8, and the rows (n,) of their images."""
    shown = opened(name)
    return cutouts.of_code(shown.encoding, shown.images, layer, code, count, 96)[:2]


@functools.lru_cache(maxsize=32)
def most_used(name: str, layer: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The `count` most used codes (n,) and the best patch of each, (n, s, s, 3) uint8."""
    shown = opened(name)
    tokens = shown.encoding.usage(layer)
    numbers = np.argsort(-tokens, kind="stable")[:count]
    numbers = numbers[tokens[numbers] > 0]
    return numbers, cutouts.of_each(shown.encoding, shown.images, layer, numbers.tolist(), 64)


# ------------------------------------------------------------------------------------------------------- the map


@dataclass(frozen=True)
class Known:
    """The held-out images on a map of one layer.

    Attributes:
        method: umap, or pca where no UMAP ships for this layer.
        rows: (M,) of the images. places: (M, 2). vectors: (M, D) latents averaged over the grid.
        gaps: (M,) distance of each to its nearest other.
        trust: trustworthiness of the map. missed: see `placing.placing_error`.
    """

    method: str
    rows: np.ndarray
    places: np.ndarray
    vectors: np.ndarray
    gaps: np.ndarray
    trust: float
    missed: float


@functools.lru_cache(maxsize=16)
def known(name: str, layer: str) -> Known:
    """The map of a layer: the UMAP that ships, else the two main directions."""
    from explorer.analysis import placing, projection

    shown = opened(name)
    path = maps.locate(shown.encoding, maps.Options(layer))
    pooled = shown.encoding.pooled(layer)
    if path is not None:
        found = maps.read(path)
        rows, places = found.table["id"].to_numpy(), found.table[["x", "y"]].to_numpy()
        method, trust = "umap", float(found.facts["trustworthiness"])
    else:
        rows, places = np.arange(len(pooled)), projection.pca_map(pooled)
        method, trust = "pca", projection.trustworthiness(pooled, places, min(15, (len(pooled) - 1) // 2))
    vectors = pooled[rows]
    return Known(method, rows, places, vectors, placing.gaps(vectors), trust, placing.placing_error(vectors, places))


def nearest(name: str, pixels: np.ndarray, layer: str, count: int) -> tuple[Neighbours, np.ndarray]:
    """The held-out images most like an image in a layer (rows into `known`), and its place (2,) on the map."""
    from explorer.analysis import placing

    among = known(name, layer)
    vector = look(name, pixels).latents[layer].mean((0, 1))
    found = placing.find(vector, among.vectors, among.gaps, max(count, placing.K))
    place = placing.place(found.distances[: placing.K], among.places[found.rows[: placing.K]])
    return found, place


@functools.lru_cache(maxsize=16)
def telling(name: str, layer: str) -> list[str]:
    """Discrete concepts, first the one that near images share most beyond chance: what the latents are about."""
    from explorer.analysis import neighbours, points
    from explorer.datasets import discrete

    among, table = known(name, layer), concepts(name)
    names = discrete(table)
    near, _ = neighbours.nearest(among.vectors, NEAR)
    scores = {one: points.beyond_chance(*points.agreement(near, table[one].iloc[among.rows])) for one in names}
    return sorted(names, key=lambda one: -scores[one] if scores[one] == scores[one] else 1.0)


@functools.lru_cache(maxsize=8)
def concepts(name: str) -> pd.DataFrame:
    """Concepts of the held-out images, a row for each."""
    return opened(name).encoding.concepts()


# ------------------------------------------------------------------------------------------------------- pictures


@functools.lru_cache(maxsize=8)
def examples(name: str) -> tuple[tuple[str, np.ndarray | Path], ...]:
    """Pictures to start from: held-out images as pixels, and scikit-learn's two photographs as files."""
    shown = opened(name)
    rows = np.random.default_rng(0).permutation(len(shown.images))[:EXAMPLES]
    held_out = [(shown.images.names[row], shown.images.read([row])[0]) for row in rows.tolist()]
    return (*held_out, *photographs())


def photographs() -> list[tuple[str, Path]]:
    """The photographs that come with scikit-learn, which is not imported for them."""
    import importlib.util

    package = importlib.util.find_spec("sklearn")
    folder = Path(package.origin).parent / "datasets" / "images" if package and package.origin else Path()
    named = {"photograph of a temple": "china.jpg", "photograph of a flower": "flower.jpg"}
    return [(title, folder / file) for title, file in named.items() if (folder / file).is_file()]


def _image(data: bytes, side: int) -> np.ndarray:
    return np.frombuffer(data, np.uint8).reshape(side, side, 3).copy()
