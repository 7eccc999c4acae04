"""Sets of images: kept by the content of the images, concepts like any other, never half written."""

from __future__ import annotations

import errno
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from explorer import notebook
from explorer.errors import BadInput
from explorer.notebook import sets


def test_a_set_is_a_column_of_its_images_alone():
    table = pd.DataFrame({"class": list("aabbc")})
    assert sets.joined(table, "photos") is table and sets.version("photos") is None
    sets.keep("photos", "  round\nthings ", [3, 1, 1], source="by the eye")
    found = sets.joined(table, "photos")
    assert found["set: round things"].tolist() == ["rest", "in", "rest", "in", "rest"]
    assert list(found.columns) == ["class", "set: round things"] and found["class"].tolist() == list("aabbc")
    assert sets.joined(table, "other photos") is table
    csv = sets.table("photos", ["p", "q", "r", "s", "t"])
    assert csv.columns.tolist() == ["name", "set: round things"] and csv.iloc[1].tolist() == ["q", "yes"]


def test_a_column_of_the_dataset_keeps_its_name():
    sets.keep("photos", "a", [0])
    assert list(sets.joined(pd.DataFrame({"set: a": [1, 2]}), "photos")) == ["set: a", "set: a (gathered)"]


def test_sets_are_renamed_in_place_added_to_and_forgotten():
    sets.keep("x", "one", [1])
    sets.keep("x", "two", [2])
    versions = {sets.version("x")}
    sets.rename("x", "one", "first")
    assert list(sets.find("x")) == ["first", "two"]
    versions.add(sets.version("x"))
    assert sets.add("x", "first", [5, 1], source="later").rows.tolist() == [1, 5]
    versions.add(sets.version("x"))
    assert len(versions) == 3, "every change is told by the version"
    sets.delete("x", "first")
    sets.delete("x", "two")
    assert sets.find("x") == {} and sets.version("x") is None and not notebook.place("sets", "x").exists()


@pytest.mark.parametrize(
    ("name", "rows", "says"), [("", [1], "needs a name"), ("x" * 61, [1], "61 letters"), ("a", [], "needs images")]
)
def test_what_cannot_be_kept_is_one_sentence(name, rows, says):
    with pytest.raises(BadInput, match=says):
        sets.keep("x", name, rows)
    assert sets.find("x") == {}


def test_a_name_is_not_taken_twice():
    sets.keep("x", "one", [1])
    sets.keep("x", "two", [1])
    for wrong in (lambda: sets.keep("x", "one", [2]), lambda: sets.rename("x", "two", "one")):
        with pytest.raises(BadInput, match="already"):
            wrong()
    with pytest.raises(BadInput, match="there are one, two"):
        sets.delete("x", "three")


def test_rows_that_the_images_do_not_have_are_left_out():
    sets.keep("x", "one", [1, 99])
    assert sets.joined(pd.DataFrame({"a": [1, 2]}), "x")["set: one"].tolist() == ["rest", "in"]
    assert sets.find("x")["one"].rows.dtype == np.int64


def test_what_is_chosen_by_a_models_own_codes_is_known():
    sets.keep("x", "lasso", [1], model="weights")
    sets.keep("x", "eye", [1])
    assert sets.chosen_by("x", "weights") == ["set: lasso"] and sets.chosen_by("x", "others") == []


def test_many_writers_lose_nothing():
    threads = [threading.Thread(target=sets.keep, args=("x", f"set {number}", [number])) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {one.rows[0] for one in sets.find("x").values()} == set(range(8))


def test_what_is_damaged_is_said_and_never_overwritten():
    path = notebook.place("sets", "x")
    path.parent.mkdir(parents=True)
    path.write_text("{")
    with pytest.raises(BadInput, match="damaged"):
        sets.find("x")
    with pytest.raises(BadInput, match="damaged"):
        sets.keep("x", "one", [1])
    assert path.read_text() == "{"
    path.write_text('{"one": {"rows": "all"}}')
    with pytest.raises(BadInput, match="the set 'one' is damaged"):
        sets.find("x")


def test_a_full_disk_loses_nothing_that_was_noted(monkeypatch):
    sets.keep("x", "one", [1])

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with (
        monkeypatch.context() as patch,
        pytest.raises(BadInput, match=r"this note: the disk of .*x.json.* is full"),
    ):
        patch.setattr(Path, "write_bytes", full)
        sets.keep("x", "two", [2])
    assert [*sets.find("x")] == ["one"]
