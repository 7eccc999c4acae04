import numpy as np
import pytest
from PIL import Image

from explorer import datasets

SIDE = 8


def write(root, pictures, ending="tif"):
    for name, pixels in pictures.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(root / f"{name}.{ending}")
    return str(root)


def flat(dtype, *values):
    """Pictures of one value each."""
    return {f"{n:02}": np.full((SIDE, SIDE), value, dtype) for n, value in enumerate(values)}


def greys(root, split="all"):
    images = datasets.load(root, split, SIDE)
    return dict(zip(images.names, images.read(slice(None))[:, 0, 0, 0].tolist(), strict=True)), "; ".join(images.notes)


@pytest.mark.parametrize(
    ("dtype", "ending", "values", "expected"),
    [
        (np.uint16, "png", [0, 2047, 4095], [0, 127, 255]),  # 12 bits in 16
        (np.uint16, "png", [0, 32768, 65535], [0, 128, 255]),
        (np.uint16, "tif", [30000, 30500, 31000], [0, 128, 255]),  # a narrow range, far from black
        (np.int32, "tif", [-1000, 1000, 3000], [0, 128, 255]),  # signed, as of a scanner
        (np.float32, "tif", [0.0, 0.5, 1.0], [0, 128, 255]),
        (np.float32, "tif", [-1.0, 0.0, 1.0], [0, 128, 255]),
        (np.float32, "tif", [0.0, 1500.0, 3000.0], [0, 93, 187]),  # of 12 bits
        (np.uint8, "png", [0, 2, 4], [0, 128, 255]),  # a mask
    ],
)
def test_one_range_for_all_pictures_of_a_set(tmp_path, dtype, ending, values, expected):
    found, notes = greys(write(tmp_path / "s", flat(dtype, *values), ending))
    assert list(found.values()) == pytest.approx(expected, abs=1)
    assert "in every picture" in notes or (dtype == np.float32 and values[-1] == 1.0)


def test_train_and_test_have_one_range(tmp_path):
    """Each alone would be white where it is brightest."""
    pictures = {f"train/{n}": np.full((SIDE, SIDE), 400 * n, np.uint16) for n in range(10)}
    pictures |= {f"test/{n}": np.full((SIDE, SIDE), 100 * n, np.uint16) for n in range(10)}
    root = write(tmp_path / "s", pictures)
    (test, said), (train, also) = greys(root, "test"), greys(root, "train")
    assert test["test/8.tif"] == train["train/2.tif"] == 50 and said == also


def test_one_hot_pixel_leaves_the_others_as_bright_as_they_are(tmp_path):
    pictures = {str(n): np.full((64, 64), 300 * n, np.uint16) for n in range(13)}
    pictures["0"][0, 0] = 65535
    found, _ = greys(write(tmp_path / "s", pictures))
    assert found["12.tif"] > 200


def test_eight_bits_are_as_they_are_stored(tmp_path):
    found, notes = greys(write(tmp_path / "s", flat(np.uint8, 20, 40, 200), "png"))
    assert list(found.values()) == [20, 40, 200] and not notes
