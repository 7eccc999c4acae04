"""What a probe sees of an image: bags of codes, codes at their places, latents, pixels, colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from explorer.analysis.usage import occurrences

if TYPE_CHECKING:
    from scipy.sparse import csr_array

COLUMNS = 4_096  # of a representation; of codes at places the commonest are kept
BLOCKS = 4  # latents are averaged in at most so many rows and columns of the grid
SIDE = 16  # pixels of a side of the small image that raw pixels are taken from
LEVELS = 4  # of each of red, green and blue in a histogram of colours


def counts(codes: np.ndarray, size: int) -> csr_array:
    """How often each code stands in each image: codes (n, H, W) in [0, K) -> sparse (n, K) float64."""
    return occurrences(codes, size).astype(np.float64)


def bag(counted: csr_array) -> csr_array:
    """Bags of codes of length 1: counts (n, K) -> the square roots of their shares (Hellinger), sparse (n, K)."""
    from scipy.sparse import csr_array, diags_array

    total = np.maximum(np.asarray(counted.sum(1)).reshape(-1), 1)
    return csr_array(diags_array(1 / np.sqrt(total)) @ counted.sqrt())


def places(codes: np.ndarray, size: int, columns: int = COLUMNS) -> csr_array:
    """Codes at their places: (n, H, W) -> sparse (n, ≤ columns), 1 / √(HW) where an image has that code in that cell.

    Where there are more pairs of code and cell, the commonest over all images are kept; labels play no part.
    """
    from scipy.sparse import csr_array

    flat = np.asarray(codes).reshape(len(codes), -1)
    pairs = flat.astype(np.int64) + size * np.arange(flat.shape[1])
    found, column, often = np.unique(pairs, return_inverse=True, return_counts=True)
    keep = np.zeros(len(found), bool)
    keep[np.argsort(-often, kind="stable")[:columns]] = True
    column = (np.cumsum(keep) - 1)[column].reshape(-1)
    row, chosen = np.repeat(np.arange(len(flat)), flat.shape[1]), keep[np.searchsorted(found, pairs.reshape(-1))]
    weight = np.full(int(chosen.sum()), 1 / np.sqrt(flat.shape[1]))
    return csr_array((weight, (row[chosen], column[chosen])), shape=(len(flat), int(keep.sum())))


def both(codes: np.ndarray, size: int) -> csr_array:
    """The bag of codes beside the codes at their places: all that a linear probe can know of the codes of an image."""
    from scipy.sparse import hstack

    bags = bag(counts(codes, size))
    if codes.shape[1] * codes.shape[2] == 1:
        return bags
    return hstack([bags, places(codes, size)], format="csr")


def blocks(latents: np.ndarray) -> np.ndarray:
    """Latents (n, H, W, D) as means of at most 4 × 4 blocks of the grid: (n, ≤ 16 D) float32."""
    for axis, length in ((1, latents.shape[1]), (2, latents.shape[2])):
        if length > BLOCKS:
            edges = np.arange(BLOCKS) * length // BLOCKS
            sizes = np.diff(np.append(edges, length)).reshape([-1 if i == axis else 1 for i in range(4)])
            latents = np.add.reduceat(latents, edges, axis) / sizes
    return latents.reshape(len(latents), -1).astype(np.float32)


def pixels(images: np.ndarray) -> np.ndarray:
    """Raw pixels (n, h, w, 3) uint8 as small images: means of at most 16 × 16 parts, (n, ≤ 768) float32 in [0, 1]."""
    small = images.astype(np.float32) / 255
    for axis in (1, 2):
        length = small.shape[axis]
        if length > SIDE:
            edges = np.arange(SIDE) * length // SIDE
            sizes = np.diff(np.append(edges, length)).astype(np.float32)
            small = np.add.reduceat(small, edges, axis) / sizes.reshape([-1 if i == axis else 1 for i in range(4)])
    return small.reshape(len(images), -1)


def colour_counts(images: np.ndarray) -> np.ndarray:
    """Pixels of each of 64 colours, four levels of red, green and blue each: (n, h, w, 3) uint8 -> (n, 64) float64."""
    level = images.astype(np.int64) * LEVELS // 256
    colour = (level[..., 0] * LEVELS + level[..., 1]) * LEVELS + level[..., 2]
    flat = colour.reshape(len(images), -1) + LEVELS**3 * np.arange(len(images))[:, None]
    return np.bincount(flat.reshape(-1), minlength=LEVELS**3 * len(images)).reshape(len(images), -1).astype(np.float64)


def patches(images: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """The piece of raw image below each cell of a grid, in at most 4 × 4 parts: (n, H, W, ≤ 48) float32 in [0, 1]."""
    n, height, width = images.shape[:3]
    rows, columns = (np.arange(count + 1) * length // count for count, length in ((grid[0], height), (grid[1], width)))
    tall, wide = (int(min(4, max(1, np.diff(edges).min()))) for edges in (rows, columns))
    down = _samples(rows, tall, height)
    across = _samples(columns, wide, width)
    taken = images[:, down][:, :, across].astype(np.float32) / 255  # (n, H · tall, W · wide, 3)
    taken = taken.reshape(n, grid[0], tall, grid[1], wide, 3).transpose(0, 1, 3, 2, 4, 5)
    return taken.reshape(n, *grid, -1)


def _samples(edges: np.ndarray, each: int, length: int) -> np.ndarray:
    """`each` places between every two edges, evenly."""
    middle = edges[:-1, None] + (np.arange(each) + 0.5) * np.diff(edges)[:, None] / each
    return np.clip(middle.astype(np.int64).reshape(-1), 0, length - 1)


def standing(codes: np.ndarray) -> np.ndarray:
    """Where an image differs from others, not how: codes (n, H, W) -> (n, 9) float64.

    A cell stands out by how rare its code is in its place, -log of the share of the images that have it there. Given
    are the mean row and column of what stands out more than usual, their squares and product, and its quarter.
    """
    n, height, width = codes.shape
    flat = codes.reshape(n, -1).astype(np.int64)
    pairs = flat + (int(flat.max(initial=0)) + 1) * np.arange(flat.shape[1])
    _, pair, often = np.unique(pairs, return_inverse=True, return_counts=True)
    surprise = -np.log(often / n)[pair].reshape(n, height, width)
    surprise = np.maximum(surprise - surprise.mean(0), 0)
    total = np.maximum(surprise.sum((1, 2)), 1e-9)
    down = surprise.sum(2) @ (np.arange(height) - (height - 1) / 2) / total / height
    across = surprise.sum(1) @ (np.arange(width) - (width - 1) / 2) / total / width
    quarters = [(down > 0) == below for below in (False, True)], [(across > 0) == right for right in (False, True)]
    quarter = [a & b for a in quarters[0] for b in quarters[1]]
    return np.column_stack([down, across, down**2, across**2, down * across, *quarter]).astype(np.float64)


def random_codebook(latents: np.ndarray, size: int, seed: int = 0) -> np.ndarray:
    """A codebook nobody trained: K Gaussian vectors with the mean and spread of latents (M, D) -> (K, D) float32."""
    rng = np.random.default_rng([seed, 17])
    flat = np.asarray(latents, np.float64).reshape(-1, latents.shape[-1])
    return (flat.mean(0) + flat.std(0) * rng.standard_normal((size, flat.shape[1]))).astype(np.float32)
