"""What a job can run on: each CUDA GPU, Apple's GPU, the CPU, with the memory that is free right now."""

from __future__ import annotations

import os
import shutil
import subprocess

import psutil

from explorer.errors import BadInput


def devices() -> list[tuple[str, str]]:
    """(id, label with free memory) of everything a job can run on, fastest first. Imports torch."""
    import torch

    found = []
    if torch.cuda.is_available():
        free = _free_gpu_memory()
        for index in range(torch.cuda.device_count()):
            name = torch.cuda.get_device_name(index)
            label = f"{name} ({free[index]:.0f} GB free)" if index < len(free) else name
            found.append((f"cuda:{index}", f"GPU {index}: {label}"))
    memory = psutil.virtual_memory().available / 1e9
    if torch.backends.mps.is_available():
        found.append(("mps", f"Apple GPU (shares memory, {memory:.0f} GB free)"))
    found.append(("cpu", f"CPU, {os.cpu_count()} cores ({memory:.0f} GB free)"))
    return found


def choose(device: str = "auto") -> str:
    """The device that `device` means here: `auto` is the first GPU, else Apple's, else the CPU.

    Raises:
        BadInput: there is no such device on this machine; the message lists those there are.
    """
    known = [name for name, _ in devices()]
    if device == "auto":
        return known[0]
    if device == "cuda" and "cuda:0" in known:
        return "cuda:0"
    if device not in known:
        raise BadInput(f"unknown device {device!r}; choose from auto, {', '.join(known)}")
    return device


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
