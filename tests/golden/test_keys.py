"""Content keys are byte for byte what they were: with others, no result that anybody has kept is found any more."""

from __future__ import annotations

import pytest

from explorer import checkpoints, datasets, results
from explorer.results import maps
from explorer.results.subject import Subject

MODELS = {  # fingerprint of the model, keys of its encodings of the held-out images with 64 and 128 codes by k-means
    "vqvae-shapes": ("92825fd87d1338a6", "9b08b478efff494b", "9b08b478efff494b"),
    "vqvae2-shapes": ("29d133d6aa3c7926", "3a81c3344f38e7a8", "3a81c3344f38e7a8"),
    "projected-shapes": ("9aa82b1d94289729", "d4335906edd236b1", "23b4da85823f8bd3"),
    "vae-shapes": ("12b19c659db78293", "4210023d3935a63d", "4d638271fd65f214"),
    "mae-shapes": ("29fbd80a62159e9d", "4f7484c07881b05f", "e7f3e7edafbfc833"),
    "vqvae-digits": ("269620f3482d5781", "b85404a09aa7fac0", "b85404a09aa7fac0"),
}
IMAGES = {
    ("shapes", "test", 64, "crop", None): "b5dd5d7ead77c2bd",
    ("shapes", "train", 64, "crop", 100): "2cfd9dfe7c50c7a7",
    ("shapes", "test", 64, "crop", 100): "0995f81e3d0d792b",
    ("shapes", "test", 32, "pad", 50): "69ea7b583f431377",
    ("digits", "test", 32, "crop", None): "9fcf912c4c915753",
}
MAPS = {
    ("vqvae-shapes", ("code",)): "1951e25b862f41e8",
    ("vqvae-shapes", ("code", "patches")): "171073ec3a761c98",
    ("vqvae-shapes", ("code", "codebook")): "13d8cdfae4fd0fb0",
    ("vqvae-shapes", ("code", "images", "pca")): "d29f5ec52390fc4b",
    ("vqvae-shapes", ("code", "images", "umap", 3, 1000, 30, 7, 0.5)): "226543460893dbfa",
    ("vqvae-shapes", ("code", "images", "pca", 3, 1000, 30, 7, 0.5)): "60a230eebb903566",
    ("vqvae2-shapes", ("bottom",)): "bb1140dd6200ee6e",
    ("vqvae2-shapes", ("top", "codebook", "pca", 2)): "5252f9665e432316",
    ("mae-shapes", ("block4",)): "eeb8e3088299cc5a",
    ("vqvae-digits", ("code",)): "cdd4ab285d6db99c",
}
MEASUREMENTS = {
    ("vqvae-shapes", "layers", ""): "1b56fc330bbc951c",
    ("vqvae-shapes", "layers", "zeros"): "6f05ea1a9a43eb8a",
    ("vqvae-shapes", "rates", ""): "c36d28e35007924e",
    ("vqvae-shapes", "codecs", ""): "1e97ff185d5d0a6d",
    ("vqvae2-shapes", "layers", ""): "8b523bf3d97a8e36",
    ("vqvae2-shapes", "layers", "zeros"): "cf0c08f1a5dbcddd",
    ("vqvae2-shapes", "rates", ""): "9c650125c8afc3be",
    ("projected-shapes", "layers", ""): "963898bf3c0607ae",
    ("projected-shapes", "rates", ""): "1ef1803c4e9554fd",
    ("vae-shapes", "rates", ""): "bc2ccdd9e5bc7688",
    ("mae-shapes", "layers", ""): "7f659ac54eaeb3d0",
    ("mae-shapes", "layers", "zeros"): "6371f413612d31f4",
    ("mae-shapes", "rates", ""): "7fefac595de71595",
    ("vqvae-digits", "rates", ""): "b1d6e0f117a24af4",
    ("vqvae-digits", "codecs", ""): "7a0c7d36ad6ea1b6",
}


def key(kind: str, name: str, options=None, **more) -> str:
    """Of what ships, on the held-out images that it was measured on."""
    path = checkpoints.resolve(name)
    return results.key(kind, Subject(path, checkpoints.describe(path).dataset, **more), options)


@pytest.mark.parametrize("name", MODELS)
def test_models_and_their_encodings(name):
    fingerprint = checkpoints.fingerprint(checkpoints.resolve(name))
    assert (fingerprint, key("encoding", name), key("encoding", name, kmeans=128)) == MODELS[name]


@pytest.mark.parametrize("chosen", IMAGES)
def test_images(chosen):
    name, split, size, fit, limit = chosen
    assert datasets.load(name, split, size, fit=fit, limit=limit).fingerprint == IMAGES[chosen]


@pytest.mark.parametrize(("name", "options"), MAPS)
def test_maps(name, options):
    assert key("map", name, maps.Options(*options)) == MAPS[name, options]


@pytest.mark.parametrize(("name", "what", "fill"), MEASUREMENTS)
def test_measurements(name, what, fill):
    assert key(what, name, {"fill": fill} if fill else {}) == MEASUREMENTS[name, what, fill]
