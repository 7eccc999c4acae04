"""Walks through latents on a linear decoder, whose answers are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from explorer.analysis import analogies, traversal, unit_concepts
from explorer.autoencoder import Codebook, Layer


class Linear:
    """Pixels are the latents of their cell: red is unit 0, green unit 1, blue unit 2; grids of 2 × 2."""

    joint, image_size = True, 2

    def __init__(self, book=None):
        self.layers = (Layer("latent", (2, 2), 3),)
        self.codebooks = {} if book is None else {"latent": Codebook(torch.tensor(book))}

    def encode(self, images):
        return {"latent": images.movedim(1, 3).float()}

    def decode(self, latents, fill="mean"):
        z = latents["latent"]
        if self.codebooks:
            z = self.codebooks["latent"].lookup(self.codebooks["latent"].assign(z))
        return z.movedim(3, 1).clamp(0, 1)


def latents(*pixels):
    """Of images (2, 2, 3) uint8."""
    return [{"latent": torch.from_numpy(one).float()[None] / 255} for one in pixels]


def test_a_linear_decoder_makes_a_known_traversal():
    base = torch.full((1, 2, 2, 3), 0.4)
    found = traversal.traverse(
        Linear(), {"latent": base}, "latent", [2, 0], np.array([[-0.2, 0, 0.4], [0.1, 0.2, 9.0]])
    )
    assert found.base.tolist() == [[[102] * 3] * 2] * 2
    assert found.pictures.shape == (2, 3, 2, 2, 3)
    assert found.pictures[0, 0, 0, 0].tolist() == [102, 102, 51] and found.pictures[1, 2, 1, 1].tolist() == [
        255,
        102,
        102,
    ]
    # one of three channels changes by as much; the decoder ends at 1
    assert found.change == pytest.approx(np.array([[0.2, 0, 0.4], [0.1, 0.2, 0.6]]) / 3, abs=1e-6)


def test_a_unit_is_moved_in_the_cells_that_are_named_alone():
    base = torch.zeros(1, 2, 2, 3)
    where = np.array([[False, True], [False, False]])
    found = traversal.traverse(Linear(), {"latent": base}, "latent", [1], np.array([[1.0]]), where)
    assert found.pictures[0, 0, :, :, 1].tolist() == [[0, 255], [0, 0]] and found.change[0, 0] == pytest.approx(1 / 12)


def test_around_meets_the_ends_and_keeps_the_norm():
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.nn.functional.normalize(torch.randn(5, 16, generator=generator), dim=1) * 7 for _ in range(2))
    way = traversal.around(a, b, np.linspace(0, 1, 9))
    torch.testing.assert_close(way[0], a)
    torch.testing.assert_close(way[-1], b)
    torch.testing.assert_close(way.norm(dim=-1), torch.full((9, 5), 7.0))
    turns = torch.arccos((way[1:] * way[:-1]).sum(-1).div(49).clamp(-1, 1))
    torch.testing.assert_close(turns, turns[:1].expand_as(turns), atol=1e-3, rtol=0)  # equal steps
    assert (traversal.between(a, b, np.array([0.5])).norm(dim=-1) < 7).all()


def test_around_a_quarter_turn_by_hand_about_a_centre_and_between_lengths():
    centre = torch.tensor([5.0, 5.0])
    a, b = centre + torch.tensor([2.0, 0.0]), centre + torch.tensor([0.0, 4.0])
    (middle,) = traversal.around(a, b, np.array([0.5]), centre)
    torch.testing.assert_close(middle, centre + 3 * torch.tensor([math.sqrt(0.5)] * 2))


@pytest.mark.parametrize("other", [[2.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.0, 0.0]])
def test_around_is_straight_where_there_is_no_angle(other):
    a, b = torch.tensor([1.0, 0.0]), torch.tensor(other)
    torch.testing.assert_close(traversal.around(a, b, np.array([0.25]))[0], 0.75 * a + 0.25 * b)


def test_long_latents_of_one_norm_suit_a_way_around():
    assert traversal.suits(64, 8.0, 0.7) and not traversal.suits(64, 8.0, 3.0) and not traversal.suits(4, 8.0, 0.1)


def test_the_way_of_a_linear_decoder_is_its_cross_fade():
    first, second = np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 200, np.uint8)
    way = traversal.interpolate(Linear(), *latents(first, second), ["latent"], np.linspace(0, 1, 5), {})
    assert np.array_equal(way.pictures, way.faded) and way.pictures[:, 0, 0, 0].tolist() == [0, 50, 100, 150, 200]
    assert way.steps == pytest.approx([50 / 255] * 4) and not way.kept
    assert way.norms["latent"] == pytest.approx(np.linspace(0, math.sqrt(3) * 200 / 255, 5))


def test_codes_change_at_once_and_halfway_may_be_a_third_one():
    book = [[0.0] * 3, [0.5] * 3, [1.0] * 3]
    first, second = np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 255, np.uint8)
    second[0, 0] = 0  # the same code in both
    way = traversal.interpolate(Linear(book), *latents(first, second), ["latent"], np.array([0, 0.2, 0.5, 1]), {})
    assert way.pictures[:, 1, 1, 0].tolist() == [0, 0, 128, 255]
    assert way.kept["latent"].tolist() == [[1, 0, 0], [1, 0, 0], [0.25, 0, 0.75], [0.25, 0.75, 0]]


def test_nearest_leaves_out_what_went_in():
    rows, away = analogies.nearest(np.zeros(2), np.array([[0.0, 0], [3, 4], [1, 0]]), but=[0])
    assert rows.tolist() == [2, 1] and away.tolist() == [1, 5]


def test_a_planted_direction_makes_the_analogy_work_and_noise_does_not():
    generator = np.random.default_rng(0)
    values = generator.integers(0, 2, 600)
    names = np.array(["cat", "dog"], object)[values]
    latents = generator.standard_normal((600, 8))
    useless = analogies.analogies(latents, names, "cat", "dog")
    assert abs(useless["moved"] - useless["chance"]) < 0.12 and useless["low"] < useless["moved"] < useless["high"]
    latents[:, 3] += 40 * values
    works = analogies.analogies(latents, names, "cat", "dog")
    assert works["moved"] == 1 and works["before"] == 0 and works["n"] > 100
    assert analogies.analogies(latents, names, "cat", "cow") == {"n": 0}


def test_units_go_with_the_concept_that_was_planted():
    generator = np.random.default_rng(0)
    x, kind = generator.uniform(size=1000), np.array(list("abc"), object)[generator.integers(0, 3, 1000)]
    units = np.stack(
        [x + 0.01 * generator.standard_normal(1000), -x, (kind == "a") * 1.0, generator.standard_normal(1000)], 1
    )
    told = unit_concepts.told(units, {"x": x, "kind": kind})
    assert [one["concept"] for one in told[:3]] == ["x", "x", "kind"]
    assert told[0]["r"] > 0.99 and told[0]["low"] < told[0]["r"] < told[0]["high"] and told[0]["n"] == 500
    assert told[1]["r"] == pytest.approx(-1) and told[2]["r"] == pytest.approx(1) and told[2]["low"] is None
    assert abs(told[3]["r"]) < 0.1
    assert unit_concepts.told(units, {}) == [None] * 4


def test_unknown_quantities_and_constant_units_tell_nothing():
    x = np.where(np.arange(100) % 2, np.nan, np.arange(100.0))
    told = unit_concepts.told(np.stack([np.arange(100.0), np.zeros(100)], 1), {"x": x})
    assert told[0]["r"] == pytest.approx(1) and told[0]["n"] < 50 and told[1]["r"] == 0
