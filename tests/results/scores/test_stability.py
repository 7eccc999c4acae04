"""Codes of another training of the same config, compared on the same images."""

from __future__ import annotations

import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from explorer import checkpoints, models, results
from explorer.results.subject import Subject
from tests.results.test_results import network  # noqa: F401

STABILITY = {"score": "stability"}


CODES = "table._codebook.embed"


def trained(folder, name, seed, weights=None):
    """Another network of the same settings, with weights of its own unless some are given."""
    settings = checkpoints.describe(folder / "network").settings
    torch.manual_seed(100 + seed)
    model = models.build("vqvae2", settings, 16).eval()
    with torch.no_grad():  # codes among the latents, so that many are used
        for name_of, value in model.state_dict().items():
            if name_of.endswith(CODES):
                value.copy_(0.05 * torch.randn(value.shape))
    (folder / name).mkdir(exist_ok=True)
    told = {"family": "vqvae2", "dataset": "photos", "training": {"seed": seed}, "metrics": {}, "card": "# tiny"}
    checkpoints.save(folder / name, model, **told)
    if weights is not None:
        save_file(weights, folder / name / "model.safetensors")
    return folder / name


@pytest.fixture
def folder(network, tmp_path, monkeypatch):  # noqa: F811
    """A tiny network and its pictures, in a folder of checkpoints of its own."""
    shutil.copytree(network, tmp_path / "own")
    monkeypatch.setenv("EXPLORER_CHECKPOINTS", str(tmp_path / "own"))
    trained(tmp_path / "own", "network", 0)
    return tmp_path / "own"


@pytest.fixture
def subject(folder):
    return Subject(folder / "network", str(folder / "photos"))


def permuted(folder):
    """Weights of the same network with another order of its codes."""
    weights = load_file(folder / "network" / "model.safetensors")
    order = torch.randperm(8, generator=torch.Generator().manual_seed(1))
    return {name: value[:, order].contiguous() if name.endswith(CODES) else value for name, value in weights.items()}


def test_alone_it_says_what_to_name(subject):
    found = results.obtain("score", subject, STABILITY)[1]
    assert "Name other checkpoints" in found["missing"] and "photos" in found["missing"]


def test_a_copy_with_another_order_of_codes_is_the_same(folder, subject):
    trained(folder, "copy", 1, permuted(folder))
    found = results.obtain("score", subject, STABILITY)[1]
    assert found["found"] and "bottom" in {pair["layer"] for pair in found["pairs"]}
    for pair in found["pairs"]:
        assert pair["other"] == "copy" and pair["n"] == 12
        assert pair["agreed"]["mean"] > 0.9 and pair["ami"]["mean"] == pytest.approx(1, abs=1e-6)
    assert "keep their code" in found["sentence"]


def test_other_seeds_are_found_by_themselves_and_are_part_of_the_key(folder, subject):
    before = results.key("score", subject, STABILITY)
    trained(folder, "again", 1)
    trained(folder, "same-seed", 0)
    after = Subject(subject.checkpoint, subject.dataset)
    assert results.key("score", after, STABILITY) != before
    found = results.obtain("score", after, STABILITY)[1]
    assert {pair["other"] for pair in found["pairs"]} == {"again"}
    assert all(pair["ami"]["mean"] < 0.9 and not pair["flags"] for pair in found["pairs"])


def test_what_makes_agreement_say_little_is_flagged(folder, subject):
    weights = load_file(folder / "network" / "model.safetensors")
    nudged = {
        name: value + 1e-4 * torch.randn(value.shape) if name.endswith(CODES) else value
        for name, value in weights.items()
    }
    trained(folder, "twin", 0, nudged)
    found = results.obtain("score", subject, STABILITY | {"others": "twin, network"})[1]
    (seed, *_) = found["pairs"][0]["flags"]
    assert "seed 0" in seed and not found["found"]
    assert "this very checkpoint" in found["refused"]["network"]
