"""Priors: networks that learn which codes stand beside which; one file a kind, one line each in PRIORS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from explorer.errors import BadInput
from explorer.options import configure
from explorer.priors.level import Level
from explorer.priors.pixelcnn import PixelCNN, PixelCNNConfig
from explorer.priors.pixelsnail import PixelSNAIL, PixelSNAILConfig
from explorer.priors.prior import Prior
from explorer.priors.transformer import Transformer, TransformerConfig

__all__ = ["PRIORS", "Kind", "Level", "Prior", "build"]


@dataclass(frozen=True)
class Kind:
    """What the command line, the form and the loader need to know about a kind of prior."""

    config: type
    body: type[nn.Module]
    summary: str


PRIORS: dict[str, Kind] = {
    "pixelcnn": Kind(PixelCNNConfig, PixelCNN, "Gated PixelCNN: convolutions that see what is above and left"),
    "pixelsnail": Kind(
        PixelSNAILConfig, PixelSNAIL, "PixelSNAIL: convolutions for what is near, attention for all else"
    ),
    "transformer": Kind(TransformerConfig, Transformer, "Transformer: each code attends to all codes before it"),
}


def build(kind: str, settings: Mapping[str, Any], levels: Sequence[Level], classes: int) -> Prior:
    """A fresh prior of `kind` with `settings` over its defaults; raises BadInput on anything unknown or unfit."""
    if kind not in PRIORS:
        raise BadInput(f"unknown prior {kind!r}; choose from {', '.join(sorted(PRIORS))}")
    entry = PRIORS[kind]
    config = configure(entry.config, settings)
    if getattr(config, "heads", 1) and config.width % getattr(config, "heads", 1):
        raise BadInput(f"{config.heads} heads do not divide a width of {config.width}; choose a multiple of the heads")
    return Prior(kind, config, entry.body, tuple(levels), classes)
