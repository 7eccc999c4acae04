"""`explorer retrieval`: which way to search to take, as JSON and as lines."""

from __future__ import annotations

import json

from explorer.commands import run


def call(capfd, *arguments) -> tuple[int, str, str]:
    capfd.readouterr()
    code = run([*map(str, arguments)])
    return code, *capfd.readouterr()


def test_it_ships_and_is_said(capfd):
    code, out, err = call(capfd, "retrieval", "vqvae-digits", "--dataset", "digits")
    assert code == 0 and "Take raw pixels: mAP@10 0.82 [" in out and "not judged: hue is grey" in err
    code, out, _ = call(capfd, "retrieval", "vqvae-digits", "--dataset", "digits", "-k", "10", "--json")
    found = json.loads(out)
    assert code == 0 and out.count("\n") == 1 and found["k"] == 10 and found["retrieval"].endswith(".json.gz")
    assert {"concept", "map", "macro", "precision", "best", "values", "queries"} <= found["concepts"][0].keys()


def test_bad_input_is_one_line(capfd):
    for words, said in (("--concept nothing", "digit"), ("--k 0", "--k"), ("--encoder nothing", "nothing")):
        code, out, err = call(capfd, "retrieval", "vqvae-digits", "--dataset", "digits", *words.split())
        assert code == 2 and not out and said in err.strip().splitlines()[-1]
