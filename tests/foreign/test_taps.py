"""Layers from inside a network: they are what the modules give, on every page, and decoding leaves them aside."""

from __future__ import annotations

import pytest
import torch

from explorer import checkpoints, foreign, results
from explorer.analysis import rates
from explorer.errors import BadInput
from explorer.foreign import taps
from explorer.results.subject import Subject
from tests.foreign.test_vqvae import rithesh


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    path = tmp_path_factory.mktemp("taps") / "net.pt"
    torch.save(rithesh(), path)
    return path


@pytest.fixture(scope="module")
def images():
    return torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))


@torch.inference_mode()
def test_a_tapped_layer_is_what_its_module_gives(network, images):
    plain = checkpoints.load(f"{network}@16")
    model = checkpoints.load(f"{network}@16,encoder.0,decoder.1")
    assert [layer.name for layer in model.layers] == ["code", "encoder.0", "decoder.1"]
    assert [layer.grid for layer in model.layers] == [(4, 4), (8, 8), (4, 4)]
    latents = model.encode(images)
    x = plain.pixels.into(images)
    torch.testing.assert_close(latents["encoder.0"].movedim(3, 1), plain.network.encoder[0](x))
    book = plain.codebooks["code"]
    e = book.lookup(book.assign(plain.encode(images)["code"])).movedim(3, 1)
    torch.testing.assert_close(latents["decoder.1"].movedim(3, 1), plain.network.decoder[:2](e))
    torch.testing.assert_close(latents["code"], plain.encode(images)["code"])
    torch.testing.assert_close(model.decode(latents), plain.decode(plain.encode(images)))
    assert not any(model.sent(latents)[name].any() for name in ("encoder.0", "decoder.1")), "the decoder needs none"


def test_its_description_has_them_and_its_content_key_too(network):
    facts = checkpoints.describe(f"{network}@16,encoder.3")
    assert [(layer["name"], layer["codes"]) for layer in facts.layers] == [("code", 24), ("encoder.3", None)]
    keys = {checkpoints.fingerprint(f"{network}@{asked}") for asked in ("16", "16,encoder.3", "16,encoder.0")}
    assert len(keys) == 3


@pytest.mark.parametrize(
    "asked, said",
    [
        ("@16,encoder.99", "nothing called 'encoder.99' inside; choose from encoder, encoder.0"),
        ("@16" + ",encoder.0" * 9, "9 layers from inside are too many; choose up to 8"),
        ("@16,to_code.weight", "nothing called 'to_code.weight' inside"),
    ],
)
def test_what_cannot_be_tapped_names_what_can(asked, said, network):
    with pytest.raises(BadInput, match=said):
        checkpoints.describe(f"{network}{asked}")


def test_names_come_apart_and_together(tmp_path):
    for text in ("/a/b", "/a/b@64", "/a/b@64,x.1,y", "/a/b@,x"):
        assert foreign.join(*foreign.split(text)) == text
    (tmp_path / "odd@12").mkdir()
    assert foreign.split(tmp_path / "odd@12") == (tmp_path / "odd@12", None, ())


@torch.inference_mode()
def test_grids_of_tokens_and_vectors():
    tokens = torch.arange(2 * 9 * 3.0).view(2, 9, 3)
    assert torch.equal(taps._grid(tokens), tokens.view(2, 3, 3, 3))
    with_class = torch.cat([torch.zeros(2, 1, 3), tokens], 1)
    assert torch.equal(taps._grid(with_class), tokens.view(2, 3, 3, 3))
    assert taps._grid(tokens[:, :7]).shape == (2, 1, 7, 3) and taps._grid(tokens[:, 0]).shape == (2, 1, 1, 3)
    assert taps._grid(torch.zeros(3)) is None


def test_blocks_of_a_transformer(tmp_path, images):
    transformers = pytest.importorskip("transformers")
    config = transformers.ViTMAEConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, image_size=16, patch_size=4,
        decoder_hidden_size=16, decoder_num_hidden_layers=1, decoder_num_attention_heads=2,
        decoder_intermediate_size=32,
    )  # fmt: skip
    transformers.ViTMAEForPreTraining(config).save_pretrained(tmp_path / "mae")
    model = checkpoints.load(tmp_path / "mae@16,vit.layers.0")
    with torch.inference_mode():
        latents = model.encode(images)
    assert torch.equal(latents["vit.layers.0"], latents["block1"])


def test_it_is_encoded_and_costs_no_bits(network, tmp_path, monkeypatch):
    from PIL import Image

    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path / "cache"))
    generator = torch.Generator().manual_seed(0)
    for split in ("train", "test"):
        (tmp_path / "photos" / split).mkdir(parents=True)
        for index in range(6):
            pixels = torch.randint(0, 255, (16, 16, 3), generator=generator, dtype=torch.uint8).numpy()
            Image.fromarray(pixels).save(tmp_path / "photos" / split / f"{index}.png")
    asked = Subject.of(f"{network}@16,encoder.0", str(tmp_path / "photos"), kmeans=4)
    found = results.obtain("encoding", asked)[1]
    assert found.codes("encoder.0").shape == (6, 8, 8) and len(found.codebook("encoder.0")) == 4
    model = checkpoints.load(f"{network}@16,encoder.0")
    pixels = torch.randint(0, 255, (4, 16, 16, 3), generator=generator, dtype=torch.uint8).numpy()
    points = rates.measure(model, lambda rows: pixels[rows], lambda rows: pixels[rows], 4)["points"]
    whole = [point for point in points if len(point["layers"]) == 2 and point["bits_per_pixel"] is not None]
    assert all(point["bits_per_pixel"] == pytest.approx(16 * 4.585 / 256, rel=1e-3) for point in whole)
