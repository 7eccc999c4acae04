"""Convolutional encoder and decoder of the VQ-VAE paper (van den Oord et al. 2017, section 4.1)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from explorer.errors import BadInput


class ResidualStack(nn.Module):
    """Blocks of ReLU, 3 × 3 convolution, ReLU, 1 × 1 convolution, and a last ReLU: (N, C, H, W) -> the same."""

    def __init__(self, channels: int, blocks: int, hidden: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.ReLU(),
                nn.Conv2d(channels, hidden, 3, padding=1),
                nn.ReLU(),
                nn.Conv2d(hidden, channels, 1),
            )
            for _ in range(blocks)
        )

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = x + block(x)
        return torch.relu(x)


def halvings(downsample: int, image_size: int, levels: int = 1) -> int:
    """Number of stride-2 steps for `downsample`; raises BadInput if the image does not divide into all the grids."""
    steps = int(math.log2(downsample)) if downsample > 0 else 0
    if downsample < 2 or 2**steps != downsample:
        raise BadInput(f"downsample {downsample} is not a power of two; choose 2, 4, 8, 16 or 32")
    field = "downsample" if levels == 1 else f"{levels} levels with downsample {downsample}, which have cells of"
    check_divides(image_size, downsample << (levels - 1), field)
    return steps


def check_divides(image_size: int, by: int, field: str) -> None:
    """Raises BadInput that names the nearest sizes that fit if `image_size` is no multiple of `by`."""
    if image_size < by or image_size % by:
        below, above = image_size // by * by, (image_size // by + 1) * by
        fits = f"{below} or {above}" if below else f"{above}"
        raise BadInput(f"image size {image_size} does not fit {field} {by}; the nearest that do are {fits}")


class Convolutions:
    """Parts of a convolutional network; `steps` halvings lie between images and the finest grid."""

    def __init__(self, hidden: int, blocks: int, residual_channels: int, steps: int) -> None:
        self.hidden, self.steps = hidden, steps
        self._stack = lambda: ResidualStack(hidden, blocks, residual_channels)

    def encoder(self) -> nn.Sequential:
        """Images (N, 3, h, w) -> (N, hidden, h / 2**steps, w / 2**steps)."""
        layers: list[nn.Module] = []
        channels = 3
        for step in range(self.steps):
            out = self.hidden // 2 if step == 0 else self.hidden
            layers += [nn.Conv2d(channels, out, 4, stride=2, padding=1), nn.ReLU()]
            channels = out
        layers += [nn.Conv2d(channels, self.hidden, 3, padding=1), self._stack()]
        return nn.Sequential(*layers)

    def decoder(self, dim: int) -> nn.Sequential:
        """Latents (N, dim, H, W) -> (N, 3, H * 2**steps, W * 2**steps), around zero."""
        layers: list[nn.Module] = [nn.Conv2d(dim, self.hidden, 3, padding=1), self._stack()]
        channels = self.hidden
        for step in range(self.steps):
            last = step == self.steps - 1
            out = 3 if last else (self.hidden // 2 if step == self.steps - 2 else self.hidden)
            layers.append(nn.ConvTranspose2d(channels, out, 4, stride=2, padding=1))
            if not last:
                layers.append(nn.ReLU())
            channels = out
        return nn.Sequential(*layers)

    def down(self, depth: int) -> nn.Sequential:
        """Features (N, hidden, H, W) -> half the resolution."""
        halve = nn.Conv2d(self.hidden, self.hidden, 4, stride=2, padding=1)
        return nn.Sequential(halve, nn.ReLU(), nn.Conv2d(self.hidden, self.hidden, 3, padding=1), self._stack())

    def up(self, dim: int, depth: int) -> nn.Sequential:
        """(N, dim, H, W) -> (N, hidden, 2 H, 2 W)."""
        double = nn.ConvTranspose2d(self.hidden, self.hidden, 4, stride=2, padding=1)
        return nn.Sequential(nn.Conv2d(dim, self.hidden, 3, padding=1), self._stack(), double)


def to_signed(images: Tensor) -> Tensor:
    """[0, 1] -> [-1, 1], what the networks see."""
    return images * 2 - 1


def to_unit(output: Tensor) -> Tensor:
    """[-1, 1] and beyond -> [0, 1]."""
    return ((output + 1) / 2).clamp(0, 1)
