"""Every encoding, map and measurement that ships is found by somebody: no file lies there in vain."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from explorer import checkpoints, datasets, encoding, maps, measurements

SHIPPED = Path(__file__).resolve().parents[2] / "checkpoints"
NAMES = ("vqvae-shapes", "vqvae2-shapes", "projected-shapes", "vae-shapes", "mae-shapes", "vqvae-digits")
KMEANS = (32, 64, 128, 256)


@pytest.fixture(scope="module", params=NAMES)
def opened(request, home):
    """A checkpoint and the held-out images that it was measured on."""
    checkpoint = checkpoints.describe(SHIPPED / request.param)
    return checkpoint, datasets.load(checkpoint.dataset, "test", checkpoint.image_size)


def encodings(checkpoint, images) -> list[Path]:
    found = (encoding.locate(checkpoint.path, images, kmeans) for kmeans in KMEANS)
    return sorted({path for path in found if path is not None})


def files(checkpoint, kind: str, pattern: str) -> set[Path]:
    """What lies on disk; whatever else is in the folder counts as well, for it is found by nobody."""
    found = set((checkpoint.path / kind).iterdir())
    assert found == set((checkpoint.path / kind).glob(pattern)) and found
    return found


def test_encodings(opened):
    assert not files(opened[0], "encodings", "*.lance") - set(encodings(*opened)), "found by nobody"


def test_maps(opened):
    found = set()
    for path in encodings(*opened):
        shown = encoding.Encoding(path)
        for layer, *how in itertools.product(shown.layers, maps.WHAT, maps.METHODS, (2, 3)):
            found.add(maps.locate(shown, maps.Options(layer.name, *how)))
    on_disk = files(opened[0], "maps", "*.parquet")
    assert not on_disk - found, "found by nobody"
    for path in on_disk:
        shown = maps.read(path)
        assert len(shown.table) == shown.facts["points"]


def test_measurements(opened):
    checkpoint, images = opened
    found = []
    for what, known in measurements.MEASUREMENTS.items():
        for values in itertools.product(*known.options.values()):
            options = dict(zip(known.options, values, strict=True))
            found.append(measurements.locate(what, checkpoint.path, images, **options))
    for path in files(checkpoint, "measurements", "*.json"):
        assert json.loads(path.read_text()) in found, f"{path.name} is found by nobody"
