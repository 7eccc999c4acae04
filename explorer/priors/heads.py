"""Codes in and out: a table that embeds codes, and the same table as the last layer, in one piece or in two factors.

A softmax over K codes costs K numbers a place. Above WHOLE codes it is factorised: with B = ceil(sqrt K),
p(code) = p(code // B) p(code % B | code // B), which is exact, and costs 2 B numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WHOLE = 4096  # codes that have a softmax of their own


def tokens(codes: int, dim: int, *, whole: int = WHOLE) -> nn.Module:
    """Whole or Factors for `codes` codes in `dim` dimensions."""
    return Whole(codes, dim) if codes <= whole else Factors(codes, dim)


class Whole(nn.Module):
    """One table of K rows, and a softmax over all of them."""

    def __init__(self, codes: int, dim: int) -> None:
        super().__init__()
        self.codes = codes
        self.table = nn.Parameter(torch.randn(codes, dim) * dim**-0.5)
        self.bias = nn.Parameter(torch.zeros(codes))

    def embed(self, codes: Tensor) -> Tensor:
        """(...) int64 -> (..., dim)."""
        return F.embedding(codes, self.table)

    def logits(self, query: Tensor) -> Tensor:
        """(..., dim) -> (..., K)."""
        return F.linear(query, self.table, self.bias)

    def nats(self, query: Tensor, codes: Tensor) -> Tensor:
        """−ln p(code): (..., dim), (...) int64 -> (...) float32."""
        logits = self.logits(query).float()
        return F.cross_entropy(logits.flatten(0, -2), codes.flatten(), reduction="none").view(codes.shape)

    def draw(self, query: Tensor, pick: Callable[[Tensor], Tensor]) -> Tensor:
        """Codes (n,) that `pick` chooses from logits (n, K)."""
        return pick(self.logits(query))


class Factors(nn.Module):
    """Two tables of B rows: of code // B, and of code % B."""

    def __init__(self, codes: int, dim: int) -> None:
        super().__init__()
        self.codes, self.base = codes, math.isqrt(codes - 1) + 1
        self.high = Whole(-(-codes // self.base), dim)
        self.low = Whole(self.base, dim)
        self.mix = nn.Sequential(nn.Linear(2 * dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def embed(self, codes: Tensor) -> Tensor:
        """(...) int64 -> (..., dim)."""
        return self.high.embed(codes // self.base) + self.low.embed(codes % self.base)

    def nats(self, query: Tensor, codes: Tensor) -> Tensor:
        """−ln p(code): (..., dim), (...) int64 -> (...) float32."""
        high = codes // self.base
        logits = self._low(query, high).float()
        low = F.cross_entropy(logits.flatten(0, -2), (codes % self.base).flatten(), reduction="none")
        return self.high.nats(query, high) + low.view(codes.shape)

    def logits(self, query: Tensor) -> Tensor:
        """ln p of every code, (..., dim) -> (..., K): for a few places, and for tests."""
        high = torch.arange(self.high.codes, device=query.device)
        below = self._low(
            query[..., None, :].expand(*query.shape[:-1], len(high), -1), high.expand(*query.shape[:-1], -1)
        )
        joint = self.high.logits(query).log_softmax(-1)[..., None] + below.log_softmax(-1)
        return joint.flatten(-2)[..., : self.codes]

    def draw(self, query: Tensor, pick: Callable[[Tensor], Tensor]) -> Tensor:
        """Codes (n,): `pick` chooses from logits (n, M) twice."""
        high = pick(self.high.logits(query))
        return high * self.base + pick(self._low(query, high))

    def _low(self, query: Tensor, high: Tensor) -> Tensor:
        """Logits of code % B, without those that no code has: (..., B)."""
        logits = self.low.logits(query + self.mix(torch.cat([query, self.high.embed(high)], -1)))
        beyond = high[..., None] * self.base + torch.arange(self.base, device=query.device) >= self.codes
        return logits.masked_fill(beyond, float("-inf"))
