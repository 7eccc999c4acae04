"""One optimizer step as operations on the device alone: nothing in it asks the device, or brings it a number.

So it is the same function whether it is made eagerly on a CPU or recorded once and replayed on a GPU (`capture.py`).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from explorer import ranks
from explorer.chance import Chance
from explorer.training.meters import Meter

LONGEST = 1.0  # gradients longer than this are scaled down to it


class Step:
    """What a step does to the weights, the optimizer's moments, the codebooks, the meters and itself.

    Attributes:
        clock: int64 scalar, the number of the step that comes next. rate: float32 scalar, its learning rate.
    """

    def __init__(self, task: Any, optimizer: torch.optim.Optimizer, batches: Any, meter: Meter, *, half: bool) -> None:
        self.task, self.optimizer, self.batches, self.meter, self.half = task, optimizer, batches, meter, half
        self.parameters = [weights for group in optimizer.param_groups for weights in group["params"]]
        self.clock = torch.zeros((), dtype=torch.int64, device=meter.device)
        self.rate = torch.zeros((), device=meter.device)
        for group in optimizer.param_groups:
            group["lr"] = self.rate

    def __call__(self) -> None:
        task, config = self.task, self.task.config
        self.rate.copy_(schedule(self.clock, config.steps) * config.learning_rate)
        if hasattr(task.model, "anneal"):
            task.model.anneal(self.clock / config.steps)
        losses = self.passes(self.batches.at(self.clock), Chance.at(config.seed, self.clock))
        ranks.share_gradients(self.parameters)
        torch.nn.utils.clip_grad_norm_(self.parameters, LONGEST)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.meter.add({**losses, **(task.objective.learn() if task.objective else {})})
        self.clock.add_(1)

    def passes(self, batch: Any, chance: Chance) -> dict[str, Tensor]:
        """Losses of a batch; afterwards all parameters have their gradients, and nothing of a step that was broken off:
        what was recorded of it has addresses, but no numbers."""
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(self.meter.device.type, torch.bfloat16, enabled=self.half):
            losses = self.task.losses(self.task.model, batch, chance)
        losses["loss"].backward()
        return losses

    def trial(self, count: int | None = None) -> None:
        """The passes of the batch that was made ready, or of `count` images; no weight moves, but codebooks may."""
        batch = self.batches.at(self.clock) if count is None else self.batches.few(count)
        self.passes(batch, Chance.at(self.task.config.seed, self.clock))
        self.optimizer.zero_grad(set_to_none=True)


def schedule(step: Tensor | int, steps: int) -> Tensor:
    """Share of the peak learning rate: linear warm-up over 200 steps (at most a tenth), then a cosine to zero."""
    warm, step = max(1, min(200, steps // 10)), torch.as_tensor(step)
    falling = 0.5 * (1 + torch.cos(math.pi * (step - warm) / max(1, steps - warm)))
    return torch.where(step < warm, (step + 1) / warm, falling)
