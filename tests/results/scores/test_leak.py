"""Copies between training and judged images are named, and nothing is judged on them."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

from explorer import results
from explorer.datasets import load
from explorer.progress import Progress
from explorer.results.scores import material
from explorer.results.subject import Subject
from tests.results.test_results import network  # noqa: F401

LEAK = {"score": "leak"}


@pytest.fixture
def planted(network, tmp_path):  # noqa: F811
    """Twelve pictures to train on; twelve others, a copy of two of the former, one nearly, and of one of the latter."""
    pixels = load("shapes", size=64).read(np.arange(24))
    for number, one in enumerate(pixels):
        folder = tmp_path / "set" / ("train" if number < 12 else "test") / str(number % 2)
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(one).save(folder / f"{number:02}.png")
    test = tmp_path / "set" / "test" / "0"
    shutil.copyfile(tmp_path / "set" / "train" / "0" / "04.png", test / "90.png")
    Image.fromarray(pixels[5]).save(test / "91.jpg", quality=85)
    shutil.copyfile(test / "12.png", test / "92.png")
    return Subject(network / "network", str(tmp_path / "set"))


def test_planted_copies_are_found_named_and_left_out(planted):
    found = results.obtain("score", planted, LEAK)[1]
    assert (found["exact"], found["near"], found["within"]) == (1, 1, {"exact": 1, "near": 0})
    assert found["train"] == {"images": 12, "sampled": False}
    names = {(one["name"].split("/")[-1], one["partner"].split("/")[-1], one["how"]) for one in found["names"]}
    assert names == {("90.png", "04.png", "exact"), ("91.jpg", "05.png", "near"), ("92.png", "12.png", "exact")}
    assert found["share"]["mean"] == 3 / 15 and found["share"]["low"] < 3 / 15 < found["share"]["high"]
    assert found["mirrored"]["mean"] == 0 and found["mirrored"]["n"] == 15
    assert "3 of 15 judged images are copies, 2 of a training image and 1 of another judged one" in found["sentence"]
    encoding = results.obtain("encoding", planted)[1]
    of = material.Material(planted, material.Options(), encoding, Progress(0, "x", quiet=True), results.obtain)
    left_out = {planted.images.names[row].split("/")[-1] for row in found["left_out"]}
    assert left_out == {"90.png", "91.jpg", "92.png"} and len(of.rows) == 12 and len(of.sampled) == 15


def test_where_most_are_copies_they_stay_and_that_is_said(network, greys):  # noqa: F811
    found = results.obtain("score", Subject(network / "network", greys, limit=60), LEAK)[1]
    assert found["kept"] and not found["left_out"] and "they stay" in found["sentence"]
    assert found["exact"] == 60 and len(found["names"]) == 20


def test_splits_that_are_drawn_apart_are_not_compared(network):  # noqa: F811
    found = results.obtain("score", Subject(network / "network", "shapes", limit=50), LEAK)[1]
    assert "drawn apart" in found["train"]["missing"] and found["exact"] == 0 and found["within"]["exact"] == 0


def test_it_is_one_result_for_all_checkpoints(planted):
    other = Subject(planted.checkpoint, planted.dataset, kmeans=7)
    assert results.key("score", planted, LEAK) == results.key("score", other, LEAK)


def test_a_training_split_on_the_hub_is_not_downloaded_for_it(planted, monkeypatch):
    from explorer import datasets
    from explorer.results.scores import leak

    assert not leak.beside(planted, None)
    there = Subject(planted.checkpoint, "org/large")
    there.__dict__["images"] = planted.images
    for ready in (False, True):
        monkeypatch.setattr(datasets, "ready", lambda *_, ready=ready, **__: ready)
        assert leak.beside(there, None) is not ready
