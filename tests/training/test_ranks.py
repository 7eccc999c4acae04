"""Several processes that train one network end with the weights of one process on the whole batch."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.training.rank_cases import CASES, trained

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
    assert [one.wait(300) for one in both] == [0, 0]
    return place


@pytest.mark.parametrize("case", CASES)
def test_two_processes_end_with_the_weights_of_one(together, tmp_path, case):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        expected = trained(case, tmp_path / "alone")
    finally:
        torch.set_num_threads(threads)
    first, second = (load_file(together / f"{case}.{rank}.safetensors") for rank in (0, 1))
    assert all(torch.equal(first[name], second[name]) for name in expected), "ranks have the same weights"
    for name, value in expected.items():
        if not name.endswith(IDLE):
            torch.testing.assert_close(first[name], value, atol=LOOSE.get(case, 1e-5), rtol=1e-4, msg=name)
    logs = [(place / "metrics.jsonl").read_text().splitlines() for place in (tmp_path / "alone", together / case)]
    for ours, theirs in zip(*(map(json.loads, lines) for lines in logs), strict=True):
        assert ours.pop("images_per_second") >= 0 and theirs.pop("images_per_second") >= 0
        assert theirs == pytest.approx(ours, abs=1e-5, rel=1e-4)
