"""Which checkpoints the demo offers, pictures to start from, and what it says of a visitor's picture."""

import numpy as np
import pytest

from explorer.demo import shipped
from explorer.errors import BadInput

PHOTOS = ["vqvae-photos", "vqvae2-photos"]
SHAPES = ["vqvae-shapes", "vqvae2-shapes", "projected-shapes", "vae-shapes", "mae-shapes", "vqvae-digits"]
SHIPPED = ["vqvae-photos", *SHAPES, "vqvae2-photos"]


def test_those_that_ship_are_offered():
    assert list(shipped.offered())[: len(SHIPPED)] == SHIPPED
    assert all(one.state == "done" and one.name == name for name, one in shipped.offered().items())


@pytest.mark.parametrize(
    "name",
    ["vqvae", "", "VQVAE-SHAPES", "checkpoints/vqvae-shapes", "../checkpoints/vqvae-shapes", "vqvae-shapes/", None],
)
def test_nothing_else_is_opened_no_path_either(name):
    for ask in (shipped.choose, shipped.study, shipped.examples):
        with pytest.raises(BadInput, match=r"unknown checkpoint .*; choose from vqvae-photos, vqvae-shapes") as told:
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
def test_examples_are_images_that_it_opens_on_and_photographs_which_lead_where_they_are_known(name):
    study, found = shipped.study(name), shipped.examples(name)
    pictures = [(title, picture) for title, picture in found if isinstance(picture, np.ndarray)]
    assert len(pictures) == shipped.EXAMPLES and len({title for title, _ in found}) == len(found)
    for title, picture in pictures:
        assert np.array_equal(picture, study.images.read([study.images.names.index(title)])[0])
    files = found[:2] if name in PHOTOS else found[shipped.EXAMPLES :]
    assert [path.name for _, path in files] == ["china.jpg", "flower.jpg"]
    assert all(path.is_file() for _, path in shipped.photographs())
