"""The steps of a VQ layer on hand-made vectors, and gradients that are known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explorer.analysis import steps
from explorer.autoencoder import Codebook, Layer, straight_through

VECTORS = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]], np.float32)


class Mean:
    """An autoencoder of one cell a pixel: latents are pixels, decoded as `weight` times their codes' vectors."""

    joint, image_size, layers = True, 2, (Layer("code", (2, 2), 3),)
    weight = 0.5

    def __init__(self, vectors: torch.Tensor) -> None:
        self.codebooks = {"code": Codebook(vectors)}

    def encode(self, images):
        return {"code": images.permute(0, 2, 3, 1)}

    def decode(self, latents, fill="mean"):
        return self.weight * self.codebooks["code"].quantize(latents["code"]).permute(0, 3, 1, 2)


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (2, 2, 3), dtype=np.uint8)


@pytest.fixture
def model():
    return Mean(torch.tensor([[0.0, 0.0, 0.0], [0.5, 0.5, 0.5], [1.0, 1.0, 1.0]]))


def test_the_nearest_code_wins_by_hand():
    found = steps.call(np.array([0.0, 0.4]), VECTORS)
    assert found.distances == pytest.approx([0.4, np.hypot(3, 3.6), 0.6])
    assert (found.code, found.runner_up, found.order.tolist()) == (0, 2, [0, 2, 1])
    assert found.margin == pytest.approx(0.2)


def test_of_two_codes_as_near_the_first_wins_with_no_margin():
    found = steps.call(np.array([0.0, 0.5]), VECTORS)
    assert (found.code, found.runner_up, found.margin) == (0, 2, 0.0)


def test_a_codebook_of_one_has_no_runner_up():
    found = steps.call(np.array([1.0, 1.0]), VECTORS[:1])
    assert found.code == 0 and found.runner_up is None and found.margin is None


def test_margins_are_those_of_each_call():
    generator = np.random.default_rng(1)
    z, vectors = generator.normal(size=(30, 5)) + 1000, generator.normal(size=(40, 5)) + 1000
    expected = [steps.call(one, vectors).margin for one in z]
    assert steps.margins(z, vectors) == pytest.approx(expected, abs=1e-9)


def test_of_very_many_a_sample_is_searched(monkeypatch):
    monkeypatch.setattr(steps, "WORK", 0)
    generator = np.random.default_rng(1)
    z, vectors = generator.normal(size=(100, 3)), generator.normal(size=(7, 3))
    every = [steps.call(one, vectors).margin for one in z]
    found = steps.margins(z, vectors)
    assert len(found) == 16 and all(np.isclose(every, one).any() for one in found)


def test_kept_variance_of_a_perfect_a_useless_and_a_worse_codebook():
    z = np.array([[0.0, 0.0], [2.0, 0.0]])
    assert steps.kept_variance(z, z) == 1
    assert steps.kept_variance(z, np.broadcast_to(z.mean(0), z.shape)) == 0
    assert steps.kept_variance(z, z[::-1]) == -3
    assert steps.kept_variance(z[:1].repeat(2, 0), z) is None


def test_alike_vectors_have_alike_tints_and_one_vector_is_grey():
    z = np.random.default_rng(0).normal(size=(4, 4, 6))
    before, after = steps.tints(z, z)
    assert np.array_equal(before, after) and len(np.unique(before.reshape(-1, 3), axis=0)) > 8
    lone, _ = steps.tints(np.ones((1, 1, 6)), np.ones((1, 1, 6)))
    assert lone.tolist() == [[[128, 128, 128]]]


def test_thinned_places_keep_the_one_that_matters():
    assert steps.thinned(5, 9).tolist() == [0, 1, 2, 3, 4]
    found = steps.thinned(1000, 10, 777)
    assert 777 in found and len(found) == 10 and (np.diff(found) > 0).all()


def test_straight_through_has_the_values_to_the_bit_and_the_gradient_of_the_latents():
    z = torch.tensor([[0.1, 0.7]], requires_grad=True)
    values = torch.tensor([[1 / 3, 1e8]])
    copied = straight_through(z, values)
    assert torch.equal(copied, values)
    (copied * torch.tensor([[2.0, 3.0]])).sum().backward()
    assert z.grad.tolist() == [[2.0, 3.0]]
    assert straight_through(z, torch.ones(1, 5)).grad_fn is None, "nothing to copy to"


def test_gradients_of_reconstruction_losses_are_the_known_ones_on_both_sides(model, pixels):
    book, image = model.codebooks["code"].vectors, pixels.astype(np.float64) / 255
    codes = np.array([[steps.call(one, book.numpy()).code for one in line] for line in image])
    q = book.numpy()[codes]
    known = {
        "mse": 2 * model.weight * (model.weight * q - image) / image.size,
        "mae": model.weight * np.sign(model.weight * q - image) / image.size,
        "lightness": np.full(image.shape, model.weight / image.size),
    }
    for loss, expected in known.items():
        found = steps.gradients(model, pixels, "code", loss)
        assert np.array_equal(found.codes, codes)
        assert found.decoder == pytest.approx(expected, abs=1e-7), loss
        assert np.array_equal(found.encoder, found.decoder), "a copy"
        assert not found.book.any(), "the copy leads around the codebook"


def test_commitment_pulls_the_encoder_alone_and_the_codebook_loss_the_codes_alone(model, pixels):
    image = pixels.astype(np.float64) / 255
    found = steps.gradients(model, pixels, "code", "commitment")
    q = model.codebooks["code"].vectors.numpy()[found.codes]
    assert found.encoder == pytest.approx(2 * (image - q) / image.size, abs=1e-7)
    assert not found.decoder.any() and not found.book.any()
    assert found.loss == pytest.approx(np.square(image - q).mean(), abs=1e-6)
    other = steps.gradients(model, pixels, "code", "codebook")
    assert other.loss == pytest.approx(found.loss) and not other.decoder.any() and not other.encoder.any()
    for code in np.unique(found.codes):
        cells = found.codes == code
        assert other.book[cells] == pytest.approx(np.broadcast_to(
            (2 * (q - image) / image.size)[cells].sum(0), other.book[cells].shape), abs=1e-7)  # fmt: skip


@pytest.mark.parametrize("learned", [False, True])
def test_a_decoder_that_takes_something_else_has_no_gradient(model, pixels, monkeypatch, learned):
    weights = torch.zeros(1, 3, 2, 2, requires_grad=learned)
    monkeypatch.setattr(Mean, "decode", lambda self, latents, fill="mean": 2 * weights)
    assert steps.gradients(model, pixels, "code", "mse") is None


def test_cosine_of_same_opposite_square_and_none():
    one = np.array([3.0, 4.0])
    assert steps.cosine(one, 2 * one) == 1 and steps.cosine(one, -one) == -1
    assert steps.cosine(one, np.array([-4.0, 3.0])) == 0 and steps.cosine(one, np.zeros(2)) is None
