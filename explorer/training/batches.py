"""Batches of a dataset in a reproducible order; on the device if the whole set fits there, else read ahead.

Of several ranks each has its part of every batch. `ready(step)` is the host's share of the work, which never waits for
the device; `at(clock)` is the device's, operations alone, so that it can be captured.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from explorer import ranks
from explorer.autoencoder import to_images
from explorer.chance import shuffled
from explorer.progress import Progress

SLOTS = 2  # batches that are on their way


class Source(Protocol):
    """Where the batches of a training come from."""

    def ready(self, step: int) -> None:
        """Called before each step with its number."""

    def at(self, clock: Tensor) -> Any:
        """The batch of the step `clock`, an int64 scalar on the device, which is the one that was made ready."""

    def few(self, count: int) -> Any:
        """A batch of `count` rows, whichever; for asking how many fit."""


class Rows:
    """Which rows a step has: a permutation per epoch, continued over its end; of a rank its part."""

    def __init__(self, count: int, config: Any, device: torch.device) -> None:
        self.count, self.size, self.seed, self.device = count, config.batch_size, config.seed, device
        self.epochs = -(-self.size // count) + 1  # that one step may reach into
        self.order = torch.zeros(self.epochs * count, dtype=torch.int64, device=device)
        self.first = torch.zeros((), dtype=torch.int64, device=device)  # how many rows were drawn before those in order
        self.own = torch.arange(self.size, device=device)[ranks.part(self.size)]
        self.epoch = -1

    def ready(self, step: int) -> None:
        """Shuffles, where a new epoch begins."""
        epoch = step * self.size // self.count
        if epoch == self.epoch:
            return
        orders = (shuffled(self.count, self.seed, epoch + index, self.device) for index in range(self.epochs))
        torch.cat(list(orders), out=self.order)
        self.first.fill_(epoch * self.count)
        self.epoch = epoch

    def at(self, clock: Tensor) -> Tensor:
        """(n,) int64 rows of the step that was made ready."""
        return self.order[self.own + (clock * self.size - self.first)]


class Batches:
    """Batches of images (n, 3, h, w) float in [0, 1], channels last in memory."""

    def __init__(self, images, config, accelerator, progress: Progress) -> None:
        self.images, self.config, self.device = images, config, accelerator.device
        self.resident: Tensor | None = None
        size = len(images) * images.size**2 * 3
        if size <= _room(self.device):
            self.resident = torch.empty(len(images), images.size, images.size, 3, dtype=torch.uint8, device=self.device)
            for start in range(0, len(images), 2048):
                part = images.read(slice(start, min(start + 2048, len(images))))
                self.resident[start : start + len(part)] = torch.from_numpy(np.ascontiguousarray(part)).to(self.device)
                progress.update(0, f"reading images: {start + len(part):,} of {len(images):,}")
        self.rows = Rows(len(images), config, self.device if self.resident is not None else torch.device("cpu"))
        self.stream = None if self.resident is not None else Stream(self._read, config.steps, self.device)

    def ready(self, step: int) -> None:
        if self.stream is None:
            self.rows.ready(step)
        else:
            self.stream.ready(step)

    def at(self, clock: Tensor) -> Tensor:
        pixels = self.resident[self.rows.at(clock)] if self.stream is None else self.stream.held
        return to_images(pixels, self.device)

    def few(self, count: int) -> Tensor:
        rows = np.arange(count) % len(self.images)
        return to_images(self.images.read(rows), self.device)

    def _read(self, step: int) -> np.ndarray:
        self.rows.ready(step)
        return self.images.read(self.rows.at(torch.tensor(step)).numpy())


class Stream:
    """Batches that a thread reads while those before them are used; on a GPU through pinned memory and a stream of
    its own, into one place that never moves."""

    def __init__(self, read: Any, steps: int, device: torch.device) -> None:
        self.read, self.steps, self.device, self.held = read, steps, device, None
        self.reader = ThreadPoolExecutor(1)
        self.ahead: dict[int, Future] = {}
        self.copying = torch.cuda.Stream(device) if device.type == "cuda" else None
        self.slots: dict[int, _Slot] = {}

    def ready(self, step: int) -> None:
        """Puts the batch of a step in its place, and has those after it read."""
        for index in range(step, min(step + SLOTS, self.steps)):
            if index not in self.ahead:
                self.ahead[index] = self.reader.submit(self._fetch, index)
        found = self.ahead.pop(step).result()
        if self.copying is None:
            self.held = found
            return
        now = torch.cuda.current_stream(self.device)
        now.wait_event(found.arrived)
        if self.held is None:
            self.held = torch.empty_like(found.there)
        self.held.copy_(found.there)
        found.used.record(now)

    def _fetch(self, step: int) -> Tensor | _Slot:
        pixels = torch.from_numpy(np.ascontiguousarray(self.read(step)))
        if self.copying is None:
            return pixels
        number = step % (SLOTS + 1)
        if number not in self.slots:
            self.slots[number] = _Slot(pixels, self.device)
        slot = self.slots[number]
        slot.arrived.synchronize()  # what was in the pinned memory has left it
        slot.here.copy_(pixels)
        with torch.cuda.stream(self.copying):
            self.copying.wait_event(slot.used)
            slot.there.copy_(slot.here, non_blocking=True)
            slot.arrived.record(self.copying)
        return slot


class _Slot:
    """A batch in pinned memory and on the GPU, and when it has arrived there and was used."""

    def __init__(self, like: Tensor, device: torch.device) -> None:
        self.here = torch.empty_like(like, pin_memory=True)
        self.there = torch.empty_like(like, device=device)
        self.arrived, self.used = torch.cuda.Event(), torch.cuda.Event()


def _room(device: torch.device) -> int:
    """Bytes that a resident dataset may take."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] // 3
    import psutil

    return psutil.virtual_memory().available // (3 * ranks.count())
