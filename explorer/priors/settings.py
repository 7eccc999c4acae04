"""What every kind of prior can be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from explorer.options import number


def width(default: int) -> Any:
    """The field `width` with the default of a kind."""
    return number(default, "Channels of every place.", low=4, high=4096, label="Width (channels)", first=1)


def blocks(default: int, about: str) -> Any:
    """The field `blocks` with the default of a kind."""
    return number(default, about, low=1, high=64, label="Blocks", first=2)


@dataclass(frozen=True)
class PriorConfig:
    """Settings of any prior; a kind has its own width and number of blocks, and what it needs besides."""

    width: int = width(128)
    blocks: int = blocks(4, "Blocks, one after another.")
    dim: int = number(
        64,
        "Numbers that stand for a code, where codes are read and where they are predicted: both use one table.",
        low=2,
        high=4096,
        label="Size of a code (numbers)",
    )
    dropout: float = number(
        0.1,
        "Share of features set to zero while training; few images need more of it.",
        low=0.0,
        high=0.9,
        label="Dropout (share)",
    )
    class_dropout: float = number(
        0.1,
        "Share of training images whose class is hidden. Guidance needs some.",
        low=0.0,
        high=1.0,
        label="Class dropout (share)",
    )
