"""What rows of pictures with a slider have in common."""

from __future__ import annotations

import numpy as np

from explorer.sheets import drawing

SILENT = "The pictures in the rows are all that is kept here; in the app the large picture follows every slider."
WRONG = "the sliders asked for something that is not there; reload the page"


def strip(pictures: np.ndarray) -> str:
    """Pictures (S, h, w, 3) uint8 side by side, as a data URL."""
    return drawing.url(np.concatenate(list(pictures), 1))
