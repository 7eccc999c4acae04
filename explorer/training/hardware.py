"""What the hardware is fast at: the device and its precision."""

from __future__ import annotations

import os

import torch

from explorer.errors import BadInput
from explorer.jobs.devices import choose

PROCESSES = ("WORLD_SIZE", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")  # of torchrun, MPI


def check_alone() -> None:
    """Raises BadInput in one of several processes: a codebook is a moving average of the latents of one of them."""
    for name in PROCESSES:
        if (count := os.environ.get(name, "1")) != "1":
            raise BadInput(
                f"this is one of {count} processes ({name}), and a training runs in one; start it without torchrun, "
                "accelerate launch or mpirun, on a GPU of your choice with --device cuda:0"
            )


def accelerator(device: str, precision: str):
    """An Accelerator for `device` (auto, cpu, mps, cuda, cuda:1) at `precision` (auto, float32, bf16).

    Raises BadInput if the device is not here.
    """
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)
    device = choose(device)
    if device == "cpu":
        os.environ.pop("ACCELERATE_TORCH_DEVICE", None)
    else:
        os.environ["ACCELERATE_TORCH_DEVICE"] = device
    if precision == "auto":
        precision = "bf16" if fast_bf16(device) else "float32"
    if torch.cuda.is_available() and device != "cpu":
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.benchmark = True
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
