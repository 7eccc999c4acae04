"""Tables with pictures, Parquet and Arrow: which column, where its pictures lie, and what a hostile one gets."""

import base64
import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from explorer import datasets
from explorer.errors import BadInput

STRUCT = pa.struct({"bytes": pa.binary(), "path": pa.string()})


def png(value, size=(12, 10)):
    file = io.BytesIO()
    Image.new("RGB", size, (value, 40, 99)).save(file, "PNG")
    return file.getvalue()


def reds(name, split="all"):
    return sorted(datasets.load(str(name), split, 8).read(slice(None))[:, 0, 0, 0].tolist())


def write(path, image, **columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"image": image, **columns}), path)
    return path


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize("kind", [STRUCT, pa.struct({"bytes": pa.null(), "path": pa.string()}), pa.string()])
def test_paths_beneath_the_table_are_read_and_others_named(tmp_path, absolute, kind):
    root = tmp_path / "table"
    (root / "pics").mkdir(parents=True)
    (tmp_path / "secret.png").write_bytes(png(200))
    (root / "pics/link.png").symlink_to(tmp_path / "secret.png")
    for n in range(4):
        (root / f"pics/{n}.png").write_bytes(png(n))
    base = f"{root / 'pics'}" if absolute else "pics"
    places = [f"{base}/{n}.png" for n in range(4)] + ["../secret.png", str(tmp_path / "secret.png"), "pics/link.png"]
    places += ["pics/gone.png"]
    cells = places if kind == pa.string() else [{"bytes": None, "path": place} for place in places]
    images = datasets.load(str(write(root / "t.parquet", pa.array(cells, kind))), "all", 8)
    assert images.read(slice(None))[:, 0, 0, 0].tolist() == [0, 1, 2, 3]
    assert images.names == places[:4]
    assert [name for name, _ in images.skipped] == places[4:]
    reasons = [why for _, why in images.skipped]
    assert all("outside the folder of the table" in why for why in reasons[:3]) and "is not there" in reasons[3]


def test_a_file_beside_the_table_that_changed_is_read_again(tmp_path):
    for n in range(3):
        (tmp_path / f"{n}.png").write_bytes(png(n))
    path = write(tmp_path / "t.parquet", pa.array([f"{n}.png" for n in range(3)]))
    (tmp_path / "0.png").rename(tmp_path / "away.png")
    assert reds(path) == [1, 2]
    (tmp_path / "away.png").rename(tmp_path / "0.png")
    assert reds(path) == [0, 1, 2]
    (tmp_path / "1.png").write_bytes(png(250, (30, 30)))
    assert reds(path) == [0, 2, 250]


@pytest.mark.parametrize(
    "column",
    [
        lambda cells: pa.array([one["bytes"] for one in cells], pa.large_binary()),
        lambda cells: pa.array([one["bytes"] for one in cells], pa.binary_view()),
        lambda cells: pa.array([one["bytes"] for one in cells]).dictionary_encode(),
        lambda cells: pa.array([[one, {"bytes": png(250), "path": "b"}] for one in cells], pa.list_(STRUCT)),
        lambda cells: pa.array([[one["bytes"]] for one in cells], pa.large_list(pa.binary())),
    ],
)
@pytest.mark.parametrize("ending", ["parquet", "arrow", "feather"])
def test_every_type_of_column_gives_the_same_pictures(tmp_path, column, ending):
    table = pa.table({"image": column([{"bytes": png(n), "path": f"{n}.png"} for n in range(6)]), "label": range(6)})
    if ending == "parquet" and table.schema.field("image").type == pa.binary_view():
        pytest.skip("Parquet has no views")
    path = tmp_path / f"t.{ending}"
    if ending == "parquet":
        pq.write_table(table, path)
    else:
        opened = pa.ipc.new_stream if ending == "arrow" else pa.ipc.new_file
        with opened(str(path), table.schema) as writer:
            writer.write_table(table, max_chunksize=4)
    images = datasets.load(str(path), "all", 8)
    assert images.read(slice(None))[:, 0, 0, 0].tolist() == list(range(6))
    assert images.concepts["label"].astype(str).tolist() == [str(n) for n in range(6)]
    assert len(set(images.names)) == 6


def test_the_picture_of_a_usual_name_or_type_is_shown_where_there_are_several(tmp_path):
    cells = pa.array([png(n) for n in range(4)])
    masks = pa.array([png(99)] * 4)
    assert reds(write(tmp_path / "a.parquet", cells, mask=masks)) == [0, 1, 2, 3]
    notes = datasets.load(str(tmp_path / "a.parquet"), "all", 8).notes
    assert notes == ("of 2 columns of images 'image' is shown, 'mask' not",)
    path = tmp_path / "b.parquet"
    features = {"info": {"features": {"second": {"_type": "Image"}}}}
    schema = pa.schema([("first", pa.binary()), ("second", pa.binary())], {"huggingface": json.dumps(features)})
    pq.write_table(pa.table({"first": masks, "second": cells}, schema), path)
    assert reds(path) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ([base64.b64encode(png(n)).decode() for n in range(3)], "base64 text in the column 'image'.*base64.b64decode"),
        ([f"https://example.org/{n}" for n in range(3)], "holds addresses of images .*download them into a folder"),
        ([[[n, 1], [2, 3]] for n in range(3)], "'image' of .* is of type list.* numbers instead of image files"),
        ([1, 2, 3], "has no column of images .*its columns are image"),
    ],
)
def test_columns_that_hold_no_pictures_are_one_sentence(tmp_path, values, says):
    with pytest.raises(BadInput, match=says) as told:
        datasets.load(str(write(tmp_path / "t.parquet", pa.array(values))))
    assert "\n" not in str(told.value)


# Folders of save_to_disk


def stream(path, table, rows=3):
    path.parent.mkdir(parents=True, exist_ok=True)
    with pa.ipc.new_stream(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=rows)


def saved(folder, values, labels=None, split=None, shards=2):
    """A folder as `Dataset.save_to_disk` leaves it: streams, `state.json` and `dataset_info.json`."""
    features = {"image": {"_type": "Image"}, "label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
    parts = np.array_split(np.array(values), shards)
    files = []
    for number, part in enumerate(parts):
        image = pa.array([{"bytes": png(n), "path": None} for n in part.tolist()], STRUCT)
        table = pa.table({"image": image, "label": pa.array([n % 2 for n in part.tolist()], pa.int64())})
        files.append({"filename": f"data-{number:05}-of-{shards:05}.arrow"})
        stream(folder / files[-1]["filename"], table)
    state = {"_data_files": files, "_split": split, "_fingerprint": "0", "_format_columns": None}
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "dataset_info.json").write_text(json.dumps({"features": features}))
    return folder


def test_a_saved_dataset_opens_with_the_names_of_its_labels(tmp_path):
    root = saved(tmp_path / "pets", range(20))
    stream(root / "cache-123.arrow", pa.table({"indices": [1]}))  # what `map` leaves there is not of the dataset
    images = datasets.load(str(root), "all", 8)
    assert images.read(slice(None))[:, 0, 0, 0].tolist() == list(range(20))
    assert images.concepts["label"].tolist() == ["cat", "dog"] * 10
    assert sorted(reds(root, "train") + reds(root, "test")) == list(range(20))


def test_a_saved_dictionary_has_its_splits(tmp_path):
    root = tmp_path / "both"
    for split, values in (("train", range(6)), ("test", range(6, 9))):
        saved(root / split, values, split=split, shards=1)
    (root / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    assert datasets.split_names(str(root)) == ("train", "test")
    assert (reds(root, "train"), reds(root, "test")) == ([0, 1, 2, 3, 4, 5], [6, 7, 8])


def test_the_split_of_a_picture_is_its_content_in_any_table(tmp_path):
    """In Parquet, a saved dataset or a lone file, in any order, beside others: the same pictures are held out."""
    root = saved(tmp_path / "pets", range(60))
    cells = pa.array([{"bytes": png(n), "path": f"{n}"} for n in reversed(range(60))], STRUCT)
    held_out = reds(root, "test")
    assert 1 <= len(held_out) <= 15
    assert reds(write(tmp_path / "pets.parquet", cells), "test") == held_out
    more = pa.array([{"bytes": png(n), "path": f"{n}"} for n in range(90)], STRUCT)
    assert set(held_out) <= set(reds(write(tmp_path / "more.parquet", more), "test"))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda root: (root / "data-00001-of-00002.arrow").unlink(), "is missing in .*copy the whole folder"),
        (lambda root: (root / "data-00000-of-00002.arrow").write_bytes(b"\xff" * 100), "is not an Arrow file that can"),
        (
            lambda root: (root / "state.json").write_text('{"_data_files": [{"filename": "../x.arrow"}]}'),
            "outside of it",
        ),
        (lambda root: (root / "state.json").write_text("[" * 100_000), "is not JSON that can be read"),
        (lambda root: (root / "state.json").write_text('{"_data_files": []}'), "names no files"),
    ],
)
def test_saved_datasets_that_are_damaged_are_one_sentence(tmp_path, damage, says):
    damage(saved(tmp_path / "pets", range(4)))
    with pytest.raises(BadInput, match=says) as told:
        datasets.load(str(tmp_path / "pets"))
    assert "\n" not in str(told.value)


def test_offsets_that_lead_out_of_an_arrow_file_are_noticed(tmp_path):
    """Arrow's readers trust the offsets of a column; a file that lies about them must not be read beyond its end."""
    table = pa.table({"image": pa.array([png(n) for n in range(4)])})
    stream(tmp_path / "t.arrow", table, rows=4)
    held = (tmp_path / "t.arrow").read_bytes()
    offsets = np.array([0, *np.cumsum([len(png(n)) for n in range(4)])], np.int32)
    assert held.count(offsets.tobytes()) == 1
    wrong = offsets.copy()
    wrong[-1] = 2**31 - 1
    (tmp_path / "t.arrow").write_bytes(held.replace(offsets.tobytes(), wrong.tobytes()))
    with pytest.raises(BadInput, match="is not an Arrow file that can be read"):
        datasets.load(str(tmp_path / "t.arrow"), "all", 8)
