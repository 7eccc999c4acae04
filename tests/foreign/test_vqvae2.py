"""State dicts of rosinality/vq-vae-2-pytorch by their published keys, against a computation of their own."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from explorer import checkpoints
from explorer.errors import BadInput

WIDTH, INNER, DIM, CODES, BLOCKS = 16, 4, 8, 24, 2


def state_dict():
    shapes = {}

    def add(name, *shape, out=None):
        shapes.update({f"{name}.weight": shape, f"{name}.bias": (out or shape[0],)})

    def stack(name, at):
        for index in range(at, at + BLOCKS):
            add(f"{name}.blocks.{index}.conv.1", INNER, WIDTH, 3, 3)
            add(f"{name}.blocks.{index}.conv.3", WIDTH, INNER, 1, 1)

    add("enc_b.blocks.0", WIDTH // 2, 3, 4, 4)
    add("enc_b.blocks.2", WIDTH, WIDTH // 2, 4, 4)
    add("enc_b.blocks.4", WIDTH, WIDTH, 3, 3)
    stack("enc_b", 5)
    add("enc_t.blocks.0", WIDTH // 2, WIDTH, 4, 4)
    add("enc_t.blocks.2", WIDTH, WIDTH // 2, 3, 3)
    stack("enc_t", 3)
    add("quantize_conv_t", DIM, WIDTH, 1, 1)
    add("quantize_conv_b", DIM, DIM + WIDTH, 1, 1)
    add("dec_t.blocks.0", WIDTH, DIM, 3, 3)
    stack("dec_t", 1)
    add("dec_t.blocks.4", WIDTH, DIM, 4, 4, out=DIM)
    add("upsample_t", DIM, DIM, 4, 4)
    add("dec.blocks.0", WIDTH, 2 * DIM, 3, 3)
    stack("dec", 1)
    add("dec.blocks.4", WIDTH, WIDTH // 2, 4, 4, out=WIDTH // 2)
    add("dec.blocks.6", WIDTH // 2, 3, 4, 4, out=3)
    generator = torch.Generator().manual_seed(0)
    state = {
        name: (2 / torch.Size(shape[1:]).numel() if len(shape) > 1 else 0.01) ** 0.5
        * torch.randn(shape, generator=generator)
        for name, shape in shapes.items()
    }
    for level in "tb":
        state[f"quantize_{level}.embed"] = torch.randn(DIM, CODES, generator=generator)
        state[f"quantize_{level}.embed_avg"] = torch.randn(DIM, CODES, generator=generator)
        state[f"quantize_{level}.cluster_size"] = torch.rand(CODES, generator=generator) * 10
    return state


def run(state, images):
    def conv(name, x, stride=1, padding=1):
        return F.conv2d(x, state[f"{name}.weight"], state[f"{name}.bias"], stride, padding)

    def up(name, x):
        return F.conv_transpose2d(x, state[f"{name}.weight"], state[f"{name}.bias"], 2, 1)

    def stack(name, x, at):
        for index in range(at, at + BLOCKS):
            h = torch.relu(conv(f"{name}.blocks.{index}.conv.1", torch.relu(x)))
            x = x + conv(f"{name}.blocks.{index}.conv.3", h, padding=0)
        return torch.relu(x)

    def quantize(level, z):
        vectors = state[f"quantize_{level}.embed"].T
        codes = torch.cdist(z.movedim(1, 3).flatten(0, 2), vectors).argmin(1).view(len(z), *z.shape[2:])
        return codes, vectors[codes].movedim(3, 1)

    x = torch.relu(conv("enc_b.blocks.0", images * 2 - 1, 2))
    b = stack("enc_b", conv("enc_b.blocks.4", torch.relu(conv("enc_b.blocks.2", x, 2))), 5)
    t = stack("enc_t", conv("enc_t.blocks.2", torch.relu(conv("enc_t.blocks.0", b, 2))), 3)
    top, e_t = quantize("t", conv("quantize_conv_t", t, padding=0))
    seen = up("dec_t.blocks.4", stack("dec_t", conv("dec_t.blocks.0", e_t), 1))
    bottom, e_b = quantize("b", conv("quantize_conv_b", torch.cat([seen, b], 1), padding=0))
    x = stack("dec", conv("dec.blocks.0", torch.cat([up("upsample_t", e_t), e_b], 1)), 1)
    return top, bottom, up("dec.blocks.6", torch.relu(up("dec.blocks.4", x))) / 2 + 0.5


@pytest.fixture(scope="module")
def images():
    return F.interpolate(torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(1)), 64)


@pytest.mark.parametrize("modern", [True, False], ids=["zip", "before torch 1.6"])
def test_codes_and_reconstructions(modern, images, tmp_path):
    state = state_dict()
    torch.save(state, tmp_path / "vqvae_560.pt", _use_new_zipfile_serialization=modern)
    facts = checkpoints.describe(tmp_path / "vqvae_560.pt")
    assert (facts.family, facts.image_size) == ("vqvae2", 256)
    assert [(layer["name"], layer["grid"], layer["codes"]) for layer in facts.layers] == [
        ("top", [32, 32], CODES), ("bottom", [64, 64], CODES)
    ]  # fmt: skip
    model = checkpoints.load(tmp_path / "vqvae_560.pt@64")
    with torch.inference_mode():
        latents = model.encode(images)
        top, bottom, expected = run(state, images)
        for layer, codes in (("top", top), ("bottom", bottom)):
            assert torch.equal(model.codebooks[layer].assign(latents[layer]), codes) and len(codes.unique()) > 3
        torch.testing.assert_close(model.decode(latents), expected.clamp(0, 1), atol=1e-4, rtol=0)


def test_both_grids_have_a_gradient_through_their_codes(images, tmp_path):
    torch.save(state_dict(), tmp_path / "net.pt")
    model = checkpoints.load(tmp_path / "net.pt@64")
    with torch.no_grad():
        latents = model.encode(images)
    latents = {name: one.requires_grad_() for name, one in latents.items()}
    found = torch.autograd.grad(model.decode(latents).square().mean(), list(latents.values()))
    assert all(one.any() for one in found)


def test_a_layer_left_out_is_the_mean_of_the_codes_used_in_training(images, tmp_path):
    state = state_dict()
    torch.save(state, tmp_path / "net.pt")
    model = checkpoints.load(tmp_path / "net.pt@64")
    share = state["quantize_b.cluster_size"] / state["quantize_b.cluster_size"].sum()
    mean = (state["quantize_b.embed"] * share).sum(1)
    with torch.inference_mode():
        latents = model.encode(images)
        only = {"top": latents["top"]}
        assert model.decode(only).shape == images.shape
        assert not torch.equal(model.decode(only), model.decode(only, "zeros"))
    torch.testing.assert_close(model.network.quantize_b.mean, mean)


def test_a_codebook_the_other_way_round_or_a_missing_key_is_said(tmp_path):
    state = state_dict()
    turned = state | {"quantize_b.embed": state["quantize_b.embed"].T.contiguous()}
    torch.save(turned, tmp_path / "net.pt")
    with pytest.raises(BadInput, match=r"quantize_b\.embed of shape 24 × 8 instead of shape 8 × 8"):
        checkpoints.load(tmp_path / "net.pt")
    for name in state:
        torch.save({key: value for key, value in state.items() if key != name}, tmp_path / "net.pt")
        with pytest.raises(BadInput, match=r"rosinality/vq-vae-2-pytorch"):
            checkpoints.load(tmp_path / "net.pt")
