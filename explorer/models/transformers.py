"""Transformer encoder and decoder of ViT-VQGAN (Yu et al. 2022, arXiv:2110.04627, section 3.1) on torch's blocks."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from explorer.errors import BadInput


class Blocks(nn.Module):
    """Learned positions and transformer blocks over a feature map: (N, C, H, W) -> the same."""

    def __init__(self, channels: int, blocks: int, heads: int, side: int) -> None:
        super().__init__()
        if channels % heads:
            raise BadInput(f"hidden {channels} is not a multiple of its {heads} heads; choose another of the two")
        self.positions = nn.Parameter(torch.randn(1, side * side, channels) * 0.02)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                channels, heads, 4 * channels, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
            )
            for _ in range(blocks)
        )
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2).mT + self.positions.to(x)  # (N, C, H, W) -> (N, H·W, C)
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens).mT.unflatten(2, x.shape[2:])


class Transformers:
    """Parts of a network of transformers; `side` is the number of cells along each side of the finest grid."""

    def __init__(self, hidden: int, blocks: int, heads: int, steps: int, side: int) -> None:
        self.hidden, self.patch, self.side = hidden, 2**steps, side
        self._blocks = lambda at: Blocks(hidden, blocks, heads, at)

    def encoder(self) -> nn.Module:
        """Images (N, 3, h, w) -> (N, hidden, side, side)."""
        return nn.Sequential(nn.Conv2d(3, self.hidden, self.patch, stride=self.patch), self._blocks(self.side))

    def decoder(self, dim: int) -> nn.Module:
        """(N, dim, side, side) -> images (N, 3, h, w), around zero."""
        pixels = nn.ConvTranspose2d(self.hidden, 3, self.patch, stride=self.patch)
        return nn.Sequential(nn.Conv2d(dim, self.hidden, 1), self._blocks(self.side), pixels)

    def down(self, depth: int) -> nn.Module:
        """Features of a level to half the resolution; `depth` is the number of halvings below the finest grid."""
        return nn.Sequential(nn.Conv2d(self.hidden, self.hidden, 2, stride=2), self._blocks(self.side >> depth))

    def up(self, dim: int, depth: int) -> nn.Module:
        """(N, dim, side, side) of the level `depth` -> (N, hidden, 2 side, 2 side)."""
        return nn.Sequential(
            nn.Conv2d(dim, self.hidden, 1),
            self._blocks(self.side >> depth),
            nn.ConvTranspose2d(self.hidden, self.hidden, 2, stride=2),
        )
