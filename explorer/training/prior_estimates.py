"""How long the training of a prior will take: a few steps on random codes, timed in a process of their own."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from explorer.errors import BadInput
from explorer.training.estimates import answered, stepped

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
    from explorer.training.priors import PriorTraining

    known = tuple(Level(name, tuple(grid), codes) for name, grid, codes in levels)

    def noise(count: int, device: torch.device) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        codes = {one.name: torch.randint(one.codes, (count, *one.grid), device=device) for one in known}
        return codes, torch.zeros(count, dtype=torch.int64, device=device) - int(classes == 0)

    task = SimpleNamespace(
        config=configure(PriorTraining, training),
        model=build(kind, settings, known, classes),
        objective=None,
        losses=lambda network, batch, chance: network(*batch),
    )
    return stepped(task, noise)


if __name__ == "__main__":
    try:
        print(measure(*json.loads(sys.argv[1])))
    except BadInput as problem:
        sys.exit(str(problem))
