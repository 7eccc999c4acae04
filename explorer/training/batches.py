"""Batches of a dataset in a reproducible order; on the device if the whole set fits there, else read ahead.

Of several ranks each has its part of every batch.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explorer import ranks
from explorer.autoencoder import to_images
from explorer.progress import Progress


class Batches:
    """Batches of a dataset in a reproducible order; on the device if the whole set fits there, else read ahead."""

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

    def after(self, step: int) -> Iterator[Tensor]:
        """Batches of step `step`, `step` + 1, … : (n, 3, h, w) float in [0, 1], channels last in memory."""
        steps = range(step, self.config.steps)
        if self.resident is not None:
            for index in steps:
                rows = torch.from_numpy(self._rows(index)).to(self.device, non_blocking=True)
                yield to_images(self.resident[rows], self.device)
            return
        with ThreadPoolExecutor(1) as reader:  # reads the next batch while this one is used
            ahead = reader.submit(self._read, step)
            for index in steps:
                batch = ahead.result()
                ahead = reader.submit(self._read, index + 1)
                yield to_images(batch.to(self.device, non_blocking=True), self.device)

    def _read(self, step: int) -> Tensor:
        batch = torch.from_numpy(np.ascontiguousarray(self.images.read(self._rows(step))))
        return batch.pin_memory() if self.device.type == "cuda" else batch

    def _rows(self, step: int) -> np.ndarray:
        return rows_of(step, len(self.images), self.config)


def rows_of(step: int, count: int, config: Any) -> np.ndarray:
    """Rows (batch,) of a step among `count`: a permutation per epoch, continued over its end; of a rank its part."""
    size = config.batch_size
    places = np.arange(step * size, (step + 1) * size)[ranks.part(size)]
    rows = np.empty(len(places), np.int64)
    for epoch in np.unique(places // count):
        here = places // count == epoch
        rows[here] = _order(config.seed, int(epoch), count)[places[here] % count]
    return rows


@functools.lru_cache(maxsize=4)
def _order(seed: int, epoch: int, count: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(count)


def _room(device: torch.device) -> int:
    """Bytes that a resident dataset may take."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0] // 3
    import psutil

    return psutil.virtual_memory().available // (3 * ranks.count())
