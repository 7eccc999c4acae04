"""Bits of every cell under a prior: equal to the prior's own, by hand where they are known, and kept by content."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from explorer import checkpoints, models, results
from explorer.commands import run
from explorer.errors import BadInput
from explorer.priors import folder
from explorer.results.subject import Subject
from explorer.results.surprisal import told
from tests.priors.folders import keep

SETTINGS = {"hidden": 8, "residual_blocks": 1, "residual_channels": 4, "codes": 8, "dim": 4}
LN2 = np.log(2)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A tiny VQ-VAE-2, two folders of pictures, and priors: with a class, without one, and with one never hidden."""
    place = tmp_path_factory.mktemp("surprised")
    generator = np.random.default_rng(0)
    for name, bright, size in (("photos", 90, 16), ("other", 250, 40)):
        for split in ("train", "test"):
            for kind, channel in (("red", 0), ("green", 1)):
                (place / name / split / kind).mkdir(parents=True)
                for number in range(8):
                    pixels = generator.integers(0, bright, (size, size, 3), dtype=np.uint8)
                    pixels[..., channel] = np.minimum(pixels[..., channel].astype(int) + 120, 255)
                    Image.fromarray(pixels).save(place / name / split / kind / f"{number}.png")
    torch.manual_seed(0)
    network = models.build("vqvae2", SETTINGS, 16).eval()
    (place / "network").mkdir()
    facts = {"family": "vqvae2", "dataset": str(place / "photos"), "training": {}, "metrics": {}, "card": "# tiny"}
    checkpoints.save(place / "network", network, **facts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPLORER_CACHE", str(place / "cache"))
        made = place / "network", str(place / "photos")
        keep(place / "classed", *made, "class")
        keep(place / "plain", *made)
        keep(place / "shown", *made, "class", class_dropout=0.0)
    return place


@pytest.fixture
def subject(place, monkeypatch):
    monkeypatch.setenv("EXPLORER_CACHE", str(place / "cache"))
    return Subject(place / "network", str(place / "photos"))


def made(subject, place, prior="classed", **more):
    return results.obtain("surprisal", subject, {"prior": str(place / prior), **more})[1]


def test_bits_are_those_of_the_prior(subject, place):
    found, prior = made(subject, place), folder.load(place / "classed")
    encoding = results.obtain("encoding", subject)[1]
    codes = {name: torch.from_numpy(encoding.codes(name).astype(np.int64)) for name in ("top", "bottom")}
    classes = folder.describe(place / "classed").condition.classes(subject.images.concepts["class"])
    for maps, step, asked in ((found.maps, "class", classes), (found.bare, "prior", np.full(16, -1))):
        nats = prior.nats(codes, torch.from_numpy(asked))
        for name, values in nats.items():
            bits = values.numpy() / LN2
            assert np.allclose(maps[name], bits, rtol=1e-3, atol=1e-3), "half precision on disk"
            assert np.allclose(found.steps[step][name], bits.reshape(16, -1).sum(1), rtol=1e-5), (
                "sums are of all digits"
            )
            assert (found.codes[name] == encoding.codes(name)).all()
    assert found.image_bits() == pytest.approx((found.steps["class"]["top"] + found.steps["class"]["bottom"]) / 20)


def test_batches_do_not_matter(subject, place, monkeypatch):
    whole = made(subject, place)
    monkeypatch.setattr("explorer.results.surprisal.passes.NUMBERS", 1)  # one image at a time
    results.path("surprisal", subject, {"prior": str(place / "classed")}).unlink()
    alone = made(subject, place)
    for name in whole.levels:
        assert np.allclose(whole.steps["class"][name], alone.steps["class"][name], rtol=1e-5)
        assert np.allclose(whole.maps[name], alone.maps[name], rtol=2e-3, atol=1e-3)


def test_a_prior_whose_probabilities_are_known(subject, place, tmp_path):
    """All weights are nought but the biases of the head, so that every code has the same probability everywhere."""
    known = keep(tmp_path / "known", subject.checkpoint, subject.dataset)
    prior = folder.load(known)
    chances = torch.tensor([0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125, 0.0078125])
    with torch.no_grad():
        for name, parameter in prior.named_parameters():
            parameter.zero_()
            if name.endswith("head.bias"):
                parameter.copy_(chances.log())
    folder.save_weights(known, prior)
    found = results.obtain("surprisal", subject, {"prior": str(known)})[1]
    expected = -np.log2(chances.numpy())
    for name in found.levels:
        assert (found.maps[name] == expected[found.codes[name]]).all()
    codes = told.codes(found, "bottom")
    assert [one["bits"] for one in codes] == pytest.approx([expected[one["code"]] for one in codes])
    most = told.images(found.image_bits(), subject.images.names)[0]
    assert most["bits"] == pytest.approx(found.image_bits().max()) and most["name"] == subject.images.names[most["row"]]


def test_a_class_that_was_never_hidden_is_averaged_over_when_sets_are_compared(subject, place):
    found, prior = made(subject, place, "shown", against=str(place / "other")), folder.load(place / "shown")
    assert found.facts["hidden"] is False
    assert "prior" not in {one["step"] for one in told.context(found, "top")["steps"]}
    codes = {name: torch.from_numpy(one[found.rows[0]].astype(np.int64)) for name, one in found.codes.items()}
    each = [sum(one.flatten(1).sum(1) for one in prior.nats(codes, torch.full((16,), c)).values()) for c in (0, 1)]
    expected = -torch.logsumexp(-torch.stack(each), 0) / LN2 + 1
    assert np.allclose(found.scores["bits"][0], expected, rtol=1e-4)


def test_other_images_are_brought_to_size_and_scored(subject, place):
    found = made(subject, place, "plain", against=str(place / "other"))
    told_ = told.outliers(found)
    assert set(found.scores) == {"bits", "psnr", "size", "unigram", "corrected", "corrected_codes"}
    assert told_["foreign"] == 16 and told_["usual"] == 16 and not told_["same"]
    assert 0 <= told_["low"] <= told_["auroc"] <= told_["high"] <= 1
    assert found.bare == {} and set(found.steps) == {"prior", "unigram", "place", "neighbours"}
    assert told_["sentences"] and found.scores["size"][0].min() > 8 * 60, "bits, not bytes"
    sizes = found.scores["bits"][1] - found.scores["size"][1]
    assert np.allclose(found.scores["corrected"][1], sizes, atol=0.1)


def test_the_same_images_are_never_told_apart(subject, place):
    found = told.outliers(made(subject, place, "plain", against=str(place / "photos")))
    assert found["same"] and found["auroc"] == 0.5 and found["baselines"]["size"]["auroc"] == 0.5
    assert found["sentences"] == ["These are the same images, so no score can tell them apart: 0.5 by construction."]


def test_one_image(subject, place):
    found = made(replace(subject, limit=1), place, against=str(place / "other"))
    numbers = told.numbers(found, ["only"], pd.DataFrame({"class": ["red"]}))
    assert numbers["images"] == 1 and numbers["bits_per_code"]["low"] is None and numbers["concepts"] == []
    assert numbers["outliers"]["low"] is None and "too few" in numbers["outliers"]["sentences"][0]


def test_grids_of_one_cell_and_codes_of_k_means(place, tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_CACHE", str(place / "cache"))
    torch.manual_seed(0)
    network = models.build(
        "vae", {"hidden": 8, "residual_blocks": 1, "residual_channels": 4, "downsample": 4}, 16
    ).eval()
    (tmp_path / "vae").mkdir()
    facts = {"family": "vae", "dataset": str(place / "photos"), "training": {}, "metrics": {}, "card": "# tiny"}
    checkpoints.save(tmp_path / "vae", network, **facts)
    prior = keep(tmp_path / "prior", tmp_path / "vae", str(place / "photos"))
    assert folder.describe(prior).levels[0].grid == (1, 1)
    of = Subject(tmp_path / "vae", str(place / "photos"), kmeans=3)  # other codes on the pages; the prior keeps its own
    found = results.obtain("surprisal", of, {"prior": str(prior)})[1]
    assert found.maps["latent"].shape == (16, 1, 1)
    book = folder.books(prior)["latent"]
    latents = torch.tensor(results.obtain("encoding", of)[1].pooled("latent"))
    assert (found.codes["latent"].reshape(-1) == book.assign(latents).numpy()).all()


def test_what_cannot_be_asked_is_one_sentence(subject, place, tmp_path):
    with pytest.raises(BadInput, match="no prior 'nothing'"):
        results.key("surprisal", subject, {"prior": "nothing"})
    torch.manual_seed(5)
    (tmp_path / "else").mkdir()
    facts = {"family": "vqvae2", "dataset": "photos", "training": {}, "metrics": {}, "card": "# tiny"}
    checkpoints.save(tmp_path / "else", models.build("vqvae2", SETTINGS, 16).eval(), **facts)
    with pytest.raises(BadInput, match="codes of another checkpoint"):
        results.obtain("surprisal", replace(subject, checkpoint=tmp_path / "else"), {"prior": str(place / "plain")})
    with pytest.raises(BadInput):
        results.key("surprisal", subject, {"prior": str(place / "plain"), "against": str(tmp_path / "no-such-folder")})


def test_the_key_is_the_content(subject, place):
    def key(prior="plain", **more):
        return results.key("surprisal", subject, {"prior": str(place / prior), **more})

    plain = key()
    assert plain != key("classed") and plain != key(against=str(place / "other"))
    assert plain != results.key("surprisal", replace(subject, limit=4), {"prior": str(place / "plain")})


def test_the_command_prints_what_is_kept(subject, place, capfd):
    command = ["prior", "surprisal", str(place / "classed"), "--dataset", str(place / "photos"), "--json"]
    assert run([*command, "--against", str(place / "other")]) == 0
    said = json.loads(capfd.readouterr().out)
    found = made(subject, place)
    assert said["bits_per_code"]["mean"] == pytest.approx(found.image_bits().mean())
    assert said["bits_per_code"]["n"] == said["images"] == 16 and said["condition"] == "class"
    assert [one["level"] for one in said["levels"]] == ["top", "bottom"]
    assert said["context"]["h_prior"] > 0 and said["outliers"]["baselines"]["psnr"]["usual"] == 16
    assert said["most"][0]["bits"] == pytest.approx(found.image_bits().max())
    assert run(["prior", "surprisal", "nothing", "--dataset", str(place / "photos")]) == 2
    assert "no prior 'nothing'" in capfd.readouterr().err
