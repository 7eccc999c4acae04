"""Datasets that are arrays: which one is shown, at which range, what describes it, and what a hostile file gets."""

import io
import struct
import zipfile

import numpy as np
import pytest

from explorer import datasets
from explorer.datasets import members
from explorer.errors import BadInput

h5py = pytest.importorskip("h5py")


def stack(count, start=0, size=(16, 16, 3), dtype=np.uint8):
    """Flat pictures, of which the value says which one it is."""
    return (np.zeros((count, *size)) + start + np.arange(count).reshape(-1, *[1] * len(size))).astype(dtype)


def h5(path, **arrays):
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name.replace("__", "/"), data=array, chunks=True, compression="gzip")


def write(folder, ending, **arrays):
    """The same arrays in a file of any kind; `.npy` is a folder of them."""
    path = folder / f"set.{ending}"
    if ending == "npy":
        path = folder / "set"
        path.mkdir()
        for name, array in arrays.items():
            np.save(path / f"{name}.npy", array)
    elif ending == "h5":
        h5(path, **arrays)
    else:
        {"npz": np.savez, "packed.npz": np.savez_compressed}[ending](path, **arrays)
    return str(path)


def values(name, split="all", size=16):
    return datasets.load(name, split, size).read(slice(None))[:, 8, 8, 0].tolist()


KINDS = ("npz", "packed.npz", "npy", "h5")


@pytest.mark.parametrize("kind", KINDS)
def test_splits_and_labels_of_medmnist(tmp_path, kind):
    labels = {"train": [[3], [1], [2]], "val": [[1], [1]], "test": [[2], [3]]}
    arrays = {f"{split}_images": stack(len(found), 40 * place) for place, (split, found) in enumerate(labels.items())}
    arrays |= {f"{split}_labels": np.array(found, np.uint8) for split, found in labels.items()}
    name = write(tmp_path, kind, **arrays)
    assert datasets.split_names(name) == ("train", "validation", "test") and datasets.native_size(name) == 16
    assert [values(name, split) for split in ("train", "val", "test")] == [[0, 1, 2], [40, 41], [80, 81]]
    images = datasets.load(name, "train")
    assert images.concepts["labels"].tolist() == ["3", "1", "2"] and list(images.concepts) == ["labels"]
    assert images.names == ["train_images 0", "train_images 1", "train_images 2"]
    assert images.notes == () and images.skipped == ()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layout", ["grey", "one", "last", "first", "alpha", "big endian", "fortran"])
def test_every_layout_gives_the_same_pixels(tmp_path, kind, layout):
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (9, 20, 20, 3), np.uint8)
    expected = pictures
    if layout in ("grey", "one"):
        pictures = pictures[..., :1]
        expected = np.repeat(pictures, 3, axis=-1)
        pictures = pictures[..., 0] if layout == "grey" else pictures
    elif layout == "first":
        pictures = np.moveaxis(pictures, -1, 1)
    elif layout == "alpha":
        alpha = random.integers(0, 2, (9, 20, 20, 1), np.uint8) * 255
        pictures = np.concatenate([pictures, alpha], axis=-1)
        expected = np.where(alpha == 255, expected, 255)
    elif layout == "big endian":
        pictures = pictures.astype(">u2") * 257
    elif layout == "fortran":
        pictures = np.asfortranarray(pictures)
    name = write(tmp_path, kind, images=pictures, labels=np.arange(9))
    images = datasets.load(name, "all", 20)
    assert np.array_equal(images.read(slice(None)), expected)
    assert images.concepts["labels"].tolist() == [str(n) for n in range(9)]
    assert np.array_equal(images.read([2, 7]), expected[[2, 7]])


def test_a_limit_reads_the_same_rows_of_every_kind(tmp_path):
    arrays = {"images": stack(200), "labels": np.arange(200)}
    found = [datasets.load(write(tmp_path, kind, **arrays), "all", 16, limit=20) for kind in KINDS]
    assert len(found[0]) == 20
    for images in found:
        pixels = images.read(slice(None))[:, 0, 0, 0]
        assert np.array_equal(pixels, found[0].read(slice(None))[:, 0, 0, 0])
        assert images.concepts["labels"].astype(int).tolist() == pixels.tolist()


def test_the_same_pictures_are_held_out_of_every_kind(tmp_path):
    held_out = [values(write(tmp_path, kind, images=stack(120)), "test") for kind in KINDS]
    assert held_out[0] and held_out.count(held_out[0]) == len(KINDS)
    more = write(tmp_path, "npz", images=stack(250)[::-1])
    assert set(held_out[0]) <= set(values(more, "test"))
    dim = stack(120, dtype=np.float32)
    before = datasets.load(write(tmp_path, "npz", images=dim), "test").names
    after = datasets.load(write(tmp_path, "h5", images=np.concatenate([dim, dim[:1] + 9e4])), "test").names
    assert set(before) <= set(after), "another range is no other picture"


def test_dsprites_has_the_names_of_its_factors_and_its_pickle_is_not_opened(tmp_path):
    count, random = 24, np.random.default_rng(0)
    imgs = np.zeros((count, 64, 64), np.uint8)
    imgs[:, 20:40, 20:40] = 1
    classes = np.stack([np.zeros(count, int), np.arange(count) % 3, *random.integers(0, 6, (4, count))], axis=1)
    values = np.concatenate([classes[:, :2] + 1.0, random.random((count, 4))], axis=1)
    np.savez_compressed(
        tmp_path / "dsprites_ndarray.npz",
        imgs=imgs, latents_classes=classes, latents_values=values, metadata=np.array({"title": "x"}, dtype=object),
    )  # fmt: skip
    images = datasets.load(str(tmp_path / "dsprites_ndarray.npz"), "all")
    assert images.size == 64 and set(images.concepts) == {"color", "shape", "scale", "orientation", "posX", "posY"}
    assert images.concepts["shape"].tolist() == ["square", "ellipse", "heart"] * 8
    assert np.allclose(images.concepts["posY"], values[:, 5])
    assert np.unique(images.read(slice(None))).tolist() == [0, 255] and images.read([0])[0, 30, 30, 0] == 255
    assert any("'metadata' is pickled" in note for note in images.notes)
    assert any("0 is shown as black and 1 as white in every picture" in note for note in images.notes)


def test_3dshapes_has_the_names_of_its_factors(tmp_path):
    labels = np.random.default_rng(0).random((6, 6))
    h5(tmp_path / "3dshapes.h5", images=stack(6, size=(64, 64, 3)), labels=labels)
    concepts = datasets.load(str(tmp_path / "3dshapes.h5"), "all").concepts
    assert list(concepts) == ["floor_hue", "wall_hue", "object_hue", "scale", "shape", "orientation"]
    assert np.allclose(concepts["orientation"], labels[:, 5])
    h5(tmp_path / "faces.h5", images=stack(6, size=(64, 64, 3)), labels=labels)
    assert list(datasets.load(str(tmp_path / "faces.h5"), "all").concepts) == [f"labels {n}" for n in range(6)]


@pytest.mark.parametrize(
    ("dtype", "low", "high", "black", "white"),
    [
        (np.float32, 0, 1, 0, 1),
        (np.float32, -0.003, 1, 0, 1),
        (np.float32, -0.04, 1.03, 0, 1),
        (np.float32, -0.06, 0.06, -0.06, 0.06),
        (np.float64, -1, 1, -1, 1),
        (np.float64, -0.5, 0.5, -0.5, 0.5),
        (np.float32, 0, 255, 0, 255),
        (np.float32, -2.1, 2.6, -2.1, 2.6),
        (np.float32, 0, 16, 0, 16),
        (np.uint8, 0, 16, 0, 16),
        (np.uint16, 0, 4095, 0, 4095),
        (np.uint16, 0, 4000, 0, 4095),
        (np.uint16, 1000, 1100, 1000, 1100),
        (np.int16, -1024, 3071, -1024, 3071),
        (bool, 0, 1, 0, 1),
    ],
)
def test_a_range_is_of_the_whole_set_and_said(tmp_path, dtype, low, high, black, white):
    """A dim picture stays dim beside a bright one, and nothing is black that is not."""
    steps = np.linspace(low, high, 17)
    pictures = np.repeat(steps, 16 * 16).reshape(17, 16, 16).astype(dtype)
    images = datasets.load(write(tmp_path, "npz", images=pictures), "all", 16)
    expected = np.clip((pictures[:, 0, 0].astype(float) - black) / (white - black) * 255, 0, 255)
    assert np.abs(images.read(slice(None))[:, 0, 0, 0] - expected).max() <= 0.51
    assert images.read(slice(None)).max() >= 249
    assert len(images.notes) == (dtype is not bool)


def test_what_is_no_number_is_black_and_no_range(tmp_path):
    pictures = np.linspace(0, 1, 8, dtype=np.float32).repeat(256).reshape(8, 16, 16)
    pictures[3, 8, 8], pictures[4, 8, 8] = np.nan, np.inf
    shown = datasets.load(write(tmp_path, "npz", images=pictures), "all", 16).read(slice(None))
    assert shown[3, 8, 8, 0] == 0 and shown[7, 0, 0, 0] == 255 and shown[3, 0, 0, 0] == 109


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"x": stack(12, size=(784,))}, r"'x' \(12 × 784 uint8\) in .* are flat; reshape them to \(-1, 28, 28\)"),
        ({"x": stack(12, size=(3072,))}, r"are flat; reshape them to \(-1, 3, 32, 32\) or \(-1, 32, 32, 3\)"),
        ({"a": stack(4), "b": stack(4)}, r"several arrays that may be the pictures: 'a' \(4 × .*; name the right one"),
        ({"x": stack(64, size=(64,))}, "is one picture or a table"),
        ({"x": stack(64, size=(64, 3))}, "is one picture or a table"),
        ({"x": stack(4, size=(16, 16, 13))}, "have neither 1, 3 nor 4 channels"),
        ({"x": stack(4, size=(8, 16, 16, 3))}, "has five axes, as films and volumes have"),
        ({"x": np.zeros((0, 16, 16), np.uint8)}, "says that it has 0 pictures"),
        ({"x": np.array([{}, {}], object)}, "'x' is pickled, which could run any program"),
        ({"x": np.array(["a", "b"])}, "holds no numbers"),
        ({"x": np.zeros(4, [("a", "u1"), ("b", "u1")])}, "'x' has named fields"),
        ({"train_x": stack(4), "test_x": stack(4, size=(8, 8))}, "pictures of different shapes"),
    ],
)
def test_arrays_that_are_no_pictures_are_one_sentence(tmp_path, arrays, says):
    with pytest.raises(BadInput, match=says) as told:
        datasets.load(write(tmp_path, "npz", **arrays), "train", 8)
    assert "\n" not in str(told.value)


def test_names_of_classes_in_h5_are_concepts(tmp_path):
    names = ["cat", "dög", "cat", "cow"]
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["images"], file["kind"] = stack(4, 100), names
    concepts = datasets.load(str(tmp_path / "x.h5"), "all").concepts
    assert concepts["kind"].tolist() == names


def test_what_is_not_shown_is_named(tmp_path):
    arrays = {
        "images": stack(6, 100),
        "masks": stack(6, size=(16, 16)),
        "other": np.arange(5),
        "boxes": stack(6, size=(2, 2)),
    }
    images = datasets.load(write(tmp_path, "npz", **arrays, label=np.array(list("aabbcc"))), "all", 16)
    assert values(write(tmp_path, "h5", **arrays)) == list(range(100, 106))
    assert images.concepts["label"].tolist() == list("aabbcc")
    for name in ("masks", "other", "boxes"):
        assert sum(f"'{name}'" in note and "is left out" in note for note in images.notes) == 1


# Files come from anywhere


def header(shape, descr="|u1", order=False):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": order, "shape": shape})
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        header((10**12, 64, 64)) + bytes(100),
        header((10**6, 10**6, 10**6, 10**6)) + bytes(100),
        header((4, 64, 64)) + bytes(100),
        header((-4, 64, 64)) + bytes(100),
        header((4, 64, 64), "|V0"),
        b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 60_000,
        b"\x93NUMPY\x01\x00\x10\x00" + b"__import__('os')",
        b"\x93NUMPY\x09\x00" + bytes(200),
        b"\x93NUMPY",
        b"",
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_headers_that_lie_are_one_sentence(tmp_path, content, packed):
    path = tmp_path / "x.npy"
    path.write_bytes(content)
    if packed:
        with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(path, "images.npy")
        path = tmp_path / "x.npz"
    with pytest.raises(BadInput) as told:
        datasets.load(str(path), "train", 8)
    assert "\n" not in str(told.value) and len(str(told.value)) < 400


def test_a_member_that_is_shorter_than_it_says_is_damaged(tmp_path):
    path = tmp_path / "x.npz"
    np.savez_compressed(path, images=np.random.default_rng(0).integers(0, 256, (40, 64, 64), np.uint8))
    held = bytearray(path.read_bytes())
    held[len(held) // 2 : len(held) // 2 + 50] = bytes(50)
    path.write_bytes(held)
    with pytest.raises(BadInput, match=r"'images.npy' in 'x\.npz' is damaged"):
        datasets.load(str(path), "train", 8)


def test_bombs_are_refused_before_they_are_unpacked(tmp_path, monkeypatch):
    monkeypatch.setenv("EXPLORER_FENCE", "off")  # the patches are of this process
    monkeypatch.setattr(members, "FREE", 1 << 20)
    np.savez_compressed(tmp_path / "zeros.npz", images=np.zeros((20_000, 64, 64), np.uint8))
    with pytest.raises(
        BadInput, match=r"would unpack to 1,0.. times its size, 81,920,128 bytes; this is taken for a dec"
    ):
        datasets.load(str(tmp_path / "zeros.npz"))


def test_h5_reads_nothing_outside_of_its_file(tmp_path):
    h5(tmp_path / "secret.h5", images=stack(4, 200))
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["images"] = stack(4, 100)
        file["labels"] = h5py.ExternalLink(str(tmp_path / "secret.h5"), "images")
        file["soft"] = h5py.SoftLink("/images")
        file.create_dataset("raw", (4, 16), "u1", external=[(str(tmp_path / "secret.h5"), 0, 64)])
    images = datasets.load(str(tmp_path / "x.h5"), "all", 16)
    assert images.read(slice(None))[:, 0, 0, 0].tolist() == [100, 101, 102, 103] and not len(images.concepts.columns)
    assert [note.split("'")[1] for note in images.notes if "left out" in note] == ["labels", "raw", "soft"]
    with h5py.File(tmp_path / "huge.h5", "w") as file:
        file.create_dataset("images", (10**9, 64, 64, 3), "u1", chunks=(1, 64, 64, 3))
    with pytest.raises(BadInput, match=r"'images' would unpack to .* times its size, as decompression bombs do"):
        datasets.load(str(tmp_path / "huge.h5"))
    for content in (b"\x89HDF\r\n\x1a\n" + bytes(500), b"\x89HDF\r\n\x1a\n" + struct.pack("<Q", 2**63) * 40):
        (tmp_path / "broken.h5").write_bytes(content)
        with pytest.raises(BadInput, match=r"'broken\.h5' is not an HDF5 file that can be read"):
            datasets.load(str(tmp_path / "broken.h5"))


def test_random_damage_never_escapes(tmp_path):
    random = np.random.default_rng(0)
    for kind in KINDS[:2] + KINDS[3:]:
        path = write(tmp_path, kind, images=stack(10), labels=np.arange(10))
        original = np.fromfile(path, np.uint8)
        for _ in range(40):
            broken = original.copy()
            broken[random.integers(0, len(broken), 6)] = random.integers(0, 256, 6)
            broken.tofile(path)
            try:
                assert datasets.load(path, "all", 8).read(slice(None)).shape[1:] == (8, 8, 3)
            except BadInput as told:
                assert "\n" not in str(told)
