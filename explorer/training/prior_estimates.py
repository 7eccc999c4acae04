"""How long the training of a prior will take: a few steps on random codes, timed in a process of their own."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from typing import Any

from explorer.errors import BadInput
from explorer.training.estimates import answered, timed

MODULE = "explorer.training.prior_estimates"


def per_step(
    kind: str, settings: dict[str, Any], training: dict[str, Any], levels: Sequence[Any], classes: int
) -> float:
    """Seconds of one training step of a prior over `levels` (priors.Level) on the device that `training` names.

    Raises:
        BadInput: it cannot be trained like this, or did not answer within two minutes.
    """
    told = [[level.name, list(level.grid), level.codes] for level in levels]
    return answered(MODULE, [kind, settings, training, told, classes])


def measure(kind: str, settings: dict[str, Any], training: dict[str, Any], levels: list, classes: int) -> float:
    """As `per_step`, in this process; a level is [name, [H, W], codes]."""
    import torch

    from explorer.options import configure
    from explorer.priors import Level, build
    from explorer.training.hardware import accelerator
    from explorer.training.priors import PriorTraining

    config = configure(PriorTraining, training)
    machine = accelerator(config.device, config.precision)
    known = tuple(Level(name, tuple(grid), codes) for name, grid, codes in levels)
    prior = build(kind, settings, known, classes)
    prior, optimizer = machine.prepare(prior, torch.optim.AdamW(prior.parameters(), lr=1e-5))
    prior.train()

    def step(count: int) -> float:
        codes = {one.name: torch.randint(one.codes, (count, *one.grid), device=machine.device) for one in known}
        of = torch.zeros(count, dtype=torch.int64, device=machine.device) - (classes == 0)
        begun = time.perf_counter()
        machine.backward(prior(codes, of)["loss"])
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if machine.device.type == "cuda":
            torch.cuda.synchronize(machine.device)
        return time.perf_counter() - begun

    return timed(step, config.batch_size)


if __name__ == "__main__":
    try:
        print(measure(*json.loads(sys.argv[1])))
    except BadInput as problem:
        sys.exit(str(problem))
