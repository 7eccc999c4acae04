"""What a prior is over: one grid of codes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Level:
    """One layer with codes: its name, grid (H, W), and K codes. Levels stand coarse to fine."""

    name: str
    grid: tuple[int, int]
    codes: int

    @property
    def places(self) -> int:
        """H · W."""
        return self.grid[0] * self.grid[1]
