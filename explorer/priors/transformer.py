"""A decoder-only transformer over codes in raster order (Vaswani et al. 2017, arXiv:1706.03762), pre-norm as GPT-2."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from explorer.options import number
from explorer.priors.attention import Memory, attend, shifted, tokens
from explorer.priors.dropout import dropout
from explorer.priors.settings import PriorConfig, blocks, width


@dataclass(frozen=True)
class TransformerConfig(PriorConfig):
    """Settings of the transformer."""

    width: int = width(96)
    blocks: int = blocks(4, "Attention blocks, one after another.")
    heads: int = number(
        4, "Attention heads of a block; they divide the width.", low=1, high=64, label="Attention heads"
    )


class Transformer(nn.Module):
    """Features at a place depend on all codes before it in raster order, and on the context up to it."""

    def __init__(self, config: TransformerConfig, grid: tuple[int, int]) -> None:
        super().__init__()
        self.grid = grid
        self.blocks = nn.ModuleList(_Block(config) for _ in range(config.blocks))

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """(N, C, H, W) embedded codes and context -> features (N, C, H, W)."""
        found = shifted(tokens(x)) + tokens(context)
        for block in self.blocks:
            found = block(found)
        return found.transpose(1, 2).unflatten(2, self.grid)

    @torch.no_grad()
    def begin(self, context: Tensor) -> State:
        """What `step` keeps from place to place."""
        return State(self, context)

    @torch.no_grad()
    def step(self, state: State, place: int, before: Tensor | None) -> Tensor:
        """Features (N, C) at a place; `before` is the embedded code (N, C) of the place before it."""
        found = state.context[:, place]
        found = found if before is None else found + before
        for block, memory in zip(self.blocks, state.memories, strict=True):
            found = block.step(memory, place, found)
        return found


class _Block(nn.Module):
    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        channels = config.width
        self.heads, self.dropout = config.heads, config.dropout
        self.norm, self.norm2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.attention, self.out = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        self.wide, self.narrow = nn.Linear(channels, 4 * channels), nn.Linear(4 * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, T, C) -> the same."""
        return self._think(x, attend(self.attention(self.norm(x)), self.heads))

    def step(self, memory: Memory, place: int, x: Tensor) -> Tensor:
        """(N, C) at a place -> the same."""
        return self._think(x, memory.attend(place, self.attention(self.norm(x))))

    def _think(self, x: Tensor, seen: Tensor) -> Tensor:
        x = x + dropout(self.out(seen), self.dropout, self.training)
        return x + dropout(self.narrow(F.gelu(self.wide(self.norm2(x)))), self.dropout, self.training)


class State:
    """Keys and values of all blocks, and the context."""

    def __init__(self, body: Transformer, context: Tensor) -> None:
        self.context = tokens(context)
        self.memories = [Memory(context, context.shape[1], one.heads, self.context.shape[1]) for one in body.blocks]

    def take(self, images: Tensor) -> None:
        """Goes on with these images (M,) int64 in place of those before."""
        self.context = self.context[images]
        for memory in self.memories:
            memory.take(images)
