"""One command by several processes: real ones, as `--device all` starts them."""

from __future__ import annotations

import importlib
import json

import numpy as np
import pytest

from explorer import commands
from explorer.errors import BadInput
from explorer.jobs import crew

TINY = {"image_size": 8, "hidden": 8, "residual_channels": 4, "codes": 4, "dim": 2, "batch_size": 4, "compile": "no"}


@pytest.fixture
def command(tmp_path, monkeypatch):
    """The words that train a tiny network on the CPU; `status.json` is that of its job."""
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("EXPLORER_STATUS", str(tmp_path / "status.json"))
    monkeypatch.setenv("EXPLORER_JOB", str(tmp_path / "none"))  # whose turn it is, the first process has seen to
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    np.save(tmp_path / "pictures.npy", np.random.default_rng(0).integers(256, size=(40, 8, 8, 3), dtype=np.uint8))
    words = ["train", "vqvae", "--dataset", str(tmp_path / "pictures.npy"), "--out", str(tmp_path / "net")]
    return [*words, "--device", "cpu", "--steps", "5", "--json"]


def with_settings(words, **settings):
    return [*words, *(word for key, value in (TINY | settings).items() for word in ("--set", f"{key}={value}"))]


def test_all_gpus_train_and_one_process_writes_and_speaks(command, tmp_path, capfd, monkeypatch):
    """There are none here, so that each of the two processes takes the CPU."""
    monkeypatch.delenv("EXPLORER_JOB")
    monkeypatch.setattr(importlib.import_module("explorer.jobs.devices"), "gpus", lambda: ["cuda:0", "cuda:1"])
    words = ["all" if word == "cpu" else word for word in with_settings(command)]
    monkeypatch.setattr("sys.argv", ["explorer", *words])
    assert commands.run(words) == 0
    said, told = capfd.readouterr()
    assert json.loads(said)["state"] == "done" and told.count("finished") == 1
    lines = [json.loads(line) for line in (tmp_path / "net" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5] and "psnr" in lines[-1]
    assert json.loads((tmp_path / "status.json").read_text())["state"] == "done"
    assert json.loads((tmp_path / "net" / "config.json").read_text())["training"]["batch_size"] == 4


def test_what_is_wrong_is_said_once(command, tmp_path, capfd):
    assert crew.work(with_settings(command, batch_size=5), 2) == 2
    said, told = capfd.readouterr()
    wrong = "a batch of 5 images does not divide among 2 processes; choose a batch_size of 4 or 6, or another number"
    assert not said and told.count(wrong) == 1 and "Traceback" not in told
    status = json.loads((tmp_path / "status.json").read_text())
    assert status["state"] == "failed" and wrong in status["message"]
    assert not (tmp_path / "net").exists()


@pytest.mark.parametrize(("killed", "said"), [(0, "process 1 of 2"), (1, "process 2 of 2")])
def test_one_that_is_killed_ends_all(monkeypatch, tmp_path, killed, said):
    """Each of these waits for the other for ever, as a GPU does."""
    (tmp_path / "explorer").mkdir()
    program = f"import os, signal, time\nif os.environ['RANK'] == '{killed}': os.kill(os.getpid(), signal.SIGKILL)\n"
    (tmp_path / "explorer" / "__main__.py").write_text(program + "time.sleep(60)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.setattr(crew, "GRACE", 0.2)
    with pytest.raises(BadInput, match=f"{said} that train together was ended by signal 9.*--resume"):
        crew.work(["train"], 2)
