"""What codes are compared with: readings of the same images by something that learned nothing of them.

Everything is made in one pass over the judged images, a batch at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis.concepts import features
from explorer.datasets.sources import sample

if TYPE_CHECKING:
    from explorer.autoencoder import Autoencoder, Codebook
    from explorer.results.scores.material import Material

SEEDS = 3  # of the untrained network
FITTED = 200  # images that codebooks of nulls are fitted on
VECTORS = 20_000  # of their latents or patches, at most
UNTRAINED, RANDOM, PATCHES = "untrained network", "random codebook", "k-means of raw patches"
COLOURS, SHUFFLED, PIXELS = "colour histogram", "pixels shuffled", "raw pixels"
PICTURE = "lightness, hue, edges, background"
NO_PIXELS = "There are no pictures beside these codes."
NO_NETWORK = "There is no network beside these codes."


class Collected:
    """What a pass over n images gave.

    Attributes:
        pixels: (n, F) small images; colours: (n, 64) pixels of each colour; None without pixels.
        latents: {layer: (n, F)} before the quantizer, empty without a network.
        codes: {null: {layer: one (n, H, W) for each seed}}.
    """

    def __init__(self) -> None:
        self.pixels: np.ndarray | None = None
        self.colours: np.ndarray | None = None
        self.latents: dict[str, np.ndarray] = {}
        self.codes: dict[str, dict[str, list[np.ndarray]]] = {}


def collect(material: Material, positions: np.ndarray) -> Collected:
    """Passes the judged images at `positions` through the network, untrained copies, and what needs no network."""
    import torch

    from explorer.precision import exact

    found = Collected()
    if not material.pictured:
        return found
    with exact(), torch.inference_mode():
        readers = _readers(material, positions)
        parts: dict[tuple, list[np.ndarray]] = {}
        for part, images in material.batches(positions, "looking at images for baselines"):
            given = {("pixels",): features.pixels(images), ("colours",): features.colour_counts(images)}
            scrambled = _scrambled(images, positions[part])
            for name, reader in readers.items():
                given |= {(name, *key): value for key, value in reader(images, scrambled).items()}
            for key, value in given.items():
                parts.setdefault(key, []).append(value)
    for key, pieces in parts.items():
        whole = np.concatenate(pieces)
        if key[0] in ("pixels", "colours"):
            setattr(found, key[0], whole)
        elif key[1] == "latents":
            found.latents[key[2]] = whole
        else:
            found.codes.setdefault(key[1], {}).setdefault(key[2], []).append(whole)
    return found


def absent(material: Material) -> dict[str, str]:
    """Nulls that cannot be had, and why not."""
    if not material.pictured:
        return dict.fromkeys((UNTRAINED, RANDOM, PATCHES, COLOURS, SHUFFLED, PIXELS, PICTURE), NO_PIXELS)
    return {} if material.model is not None else dict.fromkeys((UNTRAINED, RANDOM, SHUFFLED), NO_NETWORK)


def _readers(material: Material, positions: np.ndarray) -> Mapping[str, Any]:
    """What each batch is given to: functions (images, scrambled) -> {(null or "latents", layer): array (b, …)}."""
    fitted = material.pixels(positions[sample(len(positions), FITTED, seed=37)])
    readers: dict[str, Any] = {"patches": _patch_reader(material, fitted)}
    if material.model is not None:
        readers["trained"] = _trained_reader(material, fitted)
        for seed in range(SEEDS):
            material.say(f"fitting the codes of untrained network {seed + 1} of {SEEDS}")
            readers[f"untrained {seed}"] = _untrained_reader(material, fitted, seed)
    return readers


def _patch_reader(material: Material, fitted: np.ndarray):
    from sklearn.cluster import MiniBatchKMeans

    from explorer.analysis.grids import placed

    books = {}
    for layer in material.layers:
        grid = layer.grid if placed(layer.grid) else _square(layer.grid)
        if grid not in books:
            material.say("fitting k-means of raw patches")
            flat = features.patches(fitted, grid).reshape(-1, features.patches(fitted[:1], grid).shape[-1])
            flat = flat[sample(len(flat), VECTORS, seed=41)]
            size = min(max(material.size(one.name) for one in material.layers), len(np.unique(flat, axis=0)))
            books[grid] = MiniBatchKMeans(size, random_state=0, n_init=1, batch_size=4096, max_iter=30).fit(flat)

    def read(images: np.ndarray, _: np.ndarray) -> dict[tuple, np.ndarray]:
        given = {}
        for grid, book in books.items():
            flat = features.patches(images, grid)
            given[grid] = book.predict(flat.reshape(-1, flat.shape[-1])).reshape(len(images), *grid)
        return {
            (PATCHES, layer.name): given[layer.grid if placed(layer.grid) else _square(layer.grid)]
            for layer in material.layers
        }

    return read


def _square(grid: tuple[int, int]) -> tuple[int, int]:
    """A grid of about as many cells for tokens without a place."""
    side = max(1, round((grid[0] * grid[1]) ** 0.5))
    return side, side


def _trained_reader(material: Material, fitted: np.ndarray):
    """The trained network: its latents, their codes in a random codebook, and its codes of scrambled pixels."""
    model, names = material.model, [layer.name for layer in material.layers]
    drawn = _encode(model, fitted)
    random = {name: _book(features.random_codebook(drawn[name], material.size(name)), model) for name in names}
    own = {name: material.encoding.codebook(name) for name in names}

    def read(images: np.ndarray, scrambled: np.ndarray) -> dict[tuple, np.ndarray]:
        found, without = tensors(model, images), tensors(model, scrambled)
        given = {}
        for name in names:
            given["latents", name] = features.blocks(found[name].float().cpu().numpy())
            given[RANDOM, name] = _assign(random[name], found[name])
            given[SHUFFLED, name] = _assign(own[name], without[name])
        return given

    return read


def _untrained_reader(material: Material, fitted: np.ndarray, seed: int):
    """The same network with fresh weights, and its codes."""
    model, books = untrained(material, fitted, seed)

    def read(images: np.ndarray, _: np.ndarray) -> dict[tuple, np.ndarray]:
        found = tensors(model, images)
        return {(UNTRAINED, name): _assign(book, found[name]) for name, book in books.items()}

    return read


def untrained(material: Material, fitted: np.ndarray, seed: int) -> tuple[Autoencoder, dict[str, Codebook]]:
    """The same network with fresh weights; its codebooks are latents of its own of some images, drawn at random."""
    from explorer.autoencoder import device_of

    model = material.untrained(seed).to(device_of(material.model))
    drawn, rng, books = _encode(model, fitted), np.random.default_rng(seed), {}
    for name in (layer.name for layer in material.layers):
        flat = drawn[name].reshape(-1, drawn[name].shape[-1])
        books[name] = _book(flat[rng.permutation(len(flat))[: material.size(name)]], model)
    return model, books


def _scrambled(images: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Images (b, h, w, 3) with their pixels at random places, each image in its own order."""
    flat = images.reshape(len(images), -1, 3)
    orders = [np.random.default_rng([43, int(one)]).permutation(flat.shape[1]) for one in positions]
    return np.stack([one[order] for one, order in zip(flat, orders, strict=True)]).reshape(images.shape)


def tensors(model: Autoencoder, images: np.ndarray) -> dict[str, Any]:
    """Latents of images (b, h, w, 3) uint8, (b, H, W, D) of each layer, where the network computes."""
    from explorer.autoencoder import device_of, to_images

    return model.encode(to_images(images, device_of(model)))


def _encode(model: Autoencoder, images: np.ndarray) -> dict[str, np.ndarray]:
    parts = [tensors(model, images[start : start + 64]) for start in range(0, len(images), 64)]
    return {name: np.concatenate([part[name].float().cpu().numpy() for part in parts]) for name in parts[0]}


def _book(vectors: np.ndarray, model: Autoencoder) -> Codebook:
    import torch

    from explorer.autoencoder import Codebook, device_of

    return Codebook(torch.from_numpy(np.ascontiguousarray(vectors, np.float32)).to(device_of(model)))


def _assign(book: Codebook, latents: Any) -> np.ndarray:
    return book.assign(latents).cpu().numpy()
