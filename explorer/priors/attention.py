"""Attention to places before, all at once or place by place."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def attend(mixed: Tensor, heads: int) -> Tensor:
    """What a place finds at itself and at the places before it: (N, T, 3 C) queries, keys, values -> (N, T, C)."""
    query, key, value = mixed.unflatten(2, (3, heads, -1)).permute(2, 0, 3, 1, 4)  # each (N, heads, T, C / heads)
    return F.scaled_dot_product_attention(query, key, value, is_causal=True).transpose(1, 2).flatten(2)


class Memory:
    """Keys and values of the places so far."""

    def __init__(self, like: Tensor, channels: int, heads: int, places: int) -> None:
        # values lie beside their keys, so that a place is kept by one copy
        self.kept = like.new_zeros(2, len(like), heads, places, channels // heads)

    def attend(self, place: int, mixed: Tensor) -> Tensor:
        """The same as `attend` for one place, whose query, key and value are `mixed` (N, 3 C): (N, C)."""
        parts = mixed.unflatten(1, (3, self.kept.shape[2], -1)).transpose(0, 1)  # (3, N, heads, C / heads)
        self.kept[:, :, :, place] = parts[1:]
        keys, values = self.kept[:, :, :, : place + 1]
        return F.scaled_dot_product_attention(parts[0].unsqueeze(2), keys, values).flatten(1)

    def take(self, images: Tensor) -> None:
        """Goes on with these images (M,) int64 in place of those before."""
        self.kept = self.kept[:, images]


def tokens(grid: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, H · W, C), in raster order."""
    return grid.flatten(2).transpose(1, 2)


def shifted(flat: Tensor) -> Tensor:
    """What stands at the place before, and zeros at the first: (N, T, C) -> the same."""
    return F.pad(flat, (0, 0, 1, -1))
