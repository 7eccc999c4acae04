"""The training loop against the same steps written out with torch; its scores against those of the saved network."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from explorer import checkpoints, datasets
from explorer.autoencoder import to_images
from explorer.chance import Chance, shuffled
from explorer.models import build
from explorer.progress import Progress
from explorer.training import train
from explorer.training.meters import Timer
from explorer.training.scores import score

CONVOLUTIONS = {"hidden": 8, "residual_blocks": 1, "residual_channels": 4, "downsample": 8}
SETTINGS = {
    "vqvae": {**CONVOLUTIONS, "codes": 16, "dim": 4},
    "vae": {**CONVOLUTIONS, "dim": 4, "width": 16, "beta_warmup": 0.9},
}
STEPS, BATCH, IMAGES, SEED, RATE, DECAY = 6, 8, 40, 3, 1e-2, 0.1
TRAINING = {
    "steps": STEPS, "batch_size": BATCH, "images": IMAGES, "image_size": 32, "seed": SEED, "learning_rate": RATE,
    "weight_decay": DECAY, "compile": "no", "device": "cpu", "precision": "float32",
}  # fmt: skip


@pytest.fixture(autouse=True)
def few_held_out_images(monkeypatch):
    monkeypatch.setattr("explorer.training.scores.SCORED", 48)
    monkeypatch.setattr("explorer.training.scores.UNTRAINED", 32)
    monkeypatch.setattr("explorer.training.autoencoders.LOOKED", 4)


def run(out, family, settings=None, **training):
    quiet = Progress(0, "steps", quiet=True)
    settings = SETTINGS[family] | (settings or {})
    return train(family, "shapes", out, settings=settings, training=TRAINING | training, progress=quiet)


def by_hand(family, longest=1.0):
    """The weights after STEPS steps of AdamW, whose gradients are no longer than `longest`."""
    images = datasets.load("shapes", "train", 32, limit=IMAGES)
    order = np.concatenate([shuffled(IMAGES, SEED, epoch, "cpu").numpy() for epoch in range(2)])
    torch.manual_seed(SEED)
    model = build(family, SETTINGS[family], 32).to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=DECAY, betas=(0.9, 0.95), fused=True)
    for step in range(STEPS):
        batch = to_images(images.read(order[BATCH * step : BATCH * (step + 1)]), "cpu")
        model.anneal(step / STEPS)
        share = 1.0 if step == 0 else 0.5 * (1 + math.cos(math.pi * (step - 1) / (STEPS - 1)))
        optimizer.param_groups[0]["lr"] = RATE * share
        optimizer.zero_grad()
        model(batch, Chance.at(SEED, torch.tensor(step)))["loss"].backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), longest)
        optimizer.step()
        if step == 0 and family == "vqvae":
            model.started()
    return model.state_dict()


@pytest.mark.parametrize("family", SETTINGS)
def test_training_is_these_steps(tmp_path, family):
    run(tmp_path / "net", family)
    found, expected = load_file(tmp_path / "net" / "model.safetensors"), by_hand(family)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, atol=1e-5, rtol=1e-4, msg=name)


def test_gradients_are_clipped_to_a_length_of_one(tmp_path):
    """The gradients of a VAE, whose loss is a sum over pixels, are thousands long, each step another length."""
    run(tmp_path / "net", "vae")
    found = load_file(tmp_path / "net" / "model.safetensors")
    clipped, free = by_hand("vae"), by_hand("vae", longest=1e9)
    assert max(float((clipped[name] - found[name]).abs().max()) for name in found) < 1e-4
    assert max(float((free[name] - found[name]).abs().max()) for name in found) > 1e-3


@pytest.mark.parametrize("family", SETTINGS)
def test_scores_are_those_of_the_saved_network_and_of_the_one_before_its_first_step(tmp_path, family):
    run(tmp_path / "net", family)
    metrics = checkpoints.describe(tmp_path / "net").metrics
    held_out = datasets.load("shapes", "test", 32)
    trained = checkpoints.load(tmp_path / "net")
    torch.manual_seed(SEED)
    untrained = build(family, SETTINGS[family], 32).eval()
    psnr = {}
    for name, model, count in (("trained", trained, 48), ("logged", trained, 4), ("untrained", untrained, 32)):
        rows = held_out.sample(count)
        psnr[name] = float(score(model, held_out.batches(rows))["psnr"].mean())
    assert metrics["psnr"]["mean"] == pytest.approx(psnr["trained"], abs=1e-3)
    assert metrics["baselines"]["untrained"]["psnr"]["mean"] == pytest.approx(psnr["untrained"], abs=1e-3)
    assert abs(psnr["trained"] - psnr["untrained"]) > 0.01, "so that one is not the other"
    last = json.loads((tmp_path / "net" / "metrics.jsonl").read_text().splitlines()[-1])
    assert last["psnr"] == pytest.approx(psnr["logged"], abs=1e-3)


def test_images_are_read_as_it_was_asked_for(tmp_path, monkeypatch):
    asked = {}
    load = datasets.load

    def noted(name, split="test", size=None, **options):
        asked[split] = {"size": size, "limit": options.get("limit"), "fit": options.get("fit")}
        return load(name, split, size, **options)

    monkeypatch.setattr(datasets, "load", noted)
    run(tmp_path / "net", "vqvae", fit="pad", steps=1)
    assert asked == {
        "train": {"size": 32, "limit": IMAGES, "fit": "pad"},
        "test": {"size": 32, "limit": None, "fit": "pad"},
    }


def test_the_rate_is_that_of_steps_after_the_first(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("explorer.training.meters.time.perf_counter", lambda: now[0])
    timer = Timer(torch.device("cpu"), batch=10)
    for seconds in (60.0, 2.0, 2.0, 2.0):  # the first allocates, and imports what is imported late
        now[0] += seconds
        timer.tick()
    timer.read()
    assert timer.rate() == pytest.approx(5.0) and timer.per_step() == pytest.approx(2.0)
    now[0] += 100.0  # a look at held-out images
    timer.restart()
    now[0] += 2.0
    timer.tick()
    timer.read()
    assert timer.rate() == pytest.approx(5.0)
    timer.skip(1)
    for seconds in (300.0, 1.0, 1.0):  # the first is compiled
        now[0] += seconds
        timer.tick()
    timer.read()
    assert timer.rate() == pytest.approx(10.0)
