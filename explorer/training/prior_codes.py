"""What a prior learns from: codes and classes of the images of a training split, and of those held out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from explorer.autoencoder import Codebook, to_images
from explorer.errors import BadInput
from explorer.jobs.devices import choose
from explorer.precision import exact
from explorer.priors import Level
from explorer.priors.conditions import Condition
from explorer.training.batches import Rows

if TYPE_CHECKING:
    from explorer.progress import Progress

WATCHED, HELD_OUT = 10, 5  # one training image in so many is watched; one in so many is held out where all are one set
FEWEST, ENCODED = 2, 64  # images: of a split at least, and encoded at a time


@dataclass(frozen=True)
class Part:
    """Codes (N, H, W) of each level, and classes (N,) int64, −1 where there is none."""

    codes: Mapping[str, np.ndarray]
    classes: np.ndarray

    def __len__(self) -> int:
        return len(self.classes)

    def of(self, rows: np.ndarray) -> Part:
        """Some of the images."""
        return Part({name: found[rows] for name, found in self.codes.items()}, self.classes[rows])

    def batch(self, rows: np.ndarray, device: Any = "cpu") -> tuple[dict[str, Tensor], Tensor]:
        """Some rows as tensors."""
        codes = {name: torch.from_numpy(found[rows].astype(np.int64)).to(device) for name, found in self.codes.items()}
        return codes, torch.from_numpy(self.classes[rows]).to(device)

    def shares(self) -> np.ndarray:
        """(N,) float64 in [0, 1) by the content of the code maps: the same of equal maps, as good as random."""
        mixed = np.zeros(len(self), np.uint64)
        for place, found in enumerate(self.codes.values()):
            flat = found.reshape(len(found), -1).astype(np.uint64)
            odd = np.random.default_rng([7, place]).integers(2**63, size=flat.shape[1], dtype=np.uint64) * 2 + 1
            mixed = (mixed * np.uint64(0x9E3779B97F4A7C15)) ^ ((flat + 1) * odd).sum(1, dtype=np.uint64)
        for shift, factor in ((33, 0xFF51AFD7ED558CCD), (33, 0xC4CEB9FE1A85EC53), (33, 1)):  # MurmurHash3's finish
            mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
        return (mixed >> np.uint64(11)).astype(np.float64) / 2**53


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

    def watched(self) -> np.ndarray:
        """(N,) bool, training images that only say which weights are kept: a tenth by content, or none of few."""
        if len(self.train) < 2 * WATCHED:
            return np.zeros(len(self.train), bool)
        return self.train.shares() < 1 / WATCHED


@dataclass(frozen=True)
class Sources:
    """Where codes come from, and what makes pictures of them.

    Attributes:
        encoded: split -> Encoding of its images, made where it is not there.
        assigned: k-means codebooks by layer -> codes (N, H, W) of the training images by these.
        decoder: k-means codebooks by layer -> a function from codes (n, H, W) by layer to pictures.
    """

    encoded: Callable[[str], Any]
    assigned: Callable[[Mapping[str, Codebook]], Mapping[str, np.ndarray]]
    decoder: Callable[[Mapping[str, Codebook]], Callable[[Mapping[str, np.ndarray]], np.ndarray]]


def gather(sources: Sources, layers: Sequence[str], condition: str | None = None) -> Codes:
    """Codes of both splits of a dataset.

    A file of codes has no splits: a fifth of it is held out, by the content of the code maps, so that equal maps stay
    together. k-means codes are those of the held-out images' Encoding, which is the one that is looked at.

    Args:
        layers: those that the prior is over. condition: a column of concepts.

    Raises:
        BadInput: unknown columns, too few images.
    """
    held_out, train = sources.encoded("test"), sources.encoded("train")
    levels = tuple(Level(one.name, one.grid, len(held_out.codebook(one.name))) for one in held_out.layers
                   if one.name in layers)  # fmt: skip
    found = {one.name: held_out.codebook(one.name) for one in levels}
    books = {name: book for name, book in found.items() if book.kind == "kmeans"}
    others = {name: book for name, book in books.items() if not _same(book, train.codebook(name))}
    codes = {one.name: train.codes(one.name) for one in levels} | (dict(sources.assigned(others)) if others else {})
    shown = {one.name: held_out.codes(one.name) for one in levels}
    aside, notes = np.zeros(len(train), bool), []
    alone = len(train) == len(held_out) and all(np.array_equal(codes[name], shown[name]) for name in shown)
    if alone:  # the other end of the shares than `watched` takes
        aside = Part(codes, np.full(len(train), -1)).shares() >= 1 - 1 / HELD_OUT
    fitted = None
    if condition is not None:
        fitted = fit(train.concepts()[~aside] if alone else train.concepts(), condition)
    learned, tested = Part(codes, _classes(train, fitted)), Part(shown, _classes(held_out, fitted))
    if alone:
        learned, tested = learned.of(np.flatnonzero(~aside)), learned.of(np.flatnonzero(aside))
        notes.append(f"there is one set of codes: {len(tested):,} of {len(aside):,} images were held out, by content")
    for which, part in (("training", learned), ("held-out", tested)):
        check_enough(len(part), which)
    return Codes(levels, fitted, learned, tested, books, tuple(notes))


def assigned(
    network: Any, images: Any, books: Mapping[str, Codebook], device: str, progress: Progress
) -> dict[str, np.ndarray]:
    """Codes (N, H, W) of images by codebooks of continuous layers, by layer: a pass through the encoder."""
    place = torch.device(choose(device))
    network = network.to(place)
    parts: dict[str, list[np.ndarray]] = {name: [] for name in books}
    with exact(), torch.inference_mode():
        for pixels in images.batches(np.arange(len(images)), ENCODED):
            latents = network.encode(to_images(pixels, place))
            for name, book in books.items():
                parts[name].append(book.assign(latents[name]).cpu().numpy().astype(np.int32))
            progress.update(0, f"encoding {sum(map(len, parts[next(iter(parts))])):,} of {len(images):,} images")
    return {name: np.concatenate(found) for name, found in parts.items()}


def check_enough(count: int, which: str) -> None:
    """Raises BadInput for fewer images of a kind than a prior needs."""
    if count < FEWEST:
        there = "is one" if count == 1 else "are none"
        raise BadInput(f"a prior needs at least two {which} images, and there {there}; add images, or another split")


def fit(columns: pd.DataFrame, name: str) -> Condition:
    """The condition of a column among the concepts of the training images; BadInput lists the columns."""
    if name not in columns:
        known = ", ".join(map(str, columns.columns[:20])) or "there are none: train without --condition"
        raise BadInput(f"there is no column '{name[:100]}'; choose from {known}")
    return Condition.fit(columns[name], [str(column) for column in columns])


def _same(one: Codebook, other: Codebook) -> bool:
    return one.vectors.shape == other.vectors.shape and torch.equal(one.vectors, other.vectors)


def _classes(encoding: Any, condition: Condition | None) -> np.ndarray:
    if condition is None:
        return np.full(len(encoding), -1, np.int64)
    return condition.classes(encoding.concepts().get(condition.column, pd.Series([None] * len(encoding))))


class CodeBatches:
    """Batches of codes in a reproducible order; all codes lie on the device, in as few bytes as hold them."""

    def __init__(self, part: Part, config: Any, device: torch.device) -> None:
        self.config, self.device, self.count = config, device, len(part)
        small = {name: found.astype(_small(found)) for name, found in part.codes.items()}
        self.codes = {name: torch.from_numpy(found).to(device) for name, found in small.items()}
        self.classes = torch.from_numpy(part.classes).to(device)
        self.rows = Rows(self.count, config, device)

    def ready(self, step: int) -> None:
        self.rows.ready(step)

    def at(self, clock: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """(codes of each level, classes) of a step."""
        return self._of(self.rows.at(clock))

    def few(self, count: int) -> tuple[dict[str, Tensor], Tensor]:
        return self._of(torch.arange(count, device=self.device) % self.count)

    def _of(self, rows: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        return {name: found[rows].long() for name, found in self.codes.items()}, self.classes[rows]


def _small(codes: np.ndarray) -> type:
    most = int(codes.max(initial=0))
    return np.uint8 if most < 2**8 else np.int16 if most < 2**15 else np.int32
