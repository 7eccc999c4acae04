"""The step of every family as a GPU is asked for it: tensors of the device "cuda" without numbers, so none is needed.

What waits for the host, or comes from it, cannot be recorded. The gradients are the engine's, which wants a real GPU;
`test_device_work` looks at theirs on other devices.
"""

from __future__ import annotations

import warnings
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._pytree import tree_leaves

from explorer.progress import Progress
from explorer.training import batches
from explorer.training.meters import Meter
from explorer.training.step import Step
from tests.training import rank_cases
from tests.training.rank_cases import CASES, STEPS, Tiny
from tests.training.test_device_work import WAITS, Watch

GPU = torch.device("cuda", 0)
ASKED = ("ema", "vq", "gumbel", "fsq", "residual", "frequency", "two grids", "vit", "vae", "mae", "transformer")


class Elsewhere(Watch):
    """Also counts what operations give back; one that has no counterpart without numbers does nothing."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        if name.startswith("_fused_adam"):
            self.calls[name] += 1
            found = None
        else:
            found = super().__torch_dispatch__(function, types, args, kwargs)
        for value in tree_leaves((args, kwargs, found)):
            if isinstance(value, torch.Tensor):
                self.places.setdefault(value.device.type, set()).add(name)
        return found


def moved(module: nn.Module) -> None:
    """Puts a module onto the GPU that is not there."""
    for part in module.modules():
        for name, weights in part._parameters.items():
            if weights is not None:
                there = torch.empty(weights.shape, dtype=weights.dtype, device=GPU)
                part._parameters[name] = nn.Parameter(there, requires_grad=weights.requires_grad)
        for name, buffer in part._buffers.items():
            if buffer is not None:
                part._buffers[name] = torch.empty(buffer.shape, dtype=buffer.dtype, device=GPU)


def test_those_that_are_asked_are_cases():
    assert set(ASKED) <= set(CASES)


@pytest.mark.parametrize("case", ASKED)
def test_a_step_on_a_gpu_neither_waits_for_the_host_nor_is_brought_anything(case, monkeypatch):
    pictures, task = rank_cases.Pictures(), Tiny(case)
    monkeypatch.setattr(rank_cases, "Pictures", lambda: pictures)
    monkeypatch.setattr(batches, "_room", lambda device: 2**40)

    def backward(loss):
        for weights in task.model.parameters():
            weights.grad = torch.empty_like(weights) if weights.requires_grad else None

    monkeypatch.setattr(torch.Tensor, "backward", backward)
    with FakeTensorMode(allow_non_fake_inputs=True), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # half precision is for a GPU that is there
        moved(task.model)
        task.model.train()
        if hasattr(task.model, "started"):
            task.model.started()
        source = task.batches(SimpleNamespace(device=GPU), Progress(STEPS, "steps", quiet=True))
        weights = [one for one in task.model.parameters() if one.requires_grad]
        optimizer = torch.optim.AdamW(weights, lr=1e-3, fused=True, capturable=True)
        step = Step(task, optimizer, source, Meter(task.model, GPU), half=True)
        source.ready(0)
        with Elsewhere():
            step()  # moments come to be
        with Elsewhere() as watch:
            step()
    assert watch.calls["_fused_adamw_"] == 1
    assert not {name for name in watch.calls if name in WAITS}
    assert not watch.places.keys() - {"cuda"}, watch.places
