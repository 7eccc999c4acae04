"""Whether a training is compiled: decided once, after its third step, and kept with its state.

A compiled step rounds otherwise than an eager one, so a resumed run has to go on as the run before it would have.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import nn

if TYPE_CHECKING:
    from explorer.training.config import TrainingConfig
    from explorer.training.meters import Timer

FIRST = 3  # steps before it, which say how long one takes
LATER = 20  # the same on a GPU, where the first are made one operation at a time
COSTS = 60.0  # seconds, about what compiling the default VQ-VAE takes on two cores
SAVES = 0.25  # share of the step time that it is expected to save where it is used


def wanted(config: TrainingConfig, step: int, timer: Timer, *, gains: bool, kept: bool | None) -> bool | None:
    """Whether the steps from `step` on are to be compiled; None while that cannot be said.

    Args:
        gains: whether compiled steps are faster at this precision on this device.
        kept: what the run that this one resumes decided.
    """
    if config.compile == "no":
        return False
    if config.compile == "yes":
        return True if step >= FIRST else None
    if kept is not None:
        return kept
    if timer.steps < (LATER if timer.device.type == "cuda" else FIRST):
        return None
    return gains and (config.steps - step) * timer.per_step() * SAVES >= COSTS


def attempt(model: nn.Module, trial: Callable[[], None]) -> str:
    """Compiles a network and makes a trial step with it, which leaves no trace: why that failed, in one line, or
    nothing. What could not be compiled goes on as it was."""
    held = [*model.parameters(), *model.buffers()]
    before = [tensor.detach().clone() for tensor in held]
    model.compile_parts()
    try:
        trial()
        return ""
    except (RuntimeError, OSError, ImportError, subprocess.SubprocessError) as error:
        undo(model)
        return (str(error).strip() or type(error).__name__).splitlines()[0]
    finally:
        with torch.no_grad():
            for tensor, value in zip(held, before, strict=True):
                tensor.copy_(value)


def undo(model: nn.Module) -> None:
    """A network whose parts were compiled goes on as it was."""
    for module in model.modules():
        module._compiled_call_impl = None


@contextmanager
def paused(model: nn.Module) -> Iterator[None]:
    """Inside, a network whose parts are compiled is made eagerly: looks have other shapes and no gradient, for which
    every part would be compiled anew."""
    compiled = {module: module._compiled_call_impl for module in model.modules()}
    undo(model)
    try:
        yield
    finally:
        for module, call in compiled.items():
            module._compiled_call_impl = call


def obstacle(device: torch.device) -> str:
    """Why torch.compile does not work here, in one line, or nothing.

    A function of one line is compiled: a name on the PATH does not say whether a compiler works.
    """
    try:
        torch.compile(lambda x: 2 * x + 1)(torch.zeros(8, device=device))
    except (RuntimeError, OSError, ImportError, subprocess.SubprocessError) as error:
        return (str(error) or type(error).__name__).splitlines()[0]
    return ""
