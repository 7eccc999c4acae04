"""Codes put in the place of others, on decoders whose answer is known by hand."""

import numpy as np
import pytest
import torch

from explorer.analysis.concepts import invariance, swapping, transformations
from explorer.analysis.concepts.transformations import SMALL, Transformation
from explorer.autoencoder import Codebook, Layer

PALETTE = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])


class Lookup:
    """Each code paints its 4 × 4 cell in one colour, and the encoder reads the colour of the cell."""

    image_size, joint = 16, True
    layers = (Layer("code", (4, 4), 3),)

    def __init__(self):
        self.codebooks = {"code": Codebook(PALETTE)}

    def encode(self, images):
        return {"code": torch.nn.functional.avg_pool2d(images, 4).permute(0, 2, 3, 1)}

    def decode(self, latents, fill="mean"):
        book = self.codebooks["code"]
        painted = book.lookup(book.assign(latents["code"])).permute(0, 3, 1, 2)
        return painted.repeat_interleave(4, 2).repeat_interleave(4, 3)


class Deaf(Lookup):
    """The same decoder over an encoder that reads black everywhere."""

    def encode(self, images):
        return {"code": torch.zeros(len(images), 4, 4, 3)}


def pictures(codes):
    cells = (255 * PALETTE[torch.from_numpy(codes)]).numpy().astype(np.uint8)
    return cells.repeat(4, 1).repeat(4, 2)


@pytest.fixture
def codes():
    found = np.random.default_rng(0).integers(0, 4, (8, 4, 4))
    found[:, 0, 0], found[:, 3, 3] = 1, 2
    return found


def test_a_decoder_that_looks_up_changes_the_cell_and_nothing_else(codes):
    model = Lookup()
    tried = swapping.swap(model, "code", model.codebooks["code"], pictures(codes), 1, [2, 3])
    np.testing.assert_array_equal(tried.before, codes)
    np.testing.assert_array_equal(tried.after[0], np.where(codes == 1, 2, codes))
    np.testing.assert_array_equal(tried.after[1], np.where(codes == 1, 3, codes))
    np.testing.assert_array_equal(tried.cells, (codes == 1).sum((1, 2)))
    assert (tried.inside == 1).all() and (tried.radius == 0).all()
    assert (tried.reread == 1).all() and (tried.unchanged == 1).all()


def test_an_encoder_that_hears_nothing_reads_nothing_again(codes):
    tried = swapping.swap(Deaf(), "code", Codebook(PALETTE), pictures(codes), 0, [2])
    assert (tried.reread == 0).all() and (tried.unchanged == 1).all() and (tried.cells == 16).all()


def test_images_without_the_code_are_unknown(codes):
    codes[3][codes[3] == 1] = 0
    tried = swapping.swap(Lookup(), "code", Codebook(PALETTE), pictures(codes), 1, [2])
    assert np.isnan([tried.reread[0, 3], tried.inside[0, 3], tried.radius[0, 3]]).all() and tried.cells[3] == 0
    assert np.isfinite(np.delete(tried.reread[0], 3)).all()


def test_a_footprint_by_hand():
    """One cell of 2 × 2 px; ten units inside, one at 1 px, one at 4 px: 10/12 inside, 11/12 within 1 px."""
    change = np.zeros((2, 8, 8))
    change[0, 0, :2], change[0, 0, 2], change[0, 5, 0] = 5, 1, 1
    where = np.zeros((2, 4, 4), bool)
    where[:, 0, 0] = True
    inside, radius = swapping.footprint(change, where)
    assert inside[0] == pytest.approx(10 / 12) and radius[0] == 1
    assert np.isnan(inside[1]) and np.isnan(radius[1]), "nothing changed"


def test_a_footprint_needs_a_place_and_something_outside():
    change = np.ones((1, 8, 8))
    for where in (np.ones((1, 1, 1), bool), np.ones((1, 1, 5), bool), np.zeros((1, 2, 2), bool)):
        assert np.isnan(swapping.footprint(change, where)).all()


def test_the_nearest_changed_cell_is_one_of_the_same_image():
    change, where = np.zeros((2, 8, 8)), np.zeros((2, 4, 4), bool)
    change[0, 7, 7], where[0, 0, 0], where[1, 3, 3] = 1, True, True
    assert swapping.footprint(change, where)[1][0] == np.ceil(np.hypot(6, 6))


def test_finer_layers_are_left_out():
    model = Lookup()
    model.layers = (Layer("top", (1, 1), 3), Layer("code", (4, 4), 3), Layer("fine", (4, 4), 3))
    assert list(swapping.kept(model, "code", dict.fromkeys(("top", "code", "fine")))) == ["top", "code"]


def test_codes_that_are_looked_up_survive_decoding_and_an_unrelated_image_is_the_one_before(codes):
    model, batches = Lookup(), np.array_split(pictures(codes), 3)
    nothing = {"nothing": Transformation("left as it is", lambda pixels, _: pixels)}
    found = invariance.kept(model, model.codebooks, batches, SMALL | nothing)["code"]
    for name in (transformations.DECODED, "nothing", "jpeg", "noisy"):
        assert found[name][0] == pytest.approx(np.ones(8)), name
    null = found["nothing"][1]
    np.testing.assert_allclose(null[1:], (codes[1:] == codes[:-1]).mean((1, 2)))
    assert found["flipped"][0] == pytest.approx(np.ones(8)), "codes of a flipped image, flipped back"


def test_an_encoder_that_hears_nothing_keeps_all_its_tokens_and_so_does_any_image(codes):
    found = invariance.kept(Deaf(), {"code": Codebook(PALETTE)}, [pictures(codes)], SMALL)["code"]
    assert all((kept == 1).all() and (null == 1).all() for kept, null in found.values())


def test_one_image_has_no_unrelated_one(codes):
    found = invariance.kept(Lookup(), {"code": Codebook(PALETTE)}, [pictures(codes[:1])], SMALL)["code"]
    assert np.isnan(found["right"][1]).all() and np.isfinite(found["right"][0]).all()
