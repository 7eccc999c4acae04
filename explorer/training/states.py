"""The state of a training in one file of named tensors: weights, a discriminator's, and the moments of optimizers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from explorer.files import atomic_path
from explorer.training.objectives import Objective


def save(path: Path, step: int, tensors: Mapping[str, Tensor]) -> None:
    """Writes what `collect` gave, atomically; raises OSError where the disk is full."""
    from safetensors.torch import save_file

    with atomic_path(path) as temporary:
        save_file(dict(tensors), temporary, metadata={"step": str(step)})


def load(path: Path) -> tuple[int, dict[str, Tensor]]:
    """The step and the tensors that `save` wrote."""
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        return int(file.metadata()["step"]), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def collect(model: nn.Module, optimizer, objective: Objective | None) -> dict[str, Tensor]:
    """Everything that a resumed run needs, on the CPU."""
    tensors = {f"model.{name}": value for name, value in model.state_dict().items()}
    tensors |= _moments("optimizer", optimizer)
    if objective is not None and objective.discriminator is not None:
        tensors |= {f"adversary.{name}": value for name, value in objective.discriminator.state_dict().items()}
        tensors |= _moments("adversary-optimizer", objective.optimizer)
    return {name: value.detach().cpu().contiguous() for name, value in tensors.items()}


def restore(tensors: Mapping[str, Tensor], model: nn.Module, optimizer, objective: Objective | None) -> None:
    """Puts back what `collect` took."""
    model.load_state_dict(_part("model", tensors))
    _restore_moments(optimizer, _part("optimizer", tensors))
    if objective is not None and objective.discriminator is not None:
        objective.discriminator.load_state_dict(_part("adversary", tensors))
        _restore_moments(objective.optimizer, _part("adversary-optimizer", tensors))


def is_finite(tensors: Mapping[str, Tensor]) -> bool:
    return all(bool(value.isfinite().all()) for value in tensors.values())


def _moments(prefix: str, optimizer) -> dict[str, Tensor]:
    states = optimizer.state_dict()["state"]
    return {f"{prefix}.{i}.{key}": torch.as_tensor(v) for i, state in states.items() for key, v in state.items()}


def _part(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}


def _restore_moments(optimizer, tensors: Mapping[str, Tensor]) -> None:
    moments: dict[int, dict[str, Tensor]] = {}
    parameters = optimizer.param_groups[0]["params"]
    for name, value in tensors.items():
        index, key = name.split(".", 1)
        if value.ndim:  # the fused step needs moments in the memory layout of their parameter
            value = torch.empty_like(parameters[int(index)], device="cpu").copy_(value)
        moments.setdefault(int(index), {})[key] = value
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
