"""Random numbers that are a function of a seed, a step and a place, made by arithmetic where they are used.

They need no state that would have to be saved, no word from the host, and are the same on every device: a resumed run,
a captured one and one in several processes draw the same.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

Shape = tuple[int, ...]


def mixed(x: Tensor) -> Tensor:
    """int32 -> int32, each bit of the result depends on all of `x` (lowbias32 of C. Wellons's hash prospector)."""
    x = (x ^ ((x >> 16) & 0xFFFF)) * 0x7FEB352D
    x = (x ^ ((x >> 15) & 0x1FFFF)) * (0x846CA68B - 2**32)
    return x ^ ((x >> 16) & 0xFFFF)


def shuffled(count: int, seed: int, epoch: int, device: torch.device | str) -> Tensor:
    """A permutation of `count` rows, (count,) int64: another one each epoch, the same on every device."""
    places = torch.arange(count, dtype=torch.int32, device=device)
    keys = mixed(mixed(mixed(places) ^ _word(seed)) ^ _word(epoch + 0x51ED27))
    return keys.argsort(stable=True)


def _word(number: int) -> int:
    """A whole number as 32 signed bits; what is above them is folded in."""
    low = (number ^ (number >> 32) * 0x9E3779B1) & 0xFFFFFFFF
    return low - 2**32 if low >= 2**31 else low


class Chance:
    """What is random in one step. Each call draws anew; the calls of a step are told apart by their order.

    Args:
        step: int64 scalar on the device where numbers are drawn, and the seed; None draws from torch's generators.
        generator: torch's, where there is no step.
    """

    def __init__(self, step: Tensor | None = None, seed: int = 0, generator: torch.Generator | None = None) -> None:
        self.step, self.seed, self.generator, self.calls, self._key = step, seed, generator, 0, None

    @classmethod
    def at(cls, seed: int, step: Tensor) -> Chance:
        """That of a step, an int64 scalar on the device."""
        return cls(step, seed)

    @classmethod
    def of(cls, source: Chance | torch.Generator | None) -> Chance:
        """What draws from `source`; from torch's generators where there is none."""
        return source if isinstance(source, Chance) else cls(generator=source)

    def uniform(self, shape: Shape, device: torch.device) -> Tensor:
        """Numbers in (0, 1), float32, the same in all processes."""
        if self.step is None:
            return torch.rand(shape, generator=self.generator, device=device).clamp_min(2**-24)
        return (((self._bits(shape) >> 9) & 0x7FFFFF).float() + 0.5) * 2**-23

    def normal(self, shape: Shape, device: torch.device) -> Tensor:
        """Numbers of N(0, 1), float32 (Box and Muller 1958), the same in all processes."""
        if self.step is None:
            return torch.randn(shape, generator=self.generator, device=device)
        radius = (-2 * self.uniform(shape, device).log()).sqrt()
        return radius * (2 * math.pi * self.uniform(shape, device)).cos()

    def below(self, bound: int, shape: Shape, device: torch.device) -> Tensor:
        """Whole numbers from 0 to `bound` - 1, int64, the same in all processes."""
        if self.step is None:
            return torch.randint(bound, shape, generator=self.generator, device=device)
        return (self._bits(shape) & 0x7FFFFFFF).long() % bound

    def _bits(self, shape: Shape) -> Tensor:
        if self._key is None:  # most steps of some networks draw nothing
            self._key = mixed((self.step & 0x7FFFFFFF).int() * (0x9E3779B1 - 2**32) + _word(self.seed * 0x632BE5AB + 1))
        self.calls += 1
        places = torch.arange(math.prod(shape), dtype=torch.int32, device=self.step.device)
        return mixed(mixed(places + _word(self.calls * 0x9E3779B1)) ^ self._key).view(shape)
