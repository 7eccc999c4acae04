"""`explorer similar`: neighbours of a file, a row, a patch and of codes, as JSON and as lines."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from explorer.commands import run
from explorer.study import open_study

DIGITS = ("similar", "vqvae-digits", "--dataset", "digits")


@pytest.fixture(scope="module")
def study():
    return open_study("vqvae-digits")


def call(capfd, *arguments) -> tuple[int, str, str]:
    capfd.readouterr()
    code = run([*map(str, arguments)])
    return code, *capfd.readouterr()


def test_a_file_finds_the_image_that_it_is_and_a_row_and_a_name_find_the_same_others(capfd, study, tmp_path):
    Image.fromarray(study.images.read([7])[0]).save(tmp_path / "mine.png")
    rows = []
    for query in (tmp_path / "mine.png", 7, study.images.names[7]):
        code, out, _ = call(capfd, *DIGITS, "--query", query, "-k", 4, "--by", "bag", "--no-quality", "--json")
        found = json.loads(out)
        assert code == 0 and out.count("\n") == 1 and {"neighbours", "query", "by", "layer", "n"} <= found.keys()
        rows.append([one["id"] for one in found["neighbours"]])
    assert rows[0][0] == 7 and rows[1] == rows[2] and 7 not in rows[1] and rows[1][:3] == rows[0][1:]
    codes = study.codes("code")
    for one in found["neighbours"]:
        assert {"id", "name", "score", "because"} <= one.keys() and one["name"] == study.images.names[one["id"]]
        assert set(one["because"]) <= set(codes[7].flat) & set(codes[one["id"]].flat)


def test_codes_find_the_images_that_have_them(capfd, study):
    codes = study.codes("code")
    first, second = (int(code) for code in np.unique(codes[7])[:2])
    code, out, _ = call(capfd, *DIGITS, "--codes", f"{first},-{second}", "-k", 300, "--no-quality", "--json")
    found = json.loads(out)
    have = (codes == first).any((1, 2)) & ~(codes == second).any((1, 2))
    rows = [row for one in found["neighbours"] for row in (one["id"], *one["copies"])]
    assert code == 0 and found["matching"] == have.sum() and have[rows].all() and found["query"] is None


def test_quality_is_told_for_each_way(capfd):
    code, out, _ = call(capfd, *DIGITS, "--query", 3, "--json")
    quality = json.loads(out)["quality"]
    assert code == 0 and {"bag", "place", "zq", "ze", "pixels", "colours", "chance"} <= quality.keys()
    assert all(one["low"] <= one["map"] <= one["high"] for one in quality.values())


def test_lines_for_people(capfd):
    code, out, _ = call(capfd, *DIGITS, "--query", 3, "-k", 2, "--patch", "3,3", "--no-quality")
    assert code == 0 and "by patch, layer code" in out and out.count("because of") == 2
    code, out, _ = call(capfd, *DIGITS, "--query", 3, "-k", 2, "--by", "pixels", "--no-quality")
    assert code == 0 and out.count("both have") == 2 and "by chance" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "say what is looked for"),
        (("--query", 3, "--codes", 4), "say what is looked for"),
        (("--query", "nope.png"), "'nope.png' is no file, no image"),
        (("--query", 999999), "there is no image 999999"),
        (("--codes", "4,-4"), "asked for and ruled out at once"),
        (("--codes", "-4"), "at least one code"),
        (("--codes", "4000"), "there is no code 4,000"),
        (("--query", 3, "--by", "magic"), "'magic' cannot be searched by"),
        (("--query", 3, "--by", "encoder", "--encoder", "nowhere"), "nowhere"),
        (("--query", 3, "--layer", "top"), "top"),
        (("--query", 3, "--patch", "9,9"), "there is no cell '9,9'"),
        (("--codes", 3, "--patch", "1,1"), "name that with --query"),
        (("--query", 3, "-k", 0), "greater than or equal to 1"),
    ],
)
def test_bad_input_is_one_line_on_standard_error(capfd, words, said):
    code, out, err = call(capfd, *DIGITS, *words, "--no-quality", "--json")
    lines = [line for line in err.splitlines() if line.startswith("explorer: ")]
    assert code == 2 and not out and len(lines) == 1 and said in lines[0]
