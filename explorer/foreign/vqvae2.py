"""State dicts of rosinality/vq-vae-2-pytorch: a VQ-VAE-2 of two grids; codebooks are (D, K) there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from explorer.autoencoder import Codebook, Fill, Layer
from explorer.errors import BadInput
from explorer.foreign.adapters import Pixels, square
from explorer.foreign.recognition import Found, Place

TITLE = "rosinality/vq-vae-2-pytorch"
SIZE, FACTOR = 256, 8  # usual images; pixels per cell of the top grid


class Block(nn.Module):
    """x + f(x)."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            nn.ReLU(), nn.Conv2d(channels, hidden, 3, padding=1), nn.ReLU(), nn.Conv2d(hidden, channels, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x)


class Stack(nn.Module):
    """Layers under the name `blocks`."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(x)


class Table(nn.Module):
    """`embed` (D, K) and how often each code was used in training, `cluster_size` (K,)."""

    def __init__(self, dim: int, codes: int) -> None:
        super().__init__()
        self.register_buffer("embed", torch.empty(dim, codes))
        self.register_buffer("cluster_size", torch.empty(codes))
        self.register_buffer("embed_avg", torch.empty(dim, codes))

    @property
    def mean(self) -> Tensor:
        """(D,) the mean code over training."""
        share = self.cluster_size / self.cluster_size.sum().clamp_min(1e-12)
        return self.embed @ share


class Network(nn.Module):
    """The published network by its own names, of the sizes that the tensors have."""

    def __init__(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        super().__init__()
        channels, half = shapes["enc_b.blocks.0.weight"][1], shapes["enc_b.blocks.0.weight"][0]
        width, dim = shapes["enc_b.blocks.2.weight"][0], shapes["quantize_conv_t.weight"][0]
        dim_b = shapes["quantize_conv_b.weight"][0]
        count = sum(name.startswith("enc_b.blocks.") and name.endswith("conv.1.weight") for name in shapes)
        hidden = shapes["enc_b.blocks.5.conv.1.weight"][0] if count else 1

        def blocks() -> list[nn.Module]:
            return [Block(width, hidden) for _ in range(count)]

        self.enc_b = Stack(
            nn.Conv2d(channels, half, 4, 2, 1), nn.ReLU(), nn.Conv2d(half, width, 4, 2, 1), nn.ReLU(),
            nn.Conv2d(width, width, 3, 1, 1), *blocks(), nn.ReLU(),
        )  # fmt: skip
        self.enc_t = Stack(
            nn.Conv2d(width, half, 4, 2, 1), nn.ReLU(), nn.Conv2d(half, width, 3, 1, 1), *blocks(), nn.ReLU()
        )
        self.quantize_conv_t = nn.Conv2d(width, dim, 1)
        self.quantize_t = Table(dim, shapes["quantize_t.embed"][1])
        self.dec_t = Stack(
            nn.Conv2d(dim, width, 3, 1, 1), *blocks(), nn.ReLU(), nn.ConvTranspose2d(width, dim, 4, 2, 1)
        )
        self.quantize_conv_b = nn.Conv2d(dim + width, dim_b, 1)
        self.quantize_b = Table(dim_b, shapes["quantize_b.embed"][1])
        self.upsample_t = nn.ConvTranspose2d(dim, dim, 4, 2, 1)
        self.dec = Stack(
            nn.Conv2d(dim + dim_b, width, 3, 1, 1), *blocks(), nn.ReLU(), nn.ConvTranspose2d(width, half, 4, 2, 1),
            nn.ReLU(), nn.ConvTranspose2d(half, channels, 4, 2, 1),
        )  # fmt: skip


class VQVAE2(nn.Module):
    """Two grids: `top`, and `bottom`, whose encoder sees the quantized top."""

    joint = True

    def __init__(self, network: Network, image_size: int, pixels: Pixels) -> None:
        super().__init__()
        side = square(image_size, FACTOR, TITLE)
        self.network, self.image_size, self.pixels = network, image_size, pixels
        self.layers = (
            Layer("top", (side, side), network.quantize_t.embed.shape[0]),
            Layer("bottom", (2 * side, 2 * side), network.quantize_b.embed.shape[0]),
        )

    @property
    def codebooks(self) -> Mapping[str, Codebook]:
        tables = {"top": self.network.quantize_t, "bottom": self.network.quantize_b}
        return {name: Codebook(table.embed.detach().float().T.contiguous()) for name, table in tables.items()}

    def encode(self, images: Tensor) -> dict[str, Tensor]:
        network, books = self.network, self.codebooks
        fine = network.enc_b(self.pixels.into(images))
        top = network.quantize_conv_t(network.enc_t(fine)).movedim(1, 3)
        top = books["top"].lookup(books["top"].assign(top))  # the bottom sees its codes
        seen = torch.cat([network.dec_t(top.movedim(3, 1)), fine], 1)
        return {"top": top.float(), "bottom": network.quantize_conv_b(seen).movedim(1, 3).float()}

    def decode(self, latents: Mapping[str, Tensor], fill: Fill = "mean") -> Tensor:
        network, books, values = self.network, self.codebooks, {}
        count = max((len(z) for z in latents.values()), default=1)
        for layer, table in zip(self.layers, (network.quantize_t, network.quantize_b), strict=True):
            if layer.name in latents:
                book = books[layer.name]
                value = book.quantize(latents[layer.name])
            else:
                filled = table.mean if fill == "mean" else torch.zeros_like(table.mean)
                value = filled.expand(count, *layer.grid, -1)
            values[layer.name] = value.movedim(3, 1)
        merged = torch.cat([network.upsample_t(values["top"]), values["bottom"]], 1)
        return self.pixels.back(network.dec(merged))


def recognise(place: Place) -> Found | None:
    """A state dict with two codebooks by the names of this repository."""
    tensors = place.weights.tensors
    if "quantize_t.embed" not in tensors and "quantize_b.embed" not in tensors:
        return None
    shapes = {name: tuple(value.shape) for name, value in tensors.items()}
    size = place.size(SIZE)

    def build() -> VQVAE2:
        try:
            return VQVAE2(Network(shapes), size, Pixels(channels=shapes["enc_b.blocks.0.weight"][1]))
        except (KeyError, IndexError) as error:
            raise BadInput(f"{place.path.name} looks like {TITLE}, but lacks {error}") from None

    notes = ("Trained on images with RGB values from -1 to 1, as its code has it.",)
    return Found(TITLE, "vqvae2", (Path(place.path),), size, build, notes=notes)
