"""Whom a patch attends to, in each block and head, and how far away that is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explorer.autoencoder import Attends, device_of, to_images


@dataclass(frozen=True)
class Attention:
    """Attention of each block and head (B, heads) of an image whose patches are visible in part.

    Attributes:
        weights: (B, heads, H, W) float32, from the token that asks to each patch; hidden patches get none.
        first: (B, heads), from it to the tokens that stand for no patch; with `weights` the sum is 1.
        entropy, distance: (B, heads), of the token that asks: bits, and patches; nan for one without a place.
        mean_entropy, mean_distance: (B, heads), mean over all patches that are there to ask.
        tokens: how many there are to attend to. even_distance: mean over patches if all weights were the same.
    """

    weights: np.ndarray
    first: np.ndarray
    entropy: np.ndarray
    distance: np.ndarray
    mean_entropy: np.ndarray
    mean_distance: np.ndarray
    tokens: int
    even_distance: float


def attend(model: Attends, pixels: np.ndarray, mask: np.ndarray, query: int | None, decoder: bool = False) -> Attention:
    """Attention of an image (h, w, 3) uint8 whose patches `mask` (H, W) are hidden, in the encoder or the decoder.

    A mean attention distance is that of Dosovitskiy et al. 2021 (An image is worth 16 × 16 words, figure 7): distances
    between centres of patches, weighted by attention; here in patches, and weights of tokens that stand for no patch
    are left out and the others made to sum to 1.

    Args:
        query: the patch that asks, row by row from 0; None for the first token that stands for no patch.
        decoder: whether its blocks are meant, for a model that `AttendsWhenDecoding`; hidden patches are there, too.

    Raises:
        ValueError: the patch that asks is hidden, or nothing is there to ask.
    """
    seen = np.arange(mask.size) if decoder else np.flatnonzero(~mask.reshape(-1))
    if (query is None and not model.first_tokens) or (query is not None and query not in seen):
        raise ValueError("only a token that the network sees can ask")
    row = 0 if query is None else model.first_tokens + int(np.searchsorted(seen, query))
    hidden = torch.from_numpy(np.array(mask, bool))[None].to(device_of(model))
    places = torch.from_numpy(np.stack(np.unravel_index(seen, mask.shape), 1)).float()
    away = torch.cdist(places, places).to(hidden.device)  # (visible, visible), in patches
    weigh = model.decoder_attention if decoder else model.attention
    blocks = weigh(to_images(pixels[None], device_of(model)), hidden)
    parts = [_of_block(one[0], row, model.first_tokens, away) for one in blocks]
    asked, *others = (torch.stack(kind).cpu().numpy() for kind in zip(*parts, strict=True))
    weights = np.zeros((*asked.shape[:2], mask.size), np.float32)
    weights[..., seen] = asked[..., model.first_tokens :]
    first = asked[..., : model.first_tokens].sum(-1)
    entropy, distance, mean_entropy, mean_distance = others
    return Attention(
        weights.reshape(*asked.shape[:2], *mask.shape), first, entropy, distance, mean_entropy, mean_distance,
        asked.shape[2], float(away.mean()) if len(seen) else float("nan"),
    )  # fmt: skip


def _of_block(weights: Tensor, row: int, first: int, away: Tensor) -> tuple[Tensor, ...]:
    """Of weights (heads, tokens, tokens): those of a row, its entropy and distance, and their means over patches."""
    entropy = torch.special.entr(weights).sum(-1) / np.log(2)  # (heads, tokens)
    patches = weights[:, :, first:]
    distance = (patches[:, first:] * away).sum(-1) / patches[:, first:].sum(-1)  # (heads, visible)
    own = distance[:, row - first] if row >= first else torch.full_like(entropy[:, row], torch.nan)
    return weights[:, row], entropy[:, row], own, entropy[:, first:].mean(-1), distance.mean(-1)
