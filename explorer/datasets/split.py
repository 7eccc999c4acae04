"""One split of a dataset, decoded at one size."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from explorer.datasets.sources import ordered, sample
from explorer.files import digest
from explorer.lazy import cached_property

NAMED = 1000  # images that could not be read and that JSON names; all are counted


class Images:
    """One split of a dataset, decoded at one size.

    Attributes:
        name, split, size: what was asked for; `name` as in DATASETS, or the path.
        fingerprint: digest of the content and of everything that changes the pixels or their order.
        skipped: (file, reason) of the images that could not be read, the first 10,000. lost: how many they are.
        notes: sentences on what was left out or chosen when it was opened.
        stamps: (N, 2) uint64 who each image is, by its file (0 where unknown) and by its pixels; None if drawn.
        seen: how many of these images a checkpoint was trained on; None where that is not known (`seen.judged`).
        pictured: whether there are pixels; False of codes without a dataset (`coded.py`).
    """

    pictured = True

    def __init__(
        self,
        name: str,
        split: str,
        size: int,
        fingerprint: str,
        *,
        read: Callable[[np.ndarray], np.ndarray],
        count: int,
        concepts: Callable[[], pd.DataFrame],
        names: Sequence[str],
        skipped: tuple[tuple[str, str], ...] = (),
        lost: int | None = None,
        notes: tuple[str, ...] = (),
        stamps: np.ndarray | None = None,
    ) -> None:
        self.name, self.split, self.size, self.fingerprint = name, split, size, fingerprint
        self.names, self.skipped, self.notes, self.stamps = names, skipped, notes, stamps
        self.lost, self.seen = len(skipped) if lost is None else lost, None
        self._read, self._count, self._concepts = read, count, concepts

    def __len__(self) -> int:
        return self._count

    def __repr__(self) -> str:
        return f"Images({self.name!r}, {self.split!r}, {self._count:,} × {self.size} × {self.size})"

    @cached_property
    def concepts(self) -> pd.DataFrame:
        """One row per image: category columns hold values, float columns quantities."""
        return ordered(self._concepts())

    def read(self, rows: slice | Sequence[int] | np.ndarray) -> np.ndarray:
        """Pixels of `rows`, (n, size, size, 3) uint8, a copy; raises IndexError on a row that does not exist."""
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(self._count))
        rows = np.asarray(rows)
        if rows.dtype == bool:
            rows = np.flatnonzero(rows)
        rows = np.atleast_1d(rows.astype(np.int64))
        rows = np.where(rows < 0, rows + self._count, rows)
        if rows.size and not (rows.min() >= 0 and rows.max() < self._count):
            raise IndexError(f"row {rows.max()} of {self._count:,} images")
        return self._read(rows)

    def sample(self, count: int, seed: int = 0) -> np.ndarray:
        """Rows of at most `count` images, ascending: always the same ones, drawn from the whole set."""
        return sample(len(self), count, seed)

    @property
    def held_out(self) -> bool:
        """Whether training is known to have seen none of these images, which were kept from it or came later."""
        return self.seen == 0 and self.split != "train"

    def part(self, rows: np.ndarray, what: str) -> Images:
        """Only some rows of these images; `what` says which, and with the rows it is part of the fingerprint."""
        return Images(
            self.name,
            self.split,
            self.size,
            digest(self.fingerprint, what, rows.tolist()),
            read=lambda some: self._read(rows[some]),
            count=len(rows),
            concepts=lambda: self.concepts.iloc[rows].reset_index(drop=True),
            names=[self.names[row] for row in rows.tolist()],
            skipped=self.skipped,
            lost=self.lost,
            notes=self.notes,
            stamps=None if self.stamps is None else self.stamps[rows],
        )

    def batches(self, rows: np.ndarray, size: int = 128) -> Iterator[np.ndarray]:
        """Pixels of `rows` in their order, as `read` gives them, at most `size` images in memory at once."""
        return (self.read(rows[start : start + size]) for start in range(0, len(rows), size))


class Numbered(Sequence):
    """The names "<prefix> 0", "<prefix> 1", …, made when they are asked for."""

    def __init__(self, prefix: str, count: int) -> None:
        self.prefix, self.count = prefix, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, row):
        found = range(self.count)[row]
        return [f"{self.prefix} {one}" for one in found] if isinstance(row, slice) else f"{self.prefix} {found}"

    def __iter__(self) -> Iterator[str]:
        return (f"{self.prefix} {row}" for row in range(self.count))


def lost(lost: int, count: int, skipped: tuple[tuple[str, str], ...]) -> list[str]:
    """A sentence on the images that could not be read."""
    if not lost:
        return []
    (file, reason), of = skipped[0], f"{lost:,} of {lost + count:,} images"
    return [f"{of} was skipped: {file} {reason}" if lost == 1 else f"{of} were skipped; the first, {file}, {reason}"]


def told(*several: Images) -> dict[str, Any]:
    """What was left out of images or chosen, for JSON: `notes`, and `skipped` with the number of those that could not
    be read, of how many, and the first of them with reasons; neither where there is nothing to tell."""
    found: dict[str, Any] = {}
    if notes := list(dict.fromkeys(note for images in several for note in images.notes)):
        found["notes"] = notes
    if lost := sum(images.lost for images in several):
        files = dict.fromkeys(file for images in several for file in images.skipped)
        named = [{"name": name, "reason": reason} for name, reason in list(files)[:NAMED]]
        found["skipped"] = {"count": lost, "of": lost + sum(map(len, several)), "images": named}
    return found
