"""Layers of the sizes that the tensors of a file have."""

from __future__ import annotations

from torch import nn


class Shapes(dict[str, tuple[int, ...]]):
    """Shapes by name, and layers of these shapes."""

    def conv(self, name: str, stride: int, padding: int, *, bias: bool = True) -> nn.Module:
        out, channels, kernel, _ = self[f"{name}.weight"]
        return nn.Conv2d(channels, out, kernel, stride, padding, bias=bias)

    def up(self, name: str, stride: int, padding: int, more: int = 0, *, bias: bool = True) -> nn.Module:
        channels, out, kernel, _ = self[f"{name}.weight"]
        return nn.ConvTranspose2d(channels, out, kernel, stride, padding, more, bias=bias)

    def linear(self, name: str) -> nn.Module:
        return nn.Linear(*reversed(self[f"{name}.weight"]))

    def norm(self, name: str) -> nn.Module:
        return nn.BatchNorm2d(*self[f"{name}.weight"])
