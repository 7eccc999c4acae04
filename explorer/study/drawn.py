"""Images of which there are codes and no pixels, drawn as maps of their codes, so that there is something to see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from explorer.study import Study


class Drawn:
    """What stands for the pixels of a study's images: the codes of its main layer, near codes in near colours."""

    def __init__(self, study: Study) -> None:
        self.study = study

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Maps of some images: (n, size, size, 3) uint8, a square for each cell; tokens without a place are stripes."""
        layer, size = self.study.main_layer, self.study.images.size
        codes = self.study.encoding.codes(layer, rows)
        down, across = (np.arange(size) * length // size for length in codes.shape[1:])
        return self.study.colours(layer)[codes[:, down[:, None], across].astype(np.int64)]
