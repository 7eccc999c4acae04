"""Every encoding, map and measurement that ships is found by somebody: no file lies there in vain."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from explorer import checkpoints, datasets, encodings
from explorer.results import maps, measurements

SHIPPED = Path(__file__).resolve().parents[2] / "checkpoints"
NAMES = ("vqvae-shapes", "vqvae2-shapes", "projected-shapes", "vae-shapes", "mae-shapes", "vqvae-digits")
KMEANS = (32, 64, 128, 256)


@pytest.fixture(scope="module", params=NAMES)
def opened(request, home):
    """A checkpoint and the held-out images that it was measured on."""
    checkpoint = checkpoints.describe(SHIPPED / request.param)
    return checkpoint, datasets.load(checkpoint.dataset, "test", checkpoint.image_size)


def encodings(checkpoint, images) -> list[Path]:
    found = (encodings.locate(checkpoint.path, images, kmeans) for kmeans in KMEANS)
    return sorted({path for path in found if path is not None})


def orphans(checkpoint, kind: str, found: set) -> list[str]:
    """Names of what lies on disk, of whatever kind, and is not among what was found."""
    on_disk = set((checkpoint.path / kind).iterdir())
    assert on_disk, f"no {kind} ship with {checkpoint.name}"
    return sorted(path.name for path in on_disk - found)


def test_encodings(opened):
    assert orphans(opened[0], "encodings", set(encodings(*opened))) == []


def test_maps(opened):
    found = set()
    for path in encodings(*opened):
        shown = encodings.Encoding(path)
        for layer, *how in itertools.product(shown.layers, maps.WHAT, maps.METHODS, (2, 3)):
            found.add(maps.locate(shown, maps.Options(layer.name, *how)))
    assert orphans(opened[0], "maps", found) == []
    for path in (opened[0].path / "maps").iterdir():
        shown = maps.read(path)
        assert len(shown.table) == shown.facts["points"]


def test_measurements(opened):
    checkpoint, images = opened
    located = []
    for what, known in measurements.MEASUREMENTS.items():
        for values in itertools.product(*known.options.values()):
            options = dict(zip(known.options, values, strict=True))
            located.append(measurements.locate(what, checkpoint.path, images, **options))
    found, seen = set(), []
    for path in (checkpoint.path / "measurements").glob("*.json"):  # a second file with the same content is in vain
        content = json.loads(path.read_text())
        if content in located and content not in seen:
            found.add(path)
        seen.append(content)
    assert orphans(checkpoint, "measurements", found) == []
