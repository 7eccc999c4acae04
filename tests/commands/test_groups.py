"""`explorer groups`: the groups of a layer as JSON and as lines, tables out and in, and groups in place of codes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from explorer.commands import run


def call(capfd, *arguments) -> tuple[int, str, str]:
    capfd.readouterr()
    code = run(["groups", *map(str, arguments)])
    return code, *capfd.readouterr()


@pytest.fixture
def planted(tmp_path):
    """A file of codes of 200 images, each of one of four groups of five codes; the kind of each image beside them."""
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 4, 200)
    codes = 5 * kind[:, None, None] + np.stack([rng.permutation(np.arange(25) % 5).reshape(5, 5) for _ in kind])
    np.savez(tmp_path / "planted.npz", codes=codes, kind=np.array(list("abcd"))[kind])
    return tmp_path / "planted.npz"


def test_planted_groups_are_told_with_what_they_are_tied_to(capfd, planted):
    code, out, _ = call(capfd, planted, "--json")
    found = json.loads(out)
    assert code == 0 and out.count("\n") == 1
    assert {"layer", "codes", "left_out", "groups", "stability", "baseline"} <= found.keys()
    assert sorted(one["codes"] for one in found["groups"]) == [list(range(at, at + 5)) for at in (0, 5, 10, 15)]
    assert all(one["concept"] == "kind" and one["sure"] and one["value"] == "abcd"[one["codes"][0] // 5]
               for one in found["groups"])  # fmt: skip
    assert found["stability"]["ami"] == pytest.approx(1) and found["stability"]["there"]
    kind = found["baseline"][0]
    assert kind["codes"] == kind["groups"] == 1 and kind["bits_kept"]["random_high"] < kind["bits_kept"]["low"]
    _, out, _ = call(capfd, planted)
    assert "4 groups of 20 codes of layer code; left out: none" in out and "kind: a at least" in out


def test_independent_codes_are_called_noise(capfd, tmp_path):
    np.savez(tmp_path / "noise.npz", codes=np.random.default_rng(0).integers(0, 40, (300, 4, 4)))
    code, out, _ = call(capfd, tmp_path / "noise.npz")
    assert code == 0 and "no groups, this is noise" in out


def test_a_table_goes_out_is_named_and_comes_in(capfd, planted, tmp_path):
    assert call(capfd, planted, "--out", tmp_path / "out.csv")[0] == 0
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert lines[0] == "layer,code,group,name" and len(lines) == 21
    named = "\n".join(line + "first" if ",0," in line else line for line in lines)
    (tmp_path / "named.csv").write_text(named)
    code, out, _ = call(capfd, planted, "--names", tmp_path / "named.csv", "--json")
    found = json.loads(out)
    assert code == 0 and found["groups"][0]["name"] == "first" and found["title"] == "named.csv"
    code, out, _ = call(capfd, planted)
    assert "“first”" in out, "the groups that were found are the same codes, so that they have the name"


def test_groups_in_place_of_codes_open_like_any_codes(capfd, planted, tmp_path):
    assert call(capfd, planted, "--as-codes", tmp_path / "grouped.npz")[0] == 0
    with np.load(tmp_path / "grouped.npz") as found, np.load(planted) as before:
        assert len(found["codebook_code"]) == 4 and found["codes_code"].shape == before["codes"].shape
        pairs = np.unique(np.stack([found["codes_code"].ravel(), before["codes"].ravel() // 5]), axis=1)
        assert pairs.shape[1] == 4, "one number for each group"
    assert run(["usage", str(tmp_path / "grouped.npz"), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["layers"][0]["used"] == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--by taste", "taste"), ("--layer nothing", "choose from code"), ("--count 5000", "--count"),
        ("--out table.txt", "table.csv"), ("--as-codes codes.csv", "codes.npz"), ("--names nothing.csv", "nothing.csv"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(capfd, planted, words, said):
    code, out, err = call(capfd, planted, *words.split())
    assert code == 2 and not out and said in err.strip().splitlines()[-1]
