"""The demo over models of several layers: residual stages, and codes with a scale."""

import pytest

from explorer.demo import shipped, tabs

TINY = {"hidden": 8, "residual_blocks": 1, "residual_channels": 4, "codes": 8, "dim": 4}
MODELS = {"residual": {"quantizer": "residual", "stages": 3}, "projected": {"quantizer": "projected"}}


@pytest.fixture(scope="module")
def offered(tmp_path_factory):
    """Two untrained checkpoints with their encodings of twelve grey images; what they were before is offered again."""
    import numpy as np
    import torch
    from PIL import Image

    from explorer import checkpoints, datasets, results
    from explorer.models import build
    from explorer.results.subject import Subject

    photos, home = tmp_path_factory.mktemp("photos"), tmp_path_factory.mktemp("layered")
    for split in ("train", "test"):
        for number in range(12):
            (photos / split / "grey").mkdir(parents=True, exist_ok=True)
            pixels = np.random.default_rng(number).integers(0, 255, (16, 16, 3), np.uint8)
            Image.fromarray(pixels).save(photos / split / "grey" / f"{number}.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPLORER_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("EXPLORER_CHECKPOINTS", str(home))
        images = datasets.load(str(photos), "test", 16)
        for name, settings in MODELS.items():
            torch.manual_seed(0)
            network = build("vqvae", TINY | settings, 16).eval()
            with torch.no_grad():
                for layer, book in network.codebooks.items():
                    latents = network.encode(torch.from_numpy(images.read(slice(None))).permute(0, 3, 1, 2) / 255)
                    book.vectors.copy_(latents[layer].flatten(0, 2)[:8])
            path = home / name
            path.mkdir()
            metrics = {"bits_per_pixel": 0.1875, "numbers_per_pixel": 0.0625} if name == "projected" else {}
            facts = {"family": "vqvae", "dataset": str(photos), "training": {}, "metrics": metrics, "card": "# tiny"}
            checkpoints.save(path, network, **facts)
            subject = Subject.of(path, str(photos))
            results.obtain("encoding", subject, out=path / "encodings" / results.path("encoding", subject).name)
        shipped.offered.cache_clear()
        yield shipped.file("grey", images.read([3])[0])
    shipped.offered.cache_clear()


def drawn(name: str, picture: str, **values: str) -> str:
    return tabs.draw("codebook", name, picture, "crop", {"of": name, "values": values}, "light")


def test_the_layer_to_begin_with_has_codes_of_its_own(offered):
    assert shipped.study("residual").main_layer == "code.0"
    assert shipped.study("projected").main_layer == "code", "not the k-means one of the scale"


@pytest.mark.parametrize("name", list(MODELS))
def test_every_layer_can_be_looked_at_and_is_offered(offered, name):
    layers = shipped.study(name).layer_names
    for layer in layers:
        text = drawn(name, offered, layer=layer)
        assert f'value="{layer}" data-checked="yes"' in text and "Perplexity" in text
        assert text.count('name="cx-layer"') == len(layers)
