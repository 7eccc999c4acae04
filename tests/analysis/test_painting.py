"""Painting codes, on decoders whose answers are known by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explorer.analysis.grids import cover
from explorer.analysis.painting import Stroke, paint
from explorer.autoencoder import Codebook, Layer

COLOURS = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0.2, 0.2, 0.2]])


class Lookup:
    """Each code is the colour of the 2 × 2 pixels of its cell, and is read from them again."""

    image_size, joint = 8, True
    layers = (Layer("code", (4, 4), 3),)

    def __init__(self, blur: bool = False) -> None:
        self.codebooks, self.blur = {"code": Codebook(COLOURS)}, blur

    def encode(self, images):
        return {"code": torch.nn.functional.avg_pool2d(images, 2).permute(0, 2, 3, 1)}

    def decode(self, latents):
        book = self.codebooks["code"]
        colours = book.lookup(book.assign(latents["code"])).permute(0, 3, 1, 2)
        if self.blur:  # what is painted is gone
            colours = colours * 0 + 0.2
        return colours.repeat_interleave(2, 2).repeat_interleave(2, 3)


def painted(model, where, codes):
    latents = {"code": COLOURS[torch.zeros(4, 4, dtype=torch.long)].numpy()}
    strokes = {"code": Stroke(where, codes, COLOURS[codes].numpy())} if where.any() else {}
    return paint(model, latents, strokes, model.codebooks)


@pytest.mark.parametrize("seed", range(4))
def test_a_lookup_decoder_changes_the_painted_cells_and_nothing_else(seed):
    generator = np.random.default_rng(seed)
    where = generator.random((4, 4)) < 0.4
    where[0, 0] = True
    codes = generator.integers(1, 4, where.sum())
    found = painted(Lookup(), where, codes)
    footprint = cover(where, (8, 8))
    assert np.array_equal(found.difference > 0, footprint) and found.outside == 0
    by_hand = np.abs(COLOURS[codes].numpy() - COLOURS[0].numpy()).mean(1)
    assert found.inside == pytest.approx(by_hand.mean(), abs=1e-6)
    assert np.array_equal(found.read["code"], codes)  # all of them survive
    assert (found.before == [255, 0, 0]).all()


def test_what_a_decoder_ignores_is_not_read_back():
    where = np.zeros((4, 4), bool)
    where[1, 2] = True
    found = painted(Lookup(blur=True), where, np.array([2]))
    assert found.inside == found.outside == 0 and found.read["code"].tolist() == [3]


def test_nothing_painted_is_no_change_and_everything_has_no_outside():
    none = painted(Lookup(), np.zeros((4, 4), bool), np.empty(0, int))
    assert np.isnan(none.inside) and none.outside == 0 and not none.read and np.array_equal(none.before, none.after)
    every = painted(Lookup(), np.ones((4, 4), bool), np.full(16, 1))
    assert np.isnan(every.outside) and every.inside == pytest.approx(2 / 3)
