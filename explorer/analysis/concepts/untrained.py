"""A network as it was before it learned anything: the same layers with fresh random weights."""

from __future__ import annotations

import copy

import torch
from torch import nn


def untrained(model: nn.Module, seed: int) -> nn.Module:
    """A copy whose modules are reset as their libraries initialise them; what has no such way becomes Gaussian noise.

    Noise has the mean and the spread of what it replaces: tables of codes, embeddings of places, classes of tokens.
    """
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        found = copy.deepcopy(model).cpu()
        reset: set[int] = set()
        for module in found.modules():
            if callable(getattr(module, "reset_parameters", None)):
                module.reset_parameters()
                reset |= {id(one) for one in (*module.parameters(recurse=False), *module.buffers(recurse=False))}
        for one in (*found.parameters(), *found.buffers()):
            if id(one) not in reset and one.is_floating_point() and one.ndim >= 2 and one.numel() > 1:
                noise = torch.randn(one.shape, dtype=torch.float32)
                one.copy_(noise * one.float().std() + one.float().mean())
    return found.eval().requires_grad_(False)
