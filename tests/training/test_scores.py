"""What is measured on held-out images, and what the model card says of it."""

from typing import ClassVar

import numpy as np
import pytest
import torch

from explorer.autoencoder import Codebook, Layer
from explorer.models import build
from explorer.training import scores

TINY = {"hidden": 8, "residual_blocks": 1, "residual_channels": 4, "codes": 8, "dim": 4}
TRAINING = {"steps": 10, "step": 10, "seconds": 60.0, "images_per_second": 9.0, "device": "cpu", "torch": "2"}


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


class Pixels:
    """As much of a dataset as scores need."""

    split = "test"

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = pixels

    def __len__(self) -> int:
        return len(self.pixels)

    def read(self, rows):
        return self.pixels[rows]


def test_bits_and_numbers_per_pixel_by_hand():
    pixels = np.zeros((2, 4, 4, 3), np.uint8)
    pixels[0, :2, :2] = 255  # one of eight positions
    discrete, continuous = scores.layer_metrics(HandMade(), pixels, "cpu", batch=1)
    assert discrete["code"]["bits_per_pixel"] == pytest.approx(4 * 1 / 16) and discrete["code"]["used"] == 2
    assert continuous == {"detail": {"dim": 3, "sent": 1 / 8, "numbers_per_pixel": pytest.approx(3 * 4 / 8 / 16)}}


def metrics_of(model) -> dict:
    pixels = np.random.default_rng(0).integers(0, 255, (6, 16, 16, 3), dtype=np.uint8)
    return scores.held_out_metrics(model, Pixels(pixels), Pixels(pixels), "cpu", untrained=lambda: model)


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
    card = scores.model_card("mine", "vqvae", "digits", model, TRAINING, metrics)
    assert f"`{layer}` {dim} at {sent:.0%} of its positions" in card and "not counted in those bits" in card


@pytest.mark.parametrize("family", ["vqvae", "vae"])
def test_models_of_one_kind_have_bits_or_nothing(family):
    settings = TINY if family == "vqvae" else {"hidden": 8, "residual_blocks": 1, "downsample": 4}
    model = build(family, settings, 16).eval()
    metrics = metrics_of(model)
    assert ("bits_per_pixel" in metrics) == (family == "vqvae")
    assert not {"numbers_per_pixel", "continuous"} & set(metrics)
    card = scores.model_card("mine", family, "digits", model, TRAINING, metrics)
    assert "continuous numbers" not in card and "judged by" not in card


def test_the_card_names_each_term_of_the_loss_with_its_weight():
    loss = "mse+0.1*peco(mae-shapes)+1e-2*adversarial"
    model = build("vqvae", {**TINY, "loss": loss, "adversarial_from": 0.25}, 16).eval()
    card = scores.model_card("mine", "vqvae", "digits", model, TRAINING, metrics_of(model))
    for line in (
        "- `mse`, weight 1\n",
        "- `peco(mae-shapes)`, weight 0.1\n",
        "- `adversarial`, weight 0.01, switched on after 25% of the training\n",
    ):
        assert line in card
