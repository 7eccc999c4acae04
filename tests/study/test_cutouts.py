"""Pieces cut out around a code's best patches, from three images of which every cell is known."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from explorer.analysis import patches
from explorer.autoencoder import Codebook, Layer
from explorer.encodings import Encoding, encoder
from explorer.errors import BadInput
from explorer.progress import Progress
from explorer.study import cutouts

SIZE = 12  # pixels; 4 × 4 cells of 3 px
BLACK, RED, GREEN = range(3)
PLACES = {(0, 6): 255, (1, 15): 230, (1, 0): 200}  # (image, cell) -> red; everything else is black


class Cells(nn.Module):
    """A latent is the mean colour of its cell; the codes are black, red, and a green that no image has."""

    image_size = SIZE
    layers = (Layer("code", (4, 4), 3),)

    def __init__(self):
        super().__init__()
        self.vectors = nn.Parameter(torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]]), requires_grad=False)

    @property
    def codebooks(self):
        return {"code": Codebook(self.vectors)}

    def encode(self, images):
        return {"code": nn.functional.avg_pool2d(images, 3).permute(0, 2, 3, 1)}

    def decode(self, latents):
        return nn.functional.interpolate(latents["code"].permute(0, 3, 1, 2), scale_factor=3)


class Three:
    """The images of `PLACES`, the last one black; blue tells which image it is, too faint for the codes."""

    name, split, size, fingerprint, skipped = "three", "test", SIZE, "abc", ()
    names = ("first", "second", "third")
    concepts = pd.DataFrame({"reds": [1.0, 2.0, 0.0]})

    def __init__(self):
        self.pixels = np.zeros((3, SIZE, SIZE, 3), np.uint8)
        self.pixels[..., 2] = np.arange(3)[:, None, None]
        for (image, cell), red in PLACES.items():
            row, column = divmod(cell, 4)
            self.pixels[image, 3 * row : 3 * row + 3, 3 * column : 3 * column + 3, 0] = red

    def __len__(self):
        return 3

    def read(self, rows):
        return self.pixels[rows]


@pytest.fixture(scope="module")
def encoding(tmp_path_factory):
    folder = tmp_path_factory.mktemp("encoded") / "x.lance"
    quiet = Progress(0, "images", quiet=True)
    encoder.write(Cells(), Three(), folder, key="k", settings=encoder.Settings(batch=2), device="cpu", progress=quiet)
    return Encoding(folder)


@pytest.fixture
def images():
    return Three()


def test_the_best_patch_of_each_image_nearest_first(encoding, images):
    crops, rows, positions, distances = cutouts.of_code(encoding, images, "code", RED, 5, side=36)
    assert rows.tolist() == [0, 1] and positions.tolist() == [6, 15], "image 1 has two, the better one is shown"
    assert distances == pytest.approx([0, np.hypot(25, 1) / 255], abs=1e-5)
    assert crops.shape == (2, 36, 36, 3) and crops.dtype == np.uint8
    assert crops[:, 0, 0, 2].tolist() == [0, 1], "each from its own image"
    # cell (1, 2) is pixels 3-5 × 6-8; the window of three cells starts at 0 and 3 and is enlarged four times
    assert crops[0, 18, 18].tolist() == [255, 0, 0] and crops[0, 12, 12].tolist() == [0, 0, 0]
    assert crops[0, 13, 13].tolist() == [255, 255, 255], "the cell is outlined"
    assert crops[0, 11, 11].tolist() == [0, 0, 0] and crops[0, 24, 24].tolist() == [0, 0, 0]
    assert crops[1, 30, 30].tolist() == [230, 0, 1], "a cell in the corner stays in the corner"


def test_no_more_than_were_asked_for_and_no_smaller(encoding, images):
    assert cutouts.of_code(encoding, images, "code", RED, 1)[1].tolist() == [0]
    crops, rows, *_ = cutouts.of_code(encoding, images, "code", BLACK, 24, side=100)
    assert sorted(rows.tolist()) == [0, 1, 2] and crops.shape[1] == crops.shape[2] >= 100


def test_a_dead_code_has_no_patches(encoding, images):
    crops, rows, positions, distances = cutouts.of_code(encoding, images, "code", GREEN, 5, side=40)
    assert crops.shape == (0, 40, 40, 3) and crops.dtype == np.uint8
    assert len(rows) == len(positions) == len(distances) == 0


def test_one_thumbnail_for_each_code_and_grey_for_a_dead_one(encoding, images):
    found = cutouts.of_each(encoding, images, "code", side=18)
    assert found.shape == (3, 18, 18, 3) and found.dtype == np.uint8
    assert (found[GREEN] == 128).all()
    assert found[RED, 9, 9].tolist() == [255, 0, 0] and found[RED, 0, 0].tolist() == [0, 0, 0]
    assert found[RED, 6, 6].tolist() == [255, 0, 0], "too small for an outline"
    assert found[BLACK, 9, 9, 0] == 0
    assert cutouts.of_each(encoding, images, "code").shape == (3, cutouts.TILE, cutouts.TILE, 3)


def test_some_codes_in_the_order_asked_for(encoding, images):
    everything = cutouts.of_each(encoding, images, "code")
    for codes in ([2, 1], [1, 1, 0], []):
        assert np.array_equal(cutouts.of_each(encoding, images, "code", codes), everything[codes])
    assert (cutouts.of_each(encoding, images, "code", [GREEN]) == 128).all()


def test_pixels_held_at_once_do_not_change_what_is_cut_out(encoding, images, monkeypatch):
    whole, read, held = cutouts.of_each(encoding, images, "code"), images.read, []
    monkeypatch.setattr(cutouts, "IMAGES", 1)
    monkeypatch.setattr(images, "read", lambda rows: held.append(len(rows)) or read(rows))
    assert np.array_equal(cutouts.of_each(encoding, images, "code"), whole) and held == [1, 1]


def test_both_are_what_patches_cuts_out(encoding, images):
    rows, positions, _ = encoding.top_patches("code", BLACK, 3)
    crops = cutouts.of_code(encoding, images, "code", BLACK, 3, side=36)[0]
    assert np.array_equal(crops, patches.crop(images.read(rows), positions, (4, 4), 36))
    tile = cutouts.of_each(encoding, images, "code", [BLACK])[0]
    assert np.array_equal(tile, patches.tiles(images.read(rows[:1]), positions[:1], (4, 4))[0])


def test_codes_that_are_not_there(encoding, images):
    with pytest.raises(BadInput, match="0 to 2"):
        cutouts.of_code(encoding, images, "code", 3, 1)
    with pytest.raises(BadInput, match="choose from code"):
        cutouts.of_each(encoding, images, "top")
