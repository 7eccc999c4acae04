"""Codebooks that learn: the nearest code of a latent, its way into the decoder, and the steps that move codes.

Names of buffers are those of vector-quantize-pytorch, and so are the numbers: a moving average with Laplace smoothing,
k-means on the first batch, the rotation trick. It is written here in operations on the device alone, in as little
memory as distances need, so that a training step never waits and can be captured.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer import ranks
from explorer.chance import Chance

DECAY, SMOOTHING, ROUNDS, BLOCK = 0.99, 1e-5, 10, 2**28


class Table(nn.Module):
    """K codes of D numbers, a moving average of their latents or weights of their own (`learnable`)."""

    def __init__(self, codes: int, dim: int, *, learnable: bool, cosine: bool = False) -> None:
        super().__init__()
        self.cosine = cosine
        book = self._codebook = nn.Module()
        book.register_buffer("initted", torch.tensor(False))
        book.register_buffer("cluster_size", torch.ones(1, codes))
        book.register_buffer("embed_avg", torch.zeros(1, codes, dim))
        if learnable:
            book.embed = nn.Parameter(torch.zeros(1, codes, dim))
        else:
            book.register_buffer("embed", torch.zeros(1, codes, dim))

    @property
    def vectors(self) -> Tensor:
        """(K, D)."""
        return self._codebook.embed[0]

    @property
    def sizes(self) -> Tensor:
        """(K,) latents of each code in a batch, a moving average."""
        return self._codebook.cluster_size[0]

    @property
    def sums(self) -> Tensor:
        """(K, D) sums of these latents."""
        return self._codebook.embed_avg[0]

    @torch.no_grad()
    def begin(self, z: Tensor, chance: Chance) -> None:
        """Places the codes by k-means on latents (M, D), unless that was done. It asks the device."""
        if bool(self._codebook.initted):
            return
        vectors, sizes = kmeans(z, len(self.vectors), chance, cosine=self.cosine)
        self.sizes.copy_(sizes)
        self.sums.copy_(vectors * sizes[:, None])
        self._average()
        self._codebook.initted.fill_(True)

    @torch.no_grad()
    def follow(self, z: Tensor, codes: Tensor) -> None:
        """Moves the codes (M,) of latents (M, D) towards these: the paper's appendix A.1."""
        sizes, sums = totals(z, codes, len(self.vectors))
        self.sizes.lerp_(sizes, 1 - DECAY)
        self.sums.lerp_(sums, 1 - DECAY)
        self._average()

    def _average(self) -> None:
        sizes, total = self.sizes, self.sizes.sum()
        smoothed = (sizes + SMOOTHING) / (total + len(sizes) * SMOOTHING) * total
        vectors = self.sums / smoothed[:, None]
        self.vectors.copy_(normalized(vectors) if self.cosine else vectors)


class SimTable(nn.Module):
    """Codes that are a linear map of frozen random ones."""

    def __init__(self, codes: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("frozen_codebook", torch.randn(codes, dim) * dim**-0.5)
        self.code_transform = nn.Linear(dim, dim, bias=False)

    @property
    def vectors(self) -> Tensor:
        """(K, D)."""
        return self.code_transform(self.frozen_codebook)


@torch.no_grad()
def nearest(z: Tensor, vectors: Tensor, *, cosine: bool = False) -> Tensor:
    """Code of each latent by distance, or by angle of unit vectors: (M, D), (K, D) -> (M,) int64."""
    half_norms = None if cosine else vectors.square().sum(1) / 2
    found = [
        (part @ vectors.T).argmax(1) if cosine else torch.addmm(half_norms, part, vectors.T, alpha=-1).argmin(1)
        for part in z.split(max(1, BLOCK // len(vectors)))
    ]
    return found[0] if len(found) == 1 else torch.cat(found)


def totals(z: Tensor, codes: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Number and sum of the latents (M, D) of each of `count` codes, (K,) and (K, D) float32, over all processes."""
    sizes, sums = summed(z, codes, count)
    if ranks.count() == 1:
        return sizes, sums
    both = ranks.total(torch.cat([sizes[:, None], sums], 1))  # one message
    return both[:, 0], both[:, 1:]


def summed(z: Tensor, codes: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """`totals` of this process.

    Elsewhere than on a CPU adding by index has no order, and sums would differ from run to run. A product with zeros
    and ones has one; latents go in as two halves, because such products may round to ten bits.
    """
    if adds_in_order(z):
        sizes = z.new_zeros(count).index_add_(0, codes, z.new_ones(()).expand(len(codes)))
        return sizes, z.new_zeros(count, z.shape[1]).index_add_(0, codes, z)
    sizes, sums = z.new_zeros(count), z.new_zeros(count, z.shape[1])
    names = torch.arange(count, device=z.device)
    rows = max(1, BLOCK // count)
    for part, of in zip(z.split(rows), codes.split(rows), strict=True):
        member = (of[:, None] == names).to(z.dtype)  # (M, K)
        high = part.bfloat16().to(z.dtype)
        halves = member.T @ torch.cat([high, part - high], 1)  # (K, 2 D)
        sizes, sums = sizes + member.sum(0), sums + halves[:, : z.shape[1]] + halves[:, z.shape[1] :]
    return sizes, sums


def adds_in_order(z: Tensor) -> bool:
    """Whether adding by index gives the same sum each time."""
    return z.device.type == "cpu"


class Lookup(torch.autograd.Function):
    """Vectors (K, D) at codes (M,) -> (M, D), with a gradient that is the same in every run; see `summed`."""

    @staticmethod
    def forward(ctx, vectors: Tensor, codes: Tensor) -> Tensor:
        ctx.save_for_backward(codes)
        ctx.count = len(vectors)
        return vectors.index_select(0, codes)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        (codes,) = ctx.saved_tensors
        return summed(gradient.contiguous(), codes, ctx.count)[1], None


def kmeans(z: Tensor, count: int, chance: Chance, *, cosine: bool = False) -> tuple[Tensor, Tensor]:
    """Lloyd's algorithm from latents drawn at random: (M, D) -> means (K, D) and how many latents each has, (K,).

    A mean that has no latents stays where it is.
    """
    whole = len(z) * ranks.count()
    if whole >= count:
        rows = chance.uniform((whole,), z.device).argsort(stable=True)[:count]
    else:
        rows = chance.below(whole, (count,), z.device)
    means = ranks.chosen(z, rows)
    for _ in range(ROUNDS):
        sizes, sums = totals(z, nearest(z, means, cosine=cosine), count)
        moved = sums / sizes.clamp_min(1)[:, None]
        means = torch.where((sizes > 0)[:, None], normalized(moved) if cosine else moved, means)
    return means, sizes


def rotated(z: Tensor, vectors: Tensor) -> Tensor:
    """The vectors (M, D), whose gradients come back to z rotated and scaled: Fifty et al. 2024, section 4.2."""
    long, other = z.norm(dim=1, keepdim=True), vectors.norm(dim=1, keepdim=True)
    start, end = z / long.clamp_min(1e-6), vectors / other.clamp_min(1e-6)
    middle = normalized(start + end).detach()
    turned = z - 2 * (z * middle).sum(1, keepdim=True) * middle
    turned = turned + 2 * (z * start.detach()).sum(1, keepdim=True) * end.detach()
    return turned * (other / long.clamp_min(1e-6)).detach()


def normalized(x: Tensor) -> Tensor:
    """Of length one along the last axis."""
    return F.normalize(x, dim=-1, eps=1e-6)
