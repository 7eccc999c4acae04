"""A run and its images are known from any folder."""

import json

import numpy as np
import pytest
from PIL import Image

from explorer import checkpoints, training
from explorer.errors import BadInput
from explorer.results.subject import Subject

TINY = {"hidden": 8, "codes": 8, "residual_blocks": 1, "residual_channels": 4}
SHORT = {"steps": 2, "batch_size": 4, "image_size": 16, "device": "cpu", "compile": "no"}


def test_a_relative_dataset_is_the_same_from_every_folder_and_by_every_name(tmp_path, monkeypatch):
    (tmp_path / "w/photos").mkdir(parents=True)
    for number in range(60):
        pixels = np.random.default_rng(number).integers(0, 256, (16, 16, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "w/photos" / f"{number}.png")
    (tmp_path / "w/photos" / "broken.png").write_bytes(b"no picture")
    monkeypatch.chdir(tmp_path / "w")
    out = tmp_path / "run"
    result = training.train("vqvae", "photos", out, settings=TINY, training=SHORT)
    assert result["skipped"]["images"][0]["name"] == "broken.png" and "broken.png" in result["notes"][0]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "w/photos")
    for name in ("w/photos", str(tmp_path / "link")):
        images = Subject(out, name).images
        assert images.held_out and len(images) == result["metrics"]["images"] < 30
        assert not Subject(out, name, "all").images.held_out
    config = json.loads((out / "config.json").read_text())
    config |= {"state": "stopped", "dataset": "photos"}  # as an older version wrote it, and then stopped
    (out / "config.json").write_text(json.dumps(config))
    assert checkpoints.describe(out).state == "stopped"
    with pytest.raises(BadInput, match="run was trained on 'photos', which is not there; give its place as --dataset"):
        training.train("vqvae", "photos", out, resume=True)
    resumed = training.train("vqvae", "w/photos", out, resume=True)
    assert resumed["state"] == "done" and checkpoints.describe(out).dataset == str(tmp_path / "w/photos")
