"""What a prior learns from: codes and classes of the images of a training split, and of those held out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from explorer.autoencoder import Codebook
from explorer.errors import BadInput
from explorer.priors import Level
from explorer.priors.conditions import Condition


@dataclass(frozen=True)
class Part:
    """Codes (N, H, W) of each level, and classes (N,) int64, −1 where there is none."""

    codes: Mapping[str, np.ndarray]
    classes: np.ndarray

    def __len__(self) -> int:
        return len(self.classes)

    def batch(self, rows: np.ndarray, device: Any = "cpu") -> tuple[dict[str, Tensor], Tensor]:
        """Some rows as tensors."""
        codes = {name: torch.from_numpy(found[rows].astype(np.int64)).to(device) for name, found in self.codes.items()}
        return codes, torch.from_numpy(self.classes[rows]).to(device)


@dataclass(frozen=True)
class Codes:
    """What a prior is trained on and judged by.

    Attributes:
        levels: coarse to fine. condition: None where there is none. books: k-means codebooks by layer.
        notes: what a user should know, a sentence each.
    """

    levels: tuple[Level, ...]
    condition: Condition | None
    train: Part
    held_out: Part
    books: Mapping[str, Codebook]
    notes: tuple[str, ...] = ()


Encoded = Callable[[str], Any]  # split -> Encoding


def gather(encoded: Encoded, layers: Sequence[str] | None = None, condition: str | None = None) -> Codes:
    """Codes of both splits of a dataset.

    Args:
        encoded: the Encoding of a split, made where it is not there.
        layers: those that the prior is over; all with codes of their own where None, else the last one's k-means codes.
        condition: a column of concepts.

    Raises:
        BadInput: unknown layers or columns; too few images.
    """
    train, held_out = encoded("train"), encoded("test")
    names = [layer.name for layer in train.layers]
    own = [name for name in names if train.codebook(name).kind != "kmeans"]
    wanted = list(layers or own or names[-1:])
    for name in wanted:
        train.layer(name)
    for which, found in (("training", train), ("held-out", held_out)):
        if len(found) < 2:
            raise BadInput(f"a prior needs at least two {which} images, and there are {len(found)}; add images")
    chosen = [layer for layer in train.layers if layer.name in wanted]
    levels = tuple(Level(layer.name, layer.grid, len(train.codebook(layer.name))) for layer in chosen)
    fitted = None
    if condition is not None:
        columns = train.concepts()
        if condition not in columns:
            known = ", ".join(columns.columns[:20]) or "none"
            raise BadInput(f"there is no column '{condition}'; choose from {known}")
        fitted = Condition.fit(columns[condition], list(columns.columns))
    return Codes(
        levels, fitted, _part(train, levels, fitted), _part(held_out, levels, fitted),
        {one.name: train.codebook(one.name) for one in levels if train.codebook(one.name).kind == "kmeans"},
    )  # fmt: skip


def _part(encoding: Any, levels: Sequence[Level], condition: Condition | None) -> Part:
    codes = {level.name: encoding.codes(level.name) for level in levels}
    if condition is None:
        return Part(codes, np.full(len(encoding), -1, np.int64))
    column = encoding.concepts().get(condition.column, pd.Series([None] * len(encoding)))
    return Part(codes, condition.classes(column))


class CodeBatches:
    """Batches of codes in a reproducible order, on the device where they have room."""

    def __init__(self, part: Part, config: Any, device: torch.device) -> None:
        self.part, self.config, self.device = part, config, device

    def after(self, step: int) -> Any:
        """(codes of each level, classes) of step `step`, `step` + 1, …"""
        from explorer.training.batches import rows_of

        for index in range(step, self.config.steps):
            yield self.part.batch(rows_of(index, len(self.part), self.config), self.device)
