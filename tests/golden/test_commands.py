"""What scripts read from the command line: the keys and types of every `--json`, its numbers, exit codes, one line."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from explorer import checkpoints, datasets
from explorer.__main__ import main

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = checkpoints.SHIPPED_ORDER
TINY = (
    "precision=float32 hidden=8 residual_blocks=1 residual_channels=8 codes=16 dim=4 images=64 batch_size=16 compile=no"
)
KNOWN = {  # what is known already: the same numbers every time
    "inspect": "inspect vqvae2-shapes",
    "usage": "usage vqvae-shapes --dataset shapes",
    "measure-layers": "measure layers vqvae2-shapes --dataset shapes",
    "measure-rates": "measure rates vqvae-shapes --dataset shapes",
    "measure-codecs": "measure codecs vqvae-digits --dataset digits",
    "project": "project vqvae-shapes --dataset shapes",
}
REFUSED = {
    "inspect nothing": ("nothing", "vqvae-shapes"),
    "encode nothing --dataset digits": ("nothing", "vqvae-shapes"),
    "usage vqvae-shapes --dataset nowhere": ("nowhere", "shapes"),
    "measure layers vqvae-shapes --dataset nowhere": ("nowhere", "shapes"),
    "measure everything vqvae-shapes --dataset shapes": ("everything", "layers, rates, codecs"),
    "project vqvae-shapes --dataset shapes --what everything": ("everything", "images, patches, codebook"),
    "train nothing --dataset shapes": ("nothing", "vqvae"),
    "paint": ("paint",),
}


@pytest.fixture
def command(capfd, monkeypatch, home):
    """Runs a command line; returns its exit code, standard output and standard error."""

    def run(line: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["explorer", *line.split()])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, *capfd.readouterr()

    return run


@pytest.fixture
def answer(command, home):
    """Runs a command with `--json`, which prints one object and nothing else; paths in it are told from their root."""

    def run(line: str) -> dict:
        code, out, err = command(f"{line} --json")
        assert code == 0, err
        assert out.count("\n") == 1, out
        return json.loads(out.replace(f"{ROOT}/", "").replace(f"{home}/", ""))

    return run


def kinds(value: Any, at: str = "") -> dict[str, str]:
    """Types by path; all entries of a list are one place, which may have several types."""
    if isinstance(value, dict):
        parts = [kinds(one, f"{at}.{key}" if at else key) for key, one in value.items()]
    elif isinstance(value, list):
        parts = [kinds(one, f"{at}[]") for one in value]
    else:
        return {at: type(value).__name__}
    merged: dict[str, set[str]] = {}
    for part in parts:
        for key, kind in part.items():
            merged.setdefault(key, set()).update(kind.split(" or "))
    return {at: type(value).__name__} | {key: " or ".join(sorted(names)) for key, names in merged.items()}


@pytest.mark.parametrize("name", KNOWN)
def test_numbers_of_what_is_known(answer, golden, name):
    golden(f"command-{name}", answer(KNOWN[name]))


def test_list(answer, golden):
    found = answer("list")
    assert [one["name"] for one in found["checkpoints"]][: len(SHIPPED)] == list(SHIPPED)
    golden("command-list", {"checkpoints": found["checkpoints"][: len(SHIPPED)]})


def test_train(answer, golden, tmp_path):
    settings = " ".join(f"--set {pair}" for pair in TINY.split())
    line = f"train vqvae --dataset digits --steps 3 --device cpu --out {tmp_path}/tiny {settings}"
    golden("command-train", kinds(answer(line)))
    names = sorted(path.name for path in (tmp_path / "tiny").iterdir())
    config = json.loads((tmp_path / "tiny" / "config.json").read_text())
    golden("files-train", {"files": names, "config": kinds(config)})


def test_encode(answer, golden, tmp_path):
    found = answer(f"encode vqvae-digits --dataset digits --limit 40 --out {tmp_path}/few.lance")
    golden("command-encode", kinds(found))
    facts = json.loads((tmp_path / "few.lance" / "encoding.json").read_text())
    facts["files"] = len(facts["files"])
    golden("files-encode", kinds(facts))


def test_reconstruct(answer, golden, tmp_path):
    Image.fromarray(datasets.load("shapes", "test", 64).read([7])[0]).save(tmp_path / "seven.png")
    found = answer(f"reconstruct vqvae2-shapes {tmp_path}/seven.png --out {tmp_path}/out")
    golden("command-reconstruct", json.loads(json.dumps(found).replace(f"{tmp_path}/", "")), 1e-3)
    names = sorted(str(path.relative_to(tmp_path)) for path in (tmp_path / "out").rglob("*"))
    golden("files-reconstruct", names)


@pytest.mark.parametrize("line", REFUSED)
def test_bad_input_is_one_line_and_two(command, line):
    code, out, err = command(line)
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert err.startswith("explorer: ") and all(word in err for word in REFUSED[line]), err
