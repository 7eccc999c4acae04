"""`explorer simulate`: users with known taste as a file, and what is known of them."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from explorer.commands import run
from explorer.datasets import simulated


def call(capfd, *arguments) -> tuple[int, str, str]:
    capfd.readouterr()
    code = run([*map(str, arguments)])
    return code, *capfd.readouterr()


def test_a_csv_says_that_it_is_simulated_and_what_is_known_lies_beside_it(capfd, tmp_path):
    out = tmp_path / "users.csv"
    words = ("shapes", "--limit", 400, "--users", 30, "--like", "colour=red, texture!=stripes", "--like", "shape=ring")
    code, said, err = call(capfd, "simulate", *words, "--out", out, "--json")
    found = json.loads(said)
    assert code == 0 and found["simulated"] is True and found["users"] == 30 and "users.csv.json" in err
    assert found["tastes"] == ["likes colour = red; dislikes texture = stripes", "likes shape = ring"] or (
        found["tastes"] == ["likes shape = ring", "likes colour = red; dislikes texture = stripes"]
    )
    assert 0 < found["ceiling"]["mrr"] < found["ceiling"]["ndcg"] < found["ceiling"]["hit_rate"] < 1
    table = pd.read_csv(out)
    assert list(table) == ["user_id", "image_id", "time", "simulated"] and set(table["simulated"]) == {"yes"}
    assert len(table) == found["interactions"] and table["user_id"].nunique() == 30
    assert table["image_id"].between(0, 399).all() and table["user_id"].str.startswith("simulated-").all()
    assert simulated.read(out)["ceiling"] == found["ceilings"]


def test_parquet_carries_what_is_known_and_files_are_called_by_name(capfd, tmp_path, greys):
    out = tmp_path / "users.parquet"
    code, said, _ = call(capfd, "simulate", greys, "--users", 20, "--out", out)
    assert code == 0 and "20 simulated users" in said and "class = " in said
    table = pd.read_parquet(out)
    assert table["image_id"].str.fullmatch(r"test/(dark|light)/\d+\.png").all()
    facts = simulated.parse(out.name, out.read_bytes(), table)
    assert facts["users"] == 20 and len(facts["taste_of"]) == 20 and facts["held"] == "last"
    table.to_parquet(tmp_path / "real.parquet")
    assert simulated.parse("real.parquet", (tmp_path / "real.parquet").read_bytes(), table[["user_id"]]) is None
    assert simulated.parse("alone.csv", b"", table) == {"ceiling": {}}, "it says no more than that they are made up"
    assert simulated.read(tmp_path / "none.csv") is None


def test_what_is_known_holds_for_the_file_as_it_was_written():
    facts = {"ceiling": {"10": {}}, "interactions": 5, "tastes": ["likes red"], "taste_of": [0]}
    assert simulated.fitting(facts, 5) == facts and simulated.fitting(None, 5) is None
    assert simulated.fitting(facts, 4) == {"ceiling": {}}, "a row was taken out"
    assert simulated.fitting(facts, 5, hashed=True)["tastes"] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("shapes --out users.xlsx", ".parquet"),
        ("nothing --out users.csv", "nothing"),
        ("shapes --out users.csv --like colour=beige", "beige"),
        ("shapes --out users.csv --noise 2", "noise"),
        ("shapes --out users.csv --limit 3", "at least 4"),
    ],
)
def test_bad_input_is_one_line(capfd, words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = call(capfd, "simulate", *words.split())
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert said in err and not list(tmp_path.glob("users*"))
