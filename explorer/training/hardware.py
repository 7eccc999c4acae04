"""What the hardware is fast at: the device and its precision."""

from __future__ import annotations

import os

import torch

from explorer import ranks
from explorer.errors import BadInput
from explorer.jobs.devices import choose


def own_device(device: str) -> str:
    """What this process computes on, of `device` (auto, all, cpu, mps, cuda, cuda:1): each rank has a GPU of its own.

    Raises BadInput if the device is not here, or is one for several ranks.
    """
    chosen = choose(device)
    if ranks.count() == 1 or chosen == "cpu":
        return chosen
    if device not in ("auto", "all", "cuda") or not chosen.startswith("cuda"):
        raise BadInput(
            f"{device if device != 'auto' else chosen} is one device, and these are {ranks.count()} processes; start "
            "one, or give --device all or --device cpu"
        )
    if ranks.local() >= torch.cuda.device_count():
        raise BadInput(
            f"there are more processes than GPUs, which are {torch.cuda.device_count()}; start as many, or give "
            "--device cpu"
        )
    torch.cuda.set_device(ranks.local())
    return f"cuda:{ranks.local()}"


def accelerator(device: str, precision: str):
    """An Accelerator for `device` (auto, all, cpu, mps, cuda, cuda:1) at `precision` (auto, float32, bf16).

    Raises BadInput if the device is not here.
    """
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)
    device = own_device(device)
    if device == "cpu":
        os.environ.pop("ACCELERATE_TORCH_DEVICE", None)
    else:
        os.environ["ACCELERATE_TORCH_DEVICE"] = device
    if precision == "auto":
        precision = "bf16" if fast_bf16(device) else "float32"
    if torch.cuda.is_available() and device != "cpu":
        torch.set_float32_matmul_precision("high")
        # trying kernels out takes seconds for each new shape, of which scoring has many, and may choose others in a
        # run that is resumed; of those that are left the sums have an order
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
    return Accelerator(cpu=device == "cpu", mixed_precision="bf16" if precision == "bf16" else "no")


def fast_bf16(device: str) -> bool:
    """Whether the hardware multiplies bf16 matrices faster than float32 ones."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_capability(device)[0] >= 8
    if device == "mps":
        return False
    cpu = getattr(torch, "cpu", None)
    names = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(getattr(cpu, name, lambda: False)() for name in names)
