"""`explorer ids`: ids of a shipped checkpoint as JSON, as lines, and as a file that other libraries read."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from explorer.commands import run


def call(capfd, *arguments) -> tuple[int, str, str]:
    capfd.readouterr()
    code = run([*map(str, arguments)])
    return code, *capfd.readouterr()


def test_shipped_ids_are_there_at_once_with_all_that_a_script_wants(capfd, tmp_path):
    out = tmp_path / "ids.parquet"
    code, text, _ = call(capfd, "ids", "vqvae-shapes", "--dataset", "shapes", "--out", out, "--json")
    found = json.loads(text)
    assert code == 0 and (found["way"], found["images"], found["collapsed"]) == ("tree", 5000, False)
    assert found["ids"] == str(out) and "2,500 of the 5,000 images" in found["fitted_on"]
    row = {"level", "size", "used", "coverage", "entropy_bits", "max_bits", "perplexity", "prefixes", "collisions"}
    assert [row | {"largest"} <= level.keys() for level in found["levels"]] == [True] * 3
    near = found["neighbours"]
    assert {"mean", "low", "high", "n"} <= near["recall"].keys() & near["ndcg"].keys()
    assert {"pixels", "colours", "untrained encoder", "random"} == near["baselines"].keys()
    assert near["baselines"]["random"]["recall"]["mean"] < 0.01 < near["recall"]["low"]
    assert found["sentence"].startswith("4,142 of 5,000 images")
    frame = pd.read_parquet(out)
    assert len(frame) == 5000 == frame["text"].nunique() and list(frame["id"][7]) == [
        frame[f"level_{level}"][7] for level in range(4)
    ]


def test_lines_for_people(capfd):
    code, text, _ = call(capfd, "ids", "vqvae2-shapes", "--dataset", "shapes")
    assert code == 0 and "level 1: 161 of 512 codes used, 6.32 of 9.00 bits" in text
    assert "these ids: recall@10" in text and "colours: recall@10" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("ids vqvae-shapes --dataset shapes --way levels", "no codes on several grids"),
        ("ids vqvae-shapes --dataset shapes --way bush", "choose from auto, residual, levels, tree"),
        ("ids vqvae-shapes --dataset shapes --layer top", "unknown layer 'top'"),
        ("ids vqvae-shapes --dataset shapes --branch 1", "branch"),
        ("ids vqvae-shapes --dataset shapes --out ids.csv", "does not end in .parquet"),
        ("ids nothing --dataset shapes", "nothing"),
    ],
)
def test_bad_input_is_one_line(capfd, words, said):
    code, out, err = call(capfd, *words.split())
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert said in err
