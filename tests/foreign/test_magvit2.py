"""Open-MAGVIT2 by its published names: codes are the signs of channels, the first the least bit."""

from __future__ import annotations

import torch
from torch.nn import functional

from explorer import checkpoints
from explorer.autoencoder import Autoencoder

SIZE, BITS, LOW, HIGH = 16, 7, 32, 64


def state(seed=0):
    """A state dict by the published names, every number random."""
    generator, found = torch.Generator().manual_seed(seed), {}

    def layer(name, into, out, *sides, bias=True):
        share = (into * (sides[0] ** 2 if sides else 1)) ** -0.5
        found[f"{name}.weight"] = torch.randn(out, into, *sides, generator=generator) * share
        if bias:
            found[f"{name}.bias"] = 0.2 * torch.randn(out, generator=generator)

    def norm(name, width):
        found[f"{name}.weight"] = 1 + 0.2 * torch.randn(width, generator=generator)
        found[f"{name}.bias"] = 0.2 * torch.randn(width, generator=generator)

    def block(name, into, out):
        norm(f"{name}.norm1", into), layer(f"{name}.conv1", into, out, 3, 3, bias=False)
        norm(f"{name}.norm2", out), layer(f"{name}.conv2", out, out, 3, 3, bias=False)
        if into != out:
            layer(f"{name}.nin_shortcut", into, out, 1, 1, bias=False)

    layer("encoder.conv_in", 3, LOW, 3, 3, bias=False), layer("encoder.down.0.downsample", LOW, LOW, 3, 3)
    block("encoder.down.0.block.0", LOW, LOW), block("encoder.down.1.block.0", LOW, HIGH)
    block("encoder.mid_block.0", HIGH, HIGH), norm("encoder.norm_out", HIGH)
    layer("encoder.conv_out", HIGH, BITS, 1, 1)
    layer("decoder.conv_in", BITS, HIGH, 3, 3), block("decoder.mid_block.0", HIGH, HIGH)
    block("decoder.up.1.block.0", HIGH, HIGH), block("decoder.up.0.block.0", HIGH, LOW)
    layer("decoder.up.1.upsample.conv1", HIGH, 4 * HIGH, 3, 3)
    for level in range(2):
        layer(f"decoder.adaptive.{level}.gamma", BITS, HIGH), layer(f"decoder.adaptive.{level}.beta", BITS, HIGH)
    norm("decoder.norm_out", LOW), layer("decoder.conv_out", LOW, 3, 3, 3)
    found["loss.discriminator.weight"] = torch.ones(2)  # of training
    return found


class Reference:
    """The same network as functions of a state dict."""

    def __init__(self, weights):
        self.weights = weights

    def conv(self, name, x, **how):
        weight = self.weights[f"{name}.weight"]
        return functional.conv2d(x, weight, self.weights.get(f"{name}.bias"), padding=weight.shape[2] // 2, **how)

    def norm(self, name, x):
        x = functional.group_norm(x, 32, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], 1e-6)
        return functional.silu(x)

    def block(self, name, x):
        y = self.conv(f"{name}.conv1", self.norm(f"{name}.norm1", x))
        y = self.conv(f"{name}.conv2", self.norm(f"{name}.norm2", y))
        return y + (self.conv(f"{name}.nin_shortcut", x) if f"{name}.nin_shortcut.weight" in self.weights else x)

    def encode(self, images):
        x = self.block("encoder.down.0.block.0", self.conv("encoder.conv_in", images * 2 - 1))
        x = self.block("encoder.down.1.block.0", self.conv("encoder.down.0.downsample", x, stride=2))
        x = self.norm("encoder.norm_out", self.block("encoder.mid_block.0", x))
        return self.conv("encoder.conv_out", x)

    def adaptive(self, name, x, signs):
        def linear(part, value):
            return functional.linear(value, self.weights[f"{name}.{part}.weight"], self.weights[f"{name}.{part}.bias"])

        scale = linear("gamma", (signs.var((2, 3)) + 1e-6).sqrt())[..., None, None]
        return scale * functional.group_norm(x, 32, eps=1e-6) + linear("beta", signs.mean((2, 3)))[..., None, None]

    def decode(self, signs):
        x = self.block("decoder.mid_block.0", self.conv("decoder.conv_in", signs))
        x = self.block("decoder.up.1.block.0", self.adaptive("decoder.adaptive.1", x, signs))
        x = self.conv("decoder.up.1.upsample.conv1", x)
        fine = x.new_empty(len(x), HIGH, SIZE, SIZE)
        for at, part in enumerate(x.chunk(4, 1)):
            fine[:, :, at // 2 :: 2, at % 2 :: 2] = part
        x = self.block("decoder.up.0.block.0", self.adaptive("decoder.adaptive.0", fine, signs))
        return (self.conv("decoder.conv_out", self.norm("decoder.norm_out", x)) / 2 + 0.5).clamp(0, 1)


@torch.inference_mode()
def test_it_computes_what_the_original_computes(tmp_path):
    weights = state()
    torch.save({"state_dict": weights, "epoch": 3}, tmp_path / "imagenet_256_L.ckpt")
    path = tmp_path / "imagenet_256_L.ckpt"
    images = torch.rand(3, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    model, reference = checkpoints.load(f"{path}@{SIZE}"), Reference(weights)
    latents, found = reference.encode(images), model.encode(images)["code"]
    codes = ((latents > 0).long() * 2 ** torch.arange(BITS)[:, None, None]).sum(1)
    assert isinstance(model, Autoencoder)
    assert len(codes.unique()) > 10
    torch.testing.assert_close(found, latents.movedim(1, 3), atol=1e-5, rtol=0)
    book = model.codebooks["code"]
    assert (book.kind, len(book)) == ("implicit", 2**BITS)
    assert torch.equal(book.assign(found), codes)
    expected = reference.decode(latents.sign())
    torch.testing.assert_close(model.decode({"code": found}), expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(model.decode({"code": book.lookup(codes)}), expected, atol=1e-5, rtol=0)
    assert expected.std() > 0.1
    said = checkpoints.describe(path)
    assert (said.format, said.image_size, said.layers[0]["codes"]) == ("Open-MAGVIT2", 256, 2**BITS)
