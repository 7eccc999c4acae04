"""What is particular to VAE and MAE."""

from __future__ import annotations

import math

import pytest
import torch

from explorer.autoencoder import Masks, Samples
from explorer.errors import BadInput
from explorer.models.convolutions import to_signed


def set_posterior(model, mean, log_variance):
    """The same posterior for every image."""
    with torch.no_grad():
        model.to_posterior.weight.zero_()
        model.to_posterior.bias.copy_(torch.cat([torch.as_tensor(mean), torch.as_tensor(log_variance)]))


def value(loss):
    return float(loss.detach())


# -- VAE


def test_samples_scatter_around_the_mean(make, images):
    model = make("vae").eval()
    assert isinstance(model, Samples)
    draws = torch.stack([model.sample(images, torch.Generator().manual_seed(s))["latent"] for s in range(100)])
    mean, log_variance = model.moments(images)
    torch.testing.assert_close(draws.mean(0)[:, 0, 0], mean, atol=0.4, rtol=0)
    torch.testing.assert_close(draws.std(0)[:, 0, 0], (log_variance / 2).exp(), atol=0.3, rtol=0)


def test_samples_scatter_as_wide_as_the_posterior_says(make, images):
    model = make("vae", dim=2).eval()
    set_posterior(model, [5.0, 0.0], [2 * math.log(3.0), 2 * math.log(0.5)])  # deviations of 3 and 1/2
    draws = model.sample(images.repeat(200, 1, 1, 1), torch.Generator().manual_seed(0))["latent"][:, 0, 0]
    torch.testing.assert_close(draws.mean(0), torch.tensor([5.0, 0.0]), atol=0.3, rtol=0)
    torch.testing.assert_close(draws.std(0), torch.tensor([3.0, 0.5]), atol=0, rtol=0.1)


def test_divergence_of_a_known_posterior(make, images):
    model = make("vae", dim=8, beta=3.0).train()
    set_posterior(model, [2.0] * 8, [0.0] * 8)  # mean 2 and variance 1 in each of 8 dimensions: 8 · 2² / 2 nats
    losses = model(images)
    assert value(losses["divergence"]) == pytest.approx(16.0, rel=1e-5)
    assert value(losses["loss"] - losses["reconstruction"]) == pytest.approx(3 * 16.0, rel=1e-3)


def test_free_bits_charge_what_is_above_them(make, images):
    model = make("vae", dim=2, free_bits=0.5, beta=4.0).train()
    set_posterior(model, [2.0, 0.1], [0.0, 0.0])  # 2 and 0.005 nats
    losses = model(images)
    assert value(losses["divergence"]) == pytest.approx(2.005, rel=1e-4)
    assert value(losses["loss"] - losses["reconstruction"]) == pytest.approx(4 * (2 + 0.5), rel=1e-3)


def test_free_bits_leave_what_is_below_them_alone(make, images):
    gradients = {}
    for free in (0.0, 0.5):
        model = make("vae", dim=2, free_bits=free).train()
        set_posterior(model, [2.0, 0.1], [0.0, 0.0])
        losses = model(images)
        (losses["loss"] - losses["reconstruction"]).backward()
        gradients[free] = model.to_posterior.bias.grad[:2].tolist()  # of the means: m, by the divergence
    assert gradients[0.0] == pytest.approx([2.0, 0.1], rel=1e-3)
    assert gradients[0.5] == pytest.approx([2.0, 0.0], rel=1e-3)


def test_beta_rises_over_its_warm_up(make, images):
    model = make("vae", beta=2.0, beta_warmup=0.5, dim=2).train()
    set_posterior(model, [2.0, 0.0], [0.0, 0.0])  # 2 nats
    for share, expected in ((0.0, 0.0), (0.25, 1.0), (0.5, 2.0), (1.0, 2.0)):
        model.anneal(share)
        losses = model(images)
        assert value(losses["loss"] - losses["reconstruction"]) == pytest.approx(2 * expected, abs=1e-3)
    plain = make("vae", beta=2.0)
    plain.anneal(0.0)
    assert plain.beta == 2.0


# -- MAE


def test_hidden_pixels_do_not_reach_the_prediction(make, images):
    model = make("mae").eval()
    assert isinstance(model, Masks)
    mask = torch.zeros(6, 4, 4, dtype=torch.bool)
    mask[:3, 1:3, 1:3] = True
    mask[3:, :, 2:] = True  # a different number of hidden patches in one batch
    cover = mask.repeat_interleave(4, 1).repeat_interleave(4, 2)[:, None]
    with torch.inference_mode():
        one = model.reconstruct_masked(images, mask)
        other = model.reconstruct_masked(torch.where(cover, torch.rand_like(images), images), mask)
        seen = model.reconstruct_masked(torch.where(cover, images, torch.rand_like(images)), mask)
    torch.testing.assert_close(one, other)
    assert (one - seen).abs().max() > 1e-4


def test_patches_know_where_they_are(make):
    model = make("mae")
    assert model.network.decoder.decoder_pos_embed.abs().sum() > 0
    assert model.network.vit.embeddings.position_embeddings.abs().sum() > 0


def test_every_block_of_a_masked_autoencoder_decodes(make, fit, images):
    model = make("mae", dim=16)
    fit(model, images, 5)
    with torch.inference_mode():
        latents = model.encode(images)
        whole = model.decode(latents)
        for name, state in latents.items():
            torch.testing.assert_close(model.decode({name: state}), whole, atol=0.05, rtol=0)


@pytest.mark.parametrize("ratio, kept", [(0.0, 16), (0.5, 8), (0.75, 4), (0.95, 1)])
def test_as_many_patches_are_hidden_as_asked(make, images, monkeypatch, ratio, kept):
    model = make("mae", mask_ratio=ratio).train()
    seen = []
    blocks = model._blocks
    monkeypatch.setattr(model, "_blocks", lambda tokens: seen.append(tokens.shape[1]) or blocks(tokens))
    losses = model(images)
    assert seen == [kept]
    assert value(losses["loss"]) == pytest.approx(value(losses["masked"] + 0.1 * losses["visible"]), rel=1e-5)
    assert (value(losses["masked"]) == 0) == (ratio == 0)


def test_losses_of_hidden_and_of_seen_patches_are_told_apart(make, images, monkeypatch):
    model = make("mae", mask_ratio=0.75, visible_weight=0.5).train()

    def guess(images, order, kept):
        off = torch.ones(order.shape).scatter(1, order[:, :kept], 2.0)  # seen patches are off by 2, hidden ones by 1
        return model._targets(model.network.patchify(to_signed(images))) + off[..., None], []

    monkeypatch.setattr(model, "_masked", guess)
    monkeypatch.setattr(model, "_follow_class_tokens", lambda states: None)
    losses = model(images)
    assert value(losses["masked"]) == pytest.approx(1.0, rel=1e-5)
    assert value(losses["visible"]) == pytest.approx(4.0, rel=1e-5)
    assert value(losses["loss"]) == pytest.approx(1.0 + 0.5 * 4.0, rel=1e-5)


@pytest.mark.parametrize("normalised", [False, True])
def test_a_perfect_prediction_is_the_image(make, images, normalised):
    model = make("mae", norm_pix_loss=normalised)
    targets = model._targets(model.network.patchify(to_signed(images)))
    torch.testing.assert_close(model._unpatchify(targets), images, atol=1e-5, rtol=1e-5)


def test_normalised_patches_have_mean_zero_and_deviation_one(make, images):
    model = make("mae", norm_pix_loss=True)
    patches = model.network.patchify(to_signed(images))
    targets = model._targets(patches)
    assert targets.shape == (*patches.shape[:2], patches.shape[2] + 2)
    pixels, mean, deviation = targets.split([patches.shape[2], 1, 1], 2)
    torch.testing.assert_close(pixels.mean(2), torch.zeros(pixels.shape[:2]), atol=1e-4, rtol=0)
    torch.testing.assert_close(pixels.std(2), torch.ones(pixels.shape[:2]), atol=1e-2, rtol=0)
    torch.testing.assert_close(mean, patches.mean(2, keepdim=True))
    torch.testing.assert_close(deviation.exp(), patches.std(2, keepdim=True), atol=2e-3, rtol=1e-2)


def test_flat_patches_can_be_normalised(make):
    model = make("mae", norm_pix_loss=True).train()
    grey = torch.full((2, 3, 16, 16), 0.25)
    targets = model._targets(model.network.patchify(to_signed(grey)))
    torch.testing.assert_close(model._unpatchify(targets), grey, atol=1e-5, rtol=0)
    assert math.isfinite(value(model(grey)["loss"]))


def test_the_deepest_block_given_decodes(make, images):
    model = make("mae").eval()
    with torch.inference_mode():
        latents = model.encode(images)
        deepest = model.decode({"block2": latents["block2"]})
        torch.testing.assert_close(model.decode({**latents, "block1": 0 * latents["block1"]}), deepest)


def test_masks_that_leave_nothing_to_learn_are_refused_at_once(make):
    with pytest.raises(BadInput, match=r"patch 16 makes one patch of an image of 16 pixels.*at most 8 pixels"):
        make("mae", patch=16)
    with pytest.raises(BadInput, match=r"mask_ratio 0.1 hides none of 4 patches, and visible_weight 0"):
        make("mae", patch=8, mask_ratio=0.1, visible_weight=0.0)
    make("mae", patch=8, mask_ratio=0.1)
    make("mae", patch=8, visible_weight=0.0)
