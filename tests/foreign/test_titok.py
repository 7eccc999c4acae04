"""TiTok: a row of codes without places, with pixels from patches, or from the codes of a MaskGIT-VQGAN."""

from __future__ import annotations

import json

import pytest
import torch
from torch.nn import functional

from explorer import checkpoints
from explorer.autoencoder import Autoencoder, no_decoder
from explorer.errors import BadInput
from tests.foreign import test_maskgit

SIZE, PATCH, SIDE, WIDTH, TOKENS, CODES, DIM = 32, 8, 4, 128, 6, 20, 5  # two heads of 64


def state(legacy, pixels=True, seed=0):
    """A state dict by the published names, every number random."""
    generator, found = torch.Generator().manual_seed(seed), {}

    def given(name, *shape, scale=None):
        found[name] = torch.randn(*shape, generator=generator) * (scale or shape[-1] ** -0.5)

    def linear(name, into, out, *sides):
        given(f"{name}.weight", out, into, *sides, scale=(into * (sides[0] ** 2 if sides else 1)) ** -0.5)
        given(f"{name}.bias", out, scale=0.1)

    given("latent_tokens", TOKENS, WIDTH)
    linear("encoder.patch_embed", 3, WIDTH, PATCH, PATCH), linear("encoder.conv_out", WIDTH, DIM, 1, 1)
    linear("decoder.decoder_embed", DIM, WIDTH), given("decoder.mask_token", 1, 1, WIDTH)
    for part in ("encoder", "decoder"):
        given(f"{part}.class_embedding", 1, WIDTH), given(f"{part}.positional_embedding", SIDE**2 + 1, WIDTH)
        given(f"{part}.latent_token_positional_embedding", TOKENS, WIDTH)
        for norm in ("ln_pre", "ln_post", "transformer.0.ln_1", "transformer.0.ln_2"):
            found[f"{part}.{norm}.weight"] = 1 + 0.2 * torch.randn(WIDTH, generator=generator)
            given(f"{part}.{norm}.bias", WIDTH, scale=0.2)
        block = f"{part}.transformer.0"
        given(f"{block}.attn.in_proj_weight", 3 * WIDTH, WIDTH), given(f"{block}.attn.in_proj_bias", 3 * WIDTH)
        linear(f"{block}.attn.out_proj", WIDTH, WIDTH)
        linear(f"{block}.mlp.c_fc", WIDTH, 4 * WIDTH), linear(f"{block}.mlp.c_proj", 4 * WIDTH, WIDTH)
    given("quantize.embedding.weight", CODES, DIM, scale=1.0)
    if not legacy:
        linear("decoder.ffn.0", WIDTH, 3 * PATCH**2, 1, 1), linear("decoder.conv_out", 3, 3, 3, 3)
        return found
    linear("decoder.ffn.0", WIDTH, 2 * WIDTH, 1, 1)
    linear("decoder.ffn.2", 2 * WIDTH, test_maskgit.CODES, 1, 1)
    if pixels:
        for name, value in test_maskgit.state().items():
            if name.startswith(("decoder.", "quantize.")):
                found[f"pixel_{name}"] = value
    return found


class Reference:
    """The same network as functions of a state dict."""

    def __init__(self, weights, legacy):
        self.weights, self.legacy = weights, legacy

    def linear(self, name, x):
        return functional.linear(x, self.weights[f"{name}.weight"].flatten(1), self.weights[f"{name}.bias"])

    def norm(self, name, x):
        return functional.layer_norm(x, (WIDTH,), self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def run(self, part, patches, tokens):
        at = self.weights
        x = torch.cat([at[f"{part}.class_embedding"].expand(len(patches), 1, -1), patches], 1)
        x = x + at[f"{part}.positional_embedding"]
        x = torch.cat([x, tokens + at[f"{part}.latent_token_positional_embedding"]], 1)
        x, block = self.norm(f"{part}.ln_pre", x), f"{part}.transformer.0"
        y = functional.linear(
            self.norm(f"{block}.ln_1", x), at[f"{block}.attn.in_proj_weight"], at[f"{block}.attn.in_proj_bias"]
        )
        q, k, v = y.unflatten(2, (3, 2, 64)).permute(2, 0, 3, 1, 4)  # (N, heads, T, 64)
        y = ((q @ k.transpose(2, 3) / 8).softmax(3) @ v).transpose(1, 2).flatten(2)
        x = x + self.linear(f"{block}.attn.out_proj", y)
        y = functional.gelu(self.linear(f"{block}.mlp.c_fc", self.norm(f"{block}.ln_2", x)))
        return x + self.linear(f"{block}.mlp.c_proj", y)

    def encode(self, images):
        """(N, L, D)."""
        at = self.weights
        patches = functional.conv2d(
            images, at["encoder.patch_embed.weight"], at["encoder.patch_embed.bias"], stride=PATCH
        )
        tokens = at["latent_tokens"].expand(len(images), -1, -1)
        x = self.norm("encoder.ln_post", self.run("encoder", patches.flatten(2).mT, tokens)[:, -TOKENS:])
        x = x.reshape(len(x), WIDTH, TOKENS).mT if self.legacy else x  # its order mixes tokens and channels
        return self.linear("encoder.conv_out", x)

    def decode(self, codes):
        """(N, L, D) of vectors."""
        tokens = self.linear("decoder.decoder_embed", codes)
        x = self.run("decoder", self.weights["decoder.mask_token"].expand(len(codes), SIDE**2, -1), tokens)
        x = self.linear("decoder.ffn.0", self.norm("decoder.ln_post", x[:, 1 : 1 + SIDE**2]))
        if not self.legacy:
            rows = [
                torch.cat([x[:, row * SIDE + column].unflatten(1, (PATCH, PATCH, 3)) for column in range(SIDE)], 2)
                for row in range(SIDE)
            ]
            x = torch.cat(rows, 1).permute(0, 3, 1, 2)
            out = self.weights["decoder.conv_out.weight"], self.weights["decoder.conv_out.bias"]
            return functional.conv2d(x, *out, padding=1).clamp(0, 1)
        share = self.linear("decoder.ffn.2", x.tanh()).softmax(2)
        mixed = share @ self.weights["pixel_quantize.embedding.weight"]
        stage = test_maskgit.Reference(
            {name.removeprefix("pixel_"): value for name, value in self.weights.items()}
            | {"quantize.embedding.weight": mixed.flatten(0, 1)}
        )
        return stage.decode(torch.arange(len(codes) * SIDE**2).view(len(codes), SIDE, SIDE))


@pytest.mark.parametrize("legacy", [True, False], ids=["legacy", "patches"])
@pytest.mark.parametrize("folder", [True, False], ids=["folder", "file"])
@torch.inference_mode()
def test_it_computes_what_the_original_computes(legacy, folder, tmp_path):
    weights = state(legacy)
    torch.save(weights, tmp_path / "pytorch_model.bin")
    if folder:
        config = {"model": {"vq_model": {"use_l2_norm": legacy}}}
        (tmp_path / "config.json").write_text(json.dumps(config))
    path = tmp_path if folder else tmp_path / "pytorch_model.bin"
    model, reference = checkpoints.load(path), Reference(weights, legacy)
    images = torch.rand(3, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    latents, table = reference.encode(images), weights["quantize.embedding.weight"]
    if legacy:  # codes of length one
        latents, table = functional.normalize(latents, dim=2), functional.normalize(table, dim=1)
    codes = torch.cdist(latents, table).argmin(2)
    assert isinstance(model, Autoencoder)
    assert len(codes.unique()) > 2
    found = model.encode(images)["code"]
    torch.testing.assert_close(found[:, 0], latents, atol=1e-5, rtol=0)
    assert torch.equal(model.codebooks["code"].assign(found)[:, 0], codes)
    expected = reference.decode(table[codes])
    torch.testing.assert_close(model.decode({"code": found}), expected, atol=1e-4, rtol=0)
    said = checkpoints.describe(path)
    assert said.layers == ({"name": "code", "grid": [1, TOKENS], "dim": DIM, "codes": CODES},)
    assert any(("length one" if legacy else "as they are") in note for note in said.notes)


def test_a_first_stage_says_why_it_has_no_reconstructions(tmp_path):
    torch.save(state(True, pixels=False), tmp_path / "titok.bin")
    model = checkpoints.load(tmp_path / "titok.bin")
    assert "second stage" in no_decoder(model)
    with pytest.raises(BadInput, match="no pixels"):
        model.decode({})


def test_another_size_and_a_caption_are_refused(tmp_path):
    weights = state(False)
    torch.save(weights, tmp_path / "titok.bin")
    with pytest.raises(BadInput, match="images of 32 pixels, not 64"):
        checkpoints.load(f"{tmp_path / 'titok.bin'}@64")
    torch.save({**weights, "decoder.text_guidance_proj.weight": torch.zeros(2, 2)}, tmp_path / "ta.bin")
    with pytest.raises(BadInput, match="needs a caption"):
        checkpoints.load(tmp_path / "ta.bin")
