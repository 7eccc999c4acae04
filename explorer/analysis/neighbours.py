"""Exact nearest neighbours by blocked matrix products: no index to build, nothing to compile."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

BLOCK = 2_000_000  # distances held at once: 16 MB of float64


WORK = 7e10  # products of numbers that a search of all pairs may take: seconds on a CPU; 16,384 vectors of 256


def affordable(count: int, dim: int) -> bool:
    """Whether all pairs of (count, dim) vectors can be searched within seconds."""
    return count * count * dim <= WORK


def nearest(
    vectors: np.ndarray | Tensor,
    k: int,
    *,
    queries: np.ndarray | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest other vectors by Euclidean distance, nearest first.

    Vectors are centred before |a|² - 2ab + |b|² is taken, in float64, since a product of float32 may be one of bf16;
    and the distances returned are recomputed from differences, so that near-duplicates get the right distance.

    Args:
        vectors: (M, D) finite numbers.
        k: neighbours of each vector, itself not among them; fewer come back where M - 1 < k.
        queries: (Q,) row numbers to search for; all rows by default.
        progress: called with (rows done, rows) after each block.

    Returns:
        (Q, k) int64 row numbers and (Q, k) float32 distances.
    """
    points = finite(vectors)
    rows = torch.arange(len(points)) if queries is None else torch.as_tensor(np.asarray(queries), dtype=torch.int64)
    k = max(0, min(k, len(points) - 1))
    if k == 0:
        return np.empty((len(rows), 0), np.int64), np.empty((len(rows), 0), np.float32)
    half_norms = points.square().sum(1) / 2  # (M,)
    found, distances = torch.empty((len(rows), k), dtype=torch.int64), torch.empty((len(rows), k))
    # one place for all blocks, since what is kept between them would leave holes of their size in memory
    done, block = 0, points.new_empty((max(1, min(len(rows), BLOCK // len(points))), len(points)))
    for part in rows.split(len(block)):
        score = block[: len(part)]
        torch.addmm(half_norms, points[part], points.T, alpha=-1, out=score)  # |b|²/2 - ab: same order as |a - b|²
        score[torch.arange(len(part)), part] = torch.inf
        index = score.topk(k, dim=1, largest=False).indices
        # one neighbour at a time: (block, k, D) of differences would dwarf the block of distances
        distance = torch.stack([(points[part] - points[index[:, j]]).norm(dim=1) for j in range(k)], 1)
        order = distance.argsort(stable=True)
        found[done : done + len(part)] = index.gather(1, order)
        distances[done : done + len(part)] = distance.gather(1, order)
        done += len(part)
        if progress is not None:
            progress(done, len(rows))
    return found.numpy(), distances.numpy()


def finite(vectors: np.ndarray | Tensor) -> Tensor:
    """(M, D) centred float64 on the CPU; ValueError where the shape is wrong or a value is not finite."""
    points = torch.as_tensor(vectors if isinstance(vectors, Tensor) else np.array(vectors)).detach().cpu().double()
    if points.ndim != 2:
        raise ValueError(f"vectors must be (M, D), one row each; got shape {tuple(points.shape)}")
    broken = int((~torch.isfinite(points)).any(1).sum())
    if broken:
        raise ValueError(f"{broken:,} of {len(points):,} vectors contain NaN or infinity; leave them out first")
    return points - points.mean(0) if len(points) else points


class Centred:
    """Vectors (M, D) that are centred, and taken to float64, a block at a time: what `finite` tells of few at once.

    Attributes:
        middle: (D,) their mean.

    Raises:
        ValueError: as `finite`.
    """

    ROWS = 65_536

    def __init__(self, vectors: np.ndarray | Tensor) -> None:
        self.vectors = vectors.detach().cpu().numpy() if isinstance(vectors, Tensor) else np.asarray(vectors)
        if self.vectors.ndim != 2:
            raise ValueError(f"vectors must be (M, D), one row each; got shape {self.vectors.shape}")
        self.middle = torch.zeros(self.vectors.shape[1], dtype=torch.float64)
        total, broken = torch.zeros_like(self.middle), 0
        for part in self.parts():
            broken += int((~torch.isfinite(part)).any(1).sum())
            total += part.sum(0)
        if broken:
            raise ValueError(f"{broken:,} of {len(self):,} vectors contain NaN or infinity; leave them out first")
        self.middle = total / max(1, len(self))

    def __len__(self) -> int:
        return len(self.vectors)

    def __getitem__(self, rows: slice | np.ndarray | Tensor) -> Tensor:
        """(n, D) of some rows, centred."""
        rows = rows.numpy() if isinstance(rows, Tensor) else rows  # numpy takes a tensor of one row for a number
        return torch.from_numpy(np.array(self.vectors[rows], np.float64)) - self.middle

    def parts(self, rows: int = ROWS) -> Iterator[Tensor]:
        """All of them, so many rows at a time."""
        return (self[start : start + rows] for start in range(0, len(self), rows))


def near_duplicates(
    vectors: np.ndarray | Tensor, fraction: float = 0.1, limit: int = 1_000
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Pairs of vectors closer than `fraction` of the median distance to the nearest neighbour.

    The yardstick is the codebook's own: the median over vectors of the Euclidean distance to the nearest other.
    Exact copies are always pairs. Memory stays at a block of distances and `limit` pairs.

    Args:
        vectors: (K, D).
        fraction: of the median nearest-neighbour distance, ≥ 0.
        limit: pairs returned; all are counted.

    Returns:
        pairs (P, 2) int64, smaller id first; distances (P,) float32, closest first; cosine similarities (P,) of the
        vectors as given (0 where one of them is zero); the number of all such pairs.
    """
    points = finite(vectors)
    original = torch.as_tensor(vectors).detach().cpu().float()
    empty = np.empty((0, 2), np.int64), np.empty(0, np.float32), np.empty(0, np.float32), 0
    if len(points) < 2:
        return empty
    threshold = float(fraction * np.median(nearest(points, 1)[1]))
    half_norms = points.square().sum(1) / 2
    slack = 1e-12 * float(half_norms.max())  # rounding of the matrix product; candidates are measured again below
    pairs, distances, total = torch.empty((0, 2), dtype=torch.int64), points.new_empty(0), 0
    for part in torch.arange(len(points)).split(max(1, BLOCK // len(points))):
        first = int(part[0])
        half_square = torch.addmm(half_norms[first:], points[part], points[first:].T, alpha=-1)
        half_square += half_norms[part, None]
        found = (half_square <= threshold**2 / 2 + slack).triu(1).nonzero() + first
        for some in found.split(100_000):
            distance = (points[some[:, 0]] - points[some[:, 1]]).norm(dim=1)
            close = distance <= threshold
            total += int(close.sum())
            distances, order = torch.cat([distances, distance[close]]).sort(stable=True)
            distances, pairs = distances[:limit], torch.cat([pairs, some[close]])[order[:limit]]
    cosines = torch.cosine_similarity(original[pairs[:, 0]], original[pairs[:, 1]])
    return pairs.numpy(), distances.float().numpy(), cosines.numpy(), total
