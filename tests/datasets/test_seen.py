"""Images that a checkpoint was trained on are known by their content, and are never called unseen."""

import shutil

import numpy as np
import pytest
from PIL import Image

from explorer import datasets
from explorer.datasets import seen


def drawn(folder, numbers):
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        pixels = np.random.default_rng(number).integers(0, 256, (12, 12, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03}.png")
    return str(folder)


def judge(images, checkpoint):
    return seen.judged(images, seen.read(checkpoint), False, "mine")


@pytest.fixture
def trained(tmp_path):
    """A folder of 60 pictures and the record of a training on its train split."""
    root = drawn(tmp_path / "photos", range(60))
    (tmp_path / "checkpoint").mkdir()
    seen.record(tmp_path / "checkpoint", datasets.load(root, "train", 8))
    return root, tmp_path / "checkpoint"


def test_the_test_split_of_the_same_pictures_is_held_out_under_any_name(trained, tmp_path):
    root, checkpoint = trained
    shutil.copytree(root, tmp_path / "other")
    (tmp_path / "link").symlink_to(root)
    for name in (root, str(tmp_path / "other"), str(tmp_path / "link")):
        images = judge(datasets.load(name, "test", 8), checkpoint)
        assert images.held_out and images.seen == 0 and not images.notes
        everything = judge(datasets.load(name, "all", 8), checkpoint)
        assert not everything.held_out and everything.seen == 60 - len(images)
        assert f"mine was trained on {everything.seen} of the 60 images" in everything.notes[0]
        assert datasets.holds(name, seen.read(checkpoint))


def test_training_images_among_others_are_left_out_and_counted(trained, tmp_path):
    root, checkpoint = trained
    mixed = drawn(tmp_path / "mixed/train", range(1000, 1010))
    drawn(tmp_path / "mixed/test", range(2000, 2020))
    known = datasets.load(root, "train", 8).names[:7]
    for name in known:  # as another kind of file: the pixels tell
        Image.open(f"{root}/{name}").save(tmp_path / "mixed/test" / name.replace("png", "bmp"))
    images = judge(datasets.load(str(tmp_path / "mixed"), "test", 8), checkpoint)
    assert len(images) == 20 and images.held_out and not any(name.endswith("bmp") for name in images.names)
    assert images.notes == ("7 of 27 images are left out: mine was trained on them",)
    assert len(images.read(slice(None))) == len(images.concepts) == 20 and images.fingerprint
    assert mixed and images.fingerprint != datasets.load(str(tmp_path / "mixed"), "test", 8).fingerprint


def test_where_nothing_would_be_left_the_training_images_stay_and_are_said(trained):
    root, checkpoint = trained
    images = datasets.load(root, "train", 8)
    images.split = "test"  # as where the train folder is opened by itself
    judged = judge(images, checkpoint)
    assert len(judged) == len(images) and not judged.held_out
    assert f"mine was trained on all {len(images)} images" in judged.notes[0]


def test_without_a_record_they_may_contain_training_images(trained, tmp_path):
    root, checkpoint = trained
    for content in (None, b"", b"no array", (tmp_path / "photos/000.png").read_bytes()):
        if content is None:
            (checkpoint / seen.FILE).unlink()
        else:
            (checkpoint / seen.FILE).write_bytes(content)
        images = judge(datasets.load(root, "test", 8), checkpoint)
        assert not images.held_out and images.seen is None and "may contain training images: mine" in images.notes[0]
    np.save(checkpoint / seen.FILE, np.array([{}], object), allow_pickle=True)  # nothing is unpickled
    assert seen.read(checkpoint) is None


def test_pictures_that_were_decoded_before_there_were_stamps_are_known_by_their_pixels(trained):
    import pandas as pd

    from explorer.datasets import decoding
    from explorer.files import cache_folder

    root, checkpoint = trained
    before = datasets.load(root, "train", 8).stamps
    for file in cache_folder().glob("images/*/index.parquet"):
        pd.read_parquet(file).drop(columns=list(decoding.STAMPS)).to_parquet(file)
    for _ in range(2):  # the second time they are on disk
        images = datasets.load(root, "train", 8)
        assert np.array_equal(images.stamps[:, 1], before[:, 1])
        assert judge(images, checkpoint).split == "train" and seen.among(images.stamps, seen.read(checkpoint)).all()
