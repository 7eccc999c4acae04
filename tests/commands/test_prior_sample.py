"""`explorer prior sample`: pictures and codes agree, a seed draws the same, and what cannot be drawn is a sentence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from explorer import checkpoints
from explorer.commands import run
from explorer.files import read_json, write_json
from tests.pages.conftest import built, studio  # noqa: F401
from tests.priors.folders import keep

DIGITS = "vqvae-digits-prior"


def call(capfd, *arguments) -> tuple[int, str, str]:
    capfd.readouterr()
    code = run(["prior", "sample", *map(str, arguments)])
    return code, *capfd.readouterr()


def pixels(paths: list[str]) -> np.ndarray:
    return np.stack([np.asarray(Image.open(path).convert("RGB")) for path in paths])


@pytest.fixture
def own(tmp_path):
    """A copy of the shipped prior and of its checkpoint, to be changed."""
    for name in (DIGITS, "vqvae-digits"):
        shutil.copytree(checkpoints.resolve("vqvae-digits").parent / name, tmp_path / name)
    return tmp_path / DIGITS


def change(prior: Path, **facts) -> None:
    write_json(prior / "config.json", read_json(prior / "config.json") | facts)


def test_pictures_are_those_of_the_codes_and_sample_1_is_the_same_however_many_are_drawn(tmp_path, capfd):
    code, out, _ = call(capfd, DIGITS, "-n", 5, "--seed", 2, "--out", tmp_path / "five", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["numbers"] == [0, 1, 2, 3, 4]
    assert len(told["samples"]) == len(set(told["samples"])) == 5
    assert all(Path(path).name == f"{at:05d}-{told['values'][at]}.png" for at, path in enumerate(told["samples"]))
    assert told["seconds"] > 0
    with np.load(told["codes"]) as codes:
        assert codes["code"].shape == (5, 8, 8)
    assert run(["decode", "vqvae-digits", told["codes"], "--out", str(tmp_path / "again"), "--json"]) == 0
    again = json.loads(capfd.readouterr().out)["images"]
    assert (pixels(again) == pixels(told["samples"])).all()
    two = json.loads(call(capfd, DIGITS, "-n", 2, "--seed", 2, "--out", tmp_path / "two", "--json")[1])
    assert two["values"] == told["values"][:2]
    assert (pixels(two["samples"]) == pixels(told["samples"][:2])).all()
    other = json.loads(call(capfd, DIGITS, "-n", 2, "--seed", 3, "--out", tmp_path / "three", "--json")[1])
    assert (pixels(other["samples"]) != pixels(two["samples"])).any()


def test_codes_that_the_encoder_finds_again_are_counted_beside_those_of_held_out_images(tmp_path, capfd):
    told = json.loads(call(capfd, DIGITS, "-n", 24, "--out", tmp_path, "--json")[1])
    from explorer.autoencoder import to_images

    model = checkpoints.load(checkpoints.resolve("vqvae-digits"))
    found = model.codebooks["code"].assign(model.encode(to_images(pixels(told["samples"])))["code"])
    with np.load(told["codes"]) as codes:
        shares = (found.numpy() == codes["code"]).mean((1, 2))
    assert told["kept"]["mean"] == pytest.approx(shares.mean())
    assert told["kept"]["low"] <= told["kept"]["mean"] <= told["kept"]["high"]
    assert told["held_out_kept"]["n"] == 100
    assert told["kept"]["mean"] > told["held_out_kept"]["mean"] - 0.25, "samples are read nearly as well as images"
    assert told["held_out_kept"]["mean"] > 0.7  # the checkpoint's own invariance is 0.82


def test_a_value_is_asked_for_and_values_come_as_often_as_in_training_otherwise(tmp_path, capfd):
    sevens = json.loads(call(capfd, DIGITS, "-n", 3, "--value", "7", "--out", tmp_path, "--json")[1])
    assert sevens["values"] == ["7", "7", "7"]
    assert sevens["condition"] == "digit"
    both = json.loads(call(capfd, "vqvae2-shapes-prior", "-n", 16, "--out", tmp_path / "two", "--json")[1])
    assert set(np.unique(both["values"], return_counts=True)[1]) <= {1, 2, 3}
    with np.load(both["codes"]) as codes:
        assert {name: codes[name].shape for name in codes} == {"top": (16, 4, 4), "bottom": (16, 8, 8)}
    code, out, _ = call(capfd, DIGITS, "-n", 2, "--value", "none", "--out", tmp_path / "none")
    assert code == 0
    assert "2 samples" in out


def test_what_cannot_be_drawn_is_a_sentence(tmp_path, capfd, own):
    code, _, err = call(capfd, DIGITS, "--value", "13", "--out", tmp_path)
    assert code == 2
    assert "13" in err
    assert "choose from 0, 1, 2" in err
    code, _, err = call(capfd, "vqvae-digits", "--out", tmp_path)
    assert code == 2
    assert "no prior 'vqvae-digits'; choose from" in err
    assert call(capfd, DIGITS, "--out", tmp_path, "--temperature", "-1")[0] == 2
    change(own, settings=read_json(own / "config.json")["settings"] | {"class_dropout": 0.0})
    code, _, err = call(capfd, own, "--out", tmp_path, "--guidance", "2")
    assert code == 2
    assert "class hidden" in err


def test_a_prior_whose_checkpoint_changed_is_not_sampled(tmp_path, capfd, own):
    change(own, fingerprint="0" * 16)
    code, _, err = call(capfd, own, "--out", tmp_path / "out")
    assert code == 2
    assert "vqvae-digits" in err
    assert "trained again" in err
    assert not (tmp_path / "out").exists()


def test_no_value_can_be_asked_of_a_prior_without_one():
    from dataclasses import replace

    from explorer.errors import BadInput
    from explorer.priors import folder
    from explorer.study.priors import classes_of

    plain = replace(folder.describe(folder.resolve(DIGITS)), condition=None)
    assert classes_of(plain, None, 3, 0).tolist() == [-1, -1, -1]
    with pytest.raises(BadInput, match="trained without a column, so it knows no 'red'"):
        classes_of(plain, "red", 3, 0)


@pytest.mark.parametrize("family", ["vae", "mae"])
def test_codes_of_k_means_are_drawn_and_decoded_alike(family, studio, capfd):  # noqa: F811
    checkpoint, photos = studio.checkpoints / f"tiny-{family}", str(studio.photos)
    prior = keep(studio.checkpoints / f"drawn-{family}", checkpoint, photos, "class")
    try:
        code, out, err = call(capfd, prior, "-n", 3, "--out", studio.photos.parent / f"out-{family}", "--json")
    finally:
        shutil.rmtree(prior)
    assert code == 0, err
    told = json.loads(out)
    assert len(told["samples"]) == 3
    assert 0 <= told["kept"]["mean"] <= 1
    again = studio.photos.parent / f"again-{family}"
    assert run(["decode", str(checkpoint), told["codes"], "--out", str(again), "--json"]) == 0
    assert (pixels(json.loads(capfd.readouterr().out)["images"]) == pixels(told["samples"])).all()
