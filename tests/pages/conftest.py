"""The app in AppTest, with tiny random networks and a folder of twelve photographs that are encoded already."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {
    "vqvae": {"hidden": 8, "residual_blocks": 1, "residual_channels": 4, "codes": 8, "dim": 4},
    "vqvae2": {"hidden": 8, "residual_blocks": 1, "residual_channels": 4, "codes": 8, "dim": 4},
    "vae": {"hidden": 8, "residual_blocks": 1, "residual_channels": 4, "downsample": 4},
    "mae": {"patch": 4, "dim": 16, "blocks": 2, "heads": 2, "decoder_dim": 16, "decoder_blocks": 1, "decoder_heads": 2},
}


@dataclass(frozen=True)
class Studio:
    """Folders of one test run: `photos` holds <split>/<colour>/<number>.png, checkpoints are called tiny-<family>."""

    cache: Path
    checkpoints: Path
    photos: Path


def spread_codes(network, pixels: np.ndarray) -> None:
    """Moves the codes of a random network to latents of these images (N, h, w, 3), except for the last: it is dead."""
    import torch

    with torch.no_grad():
        latents = network.encode(torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255)
        for layer, codebook in network.codebooks.items():
            vectors = latents[layer].flatten(0, 2)
            ranks = torch.linspace(0, len(vectors) - 1, len(codebook) - 1).long()
            codebook.vectors[:-1] = vectors[vectors[:, 0].argsort()][ranks]
            codebook.vectors[-1] = 100


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Studio:
    import torch
    from PIL import Image

    from explorer import checkpoints, datasets, results
    from explorer.models import MODELS, build
    from explorer.results.subject import Subject

    studio = Studio(*(tmp_path_factory.mktemp(name) for name in ("cache", "checkpoints", "photos")))
    generator = np.random.default_rng(0)
    for split in ("train", "test"):
        for colour, channel in (("red", 0), ("green", 1)):
            (studio.photos / split / colour).mkdir(parents=True)
            for number in range(6):
                pixels = generator.integers(0, 90, (20, 24, 3), dtype=np.uint8)
                pixels[..., channel] += 150
                Image.fromarray(pixels).save(studio.photos / split / colour / f"{number}.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPLORER_CACHE", str(studio.cache))
        patch.setenv("EXPLORER_CHECKPOINTS", str(studio.checkpoints))
        for family in MODELS:
            torch.manual_seed(0)
            path = studio.checkpoints / f"tiny-{family}"
            network = build(family, SETTINGS[family], 16).eval()
            for weights in network.parameters():
                weights.data.mul_(2)  # so that the decoder's answer depends on the latents before any training
            spread_codes(network, datasets.load(str(studio.photos), "train", 16).read(slice(None)))
            facts = {"family": family, "dataset": str(studio.photos), "training": {}, "metrics": {}, "card": "# tiny"}
            path.mkdir()
            checkpoints.save(path, network, **facts)
            kmeans = 4 if family == "vqvae" else 64
            results.obtain("encoding", Subject(path, str(studio.photos), kmeans=kmeans))
    return studio


@pytest.fixture
def studio(built, monkeypatch) -> Studio:
    monkeypatch.setenv("EXPLORER_CACHE", str(built.cache))
    monkeypatch.setenv("EXPLORER_CHECKPOINTS", str(built.checkpoints))
    return built


@pytest.fixture
def visit() -> Callable:
    """`visit(app, "codebook", image="3")` -> the AppTest after a run of that page; names go to the URL."""
    from streamlit.util import calc_hash

    def visited(app, page: str, **names: str):
        # by the address that the frame gives it: AppTest can name a page by its file alone, and views have none
        app._page_hash = calc_hash("first" if page == "reconstructions" else page)
        for name, value in names.items():
            app.query_params[name] = value
        app.run()
        assert not app.exception
        return app

    return visited


@pytest.fixture
def click_on() -> Callable:
    """The app as after a click somewhere: what an address alone asks for starts no work."""

    def clicked(app):
        assert any(one.key and one.key.startswith("start-") for one in app.button)
        app.session_state["explorer"]["clicked"] = True
        app.run()
        return app

    return clicked


@pytest.fixture
def open_app(studio, visit) -> Callable:
    """`open_app("codebook", checkpoint="tiny-vae")` -> the same in a new session, on a tiny checkpoint."""
    from streamlit.testing.v1 import AppTest

    def opened(page: str = "reconstructions", **names: str):
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        return visit(app, page, **{"checkpoint": "tiny-vqvae", "dataset": str(studio.photos), **names})

    return opened
