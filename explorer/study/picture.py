"""One image to look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from explorer.lazy import cached_property
from explorer.study.memory import name_of

if TYPE_CHECKING:
    import numpy as np

OWN = "own:"  # begins the address of a picture that is of no dataset


@dataclass(frozen=True, eq=False)
class Picture:
    """One image to look at: of the dataset, or one's own.

    Attributes:
        pixels: (h, w, 3) uint8, h = w = the checkpoint's image size.
        name: what to call it. row: its place in the dataset; None for one's own.
    """

    pixels: np.ndarray
    name: str
    row: int | None = None

    @cached_property
    def key(self) -> str:
        return f"row {self.row}" if self.row is not None else f"own {name_of(self.pixels)}"

    @property
    def address(self) -> str:
        """What a link calls it: its row, or its name, which no other has in a session."""
        return f"{OWN}{self.name}" if self.row is None else str(self.row)
