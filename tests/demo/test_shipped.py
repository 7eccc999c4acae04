"""Which checkpoints the demo offers, pictures to start from, and what it says of a visitor's picture."""

import numpy as np
import pytest

from explorer.demo import painting, shipped
from explorer.errors import BadInput
from explorer.study import Picture

SHIPPED = ["vqvae-shapes", "vqvae2-shapes", "projected-shapes", "vae-shapes", "mae-shapes", "vqvae-digits"]


def held_out(name, row=7):
    return shipped.study(name).images.read([row])[0]


def test_those_that_ship_are_offered():
    assert list(shipped.offered())[: len(SHIPPED)] == SHIPPED
    assert all(one.state == "done" and one.name == name for name, one in shipped.offered().items())


@pytest.mark.parametrize(
    "name",
    ["vqvae", "", "VQVAE-SHAPES", "checkpoints/vqvae-shapes", "../checkpoints/vqvae-shapes", "vqvae-shapes/", None],
)
def test_nothing_else_is_opened_no_path_either(name):
    for ask in (shipped.choose, shipped.study, painting.mask_grid, shipped.examples):
        with pytest.raises(BadInput, match=r"unknown checkpoint .*; choose from vqvae-shapes, vqvae2-shapes") as told:
            ask(name)
        assert "\n" not in str(told.value) and all(one in str(told.value) for one in SHIPPED)


def test_an_absolute_path_of_what_is_offered_is_refused_and_long_names_are_cut():
    with pytest.raises(BadInput, match="unknown checkpoint"):
        shipped.choose(str(shipped.choose("vqvae-shapes").path))
    with pytest.raises(BadInput) as told:
        shipped.choose("x" * 10_000 + "\n")
    assert len(str(told.value)) < 300 and "\n" not in str(told.value)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_one_comes_with_its_encoding_and_concepts(name):
    study = shipped.study(name)
    assert study.encoding.images == len(study.images) == len(study.concepts()) > 100
    assert study.layer_names == [layer.name for layer in study.layers]


@pytest.mark.parametrize("name", SHIPPED)
def test_examples_are_held_out_images_and_photographs(name):
    study, found = shipped.study(name), shipped.examples(name)
    pictures = [(title, picture) for title, picture in found if isinstance(picture, np.ndarray)]
    assert len(pictures) == shipped.EXAMPLES and len({title for title, _ in found}) == len(found)
    for title, picture in pictures:
        assert np.array_equal(picture, study.images.read([study.images.names.index(title)])[0])
    assert [path.name for _, path in found[shipped.EXAMPLES :]] == ["china.jpg", "flower.jpg"]
    assert all(path.is_file() for _, path in shipped.photographs())


def test_a_picture_unlike_all_others_gets_a_warning_and_one_of_them_none():
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    told = shipped.unlike("vqvae-shapes", Picture(noise, "noise"))
    assert told.startswith("This picture is unlike the images that vqvae-shapes was trained on (shapes)")
    assert "all 5,000 of them" in told or "% of the 5,000 of them" in told
    assert shipped.unlike("vqvae-shapes", Picture(held_out("vqvae-shapes"), "7")) == ""


def test_only_masked_autoencoders_have_a_grid_of_patches_to_hide():
    assert painting.mask_grid("mae-shapes") == (8, 8)
    for name in SHIPPED:
        if name != "mae-shapes":
            with pytest.raises(BadInput, match=r"cannot fill in hidden patches; choose .*a masked autoencoder"):
                painting.mask_grid(name)


def test_filling_in_leaves_the_rest_as_it_was():
    pixels, mask = held_out("mae-shapes"), np.zeros((8, 8), bool)
    mask[3:5, 3:5] = True
    found = painting.fill("mae-shapes", pixels, mask)
    hidden = mask.repeat(8, 0).repeat(8, 1)
    assert (np.abs(found.reconstructions[0].astype(int) - pixels)[~hidden] <= 1).all()
    assert (found.seen[0][hidden] == 128).all() and found.errors[0][hidden].max() > 0
    changed = pixels.copy()
    changed[hidden] = 255 - changed[hidden]
    other = painting.fill("mae-shapes", changed, mask)
    assert np.array_equal(other.reconstructions[0][hidden], found.reconstructions[0][hidden]), "hidden is hidden"
    assert painting.fill("mae-shapes", pixels.copy(), mask.copy()) is found


def test_hiding_everything_is_refused():
    with pytest.raises(BadInput, match=r"every patch is hidden, .*; leave at least one visible"):
        painting.fill("mae-shapes", held_out("mae-shapes"), np.ones((8, 8), bool))
