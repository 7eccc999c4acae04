"""A table of concepts beside the images: which row is of which image, and what is said of the others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from explorer import results
from explorer.errors import BadInput
from explorer.results.scores import tables
from explorer.results.subject import Subject

N = 60
LABELS = np.arange(N) % 3


@pytest.fixture
def images(tmp_path, monkeypatch):
    """N rows of codes with names img0 … of which the code says the label."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path / "cache"))
    codes = np.stack([LABELS, np.random.default_rng(0).integers(3, 9, N)], 1)
    parquet.write_table(pa.table({"id": [f"img{row}" for row in range(N)], "codes": codes.tolist()}), tmp_path / "c.pq")
    return Subject.of(tmp_path / "c.pq").images


def joined(folder, images, table: pd.DataFrame, name: str = "t.csv", own: pd.DataFrame | None = None):
    if name.endswith(".parquet"):
        table.to_parquet(folder / name)
    else:
        table.to_csv(folder / name, index=False, sep="\t" if name.endswith(".tsv") else ",")
    return tables.joined(pd.DataFrame(index=range(N)) if own is None else own, str(folder / name), images)


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.parquet"])
def test_rows_are_joined_by_name_in_any_order(tmp_path, images, name):
    order = np.random.default_rng(0).permutation(N)
    table = pd.DataFrame({"id": [f"img{row}" for row in order], "kind": np.array(list("abc"))[LABELS[order]]})
    assert joined(tmp_path, images, table, name)["kind"].tolist() == np.array(list("abc"))[LABELS].tolist()


def test_rows_without_names_are_in_the_order_of_the_images(tmp_path, images):
    found = joined(tmp_path, images, pd.DataFrame({"kind": np.array(list("abc"))[LABELS]}))
    assert found["kind"].tolist() == np.array(list("abc"))[LABELS].tolist()


@pytest.mark.parametrize("rows", [N - 1, N + 1])
def test_too_few_or_too_many_rows_without_names_are_refused(tmp_path, images, rows):
    with pytest.raises(BadInput, match=f"has {rows} rows and no column that names images, and there are 60 images"):
        joined(tmp_path, images, pd.DataFrame({"kind": ["a", "b"] * (rows // 2) + ["a"] * (rows % 2)}))


def test_whole_numbers_are_numbers_of_rows(tmp_path, images):
    order = np.random.default_rng(0).permutation(N)
    found = joined(tmp_path, images, pd.DataFrame({"id": order, "kind": np.array(list("abc"))[LABELS[order]]}))
    assert found["kind"].tolist() == np.array(list("abc"))[LABELS].tolist()


def test_what_names_no_image_or_several_times_is_said_and_the_rest_is_used(tmp_path, images):
    names = [f"img{row}" for row in range(N - 5)] + ["nobody", "img0"]
    found = joined(tmp_path, images, pd.DataFrame({"file_name": names, "kind": ["a"] * (N - 5) + ["a", "b"]}))
    said = " ".join(found.attrs["notes"])
    assert "1 of 57 rows of 't.csv', such as 'nobody', name no image here" in said
    assert "5 of 60 images, such as 'img55', have no row" in said and "with different values" in said
    assert found["kind"].isna().sum() == 6


def test_it_adds_and_never_replaces(tmp_path, images):
    own = pd.DataFrame({"kind": ["own"] * N})
    found = joined(tmp_path, images, pd.DataFrame({"kind": ["x", "y"] * (N // 2)}), own=own)
    assert (found["kind"] == "own").all() and found["kind (t.csv)"].tolist() == ["x", "y"] * (N // 2)


def test_a_table_that_is_not_there_is_a_sentence(images):
    with pytest.raises(BadInput, match=r"there is no table 'no.csv'"):
        tables.joined(pd.DataFrame(index=range(N)), "no.csv", images)


def test_a_score_is_asked_of_the_table_and_found_again_until_it_changes(tmp_path, images):
    of, file = Subject.of(tmp_path / "c.pq"), tmp_path / "t.csv"
    pd.DataFrame({"kind": np.array(list("abc"))[LABELS]}).to_csv(file, index=False)
    asked = {"score": "information", "concepts": str(file)}
    path, found = results.obtain("score", of, asked)
    assert [row["concept"] for row in found["concepts"]] == ["kind"] and found["concepts"][0]["above"] > 0.5
    assert results.obtain("score", of, asked)[0] == path
    pd.DataFrame({"kind": np.array(list("abc"))[np.random.default_rng(0).permutation(LABELS)]}).to_csv(file)
    again, other = results.obtain("score", of, asked)
    assert again != path and other["concepts"][-1]["above"] < 0.2
