"""What a training step asks of a device: operations alone. Nothing is read from it, or brought to it.

A GPU would wait for either, and could not replay the step. There need be none here: every operation is looked at on its
way to the device.
"""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from explorer.chance import Chance
from explorer.progress import Progress
from explorer.training.meters import Meter
from explorer.training.step import Step
from tests.training.rank_cases import BATCH, CASES, SIZE, STEPS, Tiny

WAITS = ("_local_scalar_dense", "item", "lift_fresh", "nonzero", "is_nonzero", "equal", "unique", "masked_select")
FREE = (  # no kernel: another look at the same memory, or memory without numbers
    "view", "_unsafe_view", "detach", "t", "transpose", "permute", "expand", "select", "slice", "unsqueeze", "squeeze",
    "split", "split_with_sizes", "unbind", "alias", "as_strided", "_reshape_alias", "empty", "empty_like", "new_empty",
    "empty_strided", "new_empty_strided", "chunk", "unflatten", "mT",
)  # fmt: skip
MOST = {  # kernels of a step of these tiny networks, the backward pass and the optimizer included
    "ema": 195, "vq": 195, "cosine": 210, "rotation": 225, "simvq": 170, "gumbel": 215, "fsq": 125, "lfq": 175,
    "few latents": 200, "residual": 365, "projected": 305, "frequency": 210, "two grids": 480, "vit": 250,
    "adversarial": 265, "vae": 255, "mae": 240, "transformer": 220, "pixelcnn": 225, "pixelsnail": 400,
}  # fmt: skip


class Watch(TorchDispatchMode):
    """Counts operations, and the devices of the tensors that they are given."""

    def __init__(self):
        super().__init__()
        self.calls: Counter[str] = Counter()
        self.places: dict[str, set[str]] = {}  # device -> operations

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function.namespace == "aten":
            self.calls[function.overloadpacket.__name__] += 1
            for value in tree_leaves((args, kwargs)):
                if isinstance(value, torch.Tensor):
                    self.places.setdefault(value.device.type, set()).add(function.overloadpacket.__name__)
        return function(*args, **(kwargs or {}))


def started(name, device="cpu"):
    """A step that is ready to be made, after some that were."""
    task, place = Tiny(name), torch.device(device)
    batches = task.batches(SimpleNamespace(device=torch.device("cpu")), Progress(STEPS, "steps", quiet=True))
    weights = [p for p in task.model.parameters() if p.requires_grad]
    if task.objective is not None:
        task.objective.anneal(0.9)  # everything is switched on
    task.model.train()
    step = Step(
        task, torch.optim.AdamW(weights, fused=True), batches, Meter(task.model, torch.device("cpu")), half=False
    )
    for number in range(2):
        batches.ready(number)
        step()
        if hasattr(task.model, "started"):
            task.model.started()
    batches.ready(2)
    if place.type == "meta":
        task.model.to(place)
        for part in (task.objective, *task.objective.terms.values()) if task.objective else ():
            if isinstance(part, torch.nn.Module):
                part.to(place)
        step.parameters = list(task.model.parameters())
        step.meter = Meter(task.model, place)
    return step


def test_every_case_has_a_bound():
    assert set(MOST) == set(CASES)


@pytest.mark.parametrize("case", CASES)
def test_a_step_asks_the_device_for_nothing_and_makes_few_operations(case):
    step = started(case)
    with Watch() as watch:
        step()
    assert not {name: count for name, count in watch.calls.items() if name in WAITS}
    kernels = sum(count for name, count in watch.calls.items() if name not in FREE)
    assert kernels <= MOST[case]


@pytest.mark.parametrize("case", [case for case, (family, _) in CASES.items() if family != "prior"])
def test_a_step_is_brought_nothing_from_the_host(case, monkeypatch):
    """On a device without numbers: what would have to be brought there lies elsewhere."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # which that device does not know
    step = started(case, "meta")
    images = torch.rand(BATCH, 3, SIZE, SIZE, device="meta")
    clock = torch.zeros((), dtype=torch.int64, device="meta")
    with Watch() as watch:
        if hasattr(step.task.model, "anneal"):
            step.task.model.anneal(clock / STEPS)
        losses = step.passes(images, Chance.at(3, clock))
        torch.nn.utils.clip_grad_norm_(step.parameters, 1.0, foreach=False)
        step.meter.add(losses)
    assert not watch.places.keys() - {"meta"}, watch.places["cpu"]


@pytest.mark.parametrize("case", ["vq", "two grids", "mae"])
def test_the_forward_pass_of_a_step_is_one_graph_for_the_compiler(case):
    step = started(case)
    torch._dynamo.reset()
    batch, task = step.batches.at(step.clock), step.task

    @torch.compile(backend="eager", fullgraph=True)  # raises where the graph would break
    def forward(batch, clock):
        return task.losses(task.model, batch, Chance.at(3, clock))

    with torch.no_grad():
        state = {name: value.clone() for name, value in task.model.state_dict().items()}
        found = forward(batch, step.clock)
        task.model.load_state_dict(state)
        expected = task.losses(task.model, batch, Chance.at(3, step.clock))
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, msg=name)
