"""What a part of the page Prior gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from explorer.sheets import Block


@dataclass(frozen=True)
class Made:
    """Blocks from top to bottom, and the numbers that they show."""

    blocks: Sequence[Block]
    numbers: Mapping[str, Any] = field(default_factory=dict)
