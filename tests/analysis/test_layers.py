"""What each layer adds, with a network whose answers are known by hand."""

from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from explorer.analysis import comparison, layers, quality
from explorer.autoencoder import Codebook, Layer


class Layered(nn.Module):
    """`coarse` is the mean colour of an image, `fine` what is missing of each pixel: both together are perfect."""

    image_size = 16
    layers = (Layer("coarse", (1, 1), 3), Layer("fine", (16, 16), 3))
    codebooks: ClassVar = {}
    joint = True

    def __init__(self):
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))

    def encode(self, images):
        grid = images.permute(0, 2, 3, 1)
        coarse = grid.mean((1, 2), keepdim=True)
        return {"coarse": coarse, "fine": grid - coarse}

    def decode(self, latents, fill="mean"):
        """The mean colour over training is grey."""
        coarse = latents.get("coarse", torch.full((1, 1, 1, 3), 0.5 if fill == "mean" else 0.0))
        return (coarse + latents.get("fine", 0)).expand(-1, 16, 16, -1).permute(0, 3, 1, 2).clamp(0, 1)


class Coded(Layered):
    """Its coarse layer is one of four greys."""

    codebooks: ClassVar = {"coarse": Codebook(torch.linspace(0, 1, 4)[:, None].expand(-1, 3).contiguous())}

    def decode(self, latents, fill="mean"):
        book = self.codebooks["coarse"]
        known = {k: book.lookup(book.assign(z)) if k == "coarse" else z for k, z in latents.items()}
        return super().decode(known, fill)

    def sent(self, latents):
        """Half of the positions need no detail."""
        mask = torch.zeros(latents["fine"].shape[:3], dtype=torch.bool)
        mask[:, :8] = True
        return {"fine": mask}


class Alternatives(Layered):
    joint = False

    def decode(self, latents, fill="mean"):
        assert len(latents) >= 1
        return super().decode({list(latents)[-1]: list(latents.values())[-1]}, "zeros")


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), np.uint8)


def batch(pixels):
    return torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255


def fields(found):
    return {name: getattr(found, name) for name in ("originals", "reconstructions", "errors", "mse", "psnr", "ssim")}


def test_the_last_prefix_is_the_whole_and_the_first_is_not(pixels):
    found = layers.prefixes(Layered(), pixels)
    whole = fields(comparison.compare(Layered(), pixels))
    assert list(found) == ["coarse", "fine"]
    for name, values in fields(found["fine"]).items():
        assert np.array_equal(values, whole[name]), name
    colour = pixels.mean((1, 2)).round()
    assert np.abs(found["coarse"].reconstructions - colour[:, None, None]).max() <= 1
    assert (found["coarse"].psnr < 12).all() and not np.array_equal(found["coarse"].errors, whole["errors"])


def test_scores_of_prefixes_are_those_of_quality(pixels):
    images = batch(pixels)
    mean = images.mean((2, 3), keepdim=True)
    expected = quality.measure(images, mean.expand_as(images).contiguous())
    found = layers.prefixes(Layered(), pixels)["coarse"]
    for name in ("mse", "psnr", "ssim"):
        assert getattr(found, name) == pytest.approx(expected[name].numpy(), abs=1e-4), name
        assert getattr(found, name).shape == (3,)
    assert found.errors == pytest.approx((images - mean).abs().mean(1).numpy(), abs=1e-6)


def test_the_mean_squared_error_by_hand():
    halves = np.zeros((1, 16, 16, 3), np.uint8)
    halves[:, 8:] = 255  # the mean colour is off by 0.5 everywhere
    found = layers.prefixes(Layered(), halves)["coarse"]
    assert found.mse == pytest.approx([0.25]) and found.psnr == pytest.approx([6.0206], abs=1e-4)
    assert found.errors == pytest.approx(0.5)


def test_each_layer_alone_depends_on_what_fills_the_others(pixels):
    grey = layers.alone(Layered(), pixels, "mean")["fine"].reconstructions.astype(int)
    black = layers.alone(Layered(), pixels, "zeros")["fine"].reconstructions.astype(int)
    detail = pixels - pixels.mean((1, 2), keepdims=True)
    assert np.abs(grey - (127.5 + detail).clip(0, 255)).max() <= 1
    assert np.abs(black - detail.clip(0, 255)).max() <= 1


def test_layers_of_another_image_fill(pixels):
    others = pixels[::-1].copy()
    found = layers.alone(Layered(), pixels, "other", others)["fine"].reconstructions.astype(int)
    expected = pixels - pixels.mean((1, 2), keepdims=True) + others.mean((1, 2), keepdims=True)
    assert np.abs(found - expected.clip(0, 255)).max() <= 1


def test_recombination_by_hand(pixels):
    first, second = pixels[:2]
    mixed = layers.recombine(Layered(), first, second, ["coarse"]).astype(int)
    expected = first.mean((0, 1)) + second - second.mean((0, 1))
    assert np.abs(mixed - expected.clip(0, 255)).max() <= 1
    assert np.array_equal(layers.recombine(Layered(), first, second, ["coarse", "fine"]), first)
    assert np.array_equal(layers.recombine(Layered(), first, second, []), second)


def test_measurement_adds_up(pixels, monkeypatch):
    monkeypatch.setattr(layers, "BATCH", 2)  # the last batch has one image, whose other is in the batch before
    told = []
    found = layers.measure(Layered(), lambda rows: pixels[rows], 3, progress=lambda *state: told.append(state))
    coarse, fine = found["layers"]
    expected = quality.measure(batch(pixels), torch.full((3, 3, 16, 16), 0.5))["psnr"].mean()
    assert found["nothing"]["psnr"]["mean"] == pytest.approx(float(expected), abs=1e-4) and found["fill"] == "mean"
    assert fine["psnr"]["mean"] == pytest.approx(100) and fine["psnr"]["n"] == 3
    total = found["nothing"]["psnr"]["mean"] + coarse["gain"]["psnr"]["mean"] + fine["gain"]["psnr"]["mean"]
    assert total == pytest.approx(100, abs=1e-3)
    assert fine["alone"]["psnr"]["mean"] < 40 and told[-1][:2] == (2, 3)
    assert coarse["numbers_per_pixel"] == pytest.approx(3 / 256) and fine["numbers_per_pixel"] == 3
    other = layers.measure(Layered(), lambda rows: pixels[rows], 3, fill="other")
    expected = layers.prefixes(Layered(), pixels, "other", pixels[[1, 0, 1]])["coarse"].psnr
    assert other["layers"][0]["psnr"]["mean"] == pytest.approx(expected.mean(), abs=1e-3)


def test_bits_of_codes_and_numbers_that_are_sent(pixels):
    coarse, fine = layers.measure(Coded(), lambda rows: pixels[rows], 3)["layers"]
    assert coarse["bits_per_pixel"] == pytest.approx(2 / 256)  # four codes, one cell
    assert coarse["entropy_bits_per_pixel"] <= 2 / 256 and "numbers_per_pixel" not in coarse
    assert fine["numbers_per_pixel"] == pytest.approx(1.5) and "bits_per_pixel" not in fine


def test_layers_that_do_not_add_up_are_decoded_one_by_one(pixels):
    found = layers.measure(Alternatives(), lambda rows: pixels[rows], 3)
    assert not found["joint"] and "nothing" not in found
    assert "alone" not in found["layers"][0] and "gain" not in found["layers"][0]
    assert found["layers"][1]["gain"]["psnr"]["n"] == 3
    assert comparison.compare(Layered(), pixels).psnr == pytest.approx(100)
