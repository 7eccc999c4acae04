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


def halvings(downsample: int, image_size: int) -> int:
    """Number of stride-2 steps for `downsample`; raises BadInput if the image does not divide into that grid."""
    steps = int(math.log2(downsample)) if downsample > 0 else 0
    if downsample < 2 or 2**steps != downsample:
        raise BadInput(f"downsample {downsample} is not a power of two; choose 2, 4, 8, 16 or 32")
    check_divides(image_size, downsample, "downsample")
    return steps


def check_divides(image_size: int, by: int, field: str) -> None:
    """Raises BadInput that names the nearest sizes that fit if `image_size` is no multiple of `by`."""
    if image_size < by or image_size % by:
        below, above = image_size // by * by, (image_size // by + 1) * by
        fits = f"{below} or {above}" if below else f"{above}"
        raise BadInput(f"image size {image_size} does not fit {field} {by}; the nearest that do are {fits}")


def encoder(hidden: int, blocks: int, residual_channels: int, steps: int) -> nn.Sequential:
    """Images (N, 3, h, w) -> (N, hidden, h / 2**steps, w / 2**steps)."""
    layers: list[nn.Module] = []
    channels = 3
    for step in range(steps):
        out = hidden // 2 if step == 0 else hidden
        layers += [nn.Conv2d(channels, out, 4, stride=2, padding=1), nn.ReLU()]
        channels = out
    layers += [nn.Conv2d(channels, hidden, 3, padding=1), ResidualStack(hidden, blocks, residual_channels)]
    return nn.Sequential(*layers)


def decoder(hidden: int, blocks: int, residual_channels: int, steps: int, dim: int) -> nn.Sequential:
    """Latents (N, dim, H, W) -> (N, 3, H * 2**steps, W * 2**steps), around zero."""
    layers: list[nn.Module] = [
        nn.Conv2d(dim, hidden, 3, padding=1),
        ResidualStack(hidden, blocks, residual_channels),
    ]
    channels = hidden
    for step in range(steps):
        last = step == steps - 1
        out = 3 if last else (hidden // 2 if step == steps - 2 else hidden)
        layers.append(nn.ConvTranspose2d(channels, out, 4, stride=2, padding=1))
        if not last:
            layers.append(nn.ReLU())
        channels = out
    return nn.Sequential(*layers)


def to_signed(images: Tensor) -> Tensor:
    """[0, 1] -> [-1, 1], what the networks see."""
    return images * 2 - 1


def to_unit(output: Tensor) -> Tensor:
    """[-1, 1] and beyond -> [0, 1]."""
    return ((output + 1) / 2).clamp(0, 1)
