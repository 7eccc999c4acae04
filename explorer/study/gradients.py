"""The one pass through a network that is about gradients."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from explorer.study.passes import through

if TYPE_CHECKING:
    from explorer.analysis.steps import Gradients
    from explorer.autoencoder import Autoencoder


@partial(through, gradients=True)
def gradients(model: Autoencoder, pixels: np.ndarray, layer: str, loss: str) -> Gradients | None:
    """What a loss of an image (h, w, 3) uint8 asks of both ends of a VQ layer; see `steps.gradients`."""
    from explorer.analysis import steps

    return steps.gradients(model, pixels, layer, loss)
