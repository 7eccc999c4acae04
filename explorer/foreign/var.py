"""The multi-scale VQ-VAE of VAR (Tian et al. 2024, arXiv:2404.02905), `vae_ch160v4096z32.pth`: a state dict.

A VQGAN of taming-transformers whose one codebook is used on grids from 1 × 1 to that of the encoder (algorithms 1 and 2
of the paper): each grid codes, as means over areas, what the coarser ones left, and a convolution φ smooths what its
codes give. Grids and the share of φ are constants of its code, not of the file.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import Tensor, nn
from torch.nn import functional

from explorer.autoencoder import Codebook, Fill, Layer
from explorer.errors import BadInput
from explorer.foreign import vqgan
from explorer.foreign.adapters import Adapter, Pixels
from explorer.foreign.recognition import Found, Place

TITLE = "VAR multi-scale VQVAE"
MARKS = ("quantize.quant_resi.", "encoder.down.0.block.", "decoder.up.0.block.")
HITS = "quantize.ema_vocab_hit_SV"  # counts of training
DEFAULT = 256
SHARE = 0.5  # of φ in what a grid adds
GRIDS = {  # by the side of the last, as in its code for images of 256, 512 and 1024 pixels
    16: (1, 2, 3, 4, 5, 6, 8, 10, 13, 16),
    32: (1, 2, 3, 4, 6, 9, 13, 18, 24, 32),
    64: (1, 2, 3, 4, 5, 7, 9, 12, 16, 21, 27, 36, 48, 64),
}


class MultiScale(Adapter):
    """Grids `code.0`, `code.1`, … decoded as the sum of what they give; one that is left out adds nothing."""

    def __init__(self, network: nn.Module, image_size: int, layer: Layer, pixels: Pixels) -> None:
        super().__init__(network, image_size, layer, pixels)
        side = layer.grid[0]
        if side not in GRIDS:
            sizes = ", ".join(str(image_size * known // side) for known in GRIDS)
            raise BadInput(f"{TITLE} has grids of codes for images of {sizes} pixels, not {image_size}")
        self.layers = tuple(Layer(f"code.{at}", (one, one), layer.dim) for at, one in enumerate(GRIDS[side]))

    @property
    def codebooks(self) -> Mapping[str, Codebook]:
        book = Codebook(self.network.quantize.embedding.weight.detach().float())
        return {layer.name: book for layer in self.layers}

    def encode(self, images: Tensor) -> dict[str, Tensor]:
        books, found = self.codebooks, {}
        left = self.network.encode(self.pixels.into(images)).latents.float()
        for at, layer in enumerate(self.layers):
            pooled = functional.interpolate(left, size=layer.grid, mode="area") if at < len(self.layers) - 1 else left
            z = found[layer.name] = pooled.movedim(1, 3)
            left = left - self._given(at, books[layer.name].lookup(books[layer.name].assign(z)))
        return found

    def decode(self, latents: Mapping[str, Tensor], fill: Fill = "mean") -> Tensor:
        books, last = self.codebooks, self.layers[-1]
        count = max((len(z) for z in latents.values()), default=1)
        total = next(self.network.parameters()).new_zeros(count, last.dim, *last.grid)
        for at, layer in enumerate(self.layers):
            if layer.name in latents:
                total = total + self._given(at, books[layer.name].quantize(latents[layer.name]))
        return self.pixels.back(self.network.decoder(self.network.post_quant_conv(total)))

    def _given(self, at: int, codes: Tensor) -> Tensor:
        """What the codes of a grid, (N, h, w, D), add to the last: (N, D, H, W)."""
        last, x = self.layers[-1].grid, codes.movedim(3, 1)
        if at < len(self.layers) - 1:
            x = functional.interpolate(x, size=last, mode="bicubic")
        smooth = self.network.quantize.smooth
        return (1 - SHARE) * x + SHARE * smooth[_which(at / (len(self.layers) - 1), len(smooth))](x)


def _which(place: float, count: int) -> int:
    """Which of `count` convolutions a grid has, `place` in [0, 1] from the first grid to the last.

    Some grids lie half-way between two, so that rounding decides: the arithmetic is the original's, with NumPy.
    """
    edge = 1 / 3 / count if count == 4 else 1 / 2 / count
    return int(np.argmin(np.abs(np.linspace(edge, 1 - edge, count) - place)))


def recognise(place: Place) -> Found | None:
    """A state dict with the keys of this network."""
    tensors = place.weights.tensors
    if not all(any(name.startswith(mark) for name in tensors) for mark in MARKS):
        return None
    shapes = {name: tuple(value.shape) for name, value in _rename(tensors).items()}
    size = place.size(DEFAULT)

    def build() -> MultiScale:
        model = vqgan.adapter("VQModel", shapes, size, TITLE, MultiScale)
        network = model.network
        for name in ("quant_conv", "post_quant_conv"):
            out, into, kernel = shapes[f"{name}.weight"][:3]
            setattr(network, name, nn.Conv2d(into, out, kernel, padding=kernel // 2))
        count = 1 + max(int(name.split(".")[2]) for name in shapes if name.startswith("quantize.smooth."))
        dim = shapes["quantize.embedding.weight"][1]
        network.quantize.smooth = nn.ModuleList(nn.Conv2d(dim, dim, 3, padding=1) for _ in range(count))
        return model

    notes = (
        f"Images go in with {Pixels()}.",
        "Each grid codes what the coarser ones left; one that is left out adds nothing, as in its own prefixes.",
    )
    return Found(TITLE, "vqvae", (place.path,), size, build, _rename, notes)


def _rename(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """By the names of diffusers; queries, keys and values are one convolution there."""
    found: dict[str, Tensor] = {}
    for name, value in tensors.items():
        if name == HITS:
            continue
        head, mark, tail = name.rpartition(".qkv.")
        if mark:
            found |= {f"{head}.{part}.{tail}": one for part, one in zip("qkv", value.chunk(3), strict=True)}
            continue
        for one, into in (("qresi_ls.", ""), ("qresi.", "0."), ("", "")):  # partly shared, shared, each its own
            if name.startswith(f"quantize.quant_resi.{one}"):
                name = f"quantize.smooth.{into}{name.removeprefix(f'quantize.quant_resi.{one}')}"
        found[name] = value
    return vqgan.rename(found)
