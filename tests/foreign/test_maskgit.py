"""MaskGIT-VQGAN by its published names: no attention, few biases, and a shortcut of what the block gives."""

from __future__ import annotations

import json

import pytest
import torch
from torch.nn import functional

from explorer import checkpoints
from explorer.autoencoder import Autoencoder
from explorer.errors import BadInput

SIZE, CODES, DIM, WIDTHS = 16, 30, 4, (32, 64)


def state(seed=0):
    """A state dict by the published names, every number random."""
    generator, found = torch.Generator().manual_seed(seed), {}

    def conv(name, into, out, side=3, bias=False):
        found[f"{name}.weight"] = torch.randn(out, into, side, side, generator=generator) * (into * side**2) ** -0.5
        if bias:
            found[f"{name}.bias"] = 0.2 * torch.randn(out, generator=generator)

    def norm(name, width):
        found[f"{name}.weight"] = 1 + 0.2 * torch.randn(width, generator=generator)
        found[f"{name}.bias"] = 0.2 * torch.randn(width, generator=generator)

    def block(name, into, out):
        norm(f"{name}.norm1", into), conv(f"{name}.conv1", into, out)
        norm(f"{name}.norm2", out), conv(f"{name}.conv2", out, out)
        if into != out:
            conv(f"{name}.nin_shortcut", out, out, 1)

    low, high = WIDTHS
    conv("encoder.conv_in", 3, low), conv("decoder.conv_in", DIM, high, bias=True)
    block("encoder.down.0.block.0", low, low), block("encoder.down.1.block.0", low, high)
    block("decoder.up.1.block.0", high, high), block("decoder.up.0.block.0", high, low)
    conv("decoder.up.1.upsample_conv", high, high, bias=True)
    block("encoder.mid.0", high, high), block("decoder.mid.0", high, high)
    norm("encoder.norm_out", high), conv("encoder.conv_out", high, DIM, 1, bias=True)
    norm("decoder.norm_out", low), conv("decoder.conv_out", low, 3, bias=True)
    found["quantize.embedding.weight"] = torch.randn(CODES, DIM, generator=generator)
    return found


class Reference:
    """The same network as functions of a state dict."""

    def __init__(self, weights):
        self.weights = weights

    def conv(self, name, x):
        weight = self.weights[f"{name}.weight"]
        return functional.conv2d(x, weight, self.weights.get(f"{name}.bias"), padding=weight.shape[2] // 2)

    def norm(self, name, x):
        x = functional.group_norm(x, 32, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], 1e-6)
        return x * torch.sigmoid(x)

    def block(self, name, x):
        y = self.conv(
            f"{name}.conv2", self.norm(f"{name}.norm2", self.conv(f"{name}.conv1", self.norm(f"{name}.norm1", x)))
        )
        return y + (self.conv(f"{name}.nin_shortcut", y) if f"{name}.nin_shortcut.weight" in self.weights else x)

    def encode(self, images):
        x = self.block("encoder.down.0.block.0", self.conv("encoder.conv_in", images))
        x = x.unflatten(3, (-1, 2)).mean(4).unflatten(2, (-1, 2)).mean(3)
        x = self.block("encoder.mid.0", self.block("encoder.down.1.block.0", x))
        return self.conv("encoder.conv_out", self.norm("encoder.norm_out", x)).movedim(1, 3)

    def decode(self, codes):
        x = self.conv("decoder.conv_in", self.weights["quantize.embedding.weight"][codes].movedim(3, 1))
        x = self.block("decoder.up.1.block.0", self.block("decoder.mid.0", x))
        x = self.conv("decoder.up.1.upsample_conv", x.repeat_interleave(2, 2).repeat_interleave(2, 3))
        x = self.block("decoder.up.0.block.0", x)
        return self.conv("decoder.conv_out", self.norm("decoder.norm_out", x)).clamp(0, 1)


@pytest.mark.parametrize("folder", [False, True], ids=["file", "open-muse"])
@torch.inference_mode()
def test_it_computes_what_the_original_computes(folder, tmp_path):
    weights = state()
    path = tmp_path / "pytorch_model.bin"
    torch.save(weights, path)
    if folder:
        (tmp_path / "config.json").write_text(json.dumps({"_class_name": "MaskGitVQGAN", "_version": "0.0.1"}))
        path = tmp_path
    images = torch.rand(3, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    model, reference = checkpoints.load(f"{path}@{SIZE}"), Reference(weights)
    latents, found = reference.encode(images), model.encode(images)["code"]
    codes = torch.cdist(latents.flatten(0, 2), weights["quantize.embedding.weight"]).argmin(1).view(3, 8, 8)
    assert isinstance(model, Autoencoder)
    assert len(codes.unique()) > 3
    torch.testing.assert_close(found, latents, atol=1e-5, rtol=0)
    assert torch.equal(model.codebooks["code"].assign(found), codes)
    expected = reference.decode(codes)
    torch.testing.assert_close(model.decode({"code": found}), expected, atol=1e-5, rtol=0)
    assert expected.std() > 0.1
    assert checkpoints.describe(path).format == "MaskGIT-VQGAN"


def test_what_is_missing_is_named(tmp_path):
    weights = state()
    del weights["decoder.norm_out.bias"]
    torch.save(weights, tmp_path / "model.bin")
    with pytest.raises(BadInput, match=r"lacks decoder\.norm_out\.bias"):
        checkpoints.load(f"{tmp_path / 'model.bin'}@{SIZE}")
