"""PixelSNAIL (Chen et al. 2018, arXiv:1712.09763), as VQ-VAE-2 has it (Razavi et al. 2019, arXiv:1906.00446).

Causal convolutions in residual blocks read what is near, causal attention what is far. The first convolution does not
see the place itself, so no features know the code of their own place, and all that follows may look at the place.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from explorer.options import choice, number
from explorer.priors.attention import Memory, attend, shifted, tokens
from explorer.priors.dropout import dropout
from explorer.priors.lines import Causal, Reader
from explorer.priors.settings import PriorConfig, blocks, width


@dataclass(frozen=True)
class PixelSNAILConfig(PriorConfig):
    """Settings of a PixelSNAIL."""

    width: int = width(64)
    blocks: int = blocks(2, "Blocks of a few convolutions and one attention.")
    residuals: int = number(
        2, "Residual blocks of two convolutions before an attention.", low=1, high=16, label="Residual blocks"
    )
    heads: int = number(
        4, "Attention heads of a block; they divide the width.", low=1, high=64, label="Attention heads"
    )
    kernel: int = choice(3, (3, 5, 7), "Places along each side that a convolution sees.", label="Kernel (places)")


class PixelSNAIL(nn.Module):
    """Features at a place depend on all codes before it in raster order, and on the context up to it."""

    def __init__(self, config: PixelSNAILConfig, grid: tuple[int, int]) -> None:
        super().__init__()
        self.grid = grid
        self.first = Causal(config.width, config.width, config.kernel, strict=True)
        self.blocks = nn.ModuleList(_Block(config) for _ in range(config.blocks))

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """(N, C, H, W) embedded codes and context -> features (N, C, H, W)."""
        features, before = self.first(x) + context, shifted(tokens(x))
        for block in self.blocks:
            features = block(features, before, context)
        return F.elu(features)

    @torch.no_grad()
    def begin(self, context: Tensor) -> State:
        """What `step` keeps from place to place."""
        return State(self, context)

    @torch.no_grad()
    def step(self, state: State, place: int, before: Tensor | None) -> Tensor:
        """Features (N, C) at a place; `before` is the embedded code (N, C) of the place before it."""
        row, column = divmod(place, self.grid[1])
        if before is not None:
            state.first.write((place - 1) % self.grid[1], before)
        if column == 0:
            for reader in state.readers():
                reader.enter(row)
        features = state.first.read(column)
        for block, kept in zip(self.blocks, state.blocks, strict=True):
            features = block.step(kept, place, column, features, before)
        return F.elu(features)


class _Residual(nn.Module):
    """Two causal convolutions with a gate (section 2.2)."""

    def __init__(self, config: PixelSNAILConfig) -> None:
        super().__init__()
        self.dropout = config.dropout
        self.first = Causal(config.width, config.width, config.kernel)
        self.condition = nn.Conv2d(config.width, config.width, 1, bias=False)
        self.second = Causal(config.width, 2 * config.width, config.kernel)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        found = F.elu(self.first(F.elu(x)) + self.condition(context))
        return x + F.glu(self.second(dropout(found, self.dropout, self.training)), 1)


class _Block(nn.Module):
    """Residual blocks, attention to what they found and to the codes themselves, and both put together."""

    def __init__(self, config: PixelSNAILConfig) -> None:
        super().__init__()
        channels = config.width
        self.heads, self.dropout = config.heads, config.dropout
        self.residuals = nn.ModuleList(_Residual(config) for _ in range(config.residuals))
        # queries, keys and values are of features, context and (keys and values alone) codes, side by side
        self.of_features = nn.Linear(channels, 3 * channels)
        self.of_context = nn.Linear(channels, 3 * channels, bias=False)
        self.of_codes = nn.Linear(channels, 2 * channels, bias=False)
        self.near, self.far = nn.Linear(channels, channels), nn.Linear(channels, channels, bias=False)
        self.out = nn.Linear(channels, 2 * channels)

    def forward(self, x: Tensor, before: Tensor, context: Tensor) -> Tensor:
        """Features and context (N, C, H, W), and the code before each place (N, T, C) -> features."""
        for residual in self.residuals:
            x = residual(x, context)
        flat = tokens(x)
        codes = F.pad(self.of_codes(before), (flat.shape[2], 0))  # queries do not see them
        found = attend(self.of_features(flat) + self.of_context(tokens(context)) + codes, self.heads)
        return self._merge(flat, found).transpose(1, 2).unflatten(2, x.shape[2:])

    def step(self, kept: BlockState, place: int, column: int, x: Tensor, before: Tensor | None) -> Tensor:
        """Features (N, C) at a place, and the code (N, C) before it -> features (N, C)."""
        for first, second in kept.readers:
            first.write(column, F.elu(x))
            second.write(column, F.elu(first.read(column)))
            x = x + F.glu(second.read(column), 1)
        mixed = torch.addmm(kept.mixed[:, place], x, self.of_features.weight.T)
        if before is not None:
            mixed[:, x.shape[1] :].addmm_(before, self.of_codes.weight.T)
        return self._merge(x, kept.memory.attend(place, mixed))

    def _merge(self, near: Tensor, far: Tensor) -> Tensor:
        found = F.elu(self.near(F.elu(near)) + self.far(F.elu(far)))
        return near + F.glu(self.out(dropout(found, self.dropout, self.training)), -1)


class BlockState:
    """What a block keeps: the rows of its convolutions, its keys and values, and what the context adds to them."""

    def __init__(self, block: _Block, context: Tensor) -> None:
        self.readers = [
            (Reader(one.first, context, one.condition(context)), Reader(one.second, context)) for one in block.residuals
        ]
        self.mixed = block.of_context(tokens(context)) + block.of_features.bias
        self.memory = Memory(context, context.shape[1], block.heads, self.mixed.shape[1])

    def take(self, images: Tensor) -> None:
        """Goes on with these images (M,) int64 in place of those before."""
        self.mixed = self.mixed[images]
        self.memory.take(images)


class State:
    """What sampling keeps from place to place."""

    def __init__(self, body: PixelSNAIL, context: Tensor) -> None:
        self.first = Reader(body.first, context, context)
        self.blocks = [BlockState(block, context) for block in body.blocks]

    def readers(self) -> list[Reader]:
        """All convolutions."""
        return [self.first, *(one for block in self.blocks for pair in block.readers for one in pair)]

    def take(self, images: Tensor) -> None:
        """Goes on with these images (M,) int64 in place of those before."""
        for one in (*self.readers(), *self.blocks):
            one.take(images)
