"""Open-MAGVIT2 (Luo et al. 2024, arXiv:2409.04410) of SEED-Voken: the signs of D channels are one of 2^D codes.

Code k has 1 in the channels whose bits are set in k, the least first, and -1 in the others. The decoder sees the codes
again at each level: their means and deviations over the grid shift and scale what comes in.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from explorer.autoencoder import Codebook, Layer
from explorer.errors import BadInput
from explorer.foreign import maskgit, vqgan
from explorer.foreign.adapters import Adapter, Pixels, square
from explorer.foreign.recognition import Found, Place
from explorer.foreign.vqgan import count

TITLE = "Open-MAGVIT2"
MARKS = ("encoder.mid_block.0.conv1.weight", "decoder.adaptive.0.gamma.weight")
DEFAULT, MOST_BITS, EPSILON = 256, 18, 1e-6
Shapes = Mapping[str, tuple[int, ...]]


class Block(maskgit.Block):
    """x + f(x), or s(x) + f(x) where the width changes."""

    def __init__(self, into: int, out: int) -> None:
        super().__init__(into, out)
        self.nin_shortcut = nn.Conv2d(into, out, 1, bias=False) if into != out else None

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(functional.silu(self.norm1(x)))
        y = self.conv2(functional.silu(self.norm2(y)))
        return y + (x if self.nin_shortcut is None else self.nin_shortcut(x))


class Level(nn.Module):
    """Blocks of one resolution, and the convolution to the next."""

    def __init__(self, into: int, out: int, blocks: int, **then: nn.Module) -> None:
        super().__init__()
        self.block = nn.ModuleList(Block(out if at else into, out) for at in range(blocks))
        for name, module in then.items():
            setattr(self, name, module)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.block:
            x = block(x)
        if hasattr(self, "downsample"):
            return self.downsample(x)
        # depth to space: the channels of a pixel come first
        return _spread(self.upsample["conv1"](x)) if hasattr(self, "upsample") else x


class Adaptive(nn.Module):
    """A group norm whose scale and shift come from the codes."""

    def __init__(self, dim: int, width: int) -> None:
        super().__init__()
        self.gn = nn.GroupNorm(32, width, eps=EPSILON, affine=False)
        self.gamma, self.beta = nn.Linear(dim, width), nn.Linear(dim, width)

    def forward(self, x: Tensor, codes: Tensor) -> Tensor:
        flat = codes.flatten(2)
        scale, shift = self.gamma((flat.var(2) + EPSILON).sqrt()), self.beta(flat.mean(2))
        return scale[..., None, None] * self.gn(x) + shift[..., None, None]


class Encoder(nn.Module):
    """(N, 3, h, w) -> (N, D, H, W)."""

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        first, channels = shapes["conv_in.weight"][:2]
        widths = maskgit.level_widths(shapes, "down")
        blocks, last = count(shapes, "down.0.block.{}.conv1.weight"), widths[-1]
        self.conv_in = nn.Conv2d(channels, first, 3, padding=1, bias=False)
        self.down = nn.ModuleList()
        for at, (into, out) in enumerate(zip((first, *widths), widths, strict=False)):
            then = {"downsample": nn.Conv2d(out, out, 3, 2, 1)} if at < len(widths) - 1 else {}
            self.down.append(Level(into, out, blocks, **then))
        self.mid_block = nn.ModuleList(Block(last, last) for _ in range(count(shapes, "mid_block.{}.conv1.weight")))
        self.norm_out = nn.GroupNorm(32, last, eps=EPSILON)
        self.conv_out = nn.Conv2d(last, shapes["conv_out.weight"][0], 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_in(x)
        for part in (*self.down, *self.mid_block):
            x = part(x)
        return self.conv_out(functional.silu(self.norm_out(x)))


class Decoder(nn.Module):
    """(N, D, H, W) of codes -> (N, 3, h, w)."""

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        widths = maskgit.level_widths(shapes, "up")
        last, dim = shapes["conv_in.weight"][:2]
        blocks = count(shapes, "up.0.block.{}.conv1.weight")
        self.conv_in = nn.Conv2d(dim, last, 3, padding=1)
        self.mid_block = nn.ModuleList(Block(last, last) for _ in range(count(shapes, "mid_block.{}.conv1.weight")))
        self.up, self.adaptive = nn.ModuleList(), nn.ModuleList()
        for at, (into, out) in enumerate(zip((*widths[1:], last), widths, strict=True)):
            up = {"upsample": nn.ModuleDict({"conv1": nn.Conv2d(out, 4 * out, 3, padding=1)})} if at else {}
            self.up.append(Level(into, out, blocks, **up)), self.adaptive.append(Adaptive(dim, into))
        self.norm_out = nn.GroupNorm(32, widths[0], eps=EPSILON)
        self.conv_out = nn.Conv2d(widths[0], shapes["conv_out.weight"][0], 3, padding=1)

    def forward(self, codes: Tensor) -> Tensor:
        x = self.conv_in(codes)
        for block in self.mid_block:
            x = block(x)
        for level, norm in zip(reversed(self.up), reversed(self.adaptive), strict=True):
            x = level(norm(x, codes))
        return self.conv_out(functional.silu(self.norm_out(x)))


class LookupFree(Adapter):
    """One grid of codes, which are signs."""

    @property
    def codebooks(self) -> Mapping[str, Codebook]:
        bits = torch.arange(self.layers[0].dim, device=next(self.network.parameters()).device)
        signs = (torch.arange(2 ** len(bits), device=bits.device)[:, None] >> bits) & 1
        return {self.layers[0].name: Codebook(signs.float() * 2 - 1, "implicit")}

    def latents(self, images: Tensor) -> Tensor:
        return self.network["encoder"](images)

    def image(self, latents: Tensor) -> Tensor:
        return self.network["decoder"](latents)


def recognise(place: Place) -> Found | None:
    """A `.ckpt` with the keys of this network."""
    tensors = vqgan.own(place.weights.tensors)
    if not all(mark in tensors for mark in MARKS):
        return None
    shapes = {name: tuple(value.shape) for name, value in tensors.items()}
    size = place.size(DEFAULT)

    def build() -> LookupFree:
        try:
            parts = {
                "encoder": Encoder(maskgit.below(shapes, "encoder.")),
                "decoder": Decoder(maskgit.below(shapes, "decoder.")),
            }
            bits = shapes["encoder.conv_out.weight"][0]
        except (KeyError, IndexError) as error:
            raise BadInput(f"{place.path.name} looks like {TITLE}, but lacks {error}") from None
        if bits > MOST_BITS:
            raise BadInput(f"this {TITLE} has 2^{bits} codes; up to 2^{MOST_BITS} can be shown")
        side = square(size, 2 ** (len(parts["encoder"].down) - 1), TITLE)
        return LookupFree(nn.ModuleDict(parts), size, Layer("code", (side, side), bits), Pixels())

    notes = (f"Images go in with {Pixels()}.", "Codes are signs: no vectors were learned.")
    return Found(TITLE, "vqvae", (place.path,), size, build, vqgan.own, notes)


def _spread(x: Tensor) -> Tensor:
    """(N, 4 C, H, W) -> (N, C, 2 H, 2 W)."""
    x = x.unflatten(1, (2, 2, -1)).permute(0, 3, 4, 1, 5, 2)  # (N, C, H, 2, W, 2)
    return x.flatten(4).flatten(2, 3)
