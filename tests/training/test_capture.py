"""A step that is recorded and replayed: when, when again, and what happens where that cannot be."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file, save_file

from explorer.training import STATE, capture
from explorer.training.capture import WARM, Captured
from tests.training.test_training import StopAfter, run


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
        raise RuntimeError("CUDA error: operation not permitted when stream is capturing\nCompile with …")

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
