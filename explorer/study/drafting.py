"""Passes that read a changed picture again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from explorer.study.passes import through

if TYPE_CHECKING:
    import numpy as np

    from explorer.autoencoder import Autoencoder


@through
def pooled(model: Autoencoder, layer: str, pixels: np.ndarray) -> np.ndarray:
    """Means of the latents of pictures (n, h, w, 3) uint8 in a layer: (n, D)."""
    from explorer.analysis import drafts

    return drafts.pooled(model, layer, pixels)
