"""`explorer decode`: codes of a file become the pictures that the network makes of them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from explorer.commands import run
from explorer.study import open_study


def call(capfd, *arguments) -> tuple[int, str, str]:
    capfd.readouterr()
    code = run([*map(str, arguments)])
    return code, *capfd.readouterr()


@pytest.mark.parametrize("name", ["vqvae-shapes", "vqvae2-shapes"])
def test_codes_of_images_come_back_as_their_reconstructions(name, tmp_path, capfd):
    study = open_study(name)
    np.savez(tmp_path / "codes.npz", **{layer: study.codes(layer)[5:8] for layer in study.layer_names})
    code, out, _ = call(capfd, "decode", name, tmp_path / "codes.npz", "--out", tmp_path / "out", "--json")
    told = json.loads(out)
    assert code == 0 and told["count"] == 3 and told["missing"] == []
    for row, path in zip(range(5, 8), told["images"], strict=True):
        expected = list(study.look(study.image(row)).prefixes.values())[-1].reconstructions[0]
        assert np.abs(np.asarray(Image.open(path)).astype(int) - expected).max() <= 1


def test_a_layer_that_is_not_there_is_left_out_and_said(tmp_path, capfd):
    study = open_study("vqvae2-shapes")
    np.savez(tmp_path / "top.npz", top=study.codes("top")[0])  # one image needs no first axis
    code, out, err = call(capfd, "decode", "vqvae2-shapes", tmp_path / "top.npz", "--out", tmp_path, "--json")
    expected = study.look(study.image(0)).prefixes["top"].reconstructions[0]
    found = np.asarray(Image.open(json.loads(out)["images"][0])).astype(int)
    assert code == 0 and "no codes of bottom" in err and np.abs(found - expected).max() <= 1


def test_a_continuous_layer_needs_vectors_or_latents(tmp_path, capfd):
    study = open_study("vae-shapes")
    latents = study.look(study.image(4)).latents["latent"][None]
    np.savez(tmp_path / "a.npz", **{"latent.latents": latents})
    code, out, _ = call(capfd, "decode", "vae-shapes", tmp_path / "a.npz", "--out", tmp_path, "--json")
    expected = list(study.look(study.image(4)).prefixes.values())[-1].reconstructions[0]
    assert code == 0
    assert np.abs(np.asarray(Image.open(json.loads(out)["images"][0])).astype(int) - expected).max() <= 1
    np.savez(tmp_path / "b.npz", latent=study.codes("latent")[:2])
    code, _, err = call(capfd, "decode", "vae-shapes", tmp_path / "b.npz", "--out", tmp_path)
    assert code == 2 and "needs 'latent.vectors' (K, 64)" in err


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"code": np.full((2, 8, 8), 1024)}, "has code 1,024; choose from 0 to 1,023"),
        ({"code": np.full((2, 8, 8), -1)}, "has code -1; choose"), ({"code": np.zeros((2, 4, 4), int)}, "does not fit"),
        ({"code": np.zeros((2, 8, 8))}, "holds no whole numbers"), ({"x": np.zeros((2, 8, 8), int)}, "name one 'code'"),
        ({"code": np.array([[{}]], object)}, "name one 'code'"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_one_sentence(arrays, said, tmp_path, capfd):
    np.savez(tmp_path / "codes.npz", **arrays)
    code, _, err = call(capfd, "decode", "vqvae-shapes", tmp_path / "codes.npz", "--out", tmp_path / "out")
    assert code == 2 and said in err and err.strip().count("\n") == 0 and not (tmp_path / "out").exists()
