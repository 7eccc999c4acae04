"""What every family promises, on tiny networks; and what is particular to each."""

from __future__ import annotations

import math

import pytest
import torch

from explorer.errors import BadInput
from explorer.latents import Autoencoder, Codebook, Masks, Samples
from explorer.models import MODELS, build
from explorer.models.quantizers import Quantizer

TINY = {
    "vqvae": {"hidden": 16, "residual_blocks": 1, "residual_channels": 8, "downsample": 4, "codes": 32, "dim": 8},
    "vae": {"hidden": 16, "residual_blocks": 1, "residual_channels": 8, "downsample": 8, "dim": 8, "width": 32},
    "mae": {"patch": 8, "dim": 32, "blocks": 2, "heads": 2, "decoder_dim": 16, "decoder_blocks": 1, "decoder_heads": 2},
}
FAMILIES = sorted(MODELS)


@pytest.fixture(params=FAMILIES)
def family(request):
    return request.param


@pytest.fixture
def images():
    return torch.rand(6, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def make(family, image_size=32, **settings):
    torch.manual_seed(0)
    return build(family, {**TINY[family], **settings}, image_size)


def fit(model, images, steps=40):
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=3e-3)
    model.train()
    losses = []
    for step in range(steps):
        torch.manual_seed(step)
        out = model(images)
        optimizer.zero_grad()
        out["loss"].backward()
        optimizer.step()
        losses.append(float(out["loss"].detach()))
    return losses


def test_every_family_has_a_tiny_configuration():
    assert set(TINY) == set(MODELS)


def test_encode_matches_the_layers(family, images):
    model = make(family).eval()
    assert isinstance(model, Autoencoder)
    with torch.inference_mode():
        latents = model.encode(images)
    assert list(latents) == [layer.name for layer in model.layers]
    for layer in model.layers:
        assert latents[layer.name].shape == (6, *layer.grid, layer.dim)
        assert latents[layer.name].dtype == torch.float32


def test_encode_is_deterministic_and_treats_images_apart(family, images):
    model = make(family).eval()
    with torch.inference_mode():
        together, alone = model.encode(images), model.encode(images[2:3])
        for name in together:
            torch.testing.assert_close(together[name][2:3], alone[name], atol=1e-4, rtol=1e-4)


def test_decode_is_an_image_in_the_unit_range(family, images):
    model = make(family).eval()
    with torch.inference_mode():
        output = model.decode({name: 100 * value for name, value in model.encode(images).items()})
    assert output.shape == images.shape
    assert output.min() >= 0 and output.max() <= 1


def test_training_lowers_the_loss_and_improves_the_reconstruction(family, images):
    model = make(family)

    def error():
        model.eval()
        with torch.inference_mode():
            return float((model.decode(model.encode(smooth)) - smooth).square().mean())

    smooth = torch.nn.functional.interpolate(images[:, :, :4, :4], 32, mode="bilinear")
    before = error()
    losses = fit(model, smooth, 100)
    assert all(math.isfinite(loss) for loss in losses)
    assert sum(losses[-5:]) < 0.85 * sum(losses[:5])
    assert error() < 0.85 * before


def test_codes_are_the_nearest_vectors(family, images):
    model = make(family)
    fit(model, images, 3)
    model.eval()
    latents = model.encode(images)
    for name, book in model.codebooks.items():
        distances = torch.cdist(latents[name].flatten(0, 2), book.vectors)
        torch.testing.assert_close(book.assign(latents[name]).flatten(), distances.argmin(1))


def test_decoding_the_codes_is_decoding_the_latents(family, images):
    model = make(family)
    fit(model, images, 3)
    model.eval()
    with torch.inference_mode():
        latents = model.encode(images)
        coded = {
            name: model.codebooks[name].lookup(model.codebooks[name].assign(value))
            if name in model.codebooks
            else value
            for name, value in latents.items()
        }
        torch.testing.assert_close(model.decode(coded), model.decode(latents), atol=1e-5, rtol=1e-5)


def test_a_size_that_does_not_fit_names_the_nearest_that_do(family):
    with pytest.raises(BadInput, match=r"image size 30 .* (28 or 32|24 or 32)"):
        make(family, image_size=30)


def test_unknown_or_unfit_settings_are_refused_with_the_choices(family):
    with pytest.raises(BadInput, match=r"unknown setting 'depth'; choose from .*dim"):
        make(family, depth=3)
    with pytest.raises(BadInput, match="dim must be an int, not 'many'"):
        make(family, dim="many")
    with pytest.raises(BadInput, match="out of range"):
        make(family, dim=0)


def test_an_unknown_family_lists_the_choices():
    with pytest.raises(BadInput, match="unknown family 'vqvea'; choose from mae, vae, vqvae"):
        build("vqvea", {}, 64)


def test_parameters_get_gradients(family, images):
    model = make(family).train()
    model(images)["loss"].backward()
    unused = [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert not unused


# -- codebooks and quantizers


def test_nearest_agrees_with_a_hand_computed_case():
    book = Codebook(torch.tensor([[0.0, 0.0], [3.0, 4.0]]))
    codes, distances = book.nearest(torch.tensor([[[0.0, 1.0], [3.0, 3.0]]]))
    assert codes.tolist() == [[0, 1]]
    assert distances.tolist() == [[1.0, 1.0]]
    assert book.lookup(codes).tolist() == [[[0.0, 0.0], [3.0, 4.0]]]


def test_nearest_in_many_blocks_is_the_nearest():
    book = Codebook(torch.randn(4096, 8))
    latents = torch.randn(3, 40, 10, 8)
    codes, distances = book.nearest(latents)
    expected = torch.cdist(latents.flatten(0, 2), book.vectors).min(1)
    assert codes.flatten().tolist() == expected.indices.tolist()
    torch.testing.assert_close(distances.flatten(), expected.values, atol=1e-3, rtol=1e-3)


def test_moving_average_follows_the_latents_in_training_only():
    torch.manual_seed(0)
    quantizer = Quantizer("ema", 4, 2, 0.25, 0.0)
    quantizer.train()(torch.randn(8, 4, 4, 2))  # k-means initialisation
    before = quantizer.codebook.vectors.clone()
    quantizer.eval()(torch.randn(8, 4, 4, 2) + 5)
    torch.testing.assert_close(quantizer.codebook.vectors, before)
    for _ in range(50):
        quantizer.train()(torch.randn(8, 4, 4, 2) + 5)
    assert (quantizer.codebook.vectors - before).norm() > 1


def test_gradient_passes_straight_through():
    quantizer = Quantizer("ema", 8, 4, 0.0, 0.0).train()
    latents = torch.randn(2, 3, 3, 4, requires_grad=True)
    quantized, _, _ = quantizer(latents)
    weights = torch.randn_like(quantized)
    (quantized * weights).sum().backward()
    torch.testing.assert_close(latents.grad, weights)


def test_losses_are_those_of_the_paper():
    torch.manual_seed(0)
    quantizer = Quantizer("vq", 8, 4, 0.25, 0.0).train()
    latents = torch.randn(2, 3, 3, 4)
    _, codes, losses = quantizer(latents)
    distance = (latents - quantizer.codebook.lookup(codes)).square().mean()
    torch.testing.assert_close(losses["codebook"], distance)
    torch.testing.assert_close(losses["commitment"], 0.25 * distance)


def test_dead_codes_come_back():
    torch.manual_seed(0)
    latents = torch.randn(32, 4, 4, 2)
    used = {}
    for revive in (0.0, 0.5):
        quantizer = Quantizer("ema", 32, 2, 0.25, revive).train()
        quantizer(1e-3 * torch.randn(32, 4, 4, 2))  # all codes in one place
        for _ in range(500):
            _, codes, _ = quantizer(latents)
        used[revive] = len(codes.unique())
    assert used[0.5] > 28 > used[0.0]


# -- what particular families can do


def test_samples_scatter_around_the_mean(images):
    model = make("vae").eval()
    assert isinstance(model, Samples)
    draws = torch.stack([model.sample(images, torch.Generator().manual_seed(s))["latent"] for s in range(100)])
    mean, log_variance = model.posterior(images)
    torch.testing.assert_close(draws.mean(0)[:, 0, 0], mean, atol=0.3, rtol=0)
    torch.testing.assert_close(draws.std(0)[:, 0, 0], (log_variance / 2).exp(), atol=0.3, rtol=0)


def test_divergence_of_a_known_posterior(images):
    model = make("vae").train()
    with torch.no_grad():
        model.to_posterior.weight.zero_()
        model.to_posterior.bias.zero_()
        model.to_posterior.bias[:8] = 2.0  # mean 2 and variance 1 in each of 8 dimensions: 8 · 2² / 2 nats
    assert float(model(images)["divergence"]) == pytest.approx(16.0, rel=1e-5)


def test_hidden_pixels_do_not_reach_the_prediction(images):
    model = make("mae").eval()
    assert isinstance(model, Masks)
    mask = torch.zeros(6, 4, 4, dtype=torch.bool)
    mask[:3, 1:3, 1:3] = True
    mask[3:, :, 2:] = True  # a different number of hidden patches in one batch
    cover = mask.repeat_interleave(8, 1).repeat_interleave(8, 2)[:, None]
    with torch.inference_mode():
        one = model.reconstruct_masked(images, mask)
        other = model.reconstruct_masked(torch.where(cover, torch.rand_like(images), images), mask)
        seen = model.reconstruct_masked(torch.where(cover, images, torch.rand_like(images)), mask)
    torch.testing.assert_close(one, other)
    assert (one - seen).abs().max() > 1e-4


def test_patches_know_where_they_are():
    model = make("mae")
    assert model.network.decoder.decoder_pos_embed.abs().sum() > 0
    assert model.network.vit.embeddings.position_embeddings.abs().sum() > 0


def test_every_block_of_a_masked_autoencoder_decodes(images):
    model = make("mae")
    fit(model, images, 5)
    model.eval()
    with torch.inference_mode():
        latents = model.encode(images)
        whole = model.decode(latents)
        for name, value in latents.items():
            torch.testing.assert_close(model.decode({name: value}), whole, atol=0.05, rtol=0)
