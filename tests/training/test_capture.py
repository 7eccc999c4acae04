"""A step that is recorded and replayed: when, when again, and what happens where that cannot be."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from explorer.training import STATE, batches, capture, compilation, meters
from explorer.training.capture import WARM, Captured
from tests.training.test_training import StopAfter, log, run


@pytest.fixture(autouse=True)
def few_held_out_images(monkeypatch):
    for name in ("SCORED", "UNTRAINED", "MEAN_OF"):
        monkeypatch.setattr(f"explorer.training.scores.{name}", 48)
    monkeypatch.setattr("explorer.training.autoencoders.LOOKED", 4)


@pytest.fixture
def everywhere(monkeypatch):
    """Steps are recorded on a CPU, too."""
    start = Captured.__init__

    def wanting(self, step, device):
        start(self, step, device)
        self.wanted = True

    monkeypatch.setattr(Captured, "__init__", wanting)


def test_a_step_is_recorded_once_after_some_and_again_when_steps_are_other_ones(everywhere, monkeypatch):
    made, graphs = [], []

    def recorded(step, device):
        graphs.append(len(made))
        return SimpleNamespace(replay=lambda: made.append("replayed"))

    monkeypatch.setattr(capture, "recorded", recorded)
    steps = Captured(lambda: made.append("made"), torch.device("cpu"))
    slow = [steps() for _ in range(WARM + 3)]
    assert made == ["made"] * WARM + ["replayed"] * 3 and graphs == [WARM]
    assert slow == [False] * WARM + [True, False, False]
    steps.forget()
    for _ in range(WARM + 1):
        steps()
    assert made[WARM + 3 :] == ["made"] * WARM + ["replayed"]
    assert len(graphs) == 2 and not steps.obstacle


def test_a_step_that_cannot_be_recorded_is_made_as_before_and_the_run_says_so(everywhere, monkeypatch, tmp_path):
    def refused(step, device):
        for weights in step.parameters:  # those of a recording have no numbers
            weights.grad = torch.full_like(weights, float("nan"))
        try:
            raise RuntimeError("CUDA error: operation not permitted when stream is capturing\nCompile with …")
        finally:
            raise RuntimeError("CUDA error: operation failed due to a previous error during capture")

    monkeypatch.setattr(capture, "recorded", refused)
    result = run(tmp_path / "net")
    assert result["state"] == "done" and result["steps"] == 12
    why = "CUDA error: operation not permitted when stream is capturing"
    assert result["notes"] == [f"steps are not made in one launch, and take longer ({why})"]
    run(tmp_path / "plain", compile="no")
    ours, theirs = (load_file(tmp_path / name / "model.safetensors") for name in ("net", "plain"))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_on_a_cpu_nothing_is_recorded(monkeypatch, tmp_path):
    monkeypatch.setattr(capture, "recorded", lambda *_: pytest.fail("recorded"))
    assert run(tmp_path / "net")["notes"] == []


def test_a_run_that_an_older_version_began_goes_on_and_says_that_it_is_another_one(tmp_path):
    run(tmp_path / "net", progress=StopAfter(5))
    tensors = load_file(tmp_path / "net" / STATE)
    del tensors["order"]
    save_file(tensors, tmp_path / "net" / STATE, metadata={"step": "5"})
    result = run(tmp_path / "net", resume=True)
    assert result["state"] == "done"
    assert "begun by an older version: from step 5 on images come in another order" in result["notes"][0]


def test_lines_that_arrive_late_are_written_in_their_order_and_say_the_same(monkeypatch, tmp_path):
    """As from a GPU, whose numbers come a line later."""
    run(tmp_path / "at once")
    with monkeypatch.context() as patched:
        patched.setattr(meters.Reading, "ready", lambda self: False)
        seen = []
        patched.setattr(meters.Guard, "check", lambda self, line: seen.append(line["step"]))
        run(tmp_path / "late")
        run(tmp_path / "stopped", progress=StopAfter(5))
    late, once = (log(tmp_path / name) for name in ("late", "at once"))
    for line in (*late, *once):
        line.pop("images_per_second")
    assert late == once and seen[:12] == list(range(1, 13))
    assert [line["step"] for line in log(tmp_path / "stopped")] == [1, 2, 3, 4, 5], "what was on its way is written"


class Event:
    """Notes when it was recorded and waited for."""

    def __init__(self, notes, name):
        self.notes, self.name = notes, name

    def record(self, stream):
        self.notes.append(f"{self.name} recorded")

    def synchronize(self):
        self.notes.append(f"{self.name} awaited")


class Slot:
    """A place for a batch that counts on nobody writing into it before it was used."""

    notes: ClassVar[list[str]] = []

    def __init__(self, like, device):
        number = len({note.split()[0] for note in self.notes})
        self.here, self.there = torch.empty_like(like), torch.empty_like(like)
        self.arrived, self.used = Event(self.notes, f"arrived-{number}"), Event(self.notes, f"used-{number}")
        self.notes.append(f"{number} made")


def test_batches_come_in_order_through_places_that_are_used_again(monkeypatch):
    """The ways of a GPU with places in memory: three of them, each written into only after what it held has left."""
    lane = SimpleNamespace(wait_event=lambda event: Slot.notes.append(f"{event.name} waited for"))
    monkeypatch.setattr(batches, "_Slot", Slot)
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: lane)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: lane)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: nullcontext())
    read = lambda step: np.full((2, 1), step, np.int64)  # noqa: E731
    stream = batches.Stream(read, 12, SimpleNamespace(type="cuda"))
    place = None
    for step in range(4, 12):
        stream.ready(step)
        assert (stream.held == step).all()
        place = stream.held if place is None else place
        assert stream.held is place, "what a recorded step reads never moves"
    assert sum(note.endswith("made") for note in Slot.notes) == batches.SLOTS + 1


def test_what_is_looked_at_in_between_is_not_compiled_anew():
    network = torch.nn.Sequential(torch.nn.Linear(2, 2))
    network[0].compile(backend="eager")
    compiled = network[0]._compiled_call_impl
    with compilation.paused(network):
        assert network[0]._compiled_call_impl is None
    assert network[0]._compiled_call_impl is compiled is not None
