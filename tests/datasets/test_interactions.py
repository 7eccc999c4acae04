"""Who looked at what, of files as people have them."""

import numpy as np
import pandas as pd
import pytest

from explorer.datasets import interactions, tastes
from explorer.errors import BadInput
from explorer.files import write_json

NAMES = [f"dress/{letter}.jpg" for letter in "abcdef"]


class Set:
    name, split, fingerprint, names = "shop", "test", "f00d", NAMES

    def __len__(self):
        return len(self.names)


IMAGES = Set()


def taken(text, name="looked.csv", **more):
    return interactions.take(name, text.encode() if isinstance(text, str) else text, IMAGES, **more)


def test_names_rows_weights_and_times_are_read():
    found = taken("user_id,image_id,weight,time\nbo,dress/b.jpg,2,2026-01-02\nal,dress/a.jpg,1,2026-01-01T12:00:00\n")
    assert found.users == ("al", "bo") and found.item.tolist() == [0, 1] and found.weight.tolist() == [1, 2]
    assert found.time.tolist() == [1767268800.0, 1767312000.0] and found.notes == ()


@pytest.mark.parametrize("cells", [["0", "5"], ["dress/a.jpg", "dress/f.jpg"], ["a", "f"], ["A.jpg", "f.JPG"]])
def test_images_are_meant_by_row_path_or_name(cells):
    found = taken(f"user,product_id\nx,{cells[0]}\nx,{cells[1]}\n")
    assert found.item.tolist() == [0, 5]


@pytest.mark.parametrize("scale", [1, 1e3, 1e6, 1e9])
def test_times_are_seconds_whatever_their_unit(scale):
    found = taken(f"user,item,timestamp\nx,0,{1.7e9 * scale:.0f}\n")
    assert found.time[0] == pytest.approx(1.7e9)


def test_what_repeats_is_one_with_the_last_time_and_all_weight():
    found = taken("user,item,weight,time\nx,0,1,100\nx,0,2,300\nx,0,4,200\ny,1,1,5\n")
    assert found.item.tolist() == [0, 1] and found.weight.tolist() == [7, 1] and found.time.tolist() == [300, 5]
    assert "2 rows repeat" in found.notes[0]


def test_what_cannot_be_used_is_left_out_and_said_with_its_number():
    found = taken(
        "user,image,rating\nx,dress/a.jpg,1\nx,gone.jpg,1\n,dress/b.jpg,1\ny,gone.jpg,1\nz,dress/c.jpg,-1\nz,dress/d.jpg,2\n"
    )
    said = " | ".join(found.notes)
    assert found.users == ("x", "z") and found.item.tolist() == [0, 3]
    assert "2 of 6 rows name no image" in said and "1 of 6 rows name no user" in said
    assert "1 of 6 rows have no number above 0" in said and "1 user has no row that can be used" in said


def test_one_user_is_said():
    assert "one user only" in taken("user,item\nx,0\nx,1\n").notes[-1]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is empty"), ("user,item\n", "no rows"), ("who,what\nx,0\n", "no column of users"),
        ("user,colour\nx,red\n", "no column of images"), ("user,item\nx,99\n", "no row that can be used"),
        ("user,item\n,0\n", "no row that can be used"), (b"\x00\x01\x02\x00" * 50, ""),
    ],
)  # fmt: skip
def test_a_file_of_no_use_is_one_sentence(text, why):
    with pytest.raises(BadInput) as fault:
        taken(text)
    assert why in str(fault.value) and str(fault.value).startswith("'looked.csv'") and "\n" not in str(fault.value)


def test_a_file_that_is_not_utf8_is_read_and_said():
    found = taken("user,item\nJosé,0\n".encode("cp1252"))
    assert found.users == ("José",) and "not UTF-8" in found.notes[0]


@pytest.mark.parametrize(
    ("cells", "weights"),
    [
        (["1,5", "2,5"], [1.5, 2.5]), (["1,000", "2.5"], [1000, 2.5]), (["1e308", "2", "3"], [2, 3]),
        (["many", "few"], [1, 1]), (["", ""], [1, 1]), (["nan", "-2", "0", "7"], [7]),
    ],
)  # fmt: skip
def test_weights_are_numbers_as_people_write_them(cells, weights):
    rows = "".join(f"x;{at};{cell}\n" for at, cell in enumerate(cells))
    found = taken(f"user;item;weight\n{rows}")
    assert found.weight.tolist() == weights
    assert bool([note for note in found.notes if "weight" in note]) == (len(weights) < len(cells) or weights == [1, 1])


@pytest.mark.parametrize(
    ("cells", "times"),
    [
        (["20260101", "20260102"], [1767225600, 1767312000]), (["20260101120000"], [1767268800]),
        (["1700000000", "1700000001000"], [1.7e9, 1.7e9 + 1]), (["2026-01-01T00:00:00+02:00"], [1767218400]),
        (["9999-12-31", "2026-01-01"], [1767225600]), (["24.12.2025", "25.12.2025"], None), (["1e300"], None),
    ],
)  # fmt: skip
def test_times_are_read_in_any_unit_or_not_used(cells, times):
    found = taken("user,item,time\n" + "".join(f"x,{at},{cell}\n" for at, cell in enumerate(cells)))
    assert (None if found.time is None else found.time.tolist()) == times


@pytest.mark.parametrize("cells", [["inf", "", "1"], ["0x1", "1_0", "1"], ["-1", "1"], ["99999999999999999999", "1"]])
def test_what_is_no_row_number_is_left_out_and_the_rest_stays(cells):
    assert taken("user,item\n" + "".join(f"x,{cell}\n" for cell in cells)).item.tolist() == [1]


def test_numbers_that_may_be_names_are_said_to_be(monkeypatch):
    monkeypatch.setattr(Set, "names", ["3.png", "2.png", "1.png", "0.png"])
    found = taken("user,item\nx,0\ny,3\n")
    assert found.item.tolist() == [3, 0] and "read as names of files" in found.notes[0]


def test_names_of_people_are_shown_on_one_line_and_told_apart():
    long = "x" * 5000
    found = taken(f'user,item\n"a\nb",0\n\x1b[31mred,1\n=cmd(),2\n{long}1,3\n{long}2,4\n')
    assert len(found.users) == 5 and all(len(name) < 210 and name.isprintable() for name in found.users)


def test_a_spreadsheet_is_asked_for_as_csv():
    with pytest.raises(BadInput, match="save it as CSV"):
        taken(b"PK\x03\x04" + bytes(100), "shop.xlsx")


def test_a_table_that_is_cut_says_so(monkeypatch):
    monkeypatch.setattr(interactions.tables, "MAX_ROWS", 2)
    assert "only its first 2 rows" in " ".join(taken("user,item\nx,0\ny,1\nz,2\n").notes)


def test_hashed_ids_are_others_each_time_and_tell_nothing():
    text = "user,item\nann@example.org,0\nann@example.org,1\nbob,2\n"
    first, second = taken(text, hashed=True), taken(text, hashed=True)
    assert len(first.users) == 2 and not set(first.users) & set(second.users)
    assert not [name for name in first.users if "ann" in name] and first.hashed
    assert sorted(first.counts.tolist()) == [1, 2]


def test_parquet_is_read(tmp_path):
    pd.DataFrame({"user_id": [7, 7, 9], "image_id": [0, 3, 5]}).to_parquet(tmp_path / "x.parquet")
    found = interactions.read(tmp_path / "x.parquet", IMAGES)
    assert found.users == ("7", "9") and found.item.tolist() == [0, 3, 5]
    with pytest.raises(BadInput, match=r"'gone\.csv' cannot be read"):
        interactions.read(tmp_path / "gone.csv", IMAGES)


def test_a_million_rows_are_read_in_one_go():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"user": rng.integers(0, 5000, 1_000_000), "item": rng.integers(0, 6, 1_000_000)})
    found = interactions.of_table(table, IMAGES, "large")
    assert len(found) == 30_000 and found.weight.sum() == 1_000_000


def test_what_is_kept_is_found_again_until_it_is_deleted_for_good(tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path))
    found = taken("user,item,time\nx,0,5\ny,1,7\n")
    key = interactions.keep(found)
    again = interactions.find(key)
    assert (again.users, again.item.tolist(), again.time.tolist()) == (("x", "y"), [0, 1], [5, 7])
    assert interactions.kept("f00d") == {key: "looked.csv"} and interactions.kept("other") == {}
    (tmp_path / "relations").mkdir()
    write_json(tmp_path / "relations" / "ours.json", {"interactions": key})
    write_json(tmp_path / "relations" / "theirs.json", {"interactions": "another"})
    interactions.forget(key)
    left = [path.name for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert left == ["theirs.json"]
    with pytest.raises(BadInput, match="not kept"):
        interactions.find(key)
    with pytest.raises(BadInput):
        interactions.find("../../etc/passwd")


def test_a_damaged_one_is_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path))
    key = interactions.keep(taken("user,item\nx,0\n"))
    (tmp_path / "interactions" / f"{key}.parquet").write_bytes(b"PAR1 nonsense PAR1")
    with pytest.raises(BadInput, match="damaged"):
        interactions.find(key)


def test_simulated_users_stay_so():
    concepts = pd.DataFrame({"class": pd.Categorical(["red", "red", "blue", "blue", "green", "green"])})
    looked = tastes.simulate(concepts, tastes.Settings(users=4, each=2, likes=1, dislikes=0))
    found = interactions.of_simulated(looked, IMAGES)
    assert found.simulated["settings"]["users"] == 4 and np.array_equal(np.sort(found.item), np.sort(looked.item))


@pytest.mark.parametrize("path", ["~nobody-of-that-name/x.csv", "x\0.csv", "a" * 5000])
def test_what_is_no_path_is_a_sentence(path):
    with pytest.raises(BadInput, match="cannot be read"):
        interactions.read(path, IMAGES)


def test_columns_that_are_there_twice_and_numbers_past_all_bounds_are_read():
    twice = pd.DataFrame([["x", "y", 0]], columns=["user_id", "user_id", "item"])
    assert interactions.of_table(twice, IMAGES, "twice").users == ("x",)
    assert len(interactions.of_table(pd.DataFrame({"user": [1e20, 7.0], "item": [0, 1]}), IMAGES, "far")) == 2
    with_times = "user,item,time\nx,0,20000000.5\nx,1,20260101\ny,2,20260102\n"
    assert taken(with_times).users == ("x", "y")
