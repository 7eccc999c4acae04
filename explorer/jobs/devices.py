"""What a job can run on: each CUDA GPU, Apple's GPU, the CPU, with the memory that is free right now."""

from __future__ import annotations

import os
import shutil
import subprocess

import psutil

from explorer.errors import BadInput

ALL = "all"  # GPUs, a process on each


def devices() -> list[tuple[str, str]]:
    """(id, label with free memory) of everything a job can run on, fastest first. Imports torch."""
    import torch

    memory = psutil.virtual_memory().available / 1e9
    found = {
        "mps": f"Apple GPU (shares memory, {memory:.0f} GB free)",
        "cpu": f"CPU, {os.cpu_count()} cores ({memory:.0f} GB free)",
    }
    if torch.cuda.is_available():
        free = _free_gpu_memory()
        for index in range(torch.cuda.device_count()):
            name = torch.cuda.get_device_name(index)
            label = f"{name} ({free[index]:.0f} GB free)" if index < len(free) else name
            found[f"cuda:{index}"] = f"GPU {index}: {label}"
    return [(name, found[name]) for name in _here()]


def gpus() -> list[str]:
    """Names of the CUDA GPUs: those that `all` is. Imports torch."""
    return [name for name in _here() if name.startswith("cuda")]


def called(name: str) -> str:
    """A device in words."""
    return "all GPUs" if name == ALL else name


def choose(name: str = "auto") -> str:
    """The device that `name` means here: `auto` is the first GPU, else Apple's, else the CPU; so is `all`, the GPUs
    that as many processes use together, for the first of them. Imports torch.

    Raises:
        BadInput: there is no such device on this machine; the message lists those there are.
    """
    known = _here()
    found = {"auto": known[0], ALL: known[0], "cuda": "cuda:0"}.get(name, name)
    if found not in known:
        raise BadInput(f"there is no device {name!r} here; choose from auto, {', '.join(known)}")
    return found


def _here() -> list[str]:
    """Names of torch's devices, fastest first."""
    import torch

    found = [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    return [*found, *["mps"] * torch.backends.mps.is_available(), "cpu"]


def _free_gpu_memory() -> list[float]:
    """Free GB of each visible GPU, from nvidia-smi: asking torch would occupy memory on every GPU."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    query = [tool, "--query-gpu=index,uuid,memory.free", "--format=csv,noheader,nounits"]
    try:
        text = subprocess.run(query, capture_output=True, text=True, timeout=5, check=True).stdout
        rows = [[part.strip() for part in line.split(",")] for line in text.splitlines()]
        table = [(index, uuid, float(free) * 1.048576e-3) for index, uuid, free in rows]
    except (OSError, subprocess.SubprocessError, ValueError):
        return []
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return [free for _, _, free in table]
    chosen = [part.strip() for part in visible.split(",")]
    return [free for part in chosen for index, uuid, free in table if part == index or uuid.startswith(part)]
