"""Units of a continuous layer: KL by hand, dead units, and what is measured over images."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from explorer.analysis import posterior
from explorer.autoencoder import Layer


class Told:
    """Latents that are the mean red, green and blue of an image, twenty times; variances as given."""

    joint, image_size, codebooks = True, 4, {}

    def __init__(self, variances=None, grid=(1, 1)):
        self.layers, self.grid = (Layer("latent", grid, 3),), grid
        self.variances = None if variances is None else torch.tensor(variances)
        if variances is not None:
            self.posterior = lambda images: {
                "latent": (z := self.encode(images)["latent"], self.variances.expand(z.shape))
            }

    def encode(self, images):
        return {"latent": 20 * images.mean((2, 3))[:, None, None].expand(-1, *self.grid, -1)}

    def decode(self, latents, fill="mean"):
        return latents["latent"].mean((1, 2))[:, :, None, None].expand(-1, -1, 4, 4) / 20


def plain(colours):
    """Images of one colour each: (N, 3) uint8 -> reads (n, 4, 4, 3)."""
    pixels = np.asarray(colours, np.uint8)[:, None, None].repeat(4, 1).repeat(4, 2)
    return lambda rows: pixels[rows]


def test_kl_of_a_gaussian_by_hand():
    assert float(posterior.divergence(torch.tensor(0.0), torch.tensor(1.0))) == 0  # the prior itself
    assert float(posterior.divergence(torch.tensor(2.0), torch.tensor(1.0))) == pytest.approx(2.0)  # m² / 2
    wide = 0.5 * (4 - 1 - math.log(4))
    assert float(posterior.divergence(torch.tensor(0.0), torch.tensor(4.0))) == pytest.approx(wide)


def test_units_have_the_variance_range_and_nats_of_their_images():
    colours = [(0, 255, 51), (255, 255, 51)] * 10  # red 0 and 20, green 20, blue 4
    found = posterior.measure(Told([1.0, 0.25, 1.0]), plain(colours), 20, "latent")
    units = found["units"]
    assert units["mean"] == pytest.approx([10, 20, 4]) and units["variance"] == pytest.approx([100, 0, 0], abs=1e-6)
    assert (units["low"], units["high"]) == (pytest.approx([0, 20, 4]), pytest.approx([20, 20, 4]))
    assert units["noise"] == pytest.approx([1, 0.25, 1])
    still = 0.5 * (400 + 0.25 - 1 - math.log(0.25))
    assert units["nats"] == pytest.approx([100, still, 8], rel=1e-5)  # (0 + 400 / 2) / 2; 16 / 2
    assert found["total"]["mean"] == pytest.approx(108 + still, rel=1e-5) and found["total"]["n"] == 20
    assert units["nats_low"][0] < 100 < units["nats_high"][0]
    assert posterior.dead(units["variance"]).tolist() == [False, True, True]
    assert found["samples"]["alive"] == [0]


def test_a_unit_is_active_above_a_variance_of_a_hundredth():
    assert posterior.dead([0.0, 0.01, 0.011]).tolist() == [True, True, False]


def test_on_a_grid_nats_are_summed_over_the_cells():
    colours = [(255, 0, 0)] * 8 + [(0, 0, 0)] * 8
    flat, grid = (posterior.measure(Told([1.0] * 3, size), plain(colours), 16, "latent") for size in ((1, 1), (2, 3)))
    assert grid["units"]["nats"] == pytest.approx([6 * one for one in flat["units"]["nats"]])
    assert grid["units"]["variance"] == pytest.approx(flat["units"]["variance"]) and grid["cells"] == 6
    assert posterior.wanted((2, 3), 5000) == 256 and posterior.wanted((1, 1), 5000) == 5000


def test_without_a_posterior_nothing_is_said_of_nats():
    found = posterior.measure(Told(), plain(np.random.default_rng(0).integers(0, 256, (40, 3))), 40, "latent")
    assert not found["posterior"] and found["total"] is None and "nats" not in found["units"]
    assert set(found["samples"]["near"]) == {"real", "mixture"}
