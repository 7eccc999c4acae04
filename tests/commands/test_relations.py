"""`explorer relations`: whether codes find what users look at, as JSON and as lines."""

from __future__ import annotations

import json

from explorer.commands import run
from explorer.files import cache_folder


def call(capfd, *arguments) -> tuple[int, str, str]:
    capfd.readouterr()
    code = run([*map(str, arguments)])
    return code, *capfd.readouterr()


def test_simulated_users_are_judged_hashed_and_forgotten(capfd, tmp_path):
    path = tmp_path / "users.parquet"
    made = call(capfd, "simulate", "digits", "--out", path, "--users", "40", "--each", "6", "--likes", "1")
    assert made[0] == 0
    words = ("relations", "vqvae-digits", "--dataset", "digits", "--interactions", path)
    code, out, err = call(capfd, *words, "-k", "5")
    assert code == 0 and "40 simulated users" in out and "is the ceiling" in out and "new products: " in out
    assert "Bag of codes" in out and "Item-kNN" in out and "others: " in out and "--forget deletes them" in err
    code, out, err = call(capfd, *words, "-k", "5", "--hash", "--forget", "--json")
    found = json.loads(out)
    assert code == 0 and out.count("\n") == 1 and found["users"] == 40 and found["items"] > 0 and found["k"] == 5
    assert {"name", "hit_rate", "low", "high", "ndcg", "mrr", "coverage"} <= found["methods"][0].keys()
    assert found["cold"] and found["relations"] is None and found["ceiling"] is None  # nobody knows who is who
    kept = {one.stem for one in (cache_folder() / "interactions").glob("*.parquet")}
    assert found["interactions"] not in kept and kept


def test_bad_input_is_one_line(capfd, tmp_path):
    (tmp_path / "none.csv").write_text("a,b\n1,2\n")
    (tmp_path / "empty.csv").write_text("")
    for words, said in (
        (("--interactions", tmp_path / "none.csv"), "no column of users"),
        (("--interactions", tmp_path / "empty.csv"), "is empty"),
        (("--interactions", "nothing.csv"), "no file"),
        ((), "--interactions"),
    ):
        code, out, err = call(capfd, "relations", "vqvae-digits", "--dataset", "digits", *words)
        assert code == 2 and not out and said in err.strip().splitlines()[-1]
