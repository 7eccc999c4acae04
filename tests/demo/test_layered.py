"""The demo over models of several layers: residual stages, and codes with a scale."""

import pytest
from explorer.demo.markup import png

from explorer.demo import answers, code_map, codebook, latent_map, reconstruct, uploads

TINY = {"hidden": 8, "residual_blocks": 1, "residual_channels": 4, "codes": 8, "dim": 4}
MODELS = {"residual": {"quantizer": "residual", "stages": 3}, "projected": {"quantizer": "projected"}}


@pytest.fixture(scope="module")
def offered(tmp_path_factory):
    """Two untrained checkpoints with their encodings of twelve grey images; what they were before is offered again."""
    import numpy as np
    import torch
    from PIL import Image

    from explorer import checkpoints, datasets, encodings
    from explorer.models import build

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
            out = path / "encodings" / f"{encodings.key(path, images)}.lance"
            out.parent.mkdir()
            encodings.encode(path, str(photos), out=out)
        answers.offered.cache_clear()
        yield uploads.store(png(images.read([3])[0]), "grey.png")
    for kept in (answers.offered, answers.opened):
        kept.cache_clear()


def test_the_layer_to_begin_with_has_codes_of_its_own(offered):
    assert answers.shown_layer(answers.opened("residual"), None) == "code.0"
    assert answers.shown_layer(answers.opened("projected"), "code.2") == "code", "not the k-means one of the scale"
    assert answers.shown_layer(answers.opened("projected"), "scale") == "scale"


def test_a_change_says_which_layers_it_leaves_out(offered):
    def told(name: str, layer: str) -> str:
        return code_map.draw(name, offered, "crop", layer, None, 100, 0, "this cell", "light")[-1]

    assert "decoded without code.1 to code.2." in told("residual", "code.0")
    assert "decoded without code.2." in told("residual", "code.1")
    assert "without scale." in told("projected", "code") and "decoded without" not in told("projected", "scale")


@pytest.mark.parametrize("name", list(MODELS))
def test_every_layer_can_be_looked_at(offered, name):
    for layer in answers.opened(name).layers:
        assert "Perplexity" in codebook.draw(name, offered, "crop", layer, "light")[1]
        assert code_map.draw(name, offered, "crop", layer, None, 50, 0, "this cell", "light")[1] is not None


def test_one_number_makes_no_map(offered):
    layers, *_ = latent_map.draw("projected", offered, "crop", "scale", None, "light")
    assert layers["choices"] == [("code", "code")] or layers["choices"] == ["code"]
    assert layers["value"] == "code" and not layers["visible"]


def test_bits_of_a_hybrid_name_the_numbers_beside_them(offered):
    html = reconstruct.draw("projected", offered, "crop", 0, 0, "light")[0]
    assert "0.188" in html and "of codes, and 0.0625 continuous numbers" in html
