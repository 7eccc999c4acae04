"""What samples of a prior are worth: copies that are planted are found, and what cannot be judged is a sentence."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from explorer import checkpoints, models, priors, results
from explorer.commands import run
from explorer.errors import BadInput
from explorer.priors import folder, sampling
from explorer.results.subject import Subject
from tests.priors.folders import keep
from tests.results.test_results import network as network


@pytest.fixture
def subject(network):
    return Subject(network / "network", str(network / "photos"))


@pytest.fixture
def prior(network, tmp_path):
    return keep(tmp_path / "prior", network / "network", str(network / "photos"))


def judge(subject: Subject, prior, **more) -> dict:
    return results.obtain("judged", subject, {"prior": str(prior), **more})[1]


def test_what_it_says_of_a_prior_that_learned_nothing(subject, prior):
    told = judge(subject, prior)
    assert told["n"] == 12 and told["training"] == 12 and told["levels"] == ["top", "bottom"]
    counts = told["copying"]["counts"]
    assert sum(counts["samples"]) == 12 and len(counts["places"]) == 1 + told["cells"]
    assert "conditional on nothing" in told["probe"]["missing"]
    names = [one["name"] for one in told["quality"]["sets"]]
    assert names == ["samples", "training images", "codes drawn by place", "cells shuffled"]
    assert told["bits"]["samples"]["n"] == 12 and 0 <= told["kept"]["held_out"]["mean"] <= 1
    assert json.dumps(told) and "NaN" not in json.dumps(told)


def test_a_prior_that_repeats_its_training_maps_is_nearest_to_them(subject, prior, monkeypatch):
    training = results.obtain("encoding", Subject(subject.checkpoint, subject.dataset, split="train"))[1]
    codes = {name: torch.from_numpy(training.codes(name).astype(np.int64)) for name in ("top", "bottom")}

    def copied(prior, classes, choices, *, numbers, **more):
        return {name: one[numbers % len(one)] for name, one in codes.items()}

    monkeypatch.setattr(sampling, "sample", copied)
    told = judge(subject, prior)
    assert told["copying"]["samples"]["half"]["mean"] == told["copying"]["samples"]["nearly"]["mean"] == 1
    assert told["copying"]["counts"]["samples"][-1] == 12
    for pair in told["copying"]["nearest"]:  # of a random network several maps may be the same
        assert pair["share"] == 1
        assert all(pair["codes"][name] == codes[name][pair["row"]].tolist() for name in codes)
    precise = told["quality"]["sets"][0]
    assert precise["precision"]["mean"] == told["quality"]["sets"][1]["precision"]["mean"], "they are training images"


def test_another_encoder_says_what_is_alike(subject, prior, network):
    told = judge(subject, prior, encoder=str(network / "filling"), n=6)
    assert told["quality"]["space"].startswith("mean latents of filling")
    assert results.key("judged", subject, {"prior": str(prior)}) != results.key(
        "judged", subject, {"prior": str(prior), "encoder": str(network / "filling")}
    )


def test_what_cannot_be_judged_is_one_sentence(subject, prior, network, tmp_path, capfd):
    with pytest.raises(BadInput, match="did not learn from"):
        results.obtain("judged", Subject(subject.checkpoint, subject.dataset, split="train"), {"prior": str(prior)})
    with pytest.raises(BadInput, match="is another one"):
        results.obtain("judged", Subject(network / "filling", subject.dataset), {"prior": str(prior)})
    with pytest.raises(BadInput, match="no prior 'dreams'"):
        results.obtain("judged", subject, {"prior": "dreams"})
    assert run(["prior", "judge", "dreams"]) == 2 and "no prior 'dreams'" in capfd.readouterr().err
    assert run(["prior", "judge", str(prior), "-n", "1"]) == 2


def test_grids_of_one_cell(network, tmp_path):
    """One code an image: nothing stands beside anything, and nothing breaks."""
    settings = {"hidden": 8, "residual_blocks": 1, "residual_channels": 4, "codes": 8, "dim": 4, "downsample": 16}
    torch.manual_seed(0)
    checkpoints.save(
        tmp_path, models.build("vqvae", settings, 16).eval(), family="vqvae", dataset="photos", training={},
        metrics={}, card="# tiny",
    )  # fmt: skip
    prior = keep(tmp_path / "prior", tmp_path, str(network / "photos"))
    assert folder.describe(prior).levels == (priors.Level("code", (1, 1), 8),)
    told = judge(Subject(tmp_path, str(network / "photos")), prior)
    assert told["cells"] == 1 and [one["name"] for one in told["quality"]["sets"]][-1] == "codes drawn by place"
