"""What is measured on held-out images, and what the model card says of it."""

from types import MappingProxyType
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import torch

from explorer import datasets
from explorer.autoencoder import Codebook, Layer, to_images
from explorer.errors import BadInput
from explorer.models import build
from explorer.training import scores
from explorer.training.card import model_card
from explorer.training.config import train_command

TINY = {"hidden": 8, "residual_blocks": 1, "residual_channels": 4, "codes": 8, "dim": 4}
TRAINING = {"steps": 10, "step": 10, "seconds": 60.0, "images_per_second": 9.0, "device": "cpu", "torch": "2"}


def card_of(family, model, metrics):
    command = train_command("mine", family, "digits", model, TRAINING)
    return model_card("mine", family, "digits", model, command, TRAINING, metrics)


class HandMade:
    """4 × 4 pixels; two codes on a 2 × 2 grid, and three numbers that are needed where the code is 1."""

    image_size = 4
    layers = (Layer("code", (2, 2), 1), Layer("detail", (2, 2), 3))
    codebooks: ClassVar = {"code": Codebook(torch.tensor([[0.0], [1.0]]))}

    def encode(self, images):
        code = images[:, :1, ::2, ::2].permute(0, 2, 3, 1)  # (N, 2, 2, 1)
        return {"code": code, "detail": torch.zeros(len(code), 2, 2, 3)}

    def sent(self, latents):
        return {"detail": latents["code"][..., 0] > 0.5}


class Dark:
    """Answers every image with the grey of the dark ones."""

    image_size, layers, codebooks = 8, (), MappingProxyType({})

    def encode(self, images):
        return images

    def decode(self, images):
        return torch.full_like(images, 40 / 255)


def images_of(pixels: np.ndarray, most: int = 128) -> datasets.Images:
    """A set in memory, of which at most so many images may be read at once."""

    def read(rows):
        assert len(rows) <= most
        return pixels[rows]

    names = datasets.Numbered("mine", len(pixels))
    return datasets.Images(
        "mine", "test", pixels.shape[1], "0", read=read, count=len(pixels), concepts=pd.DataFrame, names=names
    )


def test_bits_and_numbers_per_pixel_by_hand():
    pixels = np.zeros((2, 4, 4, 3), np.uint8)
    pixels[0, :2, :2] = 255  # one of eight positions
    model = HandMade()
    layers = scores.Layers(model, "cpu")
    for images in map(to_images, (pixels[:1], pixels[1:])):
        layers.add(images, model.encode(images))
    discrete, continuous = layers.metrics()
    assert discrete["code"]["bits_per_pixel"] == pytest.approx(4 * 1 / 16) and discrete["code"]["used"] == 2
    assert continuous == {"detail": {"dim": 3, "sent": 1 / 8, "numbers_per_pixel": pytest.approx(3 * 4 / 8 / 16)}}


def test_images_are_read_and_encoded_once_for_all_scores(monkeypatch):
    model = build("vqvae", {"codes": 16, "dim": 4, "hidden": 8, "residual_channels": 4}, 16).eval()
    encoded, encode = [], model.encode
    monkeypatch.setattr(model, "encode", lambda images: encoded.append(len(images)) or encode(images))
    pixels = np.random.default_rng(0).integers(0, 255, (150, 16, 16, 3), dtype=np.uint8)
    scores.held_out_metrics(model, images_of(pixels), images_of(pixels), "cpu", untrained=Dark)
    assert encoded == [128, 22]


def metrics_of(model) -> dict:
    pixels = np.random.default_rng(0).integers(0, 255, (6, 16, 16, 3), dtype=np.uint8)
    return scores.held_out_metrics(model, images_of(pixels), images_of(pixels), "cpu", untrained=lambda: model)


def test_scores_of_a_set_sorted_by_class_are_those_of_all_its_classes():
    levels = np.repeat(np.array([40, 215], np.uint8), 4000)  # a sample of 5,000 is more than one class
    images = images_of(np.broadcast_to(levels[:, None, None, None], (8000, 8, 8, 3)))
    metrics = scores.held_out_metrics(Dark(), images, images, "cpu", untrained=Dark)
    found = {name: one["psnr"] for name, one in metrics["baselines"].items()} | {"this": metrics["psnr"]}
    assert [found[name]["n"] for name in ("this", "mean image", "untrained")] == [5000, 5000, 1000]
    assert found["mean image"]["mean"] == pytest.approx(9.29, abs=0.05)
    half = (100 - 20 * np.log10(175 / 255)) / 2  # a copy of one class, 175 levels off the other
    for name, chance in (("this", 2), ("untrained", 5)):
        assert found[name]["mean"] == pytest.approx(half, abs=chance), name


def test_the_mean_image_is_that_of_the_training_images():
    dark, light = (images_of(np.full((4, 8, 8, 3), level, np.uint8)) for level in (40, 215))
    metrics = scores.held_out_metrics(Dark(), dark, light, "cpu", untrained=Dark)
    expected = -20 * np.log10(175 / 255)  # 3.27 dB; a mean of the held-out images would be perfect
    assert metrics["baselines"]["mean image"]["psnr"]["mean"] == pytest.approx(expected, abs=0.01)


class Guesses:
    """Patches of 2 × 2 pixels; what is hidden is guessed a tenth too light, and what is seen half."""

    mask_grid, patch_size = (2, 2), 2

    def reconstruct_masked(self, images, mask):
        cover = mask.repeat_interleave(2, 1).repeat_interleave(2, 2)[:, None]
        return images + torch.where(cover, 0.1, 0.5)


def test_hidden_patches_alone_are_scored_beside_the_mean_of_the_seen_ones():
    pixels = np.zeros((6, 4, 4, 3), np.uint8)
    pixels[:, :2, :2] = 255  # one white patch, three black ones; one of the four is seen
    hidden = scores.Hidden(Guesses(), "cpu")
    for images in map(to_images, (pixels[:3], pixels[3:])):
        hidden.add(images, {})
    found = hidden.metrics()
    assert found["psnr"]["mean"] == pytest.approx(20.0, abs=1e-3) and found["psnr"]["n"] == 6
    generator = torch.Generator().manual_seed(0)  # which patch is seen, image by image
    seen = [torch.rand(3, 4, generator=generator).argsort(1).argsort(1).argmax(1) for _ in range(2)]
    white = int((torch.cat(seen) == 0).sum())
    # the white one is seen: three black ones are guessed white, an error of 1; else one of the three is white and black
    expected = (white * 0.0 + (6 - white) * -10 * np.log10(1 / 3)) / 6
    baseline = found["baselines"]["mean of visible patches"]["psnr"]
    assert baseline["mean"] == pytest.approx(expected, abs=1e-3)
    assert found["gain"]["mean"] == pytest.approx(20.0 - expected, abs=1e-3)


@pytest.mark.parametrize(("count", "said"), [(0, "gives no held-out image"), (1, "gives one held-out image")])
def test_too_few_held_out_images_are_one_sentence(count, said):
    pixels = np.zeros((count, 8, 8, 3), np.uint8)
    with pytest.raises(BadInput, match=f"{said}, and scores need two"):
        scores.held_out_metrics(Dark(), images_of(pixels), images_of(pixels), "cpu", untrained=Dark)


@pytest.mark.parametrize(
    ("quantizer", "frequent", "sent", "dim"),
    [("projected", None, 1.0, 1), ("frequency", 8, 0.0, 4), ("frequency", 0, 1.0, 4), ("hybrid", 0, 1.0, 1)],
)
def test_a_hybrid_says_what_its_bits_leave_out(quantizer, frequent, sent, dim):
    torch.manual_seed(0)
    model = build("vqvae", {**TINY, "quantizer": quantizer, "frequent": frequent}, 16).eval()
    metrics = metrics_of(model)
    layer = "detail" if quantizer == "frequency" else "scale"
    assert metrics["bits_per_pixel"] == pytest.approx(16 * 3 / 256), "of the codes alone"
    assert metrics["numbers_per_pixel"] == pytest.approx(dim * sent * 16 / 256)
    assert metrics["continuous"][layer]["sent"] == sent
    card = card_of("vqvae", model, metrics)
    assert f"`{layer}` {dim} at {sent:.0%} of its positions" in card and "not counted in those bits" in card


@pytest.mark.parametrize("family", ["vqvae", "vae"])
def test_models_of_one_kind_have_bits_or_nothing(family):
    settings = TINY if family == "vqvae" else {"hidden": 8, "residual_blocks": 1, "downsample": 4}
    model = build(family, settings, 16).eval()
    metrics = metrics_of(model)
    assert ("bits_per_pixel" in metrics) == (family == "vqvae")
    assert not {"numbers_per_pixel", "continuous"} & set(metrics)
    card = card_of(family, model, metrics)
    assert "continuous numbers" not in card and "judged by" not in card


def test_the_card_names_each_term_of_the_loss_with_its_weight():
    loss = "mse+0.1*peco(mae-shapes)+1e-2*adversarial"
    model = build("vqvae", {**TINY, "loss": loss, "adversarial_from": 0.25}, 16).eval()
    card = card_of("vqvae", model, metrics_of(model))
    for line in (
        "- `mse`, weight 1\n",
        "- `peco(mae-shapes)`, weight 0.1\n",
        "- `adversarial`, weight 0.01, switched on after 25% of the training\n",
    ):
        assert line in card
