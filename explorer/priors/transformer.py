"""A decoder-only transformer over codes in raster order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from explorer.options import number


@dataclass(frozen=True)
class TransformerConfig:
    """Settings of the transformer."""

    width: int = number(128, "Channels of every place.", low=8, high=4096, label="Width", first=1)
    blocks: int = number(4, "Attention blocks, one after another.", low=1, high=64, label="Blocks", first=2)
    heads: int = number(4, "Attention heads of a block; they divide the width.", low=1, high=64, label="Heads")
    dim: int = number(64, "Numbers that stand for a code in the table of codes.", low=2, high=4096, label="Code size")
    dropout: float = number(0.1, "Share of features set to zero while training.", low=0.0, high=0.9, label="Dropout")
    class_dropout: float = number(
        0.1, "Share of training images whose class is hidden; guidance needs some.", low=0.0, high=1.0,
        label="Class dropout",
    )  # fmt: skip


class Transformer(nn.Module):
    """Features at a place depend on what stands before it in raster order, and on the context up to it."""

    def __init__(self, config: TransformerConfig, grid: tuple[int, int]) -> None:
        super().__init__()
        self.grid = grid
        self.start = nn.Parameter(torch.zeros(config.width))
        self.blocks = nn.ModuleList(_Block(config) for _ in range(config.blocks))

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """(N, C, H, W) embedded codes and context -> features (N, C, H, W)."""
        flat = x.flatten(2).transpose(1, 2)
        before = torch.cat([self.start.expand(len(x), 1, -1), flat[:, :-1]], 1)
        found = before + context.flatten(2).transpose(1, 2)
        for block in self.blocks:
            found = block(found)
        return found.transpose(1, 2).unflatten(2, self.grid)

    def begin(self, context: Tensor) -> Any:
        """What `step` keeps from place to place."""
        return {"context": context, "x": torch.zeros_like(context)}

    def step(self, state: Any, place: int, before: Tensor | None) -> Tensor:
        """Features (N, C) at a place; `before` is the embedded code (N, C) of the place before it."""
        row, column = divmod(place, self.grid[1])
        if before is not None:
            state["x"].flatten(2)[:, :, place - 1] = before
        return self(state["x"], state["context"])[:, :, row, column]


class _Block(nn.Module):
    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        width = config.width
        self.heads, self.dropout = config.heads, config.dropout
        self.norm, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.attention(self.norm(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)
        x = x + F.dropout(self.out(seen), self.dropout, self.training)
        return x + F.dropout(self.mlp(self.norm2(x)), self.dropout, self.training)
