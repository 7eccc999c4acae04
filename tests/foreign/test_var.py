"""The multi-scale codes of VAR: ten grids, each of what the coarser ones left, and the decode of every prefix."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from explorer import checkpoints
from explorer.autoencoder import Autoencoder
from explorer.errors import BadInput
from tests.foreign import test_taming

pytest.importorskip("diffusers", reason="diffusers is not installed")

SIZE, GRIDS = 64, (1, 2, 3, 4, 5, 6, 8, 10, 13, 16)  # four pixels a cell here
CHOSEN = (0, 0, 1, 1, 1, 2, 2, 3, 3, 3)  # of four convolutions, as the original chooses


def state(kind="partly", count=4):
    """A state dict by the published names, every number random."""
    generator, found = torch.Generator().manual_seed(5), {}
    for name, value in test_taming.state(levels=(2,)).items():
        if ".q." in name:
            parts = [name.replace(".q.", f".{part}.") for part in "qkv"]
            value = torch.cat([test_taming.state(levels=(2,))[part] for part in parts])
            name = name.replace(".q.", ".qkv.")
        if ".k." not in name and ".v." not in name:
            found[name] = value
    wide = dim = test_taming.WIDE  # one width before and after `quant_conv`
    kernels = {"quant_conv": (dim, wide), "post_quant_conv": (wide, dim)}
    middle = {"partly": "qresi_ls.{}.", "shared": "qresi.", "own": "{}."}[kind]
    kernels |= {f"quantize.quant_resi.{middle.format(at)}"[:-1]: (dim, dim) for at in range(count)}
    for name, (out, into) in kernels.items():
        found[f"{name}.weight"] = torch.randn(out, into, 3, 3, generator=generator) * (into * 9) ** -0.5
        found[f"{name}.bias"] = 0.1 * torch.randn(out, generator=generator)
    found["quantize.embedding.weight"] = torch.randn(20, dim, generator=generator)
    found["quantize.ema_vocab_hit_SV"] = torch.rand(len(GRIDS), 20, generator=generator)
    return found


class Reference(test_taming.Reference):
    """The same network as functions of a state dict."""

    def __init__(self, weights, convolutions):
        names = {name.replace(".qkv.", f".{part}."): (at, value) for name, value in weights.items()
                 for at, part in enumerate("qkv") if ".qkv." in name}  # fmt: skip
        super().__init__(weights | {name: value.chunk(3)[at] for name, (at, value) in names.items()})
        self.convolutions = convolutions

    def conv(self, name, x, **how):
        return super().conv(name, x, **{**how, "padding": 1} if name.endswith("quant_conv") else how)

    def given(self, at, codes):
        x = self.weights["quantize.embedding.weight"][codes].movedim(3, 1)
        x = functional.interpolate(x, size=(16, 16), mode="bicubic") if at < 9 else x
        return x / 2 + self.conv(self.convolutions[at], x, padding=1) / 2

    def scales(self, images):
        """Pooled latents and codes of each grid."""
        left, found = self.encode(images), []
        for at, side in enumerate(GRIDS):
            z = functional.adaptive_avg_pool2d(left, side)
            found.append((z.movedim(1, 3), self.codes(z)))
            left = left - self.given(at, found[-1][1])
        return found


@pytest.fixture
def write(tmp_path):
    def written(weights):
        torch.save(weights, tmp_path / "vae_ch160v4096z32.pth")
        return tmp_path / "vae_ch160v4096z32.pth"

    return written


@pytest.mark.parametrize(
    ("kind", "count", "convolutions"),
    [
        ("partly", 4, [f"quantize.quant_resi.qresi_ls.{at}" for at in CHOSEN]),
        ("shared", 1, ["quantize.quant_resi.qresi"] * 10),
        ("own", 10, [f"quantize.quant_resi.{at}" for at in range(10)]),
    ],
)
@torch.inference_mode()
def test_it_computes_what_the_original_computes(kind, count, convolutions, write):
    images = torch.rand(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    weights = state(kind, count)
    model, reference = checkpoints.load(f"{write(weights)}@{SIZE}"), Reference(weights, convolutions)
    assert isinstance(model, Autoencoder)
    assert [layer.grid for layer in model.layers] == [(side, side) for side in GRIDS]
    found, total = model.encode(images), 0
    for at, (layer, (z, codes)) in enumerate(zip(model.layers, reference.scales(images), strict=True)):
        torch.testing.assert_close(found[layer.name], z, atol=1e-4, rtol=0)
        assert torch.equal(model.codebooks[layer.name].assign(found[layer.name]), codes)
        total = total + reference.given(at, codes)
        prefix = {one.name: found[one.name] for one in model.layers[: at + 1]}
        torch.testing.assert_close(model.decode(prefix), reference.decode(total), atol=1e-4, rtol=0)
    assert len(codes.unique()) > 5


@torch.inference_mode()
def test_codes_decode_to_themselves_and_nothing_decodes_to_one_image(write):
    model = checkpoints.load(f"{write(state())}@{SIZE}")
    codes = {layer.name: torch.randint(20, (2, *layer.grid)) for layer in model.layers}
    books = model.codebooks
    looked_up = {name: books[name].lookup(one) for name, one in codes.items()}
    assert all(torch.equal(books[name].assign(z), codes[name]) for name, z in looked_up.items())
    assert model.decode(looked_up).shape == (2, 3, SIZE, SIZE)
    assert model.decode({}).shape == (1, 3, SIZE, SIZE)


def test_every_grid_has_a_gradient_through_its_codes(write):
    model = checkpoints.load(f"{write(state())}@{SIZE}")
    latents = {layer.name: torch.randn(1, *layer.grid, layer.dim, requires_grad=True) for layer in model.layers}
    found = torch.autograd.grad(model.decode(latents).square().mean(), list(latents.values()))
    assert all(one.any() for one in found)


def test_what_it_says_of_itself(write):
    path = write(state())
    with pytest.raises(BadInput, match="grids of codes for images of 64, 128, 256 pixels, not 96"):
        checkpoints.load(f"{path}@96")
    found = checkpoints.describe(f"{path}@128")
    assert (found.family, found.format) == ("vqvae", "VAR multi-scale VQVAE")
    assert [layer["grid"][0] for layer in found.layers] == [1, 2, 3, 4, 6, 9, 13, 18, 24, 32]
    assert {layer["codes"] for layer in found.layers} == {20}
