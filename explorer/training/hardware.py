"""What the hardware is fast at: the device, its precision, and whether there is a compiler."""

from __future__ import annotations

import importlib.util
import os
import shutil

import torch

from explorer.jobs.devices import choose


def accelerator(device: str, precision: str):
    """An Accelerator for `device` (auto, cpu, mps, cuda, cuda:1) at `precision` (auto, float32, bf16).

    Raises BadInput if the device is not here.
    """
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(reset_partial_state=True)
    device = choose(device) if device != "auto" else device  # of several processes, each takes a GPU of its own
    if device in ("auto", "cpu"):
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
    if device == "auto" or device.startswith("cuda"):
        if torch.cuda.is_available():
            return torch.cuda.get_device_capability()[0] >= 8
        if torch.backends.mps.is_available() and device == "auto":
            return False
    if device == "mps":
        return False
    cpu = getattr(torch, "cpu", None)
    names = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(getattr(cpu, name, lambda: False)() for name in names)


def has_compiler(device: torch.device) -> bool:
    if device.type == "cuda":
        return importlib.util.find_spec("triton") is not None
    return any(shutil.which(name) for name in (os.environ.get("CXX") or "g++", "g++", "clang++", "cl"))
