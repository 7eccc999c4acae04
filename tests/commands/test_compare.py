"""`explorer compare`: the numbers of two checkpoints, as JSON and as lines."""

from __future__ import annotations

import json

import pytest

from explorer.commands import run


def call(capfd, *arguments) -> tuple[int, str, str]:
    capfd.readouterr()
    code = run([*map(str, arguments)])
    return code, *capfd.readouterr()


def test_shipped_checkpoints_are_compared_at_once(capfd):
    code, out, _ = call(capfd, "compare", "vqvae-shapes", "vqvae2-shapes", "--dataset", "shapes", "--json")
    found = json.loads(out)
    assert code == 0 and out.count("\n") == 1
    assert [found[name] for name in ("a", "b", "n")] == ["vqvae-shapes", "vqvae2-shapes", 5000]
    for row in found["metrics"]:
        assert {"metric", "a", "b", "difference", "low", "high", "n"} <= row.keys()
    psnr = found["metrics"][0]
    assert psnr["metric"] == "psnr" and psnr["low"] < psnr["difference"] < psnr["high"]
    assert psnr["difference"] == pytest.approx(0.847, abs=1e-3)
    assert found["codes"]["ami"] == pytest.approx(0.200, abs=1e-3)
    assert found["intervals"]["cka"]["low"] < found["latents"]["cka"] < found["intervals"]["cka"]["high"]
    assert found["intervals"]["knn_jaccard"]["null"] == pytest.approx(10 / (2 * 4999 - 10), rel=0.2)


def test_lines_for_people_and_a_layer_that_is_named(capfd):
    code, out, _ = call(capfd, "compare", "vqvae-shapes", "vqvae2-shapes", "--dataset", "shapes", "--layer-b", "top")
    assert code == 0 and "PSNR (dB): 29.71 and 28.86, +0.85 [0.83, 0.86], n = 5,000" in out
    assert "cka of code and top: 0.988" in out and "A is better on 97.8%" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("compare vqvae-shapes nothing --dataset shapes", "nothing"),
        ("compare nothing vqvae-shapes --dataset shapes", "nothing"),
        ("compare vqvae-shapes vae-shapes --dataset shapes --layer top", "top"),
        ("compare vqvae-shapes vae-shapes --dataset shapes --of-other many", "many"),
        ("compare vqvae-shapes vae-shapes", "--dataset"),
    ],
)
def test_bad_input_is_one_line(capfd, words, said):
    code, out, err = call(capfd, *words.split())
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert said in err
