"""How long a training will take: a few steps of its network with random pixels, timed in a process of their own.

A process of its own, so that no server keeps a CUDA context, and nothing that goes wrong there ends a server.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from types import SimpleNamespace
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
    from explorer.training.objectives import Objective

    config = configure(TrainingConfig, training)
    model = build(family, settings, size)
    loss = getattr(model.config, "loss", None)
    objective = Objective(loss, size, 0.0) if loss else None
    extra = {"objective": objective} if objective else {}

    def noise(count: int, device: torch.device) -> torch.Tensor:
        pixels = torch.rand(count, 3, size, size, device=device)
        return pixels.contiguous(memory_format=torch.channels_last)

    return stepped(
        SimpleNamespace(
            config=config,
            model=model,
            objective=objective,
            losses=lambda network, batch, chance: network(batch, chance, **extra),
        ),
        noise,
    )


def stepped(task: Any, draw: Callable[[int, Any], Any]) -> float:
    """Seconds of a step of `task`, which is one of `loop.Task` as far as steps need it.

    Args:
        draw: draw(count, device) is a batch of noise.
    """
    import torch

    from explorer.training.capture import WARM, Captured, lane
    from explorer.training.hardware import accelerator
    from explorer.training.meters import Meter
    from explorer.training.step import Step

    machine = accelerator(task.config.device, task.config.precision)
    device, model = machine.device, task.model.to(machine.device, memory_format=torch.channels_last).train()
    gpu = device.type == "cuda"
    if task.objective is not None:
        task.objective.to(device)
        task.objective.capturable(gpu)
        task.objective.anneal(0.5)  # as in the middle of a training, where everything is switched on
    weights = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=1e-5, fused=device.type in ("cuda", "cpu"), capturable=gpu)
    batches = SimpleNamespace(held=None, at=lambda clock: batches.held)
    one = Step(task, optimizer, batches, Meter(model, device), half=machine.mixed_precision == "bf16")
    one.clock.fill_(task.config.steps // 2)
    captured: dict[int, Captured] = {}

    def step(count: int) -> float:
        batches.held = draw(count, device) if count not in captured or not gpu else batches.held
        if count not in captured:
            captured[count] = Captured(one, device)
            for _ in range(WARM + 1 if gpu else 0):
                captured[count]()
                start()
        return seconds_of(captured[count], device, start)

    def start() -> None:
        if hasattr(model, "started"):
            model.started()

    with lane(device):
        return timed(step, task.config.batch_size)


def seconds_of(work: Callable[[], Any], device: Any, after: Callable[[], None]) -> float:
    """Seconds of some work on a device; `after` follows it and is not counted."""
    import torch

    begun = time.perf_counter()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    found = time.perf_counter() - begun
    after()
    return found


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
