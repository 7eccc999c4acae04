"""What a training run measures as it goes, without making any step wait for the device."""

from __future__ import annotations

import math
import time

import torch
from torch import Tensor

from explorer import ranks
from explorer.errors import BadInput


class Meter:
    """Sums losses and counts codes on the device, so that no step waits for it."""

    def __init__(self, model, device: torch.device) -> None:
        self.sums: dict[str, Tensor] = {}
        self.steps = 0
        self.counts = {
            name: torch.zeros(len(book), dtype=torch.int64, device=device) for name, book in model.codebooks.items()
        }

    def add(self, losses: dict[str, Tensor]) -> None:
        self.steps += 1
        for name, value in losses.items():
            if name.startswith("codes."):
                codes = value.reshape(-1)
                counts = self.counts[name.removeprefix("codes.")]  # whole numbers: in float32 they stop at 2^24
                counts.index_add_(0, codes, torch.ones_like(codes, dtype=counts.dtype))
            else:
                self.sums[name] = self.sums.get(name, 0) + value.detach()

    def read(self) -> dict[str, float]:
        """Mean losses, and perplexity and used codes of the images since the last call."""
        line = {name: float(ranks.mean(value)) / self.steps for name, value in self.sums.items()}
        for name, own in self.counts.items():
            counts = ranks.total(own)
            share = counts / counts.sum().clamp(min=1)
            suffix = "" if len(self.counts) == 1 else f".{name}"
            line[f"perplexity{suffix}"] = float(torch.exp(-(share * share.clamp(min=1e-12).log()).sum()))
            line[f"used{suffix}"] = int((counts > 0).sum())
            own.zero_()
        self.sums, self.steps = {}, 0
        return line


class Guard:
    """Tells from the lines of the log whether a training has gone astray, so that good weights are not overwritten."""

    PATIENCE, SETTLED = 5, 500  # lines in a row; steps after which a codebook should be in use

    def __init__(self, model, learning_rate: float) -> None:
        self.codes = {name: len(book) for name, book in model.codebooks.items()}
        self.learning_rate, self.lines = learning_rate, 0
        self.saved = False  # whether there are weights on disk

    @property
    def safe(self) -> bool:
        """Whether the weights of now may replace the saved ones."""
        return self.lines == 0

    @property
    def advice(self) -> str:
        kept = "the last good weights are kept; " if self.saved else ""
        return f"{kept}train again with a learning rate below {self.learning_rate:g}"

    def check(self, line: dict[str, float]) -> None:
        """Raises BadInput on a loss that is not finite, and on a codebook that stays collapsed for some lines."""
        if not math.isfinite(line["loss"]):
            raise BadInput(f"the loss is not finite at step {line['step']:,}: {self.advice}")
        collapsed = self._collapsed(line)
        self.lines = self.lines + 1 if collapsed and line["step"] > self.SETTLED else 0
        if self.lines >= self.PATIENCE:
            name, perplexity = collapsed
            raise BadInput(
                f"the codebook of {name} has collapsed at step {line['step']:,}, with a perplexity of {perplexity:.2f} "
                f"for {self.codes[name]:,} codes: {self.advice}, or another quantizer or beta"
            )

    def _collapsed(self, line: dict[str, float]) -> tuple[str, float] | None:
        """The first codebook of which hardly more than one code is in use."""
        for name, codes in self.codes.items():
            perplexity = line["perplexity" if len(self.codes) == 1 else f"perplexity.{name}"]
            if perplexity < min(2.0, 1 + 0.1 * (codes - 1)):
                return name, perplexity
        return None


class Timer:
    """Steady training rate: the first steps, compilation and everything between steps are left out."""

    def __init__(self, device: torch.device, batch: int) -> None:
        self.device, self.batch = device, batch
        self.steps = self.counted = self._ticks = 0
        self.seconds = 0.0
        self._skip = 1
        self._mark = time.perf_counter()

    def tick(self) -> None:
        self.steps += 1
        if self._skip:
            self._skip -= 1
            self._ticks = 0
            self._mark = self._now()
        else:
            self._ticks += 1
        if self.steps == 3:  # what compilation is decided by
            self.read()

    def read(self) -> None:
        """Waits for the device and counts the steps since the last mark."""
        now = self._now()
        self.seconds += now - self._mark if self._ticks else 0.0
        self.counted += self._ticks
        self._ticks, self._mark = 0, now

    def restart(self) -> None:
        """Begins to count again after work that is no training step."""
        self._mark = time.perf_counter()

    def skip(self, steps: int) -> None:
        """Forgets what was measured and leaves out the next `steps` steps."""
        self._skip, self.seconds, self.counted, self._ticks = steps, 0.0, 0, 0

    def per_step(self) -> float:
        return self.seconds / max(self.counted, 1)

    def rate(self) -> float:
        return self.batch * self.counted / self.seconds if self.seconds else 0.0

    def _now(self) -> float:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()
