"""How long a training will take: a few steps of its network with random pixels, timed in a process of their own.

A process of its own, so that no server keeps a CUDA context, and nothing that goes wrong there ends a server.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from explorer.errors import BadInput

LOOKS, LOOKED = 20, 256  # times that a training decodes held-out images, and how many
FORWARD = 1 / 3  # share of a step that is not its gradient
PATIENCE = 120  # seconds


def seconds(per_step: float, steps: int, batch: int) -> float:
    """Seconds of a whole training, its looks at held-out images included; without reading the dataset and scoring."""
    return per_step * (steps + min(LOOKS, steps) * FORWARD * LOOKED / batch)


def per_step(family: str, settings: dict[str, Any], training: dict[str, Any], size: int) -> float:
    """Seconds of one training step on the device that `training` names, at `size` pixels.

    Raises:
        BadInput: it cannot be trained like this, or did not answer within two minutes.
    """
    return answered("explorer.training.estimates", [family, settings, training, size])


def answered(module: str, asked: list[Any]) -> float:
    """The number that `python -m module JSON` prints; BadInput in its last words where it fails or takes too long."""
    try:
        command = [sys.executable, "-m", module, json.dumps(asked)]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        raise BadInput(f"a few steps took more than {PATIENCE} s; choose a smaller network, batch or image") from None
    if answer.returncode:
        last = (answer.stderr.strip().splitlines() or ["no word"])[-1]
        raise BadInput(f"a first step could not be made: {last[-200:]}")
    return float(answer.stdout.split()[-1])


def measure(family: str, settings: dict[str, Any], training: dict[str, Any], size: int) -> float:
    """As `per_step`, in this process."""
    import torch

    from explorer.models import build
    from explorer.options import configure
    from explorer.training.config import TrainingConfig
    from explorer.training.hardware import accelerator
    from explorer.training.objectives import Objective

    config = configure(TrainingConfig, training)
    machine = accelerator(config.device, config.precision)
    model = build(family, settings, size).to(memory_format=torch.channels_last)
    loss = getattr(model.config, "loss", None)
    extra = {"objective": Objective(loss, size, 0.0).to(machine.device)} if loss else {}
    for part in (model, *extra.values()):
        if hasattr(part, "anneal"):
            part.anneal(0.5)  # as in the middle of a training, where everything is switched on
    parameters = [p for p in model.parameters() if p.requires_grad]
    model, optimizer = machine.prepare(model, torch.optim.AdamW(parameters, lr=1e-5))
    model.train()

    def step(count: int) -> float:
        pixels = torch.rand(count, 3, size, size, device=machine.device)
        begun = time.perf_counter()
        losses = model(pixels.contiguous(memory_format=torch.channels_last), **extra)
        machine.backward(losses["loss"])
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        for objective in extra.values():
            objective.learn()
        if hasattr(model, "started"):
            model.started()
        if machine.device.type == "cuda":
            torch.cuda.synchronize(machine.device)
        return time.perf_counter() - begun

    return timed(step, config.batch_size)


def timed(step: Callable[[int], float], batch: int, most: float = 1.0) -> float:
    """Seconds of a step of `batch` images; where one takes more than `most` seconds, from a part of the batch.

    Args:
        step: makes a step with so many images and returns its seconds.
    """
    few = min(4, batch)
    step(few)  # allocates, imports what is imported late, and places the codes
    trial = step(few)
    count = batch if trial / few * batch < most else max(few, min(batch, int(few * most / trial)))
    return min(step(count) for _ in range(3)) * batch / count  # the least disturbed by other work


if __name__ == "__main__":
    try:
        print(measure(*json.loads(sys.argv[1])))
    except BadInput as problem:
        sys.exit(str(problem))
