"""Ways to search, as rows of the judged images: those of codes and latents, and what they are held against.

Rows are what `study.similar` searches by: the same weights, means and lengths.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.analysis import retrieval
from explorer.analysis.concepts import features
from explorer.analysis.grids import placed
from explorer.analysis.retrieval import bags
from explorer.datasets.sources import sample

if TYPE_CHECKING:
    from explorer.analysis.retrieval import Rows
    from explorer.results.scores.material import Material

EVERY = "all"  # in place of a layer: all of them side by side
SEEDS = 2  # of the untrained network
ORDERS = 5  # in which codes are given to other images: one that is near to all others would stand for its value
FITTED = 200  # images that its codebooks are taken from
OWN, PLAIN = ("codes", "latents"), ("untrained", "image", "nothing")  # groups
SHUFFLED = "shuffled"  # codes of other images: a check that must come out as chance, and no baseline


@dataclass(frozen=True)
class Way:
    """One way to search.

    Attributes:
        way: bag, place, zq, ze, pixels, colours, encoder, shuffled, chance, untrained bag or untrained ze.
        layer: of its codes or latents; EVERY, or "" where it has none.
        group: codes or latents of the checkpoint, untrained, image, nothing (what knows nothing), or encoder.
    """

    way: str
    layer: str
    group: str


def rows_of(material: Material, encoder: str) -> Iterator[tuple[Way, list[Rows]]]:
    """Each way with its rows (n, F) of the judged images, one for each seed."""
    yield from _own(material)
    if material.pictured:
        pixels, colours, untrained = _seen(material)
        yield Way("colours", "", "image"), [retrieval.unit(colours)]
        yield Way("pixels", "", "image"), [centred(pixels)]
        for way, layers in untrained.items():
            for layer, seeds in _with_all(layers):
                yield Way(way, layer, "untrained"), seeds
    rng, bag = np.random.default_rng(53), _bags(material, material.layers[-1].name)
    yield Way(SHUFFLED, "", "nothing"), [bag[rng.permutation(len(material.rows))] for _ in range(ORDERS)]
    if encoder:
        yield Way("encoder", "", "encoder"), [_other(material, encoder)]


def untrained(material: Material) -> dict[str, dict[str, list[Rows]]]:
    """{way: {layer: rows (n, F) of each seed}} of the network before it learned anything: bags, and mean latents."""
    return _seen(material)[2]


def centred(rows: np.ndarray) -> Rows:
    """Rows (n, F) less their mean, of length 1: a mean that all share would make all alike."""
    return retrieval.unit(rows - rows.mean(0, dtype=np.float64).astype(np.float32))


def _own(material: Material) -> Iterator[tuple[Way, list[Rows]]]:
    """The checkpoint's own codes and latents."""
    names = [layer.name for layer in material.layers]
    for way, make, group in (
        ("bag", _bags, "codes"), ("place", _places, "codes"), ("zq", _quantized, "codes"), ("ze", _latents, "latents"),
    ):  # fmt: skip
        material.say(f"reading {way}")
        some = [one.name for one in material.layers if placed(one.grid)] if way == "place" else names
        layers = {name: [rows] for name in some if (rows := make(material, name)) is not None}
        for layer, seeds in _with_all(layers):
            yield Way(way, layer, group), seeds


def _with_all(layers: dict[str, list[Rows]]) -> Iterator[tuple[str, list[Rows]]]:
    """Layers coarse to fine, and then all of them side by side, each counting as much as another."""
    from scipy.sparse import hstack, issparse

    yield from layers.items()
    if len(layers) > 1:
        together = []
        for parts in zip(*layers.values(), strict=True):
            sparse = issparse(parts[0])
            together.append(retrieval.unit(hstack(parts, format="csr") if sparse else np.concatenate(parts, 1)))
        yield EVERY, together


def _weighed(counts: Any) -> Rows:
    return bags.weights(counts).weigh(counts)


def _bags(material: Material, layer: str) -> Rows:
    return _weighed(bags.counted(material.codes(layer), material.size(layer)))


def _places(material: Material, layer: str) -> Rows:
    codes = material.codes(layer)
    return _weighed(bags.places(codes, material.size(layer)).counted(codes))


def _quantized(material: Material, layer: str) -> Rows:
    codes, vectors = material.codes(layer), material.vectors(layer)
    return centred((bags.counted(codes, len(vectors)) @ vectors / codes[0].size).astype(np.float32))


def _latents(material: Material, layer: str) -> Rows | None:
    """None where they are not known, as of codes without a network."""
    found = material.encoding.pooled(layer, material.rows)
    return centred(found) if np.isfinite(found).all() else None


def _seen(material: Material) -> tuple[np.ndarray, np.ndarray, dict[str, dict[str, list[Rows]]]]:
    """Small pixels (n, F), colours (n, 64), and {way: {layer: rows of each seed}} of untrained networks: one pass."""
    import torch

    from explorer.precision import exact
    from explorer.results.scores import nulls

    everything, parts = np.arange(len(material.rows)), {}
    with exact(), torch.inference_mode():
        fitted = material.pixels(sample(len(everything), FITTED, seed=37))
        seeds = range(SEEDS) if material.model is not None else ()
        networks = {seed: nulls.untrained(material, fitted, seed) for seed in seeds}
        for _, images in material.batches(everything, "looking at images for baselines"):
            given = {"pixels": features.pixels(images), "colours": _colours(images)}
            for seed, (model, books) in networks.items():
                for layer, latents in nulls.tensors(model, images).items():
                    if layer in books:
                        given["ze", layer, seed] = latents.float().mean((1, 2)).cpu().numpy()
                        given["bag", layer, seed] = books[layer].assign(latents).cpu().numpy()
            for name, part in given.items():
                parts.setdefault(name, []).append(part)
    whole = {name: np.concatenate(some) for name, some in parts.items()}
    pixels, colours = whole.pop("pixels"), whole.pop("colours")
    untrained: dict[str, dict[str, list[Rows]]] = {}
    for (way, layer, seed), found in whole.items():
        size = len(networks[seed][1][layer]) if way == "bag" else 0
        rows = _weighed(bags.counted(found, size)) if way == "bag" else centred(found)
        untrained.setdefault(f"untrained {way}", {}).setdefault(layer, []).append(rows)
    return pixels, colours, untrained


def _colours(images: np.ndarray) -> np.ndarray:
    """Square roots of the shares of colours: the cosine of two is their Bhattacharyya coefficient."""
    return np.sqrt(features.colour_counts(images)).astype(np.float32)


def _other(material: Material, encoder: str) -> Rows:
    """Mean latents of the main layer of another checkpoint; zeros, like nothing, for images that it does not have."""
    from explorer import checkpoints
    from explorer.results.comparison import matched
    from explorer.results.subject import main_layer

    other = replace(material.subject, checkpoint=checkpoints.resolve(encoder))
    material.say(f"encoding with {other.facts.name}")
    encoding = material.obtain("encoding", other)[1]
    ours, theirs = matched(material.subject.images, other.images)
    latents = encoding.pooled(main_layer(other.facts), theirs)
    found = np.zeros((len(material.encoding), latents.shape[1]), np.float32)
    found[ours] = latents - latents.mean(0, dtype=np.float64).astype(np.float32)
    return retrieval.unit(found[material.rows])
