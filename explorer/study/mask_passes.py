"""Passes through networks that fill in hidden patches; see `passes`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from explorer.study.passes import through

if TYPE_CHECKING:
    from explorer.analysis.attention import Attention
    from explorer.analysis.masks import Filled
    from explorer.autoencoder import Autoencoder


@through
def fill(model: Autoencoder, pixels: np.ndarray, mask: np.ndarray, baselines: bool = True) -> Filled:
    """What comes back of an image (h, w, 3) uint8 with the patches `mask` (H, W) hidden; see `analysis.masks.fill`."""
    from explorer.analysis import masks

    return masks.fill(model, pixels, mask, baselines)


@through
def errors(model: Autoencoder, pixels: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """(M,) mean squared error of the hidden pixels of an image under each of the masks (M, H, W)."""
    from explorer.analysis.masks import inside

    return np.concatenate(list(inside(model, pixels, masks)))


@through
def random_errors(model: Autoencoder, pixels: np.ndarray, hidden: int) -> np.ndarray:
    """The same under random masks of so many patches."""
    from explorer.analysis import mask_search

    return mask_search.random_errors(model, pixels, hidden)


@through
def search(model: Autoencoder, pixels: np.ndarray, found: dict[str, Any], seconds: float) -> dict[str, Any]:
    """A search for masks (`analysis.mask_search.begun`) about so many seconds further."""
    import time

    from explorer.analysis import mask_search

    end = time.monotonic() + seconds
    while found["done"] < found["passes"]:
        found = mask_search.advanced(model, pixels, found)
        if time.monotonic() > end:
            break
    return found


@through
def attend(
    model: Autoencoder, pixels: np.ndarray, mask: np.ndarray, query: int | None, decoder: bool = False
) -> Attention:
    """Whom a patch attends to in each block and head; see `analysis.attention.attend`."""
    from explorer.analysis import attention

    return attention.attend(model, pixels, mask, query, decoder)
