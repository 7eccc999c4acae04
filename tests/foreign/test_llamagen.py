"""The image tokenizers of LlamaGen: codes and latents of length one, by the published names."""

from __future__ import annotations

import contextlib
import json
import types

import pytest
import safetensors
import torch
from safetensors.torch import save_file
from torch.nn import functional

from explorer import checkpoints, foreign
from explorer.autoencoder import Autoencoder
from explorer.errors import BadInput

pytest.importorskip("diffusers", reason="diffusers is not installed")

SIZE, CODES, WIDE, DIM = 16, 24, 6, 4  # images, K, z_channels, D
WIDTHS = (32, 64)  # attention at the last of them, and in the middle


def state(seed=0):
    """A state dict by the published names, every number random."""
    generator, found = torch.Generator().manual_seed(seed), {}

    def conv(name, into, out, side=3):
        found[f"{name}.weight"] = torch.randn(out, into, side, side, generator=generator) * (into * side**2) ** -0.5
        found[f"{name}.bias"] = 0.2 * torch.randn(out, generator=generator)

    def norm(name, width):
        found[f"{name}.weight"] = 1 + 0.2 * torch.randn(width, generator=generator)
        found[f"{name}.bias"] = 0.2 * torch.randn(width, generator=generator)

    def block(name, into, out):
        norm(f"{name}.norm1", into), conv(f"{name}.conv1", into, out)
        norm(f"{name}.norm2", out), conv(f"{name}.conv2", out, out)
        if into != out:
            conv(f"{name}.nin_shortcut", into, out, 1)

    def attention(name, width):
        norm(f"{name}.norm", width)
        for part in ("q", "k", "v", "proj_out"):
            conv(f"{name}.{part}", width, width, 1)

    low, high = WIDTHS
    conv("encoder.conv_in", 3, low), conv("decoder.conv_in", WIDE, high)
    block("encoder.conv_blocks.0.res.0", low, low), conv("encoder.conv_blocks.0.downsample.conv", low, low)
    block("encoder.conv_blocks.1.res.0", low, high), attention("encoder.conv_blocks.1.attn.0", high)
    for number in range(2):  # the decoder's blocks are counted as they are run
        (
            block(f"decoder.conv_blocks.0.res.{number}", high, high),
            attention(f"decoder.conv_blocks.0.attn.{number}", high),
        )
        block(f"decoder.conv_blocks.1.res.{number}", low if number else high, low)
    conv("decoder.conv_blocks.0.upsample.conv", high, high)
    for part in ("encoder", "decoder"):
        block(f"{part}.mid.0", high, high), attention(f"{part}.mid.1", high), block(f"{part}.mid.2", high, high)
    norm("encoder.norm_out", high), conv("encoder.conv_out", high, WIDE)
    norm("decoder.norm_out", low), conv("decoder.conv_out", low, 3)
    conv("quant_conv", WIDE, DIM, 1), conv("post_quant_conv", DIM, WIDE, 1)
    # lengths differ, and only the directions count
    found["quantize.embedding.weight"] = torch.randn(CODES, DIM, generator=generator) * torch.rand(
        CODES, 1, generator=generator
    )
    found["quantize.codebook_used"] = torch.zeros(65536)
    return found


class Reference:
    """The same network as functions of a state dict."""

    def __init__(self, weights):
        self.weights = weights
        self.table = functional.normalize(weights["quantize.embedding.weight"], dim=1)

    def conv(self, name, x, **how):
        return functional.conv2d(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], **how)

    def norm(self, name, x):
        return functional.group_norm(x, 32, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], 1e-6)

    def block(self, name, x):
        h = self.conv(f"{name}.conv1", functional.silu(self.norm(f"{name}.norm1", x)), padding=1)
        h = self.conv(f"{name}.conv2", functional.silu(self.norm(f"{name}.norm2", h)), padding=1)
        return h + (self.conv(f"{name}.nin_shortcut", x) if f"{name}.nin_shortcut.weight" in self.weights else x)

    def attention(self, name, x):
        h = self.norm(f"{name}.norm", x)
        q, k, v = (self.conv(f"{name}.{part}", h).flatten(2) for part in "qkv")  # (N, C, H·W)
        share = (q.transpose(1, 2) @ k * q.shape[1] ** -0.5).softmax(2)
        return x + self.conv(f"{name}.proj_out", (v @ share.transpose(1, 2)).view_as(x))

    def middle(self, part, x):
        return self.block(f"{part}.mid.2", self.attention(f"{part}.mid.1", self.block(f"{part}.mid.0", x)))

    def encode(self, images):
        """(N, H, W, D) of length one."""
        x = self.block("encoder.conv_blocks.0.res.0", self.conv("encoder.conv_in", images * 2 - 1, padding=1))
        x = self.conv("encoder.conv_blocks.0.downsample.conv", functional.pad(x, (0, 1, 0, 1)), stride=2)
        x = self.attention("encoder.conv_blocks.1.attn.0", self.block("encoder.conv_blocks.1.res.0", x))
        x = functional.silu(self.norm("encoder.norm_out", self.middle("encoder", x)))
        z = self.conv("quant_conv", self.conv("encoder.conv_out", x, padding=1))
        return functional.normalize(z.movedim(1, 3), dim=3)

    def decode(self, codes):
        """(N, H, W) -> images in [0, 1]."""
        z = self.table[codes].movedim(3, 1)
        x = self.middle("decoder", self.conv("decoder.conv_in", self.conv("post_quant_conv", z), padding=1))
        for number in range(2):
            x = self.block(f"decoder.conv_blocks.0.res.{number}", x)
            x = self.attention(f"decoder.conv_blocks.0.attn.{number}", x)
        x = self.conv("decoder.conv_blocks.0.upsample.conv", functional.interpolate(x, scale_factor=2), padding=1)
        for number in range(2):
            x = self.block(f"decoder.conv_blocks.1.res.{number}", x)
        x = self.conv("decoder.conv_out", functional.silu(self.norm("decoder.norm_out", x)), padding=1)
        return (x / 2 + 0.5).clamp(0, 1)


@pytest.fixture
def write(tmp_path):
    def written(weights):
        path = tmp_path / "vq_ds16_c2i.pt"
        torch.save({"model": weights, "steps": 3}, path)
        return path

    return written


def opened(path):
    return checkpoints.load(f"{path}@{SIZE}")


@torch.inference_mode()
def test_it_computes_what_the_original_computes(write):
    images = torch.rand(3, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    weights = state()
    model, reference = opened(write(weights)), Reference(weights)
    latents, given = reference.encode(images), model.encode(images)
    codes = (latents @ reference.table.T).argmax(3)
    assert isinstance(model, Autoencoder)
    assert len(codes.unique()) > 3
    torch.testing.assert_close(given["code"], latents, atol=1e-4, rtol=0)
    assert torch.equal(model.codebooks["code"].assign(given["code"]), codes)
    torch.testing.assert_close(model.decode(given), reference.decode(codes), atol=1e-4, rtol=0)
    assert reference.decode(codes).std() > 0.1


@torch.inference_mode()
def test_codes_have_length_one_and_decode_to_themselves(write):
    weights = state()
    model = opened(write(weights))
    book, codes = model.codebooks["code"], torch.arange(CODES)
    torch.testing.assert_close(book.vectors.norm(dim=1), torch.ones(CODES))
    assert torch.equal(book.assign(book.lookup(codes)), codes)
    assert torch.equal(book.assign(5 * book.lookup(codes)), codes)
    picked = (torch.arange(64) % CODES).view(1, 8, 8)
    expected = Reference(weights).decode(picked)
    torch.testing.assert_close(model.decode({"code": book.lookup(picked)}), expected, atol=1e-4, rtol=0)


def janus(folder, weights):
    """A folder as Janus has it: the tokenizer in the second of two parts, the first of which was not copied."""
    named = {f"gen_vision_model.{name}": value.bfloat16() for name, value in weights.items()}
    save_file(named | {"language_model.norm.weight": torch.ones(4)}, folder / "model-00002-of-00002.safetensors")
    index = dict.fromkeys(named, "model-00002-of-00002.safetensors")
    index |= {"language_model.embed.weight": "model-00001-of-00002.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    (folder / "config.json").write_text(json.dumps({"model_type": "multi_modality"}))
    return folder


@torch.inference_mode()
@pytest.mark.parametrize("alone", [False, True], ids=["folder", "one file of it"])
def test_inside_janus_only_its_own_tensors_are_read(alone, tmp_path, monkeypatch):
    weights = {name: value.bfloat16().float() for name, value in state().items()}
    path, got = janus(tmp_path, weights), []
    path = path / "model-00002-of-00002.safetensors" if alone else path
    asked = safetensors.safe_open
    monkeypatch.setattr(
        safetensors,
        "safe_open",
        lambda *given: contextlib.nullcontext(
            types.SimpleNamespace(get_tensor=lambda name: (got.append(name), asked(*given).get_tensor(name))[1])
        ),
    )
    model, reference = opened(path), Reference(weights)
    images = torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    latents = reference.encode(images)
    torch.testing.assert_close(model.encode(images)["code"], latents, atol=1e-4, rtol=0)
    assert got and all(name.startswith("gen_vision_model.") for name in got)
    found = checkpoints.describe(path)
    assert (found.format, found.image_size) == ("LlamaGen VQ of Janus", 384)


def test_janus_without_its_tokenizer_is_named(tmp_path):
    folder = janus(tmp_path, state())
    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(BadInput, match=r"lacks model-00002-of-00002\.safetensors, which its index names"):
        opened(folder)


def test_what_it_says_of_itself(write):
    found = checkpoints.describe(write(state()))
    assert (found.family, found.format, found.image_size) == ("vqvae", "LlamaGen VQ", 256)
    assert found.layers == ({"name": "code", "grid": [128, 128], "dim": DIM, "codes": CODES},)
    assert any("length one" in note for note in found.notes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"encoder.mid.1.norm.bias": None}, r"lacks encoder\.mid_block\.attentions\.0\.group_norm\.bias"),
        ({"decoder.conv_blocks.1.more": torch.zeros(2)}, "more that it should not have"),
        ({"decoder.conv_out.bias": torch.zeros(9)}, "decoder.conv_out.bias of shape 9 instead of shape 3"),
        ({"quantize.embedding.weight": None}, r"lacks 'quantize\.embedding\.weight'"),
        ({"encoder.conv_in.weight": None}, r"lacks 'encoder\.conv_in\.weight'"),
    ],
)
def test_what_is_not_right_is_named(change, message, write):
    weights = {name: value for name, value in {**state(), **change}.items() if value is not None}
    with pytest.raises(BadInput, match=message) as caught:
        opened(write(weights))
    assert "\n" not in str(caught.value)


def test_other_files_are_left_to_others(write):
    assert foreign.recognise(write({"encoder.conv_blocks.0.res.0.conv1.weight": torch.zeros(2)})) is None
