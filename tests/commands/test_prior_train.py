"""`explorer prior train`: codes of a file, a class of digits, and what cannot be trained in one sentence."""

from __future__ import annotations

import json

import numpy as np
import pytest

from explorer.commands import run

SMALL = [word for pair in ("width=16", "dim=8", "heads=2", "blocks=1", "batch_size=8", "compile=no")
         for word in ("--set", pair)]  # fmt: skip


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_CHECKPOINTS", str(tmp_path / "checkpoints"))


def call(capfd, *arguments) -> tuple[int, str, str]:
    capfd.readouterr()
    code = run(["prior", "train", *map(str, arguments)])
    return code, *capfd.readouterr()


def test_codes_without_a_network_are_held_out_by_content(tmp_path, capfd):
    first = np.random.default_rng(0).integers(0, 6, (120, 3, 1))
    np.savez(tmp_path / "tokens.npz", codes=(first + np.arange(4)) % 6)
    out = tmp_path / "checkpoints" / "tokens-prior"
    code, told, said = call(capfd, tmp_path / "tokens.npz", "--out", out, "--steps", 4, *SMALL, "--json")
    assert code == 0, said
    found = json.loads(told)
    assert {"prior", "bits_per_code", "uniform", "unigram", "bigram", "causal", "steps", "seconds"} <= set(found)
    assert found["uniform"] == pytest.approx(np.log2(6)) and found["causal"] is True
    assert 10 <= found["bits_per_code"]["n"] < 60 and "held out, by content" in said
    assert (out / "README.md").is_file() and (out / "samples" / "last.png").is_file()
    assert call(capfd, tmp_path / "tokens.npz", "--out", out)[0] == 2


def test_digits_learn_their_class_from_the_command_line(tmp_path, capfd):
    words = ["vqvae-digits", "--dataset", "digits", "--limit", 60, "--steps", 2, *SMALL, "--json"]
    code, told, said = call(capfd, *words, "--condition", "digit", "--kind", "pixelcnn")
    assert code == 2 and "unknown setting 'heads'" in said
    at = words.index("heads=2")
    del words[at - 1 : at + 1]
    code, told, said = call(capfd, *words, "--condition", "digit", "--kind", "pixelcnn")
    assert code == 0, said
    metrics = json.loads(told)["metrics"]
    assert [one["value"] for one in metrics["condition"]["values"]] == list("0123456789")
    card = (tmp_path / "checkpoints" / "vqvae-digits-pixelcnn-prior" / "README.md").read_text()
    assert "--condition digit" in card and "--limit 60" in card


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["vqvae-digits", "--dataset", "digits", "--kind", "lstm"], "choose from pixelcnn, pixelsnail, transformer"),
        (["vqvae-digits", "--dataset", "digits", "--layer", "top"], "has no layer 'top'; choose from code"),
        (["vqvae-digits", "--dataset", "digits", "--condition", "shape"], "no column 'shape'; choose from digit"),
        (["vqvae-digits", "--dataset", "digits", "--set", "width=30"], "4 heads do not divide a width of 30"),
        (["vqvae-digits", "--dataset", "digits", "--set", "batch_size=65536"], "take --set batch_size="),
        (["vqvae-digits", "--dataset", "nowhere"], "there is no dataset or folder"),
        (["vqvae-digits"], "name them with --dataset"),
        (["nobody", "--dataset", "digits"], "no checkpoint 'nobody'"),
    ],
)
def test_what_cannot_be_trained_is_one_sentence_before_any_work(capfd, tmp_path, words, sentence):
    code, told, said = call(capfd, *words)
    assert code == 2 and sentence in said and not told
    assert "Traceback" not in said and not list((tmp_path / "checkpoints").glob("*"))
