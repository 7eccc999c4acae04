"""Causal convolutions, and what they keep of the row that is being sampled and of the rows above it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Line:
    """Features of one row, place by place, behind as many zeros as a convolution reaches back.

    The places that a convolution reads lie side by side in memory, so that it is one matrix product with no copy.
    """

    def __init__(self, like: Tensor, channels: int, columns: int, reach: int) -> None:
        self.channels, self.columns, self.reach = channels, columns, reach
        self.values = like.new_zeros(len(like), (reach + columns) * channels)

    def write(self, column: int, features: Tensor) -> None:
        """Features (N, C) of a place."""
        at = (self.reach + column) * self.channels
        self.values[:, at : at + self.channels] = features

    def window(self, column: int, count: int) -> Tensor:
        """The `count` places of which `column` is the last: (N, count · C), a view."""
        end = (self.reach + column + 1) * self.channels
        return self.values[:, end - count * self.channels : end]

    def row(self) -> Tensor:
        """The whole row, (N, C, W)."""
        return self.values[:, self.reach * self.channels :].unflatten(1, (self.columns, self.channels)).transpose(1, 2)

    def take(self, images: Tensor) -> None:
        """Goes on with these images (M,) int64 in place of those before."""
        self.values = self.values[images]


class Rows:
    """The last `count` rows of a feature map, zeros where there are none, between zeros on both sides."""

    def __init__(self, like: Tensor, channels: int, columns: int, count: int, reach: int) -> None:
        self.reach, self.columns = reach, columns
        self.values = like.new_zeros(len(like), channels, count, columns + 2 * reach)

    def push(self, row: Tensor) -> None:
        """A further row (N, C, W); the oldest one is forgotten."""
        if self.values.shape[2] > 1:
            self.values[:, :, :-1] = self.values[:, :, 1:].clone()
        self.values[:, :, -1, self.reach : self.reach + self.columns] = row

    def convolve(self, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """A convolution whose kernel is as high as the rows: (N, C', W)."""
        return F.conv2d(self.values, weight, bias)[:, :, 0]

    def take(self, images: Tensor) -> None:
        """Goes on with these images (M,) int64 in place of those before."""
        self.values = self.values[images]


class Causal(nn.Module):
    """A convolution that sees the rows above, and of its own row what stands left of a place and the place itself.

    Where it is `strict` it does not see the place itself.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, *, strict: bool = False) -> None:
        super().__init__()
        self.reach, self.strict, self.count = kernel // 2, strict, kernel // 2 + (not strict)
        self.above = nn.Conv2d(inputs, outputs, (self.reach, kernel))
        self.left = nn.Conv2d(inputs, outputs, (1, self.count), bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C', H, W)."""
        left = F.pad(self.left.weight, (0, 2 * self.reach + 1 - self.count))  # zeros for what is not to be seen
        weight = torch.cat([self.above.weight, left], 2)
        return F.conv2d(F.pad(x, (self.reach, self.reach, self.reach, 0)), weight, self.above.bias)


class Reader:
    """A causal convolution that is computed place by place."""

    def __init__(self, convolution: Causal, context: Tensor, condition: Tensor | None = None) -> None:
        """`context` (N, C, H, W) tells how many images of which size; `condition` (N, C', H, W) is added."""
        inputs, columns, reach = convolution.left.in_channels, context.shape[3], convolution.reach
        self.convolution, self.condition = convolution, condition
        self.rows = Rows(context, inputs, columns, reach, reach)
        self.line = Line(context, inputs, columns, reach)
        self.weight = along(convolution.left.weight)

    def enter(self, row: int) -> None:
        """Computes what comes from the rows above, for a whole row at once."""
        if row:
            self.rows.push(self.line.row())
        found = self.rows.convolve(self.convolution.above.weight, self.convolution.above.bias)
        found = found if self.condition is None else found + self.condition[:, :, row]
        self.found = found.transpose(1, 2).contiguous()  # (N, W, C')

    def write(self, column: int, features: Tensor) -> None:
        """What stands at a place, (N, C)."""
        self.line.write(column, features)

    def read(self, column: int) -> Tensor:
        """What the convolution finds at a place, (N, C')."""
        window = self.line.window(column - self.convolution.strict, self.convolution.count)
        return torch.addmm(self.found[:, column], window, self.weight)

    def take(self, images: Tensor) -> None:
        """Goes on with these images (M,) int64 in place of those before."""
        self.rows.take(images)
        self.line.take(images)
        self.condition = None if self.condition is None else self.condition[images]
        self.found = self.found[images]


def along(weight: Tensor) -> Tensor:
    """The kernel (C', C, 1, columns) of a convolution along a row, for a window of a Line: (columns · C, C')."""
    return weight[:, :, 0].permute(2, 1, 0).flatten(0, 1).contiguous()
