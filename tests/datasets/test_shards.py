"""Tar archives: samples of webdataset, class folders, packed ones, and what hostile or damaged ones get."""

import bz2
import gzip
import io
import json
import lzma
import tarfile

import numpy as np
import pytest
from PIL import Image

from explorer import datasets
from explorer.datasets import tars
from explorer.errors import BadInput
from explorer.files import cache_folder


def png(value, size=(12, 10)):
    file = io.BytesIO()
    Image.new("RGB", size, (value, 40, 99)).save(file, "PNG")
    return file.getvalue()


def tarred(path, files, pack=lambda data: data, form=tarfile.PAX_FORMAT):
    """A tar of {name: bytes, or a TarInfo for what is no plain file}."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w", format=form) as archive:
        for name, content in files.items():
            info = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            if not isinstance(content, tarfile.TarInfo):
                info.size = len(content)
            archive.addfile(info, None if content is info else io.BytesIO(content))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pack(held.getvalue()))
    return str(path)


def reds(name, split="all"):
    return datasets.load(str(name), split, 8).read(slice(None))[:, 0, 0, 0].tolist()


def samples(values):
    files = {}
    for n in values:
        files[f"{n:04}.png"] = png(n)
        files[f"{n:04}.cls"] = str(n % 3).encode()
        files[f"{n:04}.txt"] = f"picture {n}".encode()
        files[f"{n:04}.json"] = json.dumps({"weight": n / 2, "kind": "abc"[n % 3], "nested": [1]}).encode()
    return files


@pytest.mark.parametrize("ending", ["tar", "tar.gz", "tgz", "tar.bz2", "tar.xz"])
def test_samples_of_webdataset(tmp_path, ending):
    pack = {"gz": gzip.compress, "tgz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}.get(
        ending.split(".")[-1], bytes
    )
    name = tarred(tmp_path / f"shard-000.{ending}", samples(range(6)), pack)
    images = datasets.load(name, "all", 8)
    assert images.read(slice(None))[:, 0, 0, 0].tolist() == list(range(6))
    assert images.concepts["class"].tolist() == ["0", "1", "2"] * 2
    assert images.concepts["kind"].tolist() == list("abc") * 2
    assert images.concepts["weight"].tolist() == [0, 0.5, 1, 1.5, 2, 2.5]
    assert images.concepts["txt"].tolist() == [f"picture {n}" for n in range(6)]
    assert images.names[:2] == ["0000.png", "0001.png"] and not images.skipped
    assert len(images.notes) == 1 and images.notes[0].endswith("no plain values, which are left out: 'nested'")


def test_many_shards_as_a_folder_or_a_pattern(tmp_path):
    for split, start, count in (("train", 0, 3), ("val", 100, 1)):
        for n in range(count):
            values = range(start + 10 * n, start + 10 * n + 4)
            tarred(tmp_path / f"shards/set-{split}-{n:06}.tar", samples(values))
    root = str(tmp_path / "shards")
    assert datasets.split_names(root) == ("train", "validation")
    expected = [*range(4), *range(10, 14), *range(20, 24)]
    assert (reds(root, "train"), reds(root, "val")) == (expected, [*range(100, 104)])
    some = f"{root}/set-train-{{000000..000001}}.tar"
    assert sorted(reds(some)) == expected[:8] == sorted(reds(some, "train") + reds(some, "test"))
    assert datasets.load(some, "all", 8).names[0] == "set-train-000000.tar/0000.png"
    assert sorted(reds(f"{root}/set-{{train,val}}-000000.tar", "train")) == [*range(4)]
    assert sorted(reds(f"{root}/set-train-*.tar")) == expected
    with pytest.raises(BadInput, match=r"stands for files of which '.*set-train-000003\.tar' is not there"):
        datasets.load(f"{root}/set-train-{{000002..000003}}.tar")
    with pytest.raises(BadInput, match="stands for more than 10,000 files"):
        datasets.load(f"{root}/set-{{0..999999999}}.tar")


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_class_folders_split_folders_and_tables(tmp_path, pack):
    files = {f"pets/{split}/{kind}/{n}.png": png(10 * n + k) for n, split in enumerate(("test", "train"))
             for k, kind in enumerate(("dog", "cat"))}  # fmt: skip
    files["pets/metadata.csv"] = b"file_name,age\ntest/dog/0.png,7.5\ntest/cat/0.png,2.5\ntrain/cat/1.png,1\n"
    name = tarred(tmp_path / "pets.tar.gz", {"pets": tarfile.TarInfo("pets")} | files, pack)
    test = datasets.load(name, "test", 8)
    assert test.concepts["class"].tolist() == ["cat", "dog"] and reds(name, "test") == [1, 0]
    assert test.concepts["age"].tolist() == [2.5, 7.5] and reds(name, "train") == [11, 10]


def test_names_with_dots_are_pictures_of_their_own_where_nothing_lies_beside_them(tmp_path):
    for shard in range(2):
        tarred(tmp_path / f"s/{shard}.tar", {f"x/a.{n}.png": png(10 * shard + n) for n in range(4)})
    assert reds(tmp_path / "s") == [0, 1, 2, 3, 10, 11, 12, 13]
    assert reds(tmp_path / "s/1.tar") == [10, 11, 12, 13]


def test_the_first_of_several_pictures_is_shown_and_what_is_left_out_told(tmp_path):
    files = {}
    for n in range(4):
        files |= {f"{n}.seg.png": png(200), f"{n}.jpg": png(n), f"{n}.npy": b"x", f"{n}.cls": b"1"}
    name = tarred(tmp_path / "a.tar", files | {"lonely.cls": b"3", "._0.jpg": b"x"})
    images = datasets.load(name, "all", 8)
    assert images.read(slice(None))[:, 0, 0, 0].tolist() == [0, 1, 2, 3]
    assert len(images.notes) == 1 and images.notes[0].endswith("are left out: 4 .seg.png, 4 .npy, 1 .cls")


def test_the_same_pictures_are_held_out_of_a_tar_and_a_folder(tmp_path):
    for n in range(60):
        place = tmp_path / f"folder/c{n % 2}/{n}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(png(n))
    name = tarred(tmp_path / "a.tar.gz", {f"x/{n}.png": png(n) for n in reversed(range(60))}, gzip.compress)
    assert sorted(reds(tmp_path / "folder", "test")) == sorted(reds(name, "test")) != []
    other = tarred(tmp_path / "b.tar", samples(range(60)))
    assert sorted(reds(other, "test")) == sorted(reds(name, "test"))


# Archives come from anywhere


def special(name, kind, **more):
    info = tarfile.TarInfo(name)
    info.type = kind
    for key, value in more.items():
        setattr(info, key, value)
    return info


def test_links_devices_and_names_that_lead_out_are_named(tmp_path):
    (tmp_path / "secret.png").write_bytes(png(200))
    name = tarred(
        tmp_path / "a.tar",
        {
            "1.png": png(1),
            "link.png": special("link.png", tarfile.SYMTYPE, linkname=str(tmp_path / "secret.png")),
            "hard.png": special("hard.png", tarfile.LNKTYPE, linkname="1.png"),
            "pipe.png": special("pipe.png", tarfile.FIFOTYPE),
            "null.png": special("null.png", tarfile.CHRTYPE, devmajor=1, devminor=3),
            "/etc/out.png": png(2),
            "a/../../out.png": png(3),
            "2.png": png(4),
        },
    )
    images = datasets.load(name, "all", 8)
    assert images.read(slice(None))[:, 0, 0, 0].tolist() == [1, 4]
    skipped = dict(images.skipped)
    assert len(skipped) == 6 and "is a link" in skipped["link.png"] and "is a link" in skipped["hard.png"]
    assert "device" in skipped["pipe.png"] and "device" in skipped["null.png"]
    assert "leads out" in skipped["/etc/out.png"] and "leads out" in skipped["a/../../out.png"]


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda data: data[: 3 * 1024 + 700], "unexpected end"),
        (lambda data: data[:3072] + b"\xff" * 512 + data[3584:], "is damaged, or cut off"),
        (lambda data: data + data + bytes(1 << 18), "goes on after its end, as joined archives do"),
    ],
)
def test_archives_that_end_too_early_or_go_on_say_so(tmp_path, damage, says):
    path = tmp_path / "a.tar"
    tarred(path, {f"{n}.png": png(n) for n in range(6)})
    data = path.read_bytes().rstrip(b"\0") + bytes(1024)
    path.write_bytes(damage(data))
    images = datasets.load(str(path), "all", 8)
    assert 1 <= len(images) <= 6 and reds(path) == list(range(len(images)))
    assert any(says in why for _, why in images.skipped), images.skipped


def test_bombs_are_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_FENCE", "off")  # the patches are of this process
    monkeypatch.setattr(tars, "FREE", 1 << 20)
    name = tarred(tmp_path / "a.tar.gz", {"1.png": png(1), "2.png": bytes(30 << 20)}, gzip.compress)
    with pytest.raises(BadInput, match="would unpack to more than 200 times its size"):
        datasets.load(name)
    assert not [path for path in cache_folder().rglob("*") if path.is_file()]
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        info = tarfile.TarInfo("1.png")
        info.pax_headers = {"comment": "x" * (17 << 20)}
        archive.addfile(info)
    (tmp_path / "long.tar").write_bytes(held.getvalue())
    with pytest.raises(BadInput, match=r"has a header of .* bytes, which no archive needs"):
        datasets.load(str(tmp_path / "long.tar"))


@pytest.mark.parametrize("content", [b"", bytes(2000), b"\x1f\x8b" + bytes(60), b"hello" * 300, gzip.compress(b"x")])
def test_what_is_no_archive_is_one_sentence(tmp_path, content):
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(BadInput) as told:
        datasets.load(str(tmp_path / "a.tar"))
    assert "\n" not in str(told.value) and "'a.tar'" in str(told.value).replace(str(tmp_path) + "/", "")


def test_random_damage_never_escapes(tmp_path):
    random, path = np.random.default_rng(0), tmp_path / "a.tar"
    tarred(path, samples(range(5)))
    original = np.fromfile(path, np.uint8)
    for _ in range(60):
        broken = original.copy()
        broken[random.integers(0, len(broken), 20)] = random.integers(0, 256, 20)
        broken.tofile(path)
        try:
            assert datasets.load(str(path), "all", 8).read(slice(None)).shape[1:] == (8, 8, 3)
        except BadInput as told:
            assert "\n" not in str(told)
