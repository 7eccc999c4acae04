"""Several processes that train one network end with the weights of one process on the whole batch."""

from __future__ import annotations

import importlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from explorer import ranks
from explorer.errors import BadInput
from explorer.training import hardware
from tests.training.rank_cases import CASES, LONG, trained

# biases of keys, with those of queries and values: no output depends on them, and their gradients are rounding
IDLE = ("in_proj_bias", "attention.bias", "of_features.bias", "k_proj.bias")
LOOSE = {"vq": 2e-3}  # k-means ends where the gradient of its codes is nothing but rounding, at a rate of 0.01
PROGRAM = Path(__file__).with_name("rank_cases.py")


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """Folder with the log of each case and the weights of both ranks."""
    place = tmp_path_factory.mktemp("ranks")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    shared = os.environ | {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}
    words = [sys.executable, str(PROGRAM), str(place)]
    both = [subprocess.Popen(words, env=shared | {"RANK": rank, "LOCAL_RANK": rank}) for rank in ("0", "1")]
    assert [one.wait(300) for one in both] == [0, 9]
    return place


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("case", CASES)
def test_two_processes_end_with_the_weights_of_one(together, tmp_path, case):
    expected = trained(case, tmp_path / "alone")
    first, second = (load_file(together / f"{case}.{rank}.safetensors") for rank in (0, 1))
    assert all(torch.equal(first[name], second[name]) for name in expected), "ranks have the same weights"
    for name, value in expected.items():
        if not name.endswith(IDLE):
            torch.testing.assert_close(first[name], value, atol=LOOSE.get(case, 1e-5), rtol=1e-4, msg=name)
    logs = [(place / "metrics.jsonl").read_text().splitlines() for place in (tmp_path / "alone", together / case)]
    for ours, theirs in zip(*(map(json.loads, lines) for lines in logs), strict=True):
        assert ours.pop("images_per_second") >= 0 and theirs.pop("images_per_second") >= 0
        assert theirs == pytest.approx(ours, abs=1e-5, rel=1e-4)


def test_all_stop_after_the_same_step_and_a_rank_that_dies_is_told_of(together, tmp_path):
    place = together / "stopped"
    told = {(place / f"step {rank}").read_text() for rank in (0, 1)}
    assert told in ({"stopped 4"}, {"stopped 5"})  # asked after the third
    said = (place / "said").read_text()
    assert "one of 2 processes that train together has ended without a word" in said
    assert said.endswith("--resume goes on from the last save")


def test_what_several_processes_left_goes_on_in_one(together, tmp_path):
    expected = trained("ema", tmp_path / "alone", steps=LONG)
    found = trained("ema", together / "stopped", steps=LONG, resumed=True)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, atol=1e-4, rtol=1e-3, msg=name)
    steps = [json.loads(line)["step"] for line in (together / "stopped" / "metrics.jsonl").read_text().splitlines()]
    assert steps == list(range(1, LONG + 1)), "no line is missing, and none is there twice"


@pytest.mark.parametrize(("batch", "words"), [(128, "126 or 129"), (2, "batch_size of 3,")])
def test_a_batch_that_does_not_divide_is_refused_with_one_that_does(batch, words):
    with pytest.raises(BadInput, match="does not divide among 3 processes") as caught:
        ranks.check_divides(batch, 3)
    assert words in str(caught.value)
    ranks.check_divides(3 * batch, 3)


@pytest.mark.parametrize(
    ("device", "number", "found"),
    [("auto", 1, "cuda:1"), ("all", 0, "cuda:0"), ("cpu", 1, "cpu"), ("cuda:1", 0, None), ("auto", 2, None)],
)
def test_each_rank_has_a_gpu_of_its_own(monkeypatch, device, number, found):
    module = importlib.import_module("explorer.jobs.devices")  # a function has its name
    monkeypatch.setattr(module, "_here", lambda: ["cuda:0", "cuda:1", "cpu"])
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", lambda index: None)
    monkeypatch.setattr(ranks, "count", lambda: 3)
    monkeypatch.setattr(ranks, "local", lambda: number)
    if found:
        assert hardware.own_device(device) == found
    else:
        with pytest.raises(BadInput, match=r"is one device, and these are 3 processes|more processes than GPUs"):
            hardware.own_device(device)
