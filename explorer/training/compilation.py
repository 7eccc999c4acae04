"""Whether a training is compiled: decided once, after its third step, and kept with its state.

A compiled step rounds otherwise than an eager one, so a resumed run has to go on as the run before it would have.
"""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from explorer.training.config import TrainingConfig
    from explorer.training.meters import Timer

FIRST = 3  # steps before it, which say how long one takes
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
    if timer.steps < FIRST:
        return None
    return gains and (config.steps - step) * timer.per_step() * SAVES >= COSTS


def obstacle(device: torch.device) -> str:
    """Why torch.compile does not work here, in one line, or nothing.

    A function of one line is compiled: a name on the PATH does not say whether a compiler works.
    """
    try:
        torch.compile(lambda x: 2 * x + 1)(torch.zeros(8, device=device))
    except (RuntimeError, OSError, ImportError, subprocess.SubprocessError) as error:
        return (str(error) or type(error).__name__).splitlines()[0]
    return ""
