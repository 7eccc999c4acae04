import contextlib
import errno
import hashlib
import io
import json
import os
import re
import shutil
import stat
import struct
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from explorer import datasets
from explorer.datasets import archives, decoding, downloads, shapes
from explorer.datasets.sources import continuous, discrete
from explorer.errors import BadInput, Cancelled
from explorer.files import cache_folder, digest
from explorer.progress import Progress

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def picture(value, kind="PNG", size=(12, 10)):
    """A flat image whose red channel says which one it is."""
    file = io.BytesIO()
    Image.new("RGB", size, (value % 256, value // 256, 99)).save(file, kind)
    return file.getvalue()


def fill(root, files):
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return str(root)


def zipped(path, files, mode=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", mode) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return str(path)


def reds(images):
    return images.read(slice(None))[:, 0, 0, 0].tolist()


def everything(name, **options):
    return [row for split in datasets.split_names(name) for row in reds(datasets.load(name, split, 8, **options))]


# Named datasets


def test_shapes_are_drawn_when_read_and_know_their_factors():
    images = datasets.load("shapes", "test", limit=200_000)
    assert len(images) == len(images.names) == len(images.concepts) == 200_000
    assert np.array_equal(images.read([199_999, 3]), shapes.images(np.array([199_999, 3]), "test"))
    assert images.read(slice(10, 20, 3)).shape == (4, 64, 64, 3)
    assert images.names[17] == "shapes test 17"
    assert datasets.discrete(images.concepts) == list(shapes.FACTORS)
    assert datasets.continuous(images.concepts) == ["x", "y", "angle"]
    found = shapes.factors(np.array([7]), "test")
    assert images.concepts.loc[7, "shape"] == shapes.FACTORS["shape"][found["shape"][0]]
    assert not cache_folder().exists()
    assert (len(datasets.load("shapes", "train")), len(datasets.load("SHAPES", "validation"))) == (50_000, 5_000)


def test_fingerprints_tell_apart_whatever_changes_the_pixels():
    ways = [
        ("shapes", "test", 64, 10),
        ("shapes", "train", 64, 10),
        ("shapes", "test", 32, 10),
        ("shapes", "test", 64, 9),
    ]
    assert len({datasets.load(name, split, size, limit=n).fingerprint for name, split, size, n in ways}) == 4
    ways = [("crop", 8, None), ("pad", 8, None), ("crop", 16, None), ("crop", 8, 50)]
    assert len({datasets.load("digits", "test", size, fit=fit, limit=n).fingerprint for fit, size, n in ways}) == 4


def test_digits_are_divided_by_digit_and_share_no_image():
    train, test = (datasets.load("digits", split, 8) for split in ("train", "test"))
    assert (len(train), len(test)) == (1442, 355)
    shares = test.concepts["digit"].value_counts() / (
        test.concepts["digit"].value_counts() + train.concepts["digit"].value_counts()
    )
    assert shares.between(0.19, 0.21).all() and len(shares) == 10
    assert not set(train.names) & set(test.names)
    seen = {image.tobytes() for image in train.read(slice(None))}
    assert not seen & {image.tobytes() for image in test.read(slice(None))}


def test_digits_are_white_on_black_at_any_size():
    from sklearn.datasets import load_digits

    images = datasets.load("digits", "test")
    assert images.size == datasets.native_size("digits") == 32
    row = int(images.names[5].split()[1])
    original = load_digits().images[row] * 255 / 16
    shrunk = images.read([5])[0, ..., 0].reshape(8, 4, 8, 4).mean(axis=(1, 3))
    assert np.corrcoef(shrunk.ravel(), original.ravel())[0, 1] > 0.97
    assert images.concepts.loc[5, "digit"] == str(load_digits().target[row])


@pytest.mark.parametrize(
    ("shapes", "size"),
    [([(32, 32)], 32), ([(28, 28)], 32), ([(40, 300)], 48), ([(32, 32), (400, 300)], 64), ([(3000, 2000)], 64)],
)
def test_the_size_of_pictures_is_theirs_up_to_64_pixels(tmp_path, shapes, size):
    """A picture of 32 × 32 pixels is not trained on at 64, and a photograph not at thousands."""
    rows = []
    for row in range(12):
        place = tmp_path / "folder" / f"{row}.png"
        place.parent.mkdir(exist_ok=True)
        Image.new("L", shapes[row % len(shapes)]).save(place)
        rows.append({"bytes": place.read_bytes(), "path": None})
    pq.write_table(pa.table({"image": rows}), tmp_path / "mine.parquet")
    (tmp_path / "folder" / "damaged.png").write_bytes(b"no picture")
    for name in ("folder", "mine.parquet"):
        assert datasets.native_size(str(tmp_path / name)) == size
        assert datasets.load(str(tmp_path / name), "train").size == size


def test_every_named_dataset_says_what_it_is():
    assert datasets.names()[:2] == ["shapes", "digits"]
    assert {"MNIST", "FashionMNIST", "CIFAR10", "CIFAR100", "SVHN", "STL10", "CelebA"} <= set(datasets.names())
    for name in datasets.names():
        assert len(datasets.summary(name)) > 20 and datasets.native_size(name.lower()) >= 28
        assert {"train", "test"} <= set(datasets.split_names(name))


@pytest.mark.skipif(not (SHARED / "MNIST").exists(), reason="MNIST is not on this machine")
def test_mnist_from_a_folder_that_has_it(monkeypatch):
    monkeypatch.setenv("EXPLORER_DATA", str(SHARED))
    images = datasets.load("mnist", "test", limit=200)
    assert (images.name, images.size, len(images)) == ("MNIST", 28, 200)
    raw = np.fromfile(SHARED / "MNIST/raw/t10k-images-idx3-ubyte", np.uint8)[16:].reshape(-1, 28, 28)
    row = int(images.names[3].split()[-1])
    assert np.array_equal(images.read([3])[0], np.repeat(raw[row][..., None], 3, axis=-1))
    labels = np.fromfile(SHARED / "MNIST/raw/t10k-labels-idx1-ubyte", np.uint8)[8:]
    assert images.concepts.loc[3, "digit"] == str(labels[row])


@pytest.mark.parametrize("problem", [urllib.error.URLError("no route to host"), TimeoutError("timed out")])
def test_without_a_network_one_sentence(monkeypatch, problem):
    asked = []

    def offline(request, timeout):
        asked.append((request.full_url, timeout))
        raise problem

    monkeypatch.setattr(urllib.request, "urlopen", offline)
    monkeypatch.delenv("EXPLORER_DATA", raising=False)
    for name in ("FashionMNIST", "cifar10", "SVHN", "STL10"):
        with pytest.raises(BadInput, match=r"cannot be downloaded \((no route|timed out).*EXPLORER_DATA") as told:
            datasets.load(name)
        assert "\n" not in str(told.value) and str(told.value).startswith(("Fashion", "CIFAR10 ", "SVHN ", "STL10 "))
    assert len(asked) >= 4 and all(timeout <= 30 for _, timeout in asked)
    assert not [path for path in cache_folder().rglob("*") if path.is_file()]


def test_downloads_are_checked_and_a_second_mirror_is_tried(monkeypatch, tmp_path):
    class Response(io.BytesIO):
        def __init__(self, content):
            super().__init__(content)
            self.headers = {"Content-Length": str(len(content))}

    contents = {"http://a/x": b"wrong", "http://b/x": b"right"}
    monkeypatch.setattr(urllib.request, "urlopen", lambda request, timeout: Response(contents[request.full_url]))
    remote = downloads.Remote(("http://a/x", "http://b/x"), "x", hashlib.md5(b"right").hexdigest())
    progress = Progress(0, "images", status=tmp_path / "status.json", quiet=True)
    assert downloads.download(remote, tmp_path / "to", progress).read_bytes() == b"right"
    monkeypatch.setattr(urllib.request, "urlopen", None)
    assert downloads.download(remote, tmp_path / "to").read_bytes() == b"right"


def test_unknown_names_list_the_choices():
    for name in ("shpaes", "", "/no/such/folder"):
        with pytest.raises(BadInput, match=r"choose from shapes, digits, MNIST.*path of an image folder"):
            datasets.load(name)
    with pytest.raises(BadInput, match="unknown split 'tset'; choose from train, test"):
        datasets.load("shapes", "tset")
    with pytest.raises(BadInput, match="limit 0 is not possible"):
        datasets.load("shapes", limit=0)


# Folders


def test_class_folders_and_split_folders(tmp_path):
    files = {f"{split}/{kind}/{n}.png": picture(10 * n + k) for split, n in (("train", 1), ("val", 2), ("test", 3))
             for k, kind in enumerate(("cat", "dog"))}  # fmt: skip
    root = fill(tmp_path / "pets", files | {"preview.png": picture(0)})
    assert datasets.split_names(root) == ("train", "validation", "test")
    assert [reds(datasets.load(root, split, 8)) for split in ("train", "valid", "test")] == [
        [10, 11],
        [20, 21],
        [30, 31],
    ]
    images = datasets.load(root, "test", 8)
    assert images.concepts["class"].tolist() == ["cat", "dog"]
    assert images.names[0] == "test/cat/3.png"
    assert images.skipped == (("preview.png", "lies outside the folders test, train, validation"),)


def held_out(name):
    """The red channels of the test split, and of the others."""
    test, train = (set(reds(datasets.load(name, split, 8))) for split in ("test", "train"))
    assert not test & train
    return test, train


def test_an_image_keeps_its_split_wherever_it_lies(tmp_path):
    cats = {f"cats/{n}.png": picture(n) for n in range(100)}
    root = fill(tmp_path / "pets", cats)
    test, train = held_out(root)
    assert 4 <= len(test) <= 20 and len(test) + len(train) == 100
    fill(tmp_path / "pets", {f"dogs/{n}.png": picture(n) for n in range(100, 160)})  # a folder comes beside it
    more, others = held_out(root)
    assert test < more and train < others
    (tmp_path / "link").symlink_to(root)
    shutil.copytree(tmp_path / "pets/cats", tmp_path / "elsewhere/renamed")
    single = {f"{place:05}.png": content for place, content in enumerate(reversed(cats.values()))}
    beneath = [f"{root}/cats", str(tmp_path / "elsewhere"), zipped(tmp_path / "single.zip", single)]
    assert all(held_out(name) == (test, train) for name in beneath)
    assert held_out(str(tmp_path / "link")) == (more, others)
    assert held_out(parquet(tmp_path / "cats.parquet", range(100))) == (test, train)


def test_copies_of_an_image_are_in_one_split_but_a_picture_that_makes_up_much_of_a_set_is_divided(tmp_path):
    copies = fill(tmp_path / "copies", {f"{c}/{n}.png": picture(n) for n in range(60) for c in "abc"})
    test, train = held_out(copies)
    assert len(test) + len(train) == 60
    flat = fill(tmp_path / "flat", {f"{n:03}.png": picture(1 if n < 100 else 2) for n in range(200)})
    train = reds(datasets.load(flat, "train", 8))
    assert 60 <= train.count(1) <= 99 and 60 <= train.count(2) <= 99


def test_files_are_told_apart_by_their_start_middle_and_end(tmp_path):
    from explorer.datasets.stamps import stamp

    content = bytearray(1_000_000)
    found = {stamp(bytes(content))}
    for place in (0, 500_000, 999_999):
        found.add(stamp(bytes(content[:place] + b"x" + content[place + 1 :])))
    (tmp_path / "file").write_bytes(content)
    assert len(found) == 4 and stamp(tmp_path / "file") in found


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_images_leave_no_split_empty(tmp_path, count):
    root = fill(tmp_path / "few", {f"{n}.png": picture(n) for n in range(count)})
    sizes = [len(datasets.load(root, split, 8)) for split in ("train", "test")]
    assert min(sizes) == 1 and sum(sizes) == max(2, count)


def test_all_is_every_image_where_there_are_no_splits_and_else_the_held_out_ones(tmp_path):
    plain = fill(tmp_path / "plain", {f"c{n % 2}/{n}.png": picture(n) for n in range(20)})
    assert sorted(reds(datasets.load(plain, "all", 8))) == list(range(20))
    assert datasets.split_names(plain) == ("train", "test")
    divided = fill(tmp_path / "divided", {f"{['train', 'test'][n % 2]}/{n}.png": picture(n) for n in range(6)})
    assert datasets.load(divided, "all", 8).split == "test" and len(datasets.load(divided, "all", 8)) == 3
    assert datasets.load("digits", "all", 8).split == "test"


def test_a_folder_with_only_a_train_folder_holds_something_out(tmp_path):
    root = fill(tmp_path / "one", {f"train/c{n % 2}/{n}.png": picture(n) for n in range(20)})
    assert datasets.split_names(root) == ("train", "test")
    assert sorted(everything(root)) == list(range(20))
    assert set(datasets.load(root, "train", 8).concepts["class"]) == {"c0", "c1"}


def test_tables_beside_the_images_add_columns(tmp_path):
    rows = ["file_name,mood,weight,year,doors,note"]
    rows += [f"{n}.png,{'glad' if n % 2 else 'sad'},{n / 2},{1900 + n},{n % 3},free text {n}" for n in range(60)]
    root = fill(tmp_path / "cars", {f"train/{n}.png": picture(n) for n in range(60)}
                | {"test/0.png": picture(7)} | {"train/metadata.csv": "\n".join(rows)})  # fmt: skip
    images = datasets.load(root, "train", 8)
    column = images.concepts.set_index(pd.Index(reds(images)))
    assert column.loc[5, "mood"] == "glad" and column.loc[4, "mood"] == "sad"
    assert column.loc[9, "weight"] == 4.5 and column.loc[9, "doors"] == "0"
    assert discrete(images.concepts) == ["mood", "doors"]
    assert continuous(images.concepts) == ["weight", "year"]
    assert column.loc[3, "note"] == "free text 3"
    assert len(datasets.load(root, "test", 8)) == 1


def test_a_table_may_name_images_by_path_or_without_suffix(tmp_path):
    table = "label,Image\nx,a/one\ny,b\\two.jpg\n"
    root = fill(tmp_path / "t", {"a/one.png": picture(1), "b/two.jpg": picture(2, "JPEG"), "images.csv": table})
    found = {}
    for split in ("train", "test"):
        images = datasets.load(root, split, 8)
        found |= dict(zip(images.names, images.concepts["label"], strict=True))
    assert found == {"a/one.png": "x", "b/two.jpg": "y"}


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("a,b\n1,2\n", "'metadata.csv' was not read: it has no column that names images; call it file_name"),
        ("file_name,b\nq.png,2\n", "names none of the images here: its column 'file_name' has names such as 'q.png'"),
        (b"\xff\xfe\x00\x81,,,\n\x00", "is not a CSV table|has no column that|has no rows"),
    ],
)
def test_tables_that_cannot_be_used(tmp_path, table, says):
    root = fill(tmp_path / "t", {f"{n}.png": picture(n) for n in range(3)} | {"metadata.csv": table})
    images = datasets.load(root, "train", 8)
    assert not len(images.concepts.columns) and re.search(says, " ".join(images.notes))


def test_broken_images_are_skipped_counted_and_named(tmp_path):
    files = {f"train/{n}.png": picture(n) for n in range(5)} | {"test/0.png": picture(0)}
    files |= {
        "train/notes.jpg": "a text file",
        "train/1.png": picture(1)[:40],
        "train/._0.png": b"",
        "train/x.txt": b"",
    }
    root = fill(tmp_path / "mixed", files)
    for _ in range(2):  # decoded, then from the cache
        images = datasets.load(root, "train", 8)
        assert reds(images) == [0, 2, 3, 4] and len(images.concepts) == len(images.names) == 4
        assert [file for file, _ in images.skipped] == ["train/1.png", "train/notes.jpg"]
        assert "is not an image that can be read" in dict(images.skipped)["train/notes.jpg"]


def test_folders_that_hold_no_image(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match=r"there is no image in the folder .*empty.*; files ending in .jpg"):
        datasets.load(str(tmp_path / "empty"))
    root = fill(tmp_path / "texts", {"a.jpg": "text", "b.jpg": "text"})
    with pytest.raises(BadInput, match=r"none of the 1 images in '.*texts' could be read; the first, '.\.jpg', is not"):
        datasets.load(root, "train")
    with pytest.raises(BadInput, match="is not a dataset; give an image folder"):
        datasets.load(fill(tmp_path / "note", {"a.xyz": "text"}) + "/a.xyz")


def test_links_that_lead_in_circles_end(tmp_path):
    root = fill(tmp_path / "loop", {"a/1.png": picture(1), "a/2.png": picture(2)})
    os.symlink(tmp_path / "loop", tmp_path / "loop/a/again")
    assert sorted(everything(root)) == [1, 2]


# The cache


def test_nothing_is_decoded_twice_and_torch_is_not_needed(tmp_path, monkeypatch):
    root = fill(tmp_path / "p", {f"k{n % 2}/{n}.png": picture(n) for n in range(30)})
    first = datasets.load(root, "train", 8)
    monkeypatch.setattr(decoding, "squared", None)
    again = datasets.load(root, "train", 8)
    assert np.array_equal(first.read(slice(None)), again.read(slice(None)))
    assert first.fingerprint == again.fingerprint and list(first.names) == list(again.names)
    pd.testing.assert_frame_equal(first.concepts, again.concepts)
    assert isinstance(again._read.__self__.pixels, np.memmap)
    code = "import sys, explorer.datasets as d; d.load(sys.argv[1], 'train', 8); print('torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code, root], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


def test_changed_files_are_decoded_again(tmp_path):
    root = fill(tmp_path / "p", {f"train/{n}.png": picture(n) for n in range(4)} | {"test/0.png": picture(9)})
    before = datasets.load(root, "train", 8)
    fill(tmp_path / "p", {"train/2.png": picture(200)})
    os.utime(tmp_path / "p/train/2.png", ns=(time.time_ns(), time.time_ns()))
    after = datasets.load(root, "train", 8)
    assert (reds(before), reds(after)) == ([0, 1, 2, 3], [0, 1, 200, 3])
    assert before.fingerprint != after.fingerprint


def test_a_limit_takes_a_fixed_sample_with_or_without_the_whole_in_the_cache(tmp_path):
    files = {f"train/{n:03}.png": picture(n) for n in range(100)} | {"test/0.png": picture(0), "train/007.png": b"?"}
    root = fill(tmp_path / "p", files)
    some, more = (datasets.load(root, "train", 8, limit=n) for n in (20, 50))
    assert len(some) in (19, 20) and set(reds(some)) < set(reds(more)) and max(reds(some)) > 60
    whole = datasets.load(root, "train", 8)
    shutil.rmtree(cache_folder() / "images" / some.fingerprint)
    shown = datasets.load(root, "train", 8, limit=20)
    assert (reds(shown), list(shown.names), shown.fingerprint) == (reds(some), list(some.names), some.fingerprint)
    assert datasets.load(root, "train", 8, limit=1000).fingerprint == whole.fingerprint


@pytest.mark.parametrize("gone", ["pixels.npy", "index.parquet", "meta.json"])
def test_a_set_of_which_a_cleaner_took_a_file_is_decoded_again(tmp_path, gone):
    root = fill(tmp_path / "p", {f"train/{n}.png": picture(n) for n in range(4)} | {"test/0.png": picture(9)})
    before = datasets.load(root, "train", 8)
    (cache_folder() / "images" / before.fingerprint / gone).unlink()
    after = datasets.load(root, "train", 8)
    assert (reds(after), after.fingerprint) == ([0, 1, 2, 3], before.fingerprint)


@pytest.mark.parametrize(
    "damage", ["null", "[]", '{"skipped": 5}', '{"skipped": [], "total": 4}', "few", "cut", "kind"]
)
def test_a_set_that_is_damaged_in_the_cache_is_decoded_again(tmp_path, damage):
    root = fill(tmp_path / "p", {f"train/{n}.png": picture(n) for n in range(4)} | {"test/0.png": picture(9)})
    folder = cache_folder() / "images" / datasets.load(root, "train", 8).fingerprint
    pixels = np.load(folder / "pixels.npy")
    if damage == "cut":
        (folder / "pixels.npy").write_bytes((folder / "pixels.npy").read_bytes()[:-200])
    elif damage in ("few", "kind"):
        np.save(folder / "pixels.npy", pixels[:2] if damage == "few" else pixels.astype(np.float32))
    else:
        (folder / "meta.json").write_text(damage)
    assert reds(datasets.load(root, "train", 8)) == [0, 1, 2, 3]


def test_a_part_of_a_set_that_is_sorted_by_class_has_every_class_in_its_order(greys):
    from explorer.analysis.comparison import constant_psnr, mean_image

    for split in ("train", "test"):
        part = datasets.load(greys, split, 8, limit=100)
        assert len(part) == 100 and list(part.names) == sorted(part.names)
        assert 0.35 < (part.concepts["class"] == "dark").mean() < 0.65
        baseline = constant_psnr(mean_image(part.batches(part.sample(100))), part.batches(part.sample(100)))
        assert baseline.mean() == pytest.approx(9.29, abs=0.1)
    whole = datasets.load(greys, "test", 8)
    rows = whole.sample(300)
    assert np.array_equal(rows, np.unique(rows)) and len(rows) == 300 and 120 < (rows < 600).sum() < 180
    assert set(whole.sample(20)) < set(rows) and not np.array_equal(whole.sample(20, seed=1), whole.sample(20))
    assert whole.sample(5000).tolist() == list(range(1200))
    assert whole.sample(6).tolist() == [160, 564, 576, 794, 919, 1108], "as in the measurements that ship"
    assert [len(part) for part in whole.batches(rows)] == [128, 128, 44]


def test_a_limited_set_is_not_taken_for_the_first_rows_nor_the_whole_for_another(greys):
    source = datasets._source(greys)[1]
    keyed = lambda limit: digest("images", 1, source.key("test"), "test", 8, "crop", limit)  # noqa: E731
    assert datasets.load(greys, "test", 8).fingerprint == keyed(None), "what is known of whole sets stays known"
    assert datasets.load(greys, "test", 8, limit=50).fingerprint != keyed(50), "other rows had this name once"


def test_a_killed_decoding_leaves_nothing_that_looks_complete(tmp_path):
    root = fill(tmp_path / "p", {f"train/{n}.png": picture(n) for n in range(200)} | {"test/0.png": picture(0)})
    code = (
        "import os, sys, explorer.datasets as d, explorer.datasets.decoding as c\n"
        "real, seen = c.squared, []\n"
        "def squared(*a):\n"
        "    seen.append(1)\n"
        "    if len(seen) > 150: os.kill(os.getpid(), 9)\n"
        "    return real(*a)\n"
        "c.squared = squared\n"
        "d.load(sys.argv[1], 'train', 8)"
    )
    alone = os.environ | {"EXPLORER_FENCE": "off"}
    ran = subprocess.run([sys.executable, "-c", code, root], capture_output=True, text=True, env=alone)
    assert ran.returncode == -9
    assert [path.name[0] for path in (cache_folder() / "images").iterdir()] == ["."]
    assert sorted(reds(datasets.load(root, "train", 8))) == list(range(200))
    assert len(list((cache_folder() / "images").iterdir())) == 1  # and the leftover is gone


def test_cancelled_decoding_cleans_up(tmp_path):
    root = fill(tmp_path / "p", {f"train/{n}.png": picture(n) for n in range(3000)} | {"test/0.png": picture(0)})

    class Impatient(Progress):
        def update(self, done, message="", **figures):
            if message.startswith("decoding"):
                self.cancel()
            super().update(done, message, **figures)

    with pytest.raises(Cancelled):
        datasets.load(root, "train", 8, progress=Impatient(0, "images", quiet=True))
    assert list((cache_folder() / "images").iterdir()) == []


def test_a_picture_that_ends_its_reader_loses_itself(tmp_path):
    """What no decoder is known to do is done by one here, of the workers behind the fence."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if 'explorer.fence.keeper' in sys.orig_argv:\n"
        "    from PIL import ImageFile\n"
        "    real = ImageFile.ImageFile.load\n"
        "    ImageFile.ImageFile.load = lambda self: os.abort() if self.size == (11, 11) else real(self)\n"
    )
    files = {f"train/{n:03}.png": picture(n) for n in range(100)} | {"test/0.png": picture(0)}
    root = fill(tmp_path / "p", files | {"train/050a.png": picture(0, size=(11, 11))})
    program = (
        "import sys, explorer.datasets as d\nfound = d.load(sys.argv[1], 'train', 8)\nprint(len(found), found.skipped)"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join((str(tmp_path), os.getcwd()))}
    ran = subprocess.run([sys.executable, "-c", program, root], capture_output=True, text=True, env=environment)
    assert ran.stdout == "100 (('train/050a.png', 'ends the program that reads it (Aborted)'),)\n", ran.stderr


@pytest.mark.parametrize("when", ["before", "while"])
def test_a_full_disk_is_one_sentence_and_cleaned_up(tmp_path, monkeypatch, when):
    monkeypatch.setenv("EXPLORER_FENCE", "off")  # the patches are of this process
    root = fill(tmp_path / "p", {f"train/{n}.png": picture(n) for n in range(20)} | {"test/0.png": picture(0)})

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    if when == "before":
        monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 10, 1000))
    else:
        monkeypatch.setattr(decoding.os, "fsync", full)
    with pytest.raises(BadInput, match=r"at 8 × 8 \(3.8 kB .*_CACHE.*: the disk of .* is full; free some space"):
        datasets.load(root, "train", 8)
    assert list((cache_folder() / "images").iterdir()) == []
    monkeypatch.undo()


def test_rows_are_read_as_numpy_would(tmp_path):
    images = datasets.load("digits", "test", 8)
    whole = images.read(slice(None))
    for rows in ([3, 1, 1], slice(-5, None), np.array([-1]), np.arange(355) % 7 == 0, 4):
        assert np.array_equal(images.read(rows), np.atleast_1d(whole[rows]).reshape(-1, 8, 8, 3))
    images.read([0])[:] = 0  # a copy: the cache does not change
    assert np.array_equal(images.read(slice(None)), whole)
    for rows in ([355], [-356]):
        with pytest.raises(IndexError):
            images.read(rows)


# Zip files


def test_a_zip_is_read_like_a_folder(tmp_path):
    files = {f"pets/{kind}/{n}.png": picture(10 * n + k) for n in range(10) for k, kind in enumerate("ab")}
    table = "file_name,age\n" + "\n".join(f"{kind}/{n}.png,{n}.5" for n in range(10) for kind in "ab")
    files |= {
        "__MACOSX/pets/._1.png": b"",
        "pets/inner.zip": b"PK",
        "pets/metadata.csv": table,
        "pets/bad.jpg": b"text",
    }
    name = zipped(tmp_path / "pets.zip", files)
    assert sorted(everything(name)) == sorted(10 * n + k for n in range(10) for k in (0, 1))
    images = datasets.load(name, "train", 8)
    assert set(images.concepts["class"]) == {"a", "b"}
    assert images.concepts["age"].tolist() == [float(Path(file).stem) + 0.5 for file in images.names]
    skipped = [file for split in ("train", "test") for file, _ in datasets.load(name, split, 8).skipped]
    assert skipped == ["pets/bad.jpg"]


@pytest.mark.parametrize(
    "name", ["../../evil.png", "/etc/evil.png", "a/../../evil.png", "..\\evil.png", "C:\\evil.png"]
)
def test_zips_that_lead_out_are_refused(tmp_path, name):
    path = zipped(tmp_path / "evil.zip", {"fine.png": picture(1), name: picture(2)})
    with pytest.raises(BadInput, match="an entry that leads out of it"):
        datasets.load(path)
    assert not list(tmp_path.rglob("evil.png"))


def test_zips_with_symbolic_links_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        link = zipfile.ZipInfo("passwords.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(BadInput, match=r"has a symbolic link, 'passwords.png'"):
        datasets.load(str(tmp_path / "link.zip"))


def many_entries(path, count, said=None, name=b""):
    """A zip of `count` empty images, written by hand because zipfile takes seconds."""
    said = min(count, 0xFFFF) if said is None else said
    rows = [name + b"%06d.png" % n for n in range(count)]
    local = [struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 0, 0, 33, 0, 0, 0, len(row), 0) + row for row in rows]
    starts = np.concatenate([[0], np.cumsum([len(one) for one in local])]).tolist()
    central = [
        struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 0, 0, 33, 0, 0, 0, len(row), 0, 0, 0, 0, 0, at) + row
        for row, at in zip(rows, starts, strict=False)
    ]
    size, at = sum(map(len, central)), starts[-1]
    end = b""
    if count > 0xFFFF:
        end = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, size, at)
        end += struct.pack("<4sLQL", b"PK\x06\x07", 0, at + size, 1)
    end += struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, said, said, size, at, 0)
    path.write_bytes(b"".join(local) + b"".join(central) + end)
    return str(path)


def test_zips_with_too_many_entries_are_refused_unread(tmp_path, monkeypatch):
    path = many_entries(tmp_path / "many.zip", 100_000)
    monkeypatch.setattr(archives.zipfile, "ZipFile", None)
    with pytest.raises(BadInput, match=r"'many.zip' has 100,000 entries; a zip may have 50,000"):
        datasets.load(path)


def test_a_zip_that_lies_about_its_entries_is_refused(tmp_path):
    path = many_entries(tmp_path / "many.zip", 60_000, said=1)
    with pytest.raises(BadInput, match=r"'many.zip' has 60,000 entries"):
        datasets.load(path)
    path = many_entries(tmp_path / "names.zip", 60_000, said=1, name=b"n" * 600)
    with pytest.raises(BadInput, match="too long a table of contents"):
        datasets.load(path)


def test_decompression_bombs_are_refused(tmp_path):
    path = zipped(tmp_path / "bomb.zip", {"fine.png": picture(1), "bomb.png": bytes(30 * 1024**2)})
    with pytest.raises(BadInput, match=r"'bomb.png' in 'bomb.zip' would unpack to .* times its size"):
        datasets.load(path)


def test_an_entry_larger_than_it_says_is_skipped(tmp_path):
    content = bytearray(Path(zipped(tmp_path / "lie.zip", {"a.png": picture(1), "b.png": bytes(900_000)})).read_bytes())
    at = content.rfind(b"PK\x01\x02")
    assert content[at + 46 : at + 51] == b"b.png"
    content[at + 24 : at + 28] = (100).to_bytes(4, "little")
    (tmp_path / "lie.zip").write_bytes(content)
    found = []
    for split in ("train", "test"):
        with contextlib.suppress(BadInput):
            found += reds(datasets.load(str(tmp_path / "lie.zip"), split, 8))
    assert found == [1]


def test_encrypted_and_damaged_zips(tmp_path):
    path = Path(zipped(tmp_path / "p.zip", {"a.png": picture(1)}))
    content = bytearray(path.read_bytes())
    content[content.rfind(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "secret.zip").write_bytes(content)
    with pytest.raises(BadInput, match=r"'secret.zip' is encrypted"):
        datasets.load(str(tmp_path / "secret.zip"))
    for cut in (40, 100):
        (tmp_path / "cut.zip").write_bytes(path.read_bytes()[:cut])
        with pytest.raises(BadInput, match=r"'cut.zip' is not a zip file that can be read"):
            datasets.load(str(tmp_path / "cut.zip"))
    with pytest.raises(BadInput, match=r"there is no image in 'none.zip'"):
        datasets.load(zipped(tmp_path / "none.zip", {"readme.txt": "hello"}))


# Parquet


def parquet(path, values, features=None, **columns):
    cells = [{"bytes": picture(value) if value is not None else None, "path": f"{value}.png"} for value in values]
    table = pa.table({"image": pa.array(cells, pa.struct([("bytes", pa.binary()), ("path", pa.string())])), **columns})
    if features:
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=7)
    return str(path)


def test_parquet_shards_with_class_labels(tmp_path):
    features = {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": ["cat", "dog", "cow"]}}
    for shard in range(2):
        rows = range(20 * shard, 20 * shard + 20)
        path = tmp_path / f"d/data/train-{shard:05}-of-00002.parquet"
        parquet(path, rows, features, label=[n % 3 for n in rows], weight=[n / 4 for n in rows], tags=[["a"]] * 20)
    parquet(tmp_path / "d/data/test-00000-of-00001.parquet", [100, 101], features, label=[2, -1], weight=[0.0, 1.0])
    name = str(tmp_path / "d")
    train, test = (datasets.load(name, split, 8) for split in ("train", "test"))
    assert reds(train) == list(range(40)) and reds(test) == [100, 101]
    assert train.concepts["label"].tolist() == [["cat", "dog", "cow"][n % 3] for n in range(40)]
    assert test.concepts["label"][0] == "cow" and pd.isna(test.concepts["label"][1])
    assert (datasets.discrete(train.concepts), datasets.continuous(train.concepts)) == (["label"], ["weight"])
    assert train.names[21] == "21.png"
    some = datasets.load(name, "train", 16, limit=10)
    assert [f"{value}.png" for value in reds(some)] == list(some.names) and len(some) == 10


def test_a_single_parquet_file_is_divided(tmp_path):
    path = parquet(tmp_path / "mine.parquet", range(40), kind=[str(n % 2) for n in range(40)])
    assert sorted(everything(path)) == list(range(40))
    assert len(datasets.load(path, "test", 8)) >= 1


def test_parquet_rows_without_an_image_are_skipped(tmp_path):
    path = tmp_path / "train.parquet"
    parquet(path, [1, None, 3], number=[1.0, 2.0, 3.5])
    parquet(tmp_path / "test.parquet", [4])
    images = datasets.load(str(tmp_path), "train", 8)
    assert reds(images) == [1, 3] and images.concepts["number"].tolist() == [1.0, 3.5]
    assert images.skipped == (("None.png", "holds no bytes of an image, and 'None.png' is not there"),)


def test_parquet_that_cannot_be_used(tmp_path):
    pq.write_table(pa.table({"a": [1], "b": ["x"]}), tmp_path / "table.parquet")
    with pytest.raises(BadInput, match=r"has no column of images .*; its columns are a, b"):
        datasets.load(str(tmp_path / "table.parquet"))
    (tmp_path / "text.parquet").write_text("hello")
    with pytest.raises(BadInput, match=r"'text.parquet' is not a Parquet file that can be read"):
        datasets.load(str(tmp_path / "text.parquet"))
    path = Path(parquet(tmp_path / "cut" / "x.parquet", range(50)))
    content = bytearray(path.read_bytes())
    content[4:2000] = bytes(1996)
    path.write_bytes(content)
    with pytest.raises(BadInput):
        datasets.load(str(path), "train", 8)


@pytest.mark.skipif(not (SHARED / "cifar10").exists(), reason="CIFAR-10 as Parquet is not on this machine")
def test_cifar10_as_hugging_face_stores_it():
    images = datasets.load(str(SHARED / "cifar10"), "test", 32, limit=300)
    assert datasets.discrete(images.concepts) == ["label"]
    assert [name.split("/")[0] for name in images.names] == images.concepts["label"].tolist()
    assert images.read([0, 299]).std() > 20


def test_larger_sets_than_memory_are_decoded_with_bounded_memory(tmp_path):
    # 118 MB of pixels are written, while the process may grow by 70 MB
    parquet(tmp_path / "d" / "train.parquet", range(600))
    parquet(tmp_path / "d" / "test.parquet", [1])
    code = (
        "import resource, sys, explorer.datasets as d, explorer.datasets.parquet, pyarrow.parquet, pyarrow.compute\n"
        "d.load(sys.argv[1], 'test', 256)\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "d.load(sys.argv[1], 'train', 256)\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(tmp_path / "d")], capture_output=True, text=True, check=True)
    assert int(ran.stdout) < 70
