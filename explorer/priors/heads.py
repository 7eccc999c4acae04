"""Codes in and out: a table that embeds codes, and the same table as the last layer, in one piece or in two factors.

A softmax over K codes costs K numbers a place. Above WHOLE codes it is factorised: with B = ceil(sqrt K),
p(code) = p(code // B) p(code % B | code // B), which is exact, and costs 2 B numbers (Goodman 2001, arXiv:cs/0108006).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

WHOLE = 4096  # codes that have a softmax of their own
AT_ONCE = 2**25  # logits in memory at the same time; more are computed part by part


def head(codes: int, dim: int, *, whole: int = WHOLE) -> Whole | Factors:
    """What reads and predicts `codes` codes in `dim` dimensions; up to `whole` of them have one softmax."""
    return Whole(codes, dim) if codes <= whole else Factors(codes, dim)


def table(codes: int, dim: int, *, whole: int = WHOLE) -> nn.Module:
    """What reads codes alone: (...) int64 -> (..., dim)."""
    return _embedding(codes, dim) if codes <= whole else Sum(codes, dim)


class Sum(nn.Module):
    """Two tables of B rows: a code is the sum of those of code // B and of code % B."""

    def __init__(self, codes: int, dim: int) -> None:
        super().__init__()
        self.base = math.isqrt(codes - 1) + 1
        self.high, self.low = _embedding(-(-codes // self.base), dim), _embedding(self.base, dim)

    def forward(self, codes: Tensor) -> Tensor:
        """(...) int64 -> (..., dim)."""
        return self.high(codes // self.base) + self.low(codes % self.base)


class Whole(nn.Module):
    """One table of K rows, and a softmax over all of them."""

    def __init__(self, codes: int, dim: int) -> None:
        super().__init__()
        self.codes = codes
        self.table = _embedding(codes, dim)
        self.bias = nn.Parameter(torch.zeros(codes))

    def embed(self, codes: Tensor) -> Tensor:
        """(...) int64 -> (..., dim)."""
        return self.table(codes)

    def logits(self, query: Tensor) -> Tensor:
        """(..., dim) -> (..., K)."""
        return F.linear(query, self.table.weight, self.bias)

    def nats(self, query: Tensor, codes: Tensor) -> Tensor:
        """−ln p(code): (..., dim), (...) int64 -> (...) float32."""
        return _in_parts(lambda some, of: _surprise(self.logits(some), of), query, codes, self.codes)

    def draw(self, query: Tensor, pick: Callable[[Tensor], Tensor]) -> Tensor:
        """Codes (n,) of (n, dim), as `pick` chooses from logits (n, K)."""
        return pick(self.logits(query))


class Factors(nn.Module):
    """A softmax over code // B, and one over code % B that knows it; no code beyond K has a probability."""

    def __init__(self, codes: int, dim: int) -> None:
        super().__init__()
        self.codes = codes
        self.table = Sum(codes, dim)
        self.base, highs = self.table.base, self.table.high.num_embeddings
        self.mix = nn.Sequential(nn.Linear(2 * dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))
        self.bias = nn.Parameter(torch.zeros(highs))
        self.low_bias = nn.Parameter(torch.zeros(highs, self.base))  # of each code: how often it is used is exact

    def embed(self, codes: Tensor) -> Tensor:
        """(...) int64 -> (..., dim)."""
        return self.table(codes)

    def high(self, query: Tensor) -> Tensor:
        """Logits of code // B: (..., dim) -> (..., M)."""
        return F.linear(query, self.table.high.weight, self.bias)

    def low(self, query: Tensor, high: Tensor) -> Tensor:
        """Logits of code % B where code // B is known: (..., dim), (...) int64 -> (..., B); −inf where no code is."""
        known = query + self.mix(torch.cat([query, self.table.high(high)], -1))
        logits = F.linear(known, self.table.low.weight) + F.embedding(high, self.low_bias)
        beyond = high[..., None] * self.base + torch.arange(self.base, device=high.device) >= self.codes
        return logits.masked_fill(beyond, float("-inf"))

    def logits(self, query: Tensor) -> Tensor:
        """ln p of every code, (..., dim) -> (..., K): for a few places, since all K are in memory."""
        highs = torch.arange(len(self.bias), device=query.device)
        each = query[..., None, :].expand(*query.shape[:-1], len(highs), -1)
        low = self.low(each, highs.expand(*query.shape[:-1], -1)).log_softmax(-1)
        return (self.high(query).log_softmax(-1)[..., None] + low).flatten(-2)[..., : self.codes]

    def nats(self, query: Tensor, codes: Tensor) -> Tensor:
        """−ln p(code): (..., dim), (...) int64 -> (...) float32."""
        return _in_parts(self._nats, query, codes, 2 * self.base)

    def draw(self, query: Tensor, pick: Callable[[Tensor], Tensor]) -> Tensor:
        """Codes (n,) of (n, dim): `pick` chooses from logits (n, M), and then from (n, B)."""
        high = pick(self.high(query))
        return high * self.base + pick(self.low(query, high))

    def _nats(self, query: Tensor, codes: Tensor) -> Tensor:
        high = codes // self.base
        return _surprise(self.high(query), high) + _surprise(self.low(query, high), codes % self.base)


def _embedding(codes: int, dim: int) -> nn.Embedding:
    """A table whose rows have about length one, so that logits begin near zero."""
    return nn.Embedding(codes, dim, _weight=small(codes, dim, std=dim**-0.5))


def small(*shape: int, std: float = 0.02) -> Tensor:
    """Normal numbers about 0; not by `normal_`, for which torch imports 900 files where a prior is only measured."""
    return nn.init.trunc_normal_(torch.empty(shape), std=std, a=-8 * std, b=8 * std)


def _surprise(logits: Tensor, codes: Tensor) -> Tensor:
    """−ln softmax in float32: (n, K), (n,) -> (n,)."""
    return F.cross_entropy(logits if logits.dtype == torch.float64 else logits.float(), codes, reduction="none")


def _in_parts(nats: Callable[[Tensor, Tensor], Tensor], query: Tensor, codes: Tensor, width: int) -> Tensor:
    """`nats` of all places, with at most AT_ONCE logits of `width` in memory, for the gradient too."""
    flat, of = query.flatten(0, -2), codes.flatten()
    if len(of) * width <= AT_ONCE:
        return nats(flat, of).view(codes.shape)
    parts = zip(flat.split(max(1, AT_ONCE // width)), of.split(max(1, AT_ONCE // width)), strict=True)
    if torch.is_grad_enabled():
        # nothing is drawn there, and a step that is recorded may not ask for the state of a generator
        again = {"use_reentrant": False, "preserve_rng_state": False}
        return torch.cat([checkpoint(nats, *part, **again) for part in parts]).view(codes.shape)
    return torch.cat([nats(*part) for part in parts]).view(codes.shape)
