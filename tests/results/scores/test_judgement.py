"""The judgement of a checkpoint: nulls that a network and pixels allow, and what cannot be judged."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from explorer import checkpoints, models, results
from explorer.analysis.concepts import verdicts
from explorer.analysis.concepts.untrained import untrained
from explorer.results.scores import Options, nulls
from explorer.results.subject import Subject


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """An untrained network of two layers, and pictures in two classes of two shades with a table beside them."""
    folder = tmp_path_factory.mktemp("judged")
    generator, rows = np.random.default_rng(0), ["file_name,same,own,number"]
    for number in range(60):
        shade = number % 2
        pixels = np.clip(generator.normal(60 + 120 * shade, 25, (16, 16, 3)), 0, 255).astype(np.uint8)
        name = f"{('dark', 'light')[shade]}/{number}.png"
        (folder / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / "photos" / name)
        rows.append(f"{name},yes,n{number},{shade + number / 100}")
    (folder / "photos" / "metadata.csv").write_text("\n".join(rows))
    torch.manual_seed(0)
    settings = {"hidden": 8, "residual_blocks": 1, "residual_channels": 4, "codes": 8, "dim": 4}
    model = models.build("vqvae2", settings, 16).eval()
    facts = {"family": "vqvae2", "dataset": "photos", "training": {}, "metrics": {}, "card": "# tiny"}
    (folder / "network").mkdir()
    checkpoints.save(folder / "network", model, **facts)
    return folder


@pytest.fixture
def judged(network):
    subject = Subject(network / "network", str(network / "photos"), split="all")
    return results.obtain("score", subject, Options(score="judgement"))[1]


def test_an_untrained_network_is_judged_beside_every_null_and_holds_nothing(judged):
    layers = [layer["layer"] for layer in judged["concepts"] if layer["concept"] == "class"]
    assert layers == ["top", "bottom"] and not judged["absent"]
    for row in judged["concepts"]:
        assert row["verdict"] in verdicts.RULES and row["verdict"] not in (verdicts.SINGLE, verdicts.JOINT)
        assert row["sentence"].startswith(f"{row['concept']}: ") and row["n"] <= 60
        expected = {nulls.UNTRAINED, nulls.RANDOM, nulls.PATCHES, nulls.COLOURS, nulls.SHUFFLED, nulls.PIXELS}
        assert expected | {nulls.PICTURE, verdicts.SHUFFLED, verdicts.STANDING} == set(row["joint"]["baselines"])
        assert row["best_null"]["high"] == max(band["high"] for band in row["baselines"].values())
    points = [step["point"] for step in judged["concepts"][0]["ladder"] if step["probe"] == "linear"]
    assert points == [
        "raw pixels", "latents before the quantizer", "vectors of the codes", "codes at their places", "bag of codes",
        "bag of codes, images shuffled",
    ]  # fmt: skip
    pixels = judged["concepts"][0]["joint"]["baselines"][nulls.PIXELS]
    assert pixels["mean"] > 0.9, "two shades are told by the pixels themselves"


def test_what_cannot_be_judged_is_said_and_the_rest_is_judged(judged):
    assert {"same", "own"} <= judged["refused"].keys()
    assert all(len(text) > 20 for text in judged["refused"].values())
    number = next(row for row in judged["concepts"] if row["concept"] == "number")
    assert number["joint"]["metric"] == "R²" and len(number["values"]) == 5


def test_an_untrained_copy_has_other_weights_of_the_same_shapes():
    torch.manual_seed(0)
    layer = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.BatchNorm1d(4))
    layer.register_parameter("table", torch.nn.Parameter(torch.full((5, 4), 3.0) + torch.randn(5, 4)))
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    one, same, other = (untrained(layer, seed).state_dict() for seed in (1, 1, 2))
    for name in ("0.weight", "table"):
        assert torch.equal(one[name], same[name])
        assert not torch.equal(one[name], other[name]) and not torch.equal(one[name], before[name])
    assert all(torch.equal(layer.state_dict()[name], before[name]) for name in before)
    assert abs(float(one["table"].mean()) - 3) < 1.5
