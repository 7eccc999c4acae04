"""The same pictures in every kind of place, and what is said of files that are no dataset."""

import io
import json
import shutil
import tarfile
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from PIL import Image

from explorer import datasets
from explorer.errors import BadInput

COUNT = 40


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def pictures():
    return np.random.default_rng(0).integers(0, 256, (COUNT, 20, 20, 3), np.uint8)


def named(pictures):
    return {f"{'ab'[n % 2]}/{n:02}.png": png(one) for n, one in enumerate(pictures)}


def columns(pictures):
    rows = [{"bytes": png(one), "path": f"{n:02}.png"} for n, one in enumerate(pictures)]
    return pa.table({"image": rows, "class": ["ab"[n % 2] for n in range(len(rows))]})


def folder(path, pictures):
    for name, content in named(pictures).items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)


def zipped(path, pictures):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in named(pictures).items():
            archive.writestr(name, content)


def tarred(path, pictures, samples=False):
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as archive:
        for n, (name, content) in enumerate(named(pictures).items()):
            label = {f"{n:02}.png": content, f"{n:02}.cls": b"ab"[n % 2 : n % 2 + 1]}
            for member, held in (label if samples else {name: content}).items():
                info = tarfile.TarInfo(member)
                info.size = len(held)
                archive.addfile(info, io.BytesIO(held))


def saved(path, pictures):
    path.mkdir()
    table = columns(pictures)
    with pa.ipc.new_stream(str(path / "data-00000-of-00001.arrow"), table.schema) as writer:
        writer.write_table(table)
    (path / "state.json").write_text(json.dumps({"_data_files": [{"filename": "data-00000-of-00001.arrow"}]}))


def numbers(path, pictures):
    labels = {"images": pictures, "class": np.array(["ab"[n % 2] for n in range(len(pictures))])}
    if path.suffix == ".h5":
        h5py = pytest.importorskip("h5py")
        with h5py.File(path, "w") as file:
            file["images"], file["class"] = labels["images"], labels["class"].astype("S")
    else:
        np.savez(path, **labels)


WRITERS = {
    "folder": folder,
    "a.zip": zipped,
    "a.tar": tarred,
    "a.tar.gz": tarred,
    "shard.tar": lambda path, pictures: tarred(path, pictures, samples=True),
    "a.parquet": lambda path, pictures: pq.write_table(columns(pictures), path),
    "a.feather": lambda path, pictures: pyarrow.feather.write_feather(columns(pictures), str(path)),
    "saved": saved,
    "a.npz": numbers,
    "a.h5": numbers,
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_kind_gives_the_same_pictures_names_and_concepts(tmp_path, pictures, name):
    WRITERS[name](tmp_path / name, pictures)
    path = str(tmp_path / name)
    assert datasets.split_names(path) == ("train", "test") and datasets.native_size(path) == 32
    images = datasets.load(path, "all", 20)
    order = {one.tobytes(): n for n, one in enumerate(pictures)}
    rows = [order[one.tobytes()] for one in images.read(slice(None))]
    assert sorted(rows) == list(range(COUNT)) and len(set(images.names)) == COUNT
    assert images.concepts["class"].tolist() == ["ab"[row % 2] for row in rows]
    train, test = (datasets.load(path, split, 20) for split in ("train", "test"))
    assert sorted([*train.names, *test.names]) == sorted(images.names) and 1 <= len(test) < 15
    some = datasets.load(path, "all", 20, limit=7)
    assert len(some) == 7 and set(some.names) < set(images.names)
    assert images.notes == () and images.skipped == ()


def test_what_is_encoded_alike_is_held_out_alike(tmp_path, pictures):
    held_out = {}
    for name, write in WRITERS.items():
        write(tmp_path / name, pictures)
        found = datasets.load(str(tmp_path / name), "test", 20).read(slice(None))
        held_out[name] = {one.tobytes() for one in found}
    files = [held_out[name] for name in WRITERS if name not in ("a.npz", "a.h5")]
    assert all(one == files[0] for one in files) and held_out["a.npz"] == held_out["a.h5"]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("x.pkl", b"\x80\x04.", "is a pickle, which could run any program .*numpy.savez"),
        ("x.mat", b"MATLAB 5.0 MAT-file", "is a file of MATLAB; read it with scipy.io.loadmat"),
        ("train.tfrecord-00000-of-00002", b"\x00" * 20, "is a file of TensorFlow records; .*PNG"),
        ("train-images-idx3-ubyte.gz", b"\x1f\x8b", "is a file of MNIST's own kind; choose MNIST"),
        ("x.beton", b"\x00", "is a dataset of FFCV"),
        ("x.7z", b"7z\xbc\xaf", "is a 7z archive; unpack it"),
        ("anything", b"Rar!\x1a", "is a RAR archive; unpack it"),
        ("x.tar.zst", b"\x28\xb5\x2f\xfd", "is packed with zstd; unpack it"),
        ("x.csv", b"a,b\n", "is a table without images; give the folder of the images"),
        ("x.txt", b"hello", "is a text; give the folder of the images"),
        ("x.png", b"\x89PNG", "is one image; give the folder that it lies in"),
        ("nothing", b"", "is empty; give the whole file"),
        ("x.bin", b"abc", "is not a dataset; give an image folder, a zip or tar"),
    ],
)
def test_other_files_are_told_what_they_are(tmp_path, name, content, says):
    (tmp_path / "inside").mkdir()
    for place in (tmp_path / name, tmp_path / "inside" / name):
        place.write_bytes(content)
    with pytest.raises(BadInput, match=says) as told:
        datasets.load(str(tmp_path / name))
    assert "\n" not in str(told.value)
    with pytest.raises(BadInput, match=r"there is no image|none of the 1 images|is a pickle") as told:
        datasets.load(str(tmp_path / "inside"))
    assert "\n" not in str(told.value)


def test_the_one_file_of_a_folder_is_opened_and_several_are_named(tmp_path, pictures):
    for name in ("a.zip", "a.npz"):
        place = tmp_path / name.replace(".", "-")
        place.mkdir()
        WRITERS[name](place / name, pictures)
        assert len(datasets.load(str(place), "all", 20)) == COUNT
        shutil.copy(place / name, place / f"b{name}")
        with pytest.raises(BadInput, match=f"has 2 files .*such as '{name}', 'b{name}'"):
            datasets.load(str(place))


def test_a_file_is_known_by_its_first_bytes_where_it_has_no_ending(tmp_path, pictures):
    for name in ("a.zip", "a.tar", "a.parquet", "a.feather", "a.h5"):
        WRITERS[name](tmp_path / name, pictures)
        (tmp_path / name).rename(tmp_path / "blob")
        assert len(datasets.load(str(tmp_path / "blob"), "all", 20)) == COUNT, name
    np.save(tmp_path / "a.npy", pictures)
    (tmp_path / "a.npy").rename(tmp_path / "blob")
    assert len(datasets.load(str(tmp_path / "blob"), "all", 20)) == COUNT
