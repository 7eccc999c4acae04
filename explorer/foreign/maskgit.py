"""MaskGIT's VQGAN (Chang et al. 2022, arXiv:2202.04200) in PyTorch: open-muse, and the first stage of TiTok.

A VQGAN without attention; most convolutions have no bias, images are shrunk by means over 2 × 2, and where a block
changes its width, the shortcut takes what the block gives and not what goes in, as in the original.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn import functional

from explorer.autoencoder import Layer
from explorer.errors import BadInput
from explorer.foreign import reading
from explorer.foreign.adapters import Adapter, Pixels, square
from explorer.foreign.recognition import WEIGHTS, Found, Place
from explorer.foreign.vqgan import count

TITLE = "MaskGIT-VQGAN"
MARKS = ("encoder.down.0.block.0.conv1.weight", "decoder.mid.0.conv1.weight", "quantize.embedding.weight")
DEFAULT = 256
PIXELS = Pixels(0.0, 1.0)

Shapes = Mapping[str, tuple[int, ...]]


class Block(nn.Module):
    """x + f(x), or s(f(x)) + f(x) where the width changes."""

    def __init__(self, into: int, out: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = _norm(into), nn.Conv2d(into, out, 3, padding=1, bias=False)
        self.norm2, self.conv2 = _norm(out), nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.nin_shortcut = nn.Conv2d(out, out, 1, bias=False) if into != out else None

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(functional.silu(self.norm1(x)))
        y = self.conv2(functional.silu(self.norm2(y)))
        return y + (x if self.nin_shortcut is None else self.nin_shortcut(y))


class Level(nn.Module):
    """Blocks of one resolution, and the convolution after it is doubled."""

    def __init__(self, into: int, out: int, blocks: int, doubled: bool) -> None:
        super().__init__()
        self.block = nn.ModuleList(Block(out if at else into, out) for at in range(blocks))
        self.upsample_conv = nn.Conv2d(out, out, 3, padding=1) if doubled else None

    def forward(self, x: Tensor) -> Tensor:
        for block in self.block:
            x = block(x)
        if self.upsample_conv is None:
            return x
        return self.upsample_conv(functional.interpolate(x, scale_factor=2.0, mode="nearest"))


class Encoder(nn.Module):
    """(N, 3, h, w) -> (N, D, H, W); sizes from the tensors of its names."""

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        first, channels = shapes["conv_in.weight"][:2]
        widths = level_widths(shapes, "down")
        blocks = count(shapes, "down.0.block.{}.conv1.weight")
        self.conv_in = nn.Conv2d(channels, first, 3, padding=1, bias=False)
        self.down = nn.ModuleList(
            Level(into, out, blocks, False) for into, out in zip((first, *widths), widths, strict=False)
        )
        self.mid = nn.ModuleList(Block(widths[-1], widths[-1]) for _ in range(count(shapes, "mid.{}.conv1.weight")))
        self.norm_out, self.conv_out = _norm(widths[-1]), nn.Conv2d(widths[-1], shapes["conv_out.weight"][0], 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_in(x)
        for at, level in enumerate(self.down):
            x = level(functional.avg_pool2d(x, 2) if at else x)
        for block in self.mid:
            x = block(x)
        return self.conv_out(functional.silu(self.norm_out(x)))


class Decoder(nn.Module):
    """(N, D, H, W) -> (N, 3, h, w); sizes from the tensors of its names."""

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        widths = level_widths(shapes, "up")
        last, dim = shapes["conv_in.weight"][:2]
        blocks = count(shapes, "up.0.block.{}.conv1.weight")
        self.conv_in = nn.Conv2d(dim, last, 3, padding=1)
        self.mid = nn.ModuleList(Block(last, last) for _ in range(count(shapes, "mid.{}.conv1.weight")))
        self.up = nn.ModuleList(
            Level(into, out, blocks, at > 0)
            for at, (into, out) in enumerate(zip((*widths[1:], last), widths, strict=True))
        )
        self.norm_out = _norm(widths[0])
        self.conv_out = nn.Conv2d(widths[0], shapes["conv_out.weight"][0], 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        x = self.conv_in(z)
        for block in self.mid:
            x = block(x)
        for level in reversed(self.up):
            x = level(x)
        return self.conv_out(functional.silu(self.norm_out(x)))


class Network(nn.Module):
    """Encoder, codebook, decoder."""

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        self.encoder, self.decoder = Encoder(below(shapes, "encoder.")), Decoder(below(shapes, "decoder."))
        self.quantize = nn.Module()
        self.quantize.embedding = nn.Embedding(*shapes["quantize.embedding.weight"])


class MaskGIT(Adapter):
    """One grid of codes."""

    @property
    def vectors(self) -> Tensor:
        return self.network.quantize.embedding.weight

    def latents(self, images: Tensor) -> Tensor:
        return self.network.encoder(images)

    def image(self, latents: Tensor) -> Tensor:
        return self.network.decoder(latents)


def recognise(place: Place) -> Found | None:
    """A state dict with the keys of this network, or open-muse's folder of one."""
    files, tensors = (place.path,), place.weights.tensors
    if place.path.is_dir():
        if place.config.get("_class_name") != "MaskGitVQGAN":
            return None
        files = reading.weights_of(place.path, WEIGHTS)
        tensors = reading.tensors(files, data=False)
    if not all(mark in tensors for mark in MARKS):
        return None
    shapes = {name: tuple(value.shape) for name, value in tensors.items()}
    size = place.size(DEFAULT)

    def build() -> MaskGIT:
        try:
            network = Network(shapes)
        except (KeyError, IndexError) as error:
            raise BadInput(f"{place.path.name} looks like {TITLE}, but lacks {error}") from None
        side = square(size, 2 ** (len(network.encoder.down) - 1), TITLE)
        return MaskGIT(network, size, Layer("code", (side, side), shapes["quantize.embedding.weight"][1]), PIXELS)

    return Found(TITLE, "vqvae", files, size, build, notes=(f"Images go in with {PIXELS}.",))


def below(shapes: Shapes, prefix: str) -> dict[str, tuple[int, ...]]:
    """Shapes of the names that begin with `prefix`, without it."""
    return {name.removeprefix(prefix): shape for name, shape in shapes.items() if name.startswith(prefix)}


def level_widths(shapes: Shapes, part: str) -> tuple[int, ...]:
    """Channels of each level, the finest first."""
    first = f"{part}.{{}}.block.0.conv1.weight"
    return tuple(shapes[first.format(level)][0] for level in range(count(shapes, first)))


def _norm(width: int) -> nn.GroupNorm:
    return nn.GroupNorm(32, width, eps=1e-6)
