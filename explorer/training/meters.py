"""What a training run measures as it goes, without making any step wait for the device."""

from __future__ import annotations

import math
import time
from collections import deque
from typing import Any

import torch
from torch import Tensor

from explorer import ranks
from explorer.errors import BadInput


class Meter:
    """Sums losses and counts codes on the device, so that no step waits for it."""

    def __init__(self, model, device: torch.device) -> None:
        self.device = device
        self.sums: dict[str, Tensor] = {}
        self.steps = torch.zeros((), dtype=torch.int64, device=device)
        self.counts = {
            name: torch.zeros(len(book), dtype=torch.int64, device=device) for name, book in model.codebooks.items()
        }

    def add(self, losses: dict[str, Tensor]) -> None:
        """Adds what a step has lost; a part of the step, in place."""
        self.steps.add_(1)
        for name, value in losses.items():
            if name.startswith("codes."):
                codes = value.reshape(-1)
                counts = self.counts[name.removeprefix("codes.")]  # whole numbers: in float32 they stop at 2^24
                counts.index_add_(0, codes, counts.new_ones(()).expand(len(codes)))
            elif name in self.sums:
                self.sums[name].add_(value.detach())
            else:
                self.sums[name] = value.detach().clone()

    def ask(self) -> Reading:
        """Mean losses, and perplexity and used codes of the images since the last time, which are forgotten here."""
        found = {name: ranks.mean(value) / self.steps for name, value in self.sums.items()}
        for name, own in self.counts.items():
            counts = ranks.total(own)
            share = counts / counts.sum().clamp(min=1)
            suffix = "" if len(self.counts) == 1 else f".{name}"
            found[f"perplexity{suffix}"] = torch.exp(-(share * share.clamp(min=1e-12).log()).sum())
            found[f"used{suffix}"] = (counts > 0).sum()
        reading = Reading(found)
        for one in (self.steps, *self.sums.values(), *self.counts.values()):
            one.zero_()
        return reading

    def read(self) -> dict[str, float]:
        """What `ask` asks for, now."""
        return self.ask().line()


class Reading:
    """Numbers on their way from the device, which nobody has to wait for."""

    def __init__(self, found: dict[str, Tensor]) -> None:
        self.names = tuple(found)
        values = torch.stack([value.float() for value in found.values()])
        self.arrived = None
        if values.device.type == "cuda":
            self.values = torch.empty(values.shape, pin_memory=True).copy_(values, non_blocking=True)
            self.arrived = torch.cuda.Event()
            self.arrived.record(torch.cuda.current_stream(values.device))
        else:
            self.values = values.cpu()

    def ready(self) -> bool:
        """Whether they are here."""
        return self.arrived is None or self.arrived.query()

    def line(self) -> dict[str, float]:
        """The numbers by name; waits for them."""
        if self.arrived is not None:
            self.arrived.synchronize()
        found = dict(zip(self.names, self.values.tolist(), strict=True))
        return {name: int(value) if name.startswith("used") else value for name, value in found.items()}


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
    """Steady training rate: the first steps, compilation and everything between steps are left out.

    On a GPU times are those of its own clock, taken where it comes by, so that nobody waits for it.
    """

    def __init__(self, device: torch.device, batch: int) -> None:
        self.device, self.batch = device, batch
        self.steps = self.counted = self._ticks = 0
        self.seconds = 0.0
        self._skip = 1
        self._spans: deque[tuple[Any, Any, int]] = deque()
        self._mark = self._now()

    def tick(self) -> None:
        self.steps += 1
        if self._skip:
            self._skip -= 1
            self._ticks = 0
            self._mark = self._now()
        else:
            self._ticks += 1

    def read(self) -> None:
        """Counts the steps since the last mark."""
        now = self._now()
        if self._ticks:
            self._spans.append((self._mark, now, self._ticks))
        self._ticks, self._mark = 0, now

    def restart(self) -> None:
        """Begins to count again after work that is no training step."""
        self._mark = self._now()

    def skip(self, steps: int) -> None:
        """Forgets what was measured and leaves out the next `steps` steps."""
        self._skip, self.seconds, self.counted, self._ticks = steps, 0.0, 0, 0
        self._spans.clear()

    def per_step(self) -> float:
        """Seconds of a step; waits for the device."""
        self.read()
        self._settle(wait=True)
        return self.seconds / max(self.counted, 1)

    def rate(self) -> float:
        """Images per second of the steps that are known to be over."""
        self._settle(wait=False)
        return self.batch * self.counted / self.seconds if self.seconds else 0.0

    def _settle(self, *, wait: bool) -> None:
        while self._spans:
            begun, ended, ticks = self._spans[0]
            if isinstance(ended, float):
                self.seconds += ended - begun
            elif wait or ended.query():
                ended.synchronize()
                self.seconds += begun.elapsed_time(ended) / 1000
            else:
                return
            self.counted += ticks
            self._spans.popleft()

    def _now(self) -> Any:
        if self.device.type != "cuda":
            return time.perf_counter()
        mark = torch.cuda.Event(enable_timing=True)
        mark.record(torch.cuda.current_stream(self.device))
        return mark
