import numpy as np
import pytest

from explorer.errors import BadInput
from explorer.study import open_study, similar
from explorer.study.picture import Picture
from explorer.study.similar import WAYS, By

OWN = [way for way in WAYS if way != "encoder"]


@pytest.fixture(scope="module")
def study():
    return open_study("vqvae-digits")


@pytest.mark.parametrize("way", OWN)
def test_an_image_that_is_brought_along_is_most_like_itself(study, way):
    by, row = By(way), 7
    own = Picture(study.images.read([row])[0], "mine.png")
    rows, cosines = similar.nearest(study, by, similar.represent(study, by, own), 3)
    assert rows[0] == row and cosines[0] == pytest.approx(1, abs=1e-4) and cosines[0] >= cosines[1] >= cosines[2]
    known = similar.represent(study, by, study.image(row))
    rows, _ = similar.nearest(study, by, known, 3, leave=(row,))
    assert row not in rows


@pytest.mark.parametrize("way", OWN)
def test_rows_have_length_one(study, way):
    rows = similar.represented(study, By(way))
    squares = rows.multiply(rows).sum(1) if hasattr(rows, "multiply") else (rows**2).sum(1)
    assert rows.shape[0] == len(study.images) and np.allclose(squares, 1, atol=1e-5)


@pytest.mark.parametrize("way", OWN)
def test_what_is_outside_of_the_chosen_cells_does_not_matter(study, way):
    grid = study.layer(study.main_layer).grid
    cells = np.zeros(grid, bool)
    cells[: grid[0] // 2] = True
    pixels = study.images.read([3])[0]
    if way in ("pixels", "colours"):  # codes see beyond their cell
        other = pixels.copy()
        other[len(pixels) // 2 :] = 255 - other[len(pixels) // 2 :]
        rows = [similar.represent(study, By(way), Picture(one, "x"), cells) for one in (pixels, other)]
        assert np.allclose(rows[0], rows[1], atol=1e-6)
    whole, part = (similar.represent(study, By(way), study.image(3), some) for some in (None, cells))
    assert abs(whole - part).max() > 1e-3


def test_classes_are_found_far_better_than_by_chance(study):
    digits = study.concepts()["digit"].astype(str).to_numpy()
    for way in ("bag", "place", "zq", "ze", "pixels"):
        hits = []
        for row in range(0, len(study.images), 9):
            rows, _ = similar.nearest(study, By(way), similar.represent(study, By(way), study.image(row)), 5, (row,))
            hits.append((digits[rows] == digits[row]).mean())
        assert np.mean(hits) > 0.15, way  # by chance one of ten


def test_another_checkpoint_is_asked_on_the_same_images():
    study = open_study("vqvae-shapes")
    by, other = By("encoder", encoder="vae-shapes"), open_study("vae-shapes")
    same = similar.represented(other, By("ze"))
    assert np.allclose(similar.represented(study, by), same[: len(study.images)], atol=1e-5)
    own = Picture(study.images.read([5])[0], "mine.png")
    assert similar.nearest(study, by, similar.represent(study, by, own), 1)[0].tolist() == [5]


def test_layers_side_by_side_count_alike():
    study = open_study("vqvae2-shapes")
    both = similar.represented(study, By("bag", similar.EVERY))
    top, bottom = (similar.represented(study, By("bag", layer)) for layer in study.layer_names)
    assert both.shape[1] == top.shape[1] + bottom.shape[1]
    one = (both[[0]] @ both[[1]].T).toarray()[0, 0]
    apart = [(rows[[0]] @ rows[[1]].T).toarray()[0, 0] for rows in (top, bottom)]
    assert one == pytest.approx(np.mean(apart), abs=1e-5)


@pytest.mark.parametrize("by", [By("nowhere"), By("bag", "nowhere"), By("encoder"), By("encoder", encoder="nowhere")])
def test_what_is_not_there_is_one_sentence(study, by):
    with pytest.raises(BadInput) as fault:
        similar.represented(study, by)
    assert "\n" not in str(fault.value)
