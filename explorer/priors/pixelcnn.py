"""Gated PixelCNN (van den Oord et al. 2016, arXiv:1606.05328, figure 2): two stacks, so that nothing is overlooked.

The vertical stack sees all rows above a place, the horizontal one what stands left of it, and each block hands what the
vertical stack found to the horizontal one. Masked convolutions in one stack would never see a wedge above and right.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from explorer.options import choice
from explorer.priors.dropout import dropout
from explorer.priors.lines import Line, Rows, along
from explorer.priors.settings import PriorConfig, blocks, width


@dataclass(frozen=True)
class PixelCNNConfig(PriorConfig):
    """Settings of a gated PixelCNN."""

    width: int = width(64)
    blocks: int = blocks(5, "Gated convolutions of each stack, one after another; each lets a place see further.")
    kernel: int = choice(3, (3, 5, 7), "Places along each side that a convolution sees.", label="Kernel (places)")
    first_kernel: int = choice(5, (3, 5, 7, 9), "The same, of the first convolution.", label="First kernel (places)")


class PixelCNN(nn.Module):
    """Features at a place depend on the codes above and left of it within reach, and on the context there."""

    def __init__(self, config: PixelCNNConfig, grid: tuple[int, int]) -> None:
        super().__init__()
        self.grid, self.width = grid, config.width
        kernels = [config.first_kernel] + [config.kernel] * (config.blocks - 1)
        self.blocks = nn.ModuleList(
            _Block(config.width, kernel, config.dropout, first=place == 0) for place, kernel in enumerate(kernels)
        )
        self.conditions = nn.Conv2d(config.width, config.blocks * 2 * config.width, 1)
        self.last = nn.Linear(config.width, config.width)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """(N, C, H, W) embedded codes and context -> features (N, C, H, W)."""
        vertical = horizontal = x
        for block, condition in zip(self.blocks, self.conditions(context).split(2 * self.width, 1), strict=True):
            vertical, horizontal = block(vertical, horizontal, condition)
        return self._leave(horizontal.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    @torch.no_grad()
    def begin(self, context: Tensor) -> Stacks:
        """What `step` keeps from place to place."""
        return Stacks(self, context)

    @torch.no_grad()
    def step(self, state: Stacks, place: int, before: Tensor | None) -> Tensor:
        """Features (N, C) at a place; `before` is the embedded code (N, C) of the place before it."""
        row, column = divmod(place, self.grid[1])
        if before is not None:
            state.lines[0].write((place - 1) % self.grid[1], before)
        if column == 0:
            state.enter(self.blocks, row)
        features = None
        for number, block in enumerate(self.blocks):
            window = state.lines[number].window(column - block.first, block.count)
            features = block.step(window, state.weights[number], state.links[number][:, column], features)
            if number + 1 < len(self.blocks):
                state.lines[number + 1].write(column, features)
        return self._leave(features)

    def _leave(self, features: Tensor) -> Tensor:
        return F.relu(self.last(F.relu(features)))


class _Block(nn.Module):
    """One gated convolution of each stack; the first one does not see the place itself."""

    def __init__(self, channels: int, kernel: int, dropout: float, *, first: bool) -> None:
        super().__init__()
        self.first, self.dropout, self.reach = first, dropout, kernel // 2
        self.count = kernel // 2 + (not first)  # rows, and columns, that a convolution sees
        self.vertical = nn.Conv2d(channels, 2 * channels, (self.count, kernel), bias=False)
        self.horizontal = nn.Conv2d(channels, 2 * channels, (1, self.count), bias=False)
        self.link = nn.Conv2d(2 * channels, 2 * channels, 1)
        self.out = nn.Conv2d(channels, channels, 1)

    def forward(self, vertical: Tensor, horizontal: Tensor, condition: Tensor) -> tuple[Tensor, Tensor]:
        """Both stacks (N, C, H, W) and the condition (N, 2 C, H, W) -> both stacks."""
        reach, late = self.reach, -1 if self.first else 0  # one row, or one column, later where it is the first
        above = self.vertical(F.pad(vertical, (reach, reach, reach, late))) + condition
        left = self.horizontal(F.pad(horizontal, (reach, late))) + self.link(above)
        found = self.out(dropout(gate(left, 1), self.dropout, self.training))
        return gate(above, 1), found if self.first else horizontal + found

    def row(self, rows: Rows, condition: Tensor) -> tuple[Tensor, Tensor]:
        """A row of the vertical stack, (N, C, W), and what it tells the horizontal one, (N, W, 2 C)."""
        above = rows.convolve(self.vertical.weight) + condition
        return gate(above, 1), F.linear(above.transpose(1, 2), self.link.weight[:, :, 0, 0], self.link.bias)

    def step(self, window: Tensor, weight: Tensor, link: Tensor, before: Tensor | None) -> Tensor:
        """The horizontal stack at a place, (N, C), of the one `before` and what the vertical one tells it, `link`."""
        found = F.linear(gate(torch.addmm(link, window, weight), 1), self.out.weight[:, :, 0, 0], self.out.bias)
        return found if self.first else before + found


class Stacks:
    """The rows above of the vertical stack, and this row of the horizontal one."""

    def __init__(self, body: PixelCNN, context: Tensor) -> None:
        columns = body.grid[1]
        conditions = body.conditions(context).unflatten(1, (len(body.blocks), 2 * body.width))
        self.conditions = conditions  # (N, blocks, 2 C, H, W)
        self.rows = [Rows(context, body.width, columns, block.count, block.reach) for block in body.blocks]
        self.lines = [Line(context, body.width, columns, block.reach) for block in body.blocks]
        self.links: list[Tensor] = []
        self.weights = [along(block.horizontal.weight) for block in body.blocks]

    def enter(self, blocks: nn.ModuleList, row: int) -> None:
        """Computes the vertical stack of a whole row, when all rows above it are known."""
        if row:
            self.rows[0].push(self.lines[0].row())
        self.links = []
        for number, block in enumerate(blocks):
            features, link = block.row(self.rows[number], self.conditions[:, number, :, row])
            self.links.append(link)
            if number + 1 < len(blocks):
                self.rows[number + 1].push(features)

    def take(self, images: Tensor) -> None:
        """Goes on with these images (M,) int64 in place of those before."""
        self.conditions = self.conditions[images]
        self.links = [link[images] for link in self.links]
        for one in (*self.rows, *self.lines):
            one.take(images)


def gate(features: Tensor, axis: int) -> Tensor:
    """tanh of one half of the channels, times the sigmoid of the other (equation 2)."""
    signal, share = features.chunk(2, axis)
    return torch.tanh(signal) * torch.sigmoid(share)
