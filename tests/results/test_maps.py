"""Maps against a small encoding whose clusters are known."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet as parquet
import pytest
import torch

from explorer.autoencoder import Codebook, Layer
from explorer.errors import BadInput, Cancelled
from explorer.progress import Progress
from explorer.results import maps


class Encoded:
    """Three tight clusters of 40 images each, far apart; four patches of every image."""

    images, layers = 120, (Layer("code", (2, 2), 6),)

    def __init__(self, folder: Path):
        self.path = folder / "encodings" / "e.lance"
        self.facts = {"key": "abc"}
        rng = np.random.default_rng(0)
        self.cluster = np.arange(120) % 3
        self.vectors = (10 * np.eye(6)[self.cluster] + 0.1 * rng.normal(size=(120, 6))).astype(np.float32)

    def layer(self, name):
        if name != "code":
            raise BadInput(f"unknown layer '{name}'; choose from code")
        return self.layers[0]

    def pooled(self, layer, rows=None):
        return self.vectors if rows is None else self.vectors[rows]

    def patches(self, layer, limit=None, seed=0):
        rows = np.arange(120)[:limit]
        return self.vectors[rows], rows, rows % 4

    def codebook(self, layer):
        return Codebook(torch.tensor(self.vectors[:30]))


@pytest.fixture
def encoding(tmp_path):
    return Encoded(tmp_path / "checkpoint")


@pytest.fixture
def make(encoding, tmp_path):
    """`make(options)` -> the path of the map of that encoding."""

    def made(options: maps.Options, progress: Progress | None = None) -> Path:
        path = tmp_path / "map.parquet"
        maps.make(None, options, path, progress or Progress(0, "points", quiet=True), encoding)
        return path

    return made


@pytest.mark.parametrize("method", ["pca", "umap"])
def test_a_map_keeps_clusters_apart_and_says_how_far_to_trust_it(encoding, make, method):
    found = maps.read(make(maps.Options("code", method=method, neighbours=10)))
    assert list(found.table.columns) == ["id", "x", "y"] and list(found.table["id"]) == list(range(120))
    places = found.table[["x", "y"]].to_numpy()
    centres = np.stack([places[encoding.cluster == cluster].mean(0) for cluster in range(3)])
    nearest = ((places[:, None] - centres) ** 2).sum(2).argmin(1)
    assert (nearest == encoding.cluster).all()
    assert found.facts["points"] == 120 and 0.6 < found.facts["trustworthiness"] <= 1 and found.facts["seconds"] > 0
    assert (method == "pca") == ("explained_variance" in found.facts)


def test_three_dimensions_a_sample_patches_and_codes(make):
    options = maps.Options("code", method="pca", dims=3, points=50)
    sample = maps.read(make(options)).table
    assert list(sample.columns) == ["id", "x", "y", "z"] and sample["id"].is_unique and len(sample) == 50
    patches = maps.read(make(dataclasses.replace(options, what="patches"))).table
    assert list(patches.columns) == ["id", "image", "position", "x", "y", "z"] and len(patches) == 50
    codes = maps.read(make(dataclasses.replace(options, what="codebook"))).table
    assert list(codes["id"]) == list(range(30))


def test_metadata_is_in_the_parquet_schema(make):
    facts = json.loads(parquet.read_schema(make(maps.Options("code", method="pca"))).metadata[b"explorer"])
    assert {"points", "trustworthiness", "layer", "method", "seconds"} <= facts.keys()


@pytest.mark.parametrize("method", ["pca", "umap"])
def test_of_many_points_a_sample_is_laid_out_and_some_are_asked(encoding, make, monkeypatch, method):
    monkeypatch.setattr(maps, "MANY", 80)
    found = maps.read(make(maps.Options("code", method=method, neighbours=10)))
    assert list(found.table["id"]) == list(range(120)) and found.facts["points"] == 120
    assert found.facts["trustworthiness"] > 0.6
    near = found.asked.on_map
    assert near.shape == (120, 15) and found.asked.latents.shape == near.shape, "all, where there are so few"
    same = encoding.cluster[found.asked.latents] == encoding.cluster[found.asked.queries][:, None]
    assert same.all(), "each has 39 others in its cluster"
    if method == "umap":
        assert (found.facts["fitted"], found.facts["placed"]) == (80, 40) and "boxes" in found.facts["sample"]
        for of in ("placed", "fitted", "pca", "random"):
            told = found.facts[f"trustworthiness_{of}"]
            assert told["low"] <= told["mean"] <= told["high"] and told["n"] > 0


def test_maps_of_few_points_keep_their_key_whatever_many_is(monkeypatch):
    class Subject:
        encoding_key = "abc"

    few, many = (maps.Options("code", points=points) for points in (5_000, 50_000))
    before = maps.key(Subject, few), maps.key(Subject, many)
    monkeypatch.setattr(maps, "MANY", 10_000)
    assert maps.key(Subject, few) == before[0] and maps.key(Subject, many) != before[1]


def test_cancelling_leaves_nothing_behind(make, tmp_path):
    progress = Progress(0, "points", quiet=True)
    progress.cancel()
    with pytest.raises(Cancelled):
        make(maps.Options("code", neighbours=5), progress=progress)
    assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"what": "dreams"}, "images, patches, codebook"),
        ({"dims": 4}, "2, 3"),
        ({"points": 2}, "from 3"),
        ({"min_dist": 1.5}, "0 to 1"),
    ],
)
def test_bad_options_name_the_choices(change, words):
    with pytest.raises(BadInput, match=words):
        maps.Options("code", **change)


def test_bad_layers_outputs_and_files_are_one_sentence(encoding, make, tmp_path):
    with pytest.raises(BadInput, match="choose from code"):
        make(maps.Options("top"))
    (tmp_path / "text.parquet").write_text("no map")
    parquet.write_table(pyarrow.table({"id": [1]}), tmp_path / "other.parquet")
    table = pyarrow.table({"id": [1], "x": [0.0], "y": [0.0]})
    damaged = {maps.METADATA: b"{}", maps.ASKED: np.array([1, 2, 0, 5, 5, 0, 0], "<i4").tobytes()}
    parquet.write_table(table.replace_schema_metadata(damaged), tmp_path / "damaged.parquet")
    for name in ("text", "other", "missing", "damaged"):
        with pytest.raises(BadInput, match=f"{name}.parquet is not a map"):
            maps.read(tmp_path / f"{name}.parquet")
    encoding.vectors = np.full((120, 6), np.nan, np.float32)
    with pytest.raises(BadInput, match="no map can be made of layer 'code'"):
        make(maps.Options("code", method="pca"))
