"""Decoding with a code put in or taken out, on a decoder whose answer is known by hand."""

from typing import ClassVar

import numpy as np
import pytest
import torch

from explorer.analysis import grids, interventions
from explorer.autoencoder import Layer


class Blocks:
    """Each latent (D = 3) is the colour of a 2 × 2 block; `fine` adds to what `coarse` gives, if it is there."""

    image_size = 4
    layers = (Layer("coarse", (2, 2), 3), Layer("fine", (2, 2), 3))
    codebooks: ClassVar = {}

    def encode(self, images):
        pooled = torch.nn.functional.avg_pool2d(images, 2).permute(0, 2, 3, 1)
        return {"coarse": pooled, "fine": torch.ones_like(pooled)}

    def decode(self, latents):
        total = sum(latents.values()).clamp(0, 1)
        return total.permute(0, 3, 1, 2).repeat_interleave(2, 2).repeat_interleave(2, 3)


@pytest.fixture
def latents():
    return interventions.encode(Blocks(), np.full((4, 4, 3), 51, np.uint8))


def test_one_cell_changes_its_own_pixels_by_the_difference_of_the_colours(latents):
    where = np.array([[True, False], [False, False]])
    change = interventions.replace(Blocks(), latents, "coarse", where, np.array([0.6, 0.2, 0.2]))
    assert (change.before == 51).all()
    assert change.after[0, 0].tolist() == [153, 51, 51] and (change.after[2:] == 51).all()
    assert change.inside == pytest.approx(0.4 / 3) and change.outside == 0 and change.cells == 1
    expected = np.zeros((4, 4))
    expected[:2, :2] = 0.4 / 3
    np.testing.assert_allclose(change.difference, expected, atol=1e-6)


def test_the_same_vector_changes_nothing(latents):
    change = interventions.replace(Blocks(), latents, "coarse", np.eye(2, dtype=bool), np.full(3, 0.2))
    assert change.inside == pytest.approx(0, abs=1e-6) and (change.after == change.before).all() and change.cells == 2


def test_finer_layers_cannot_hide_the_change(latents):
    """With `fine` the decode would be white before and after."""
    change = interventions.replace(Blocks(), latents, "coarse", np.ones((2, 2), bool), np.zeros(3))
    assert change.inside == pytest.approx(0.2) and np.isnan(change.outside) and (change.after == 0).all()
    finer = interventions.replace(Blocks(), latents, "fine", np.ones((2, 2), bool), np.zeros(3))
    assert (finer.before == 255).all() and (finer.after == 51).all()


def test_random_codes_are_the_yardstick_more_than_one_batch_of_them(latents):
    random = np.linspace(0, 1, 40)[:, None].repeat(3, 1)
    where = np.array([[True, False], [False, True]])
    change = interventions.replace(Blocks(), latents, "coarse", where, np.full(3, 0.2), random=random)
    np.testing.assert_allclose(change.random, np.abs(random[:, 0] - 0.2), atol=1e-6)


def test_a_mask_of_another_grid_is_refused(latents):
    with pytest.raises(ValueError, match="2, 2"):
        interventions.replace(Blocks(), latents, "coarse", np.ones((3, 3), bool), np.zeros(3))


def test_cover_maps_cells_to_pixels():
    covered = grids.cover(np.array([[False, True], [False, True]]), (2, 4))
    assert covered.tolist() == [[False, False, True, True]] * 2


def test_the_mean_vector_is_weighted_by_use():
    vectors = np.array([[0.0, 0.0], [4.0, 8.0]])
    assert interventions.mean_vector(vectors, np.array([3, 1])).tolist() == [1, 2]
    assert interventions.mean_vector(vectors, np.zeros(2)).tolist() == [2, 4]


def test_the_nearest_used_code_is_never_the_code_itself_nor_a_dead_one():
    vectors, counts = np.array([[0.0], [0.1], [0.3], [9.0]]), np.array([5, 0, 5, 5])
    assert interventions.nearest_used(vectors, counts, vectors[0], but=0) == 2
    assert interventions.nearest_used(vectors, counts, np.array([8.0]), but=0) == 3
    assert interventions.nearest_used(vectors, np.array([5, 0, 0, 0]), vectors[0], but=0) is None


def test_other_vectors_are_of_different_codes_in_use():
    vectors = np.arange(6.0)[:, None]
    chosen = interventions.other_vectors(vectors, np.array([1, 1, 0, 1, 1, 1]), {4}, count=3)
    assert len(set(chosen[:, 0])) == 3 and not {2.0, 4.0} & set(chosen[:, 0])
    assert len(interventions.other_vectors(vectors, np.ones(6), {0}, count=99)) == 5


def test_the_default_cell_is_central_and_has_another_code():
    codes = np.array([[1, 1, 1], [1, 2, 1], [1, 1, 1]])
    assert interventions.default_cell(codes, 1) == (1, 1)
    assert interventions.default_cell(codes, 2) == (0, 1)
    assert interventions.default_cell(np.zeros((3, 3), int), 0) == (1, 1)
