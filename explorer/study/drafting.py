"""Passes that try changed codes: a picture read again, and a search that is short enough to wait for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from explorer.study.passes import through

if TYPE_CHECKING:
    import numpy as np

    from explorer.autoencoder import Autoencoder

DRAWN, FEWEST = 1_500, 150  # pictures of a search that somebody waits for


@through
def pooled(model: Autoencoder, layer: str, pixels: np.ndarray) -> np.ndarray:
    """Means of the latents of pictures (n, h, w, 3) uint8 in a layer: (n, D)."""
    from explorer.analysis import drafts

    return drafts.pooled(model, layer, pixels)


@through
def towards(
    model: Autoencoder, begin: Mapping[str, Any], target: np.ndarray, codes: np.ndarray, used: np.ndarray, swaps: int
) -> dict[str, Any]:
    """Swaps that make an image more like another one; see `analysis.proposing.propose`.

    Args:
        begin: `latents`, `layer`, `vectors` and `start` of `Drafts`. target: (h, w, 3) uint8. codes: (H, W) of it.
    """
    from explorer.analysis import proposing
    from explorer.analysis.drafts import Drafts

    aim = proposing.near(target, codes, begin["start"])
    drawn = proposing.affordable(DRAWN, FEWEST, model.image_size)
    return proposing.propose(Drafts(model, **begin), aim, used, swaps, drawn, lambda *_: None)
