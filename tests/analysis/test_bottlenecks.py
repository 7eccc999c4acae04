"""What a bottleneck does is read from its numbers, with the project's own quantizers as known answers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from explorer.analysis import bottlenecks
from explorer.models import build

KINDS = {
    "ema": "plain", "cosine": "cosine", "fsq": "fsq", "lfq": "lfq", "residual": "residual", "projected": "projected",
    "frequency": "frequency", "gumbel": "plain", "simvq": "plain",
}  # fmt: skip


@pytest.fixture
def parts():
    """`parts("cosine")` -> the layers of a tiny network with codes among its latents, and the values of its codes."""

    def made(quantizer: str, family: str = "vqvae"):
        torch.manual_seed(0)
        sizes = {"hidden": 8, "residual_blocks": 1, "residual_channels": 4, "codes": 16, "quantizer": quantizer}
        sizes |= {} if quantizer in ("fsq", "lfq") else {"dim": 4}
        network = build(family, sizes, 16).eval()
        with torch.no_grad():
            for book in network.codebooks.values():
                if book.kind == "learned":
                    book.vectors[:] = torch.randn(book.vectors.shape)
                    if quantizer == "cosine":
                        book.vectors[:] = torch.nn.functional.normalize(book.vectors, dim=1)
            latents = network.encode(torch.rand(1, 3, 16, 16))
        books = network.codebooks
        found = {
            name: bottlenecks.Part(
                z[0].numpy(), books[name].vectors.numpy() if name in books else None,
                name in books and books[name].kind == "implicit",
            )
            for name, z in latents.items()
        }  # fmt: skip
        values = {name: books[name].lookup(books[name].assign(latents[name]))[0].numpy() for name in books}
        return found, values

    return made


@pytest.mark.parametrize(("quantizer", "kind"), KINDS.items())
def test_a_quantizer_is_known_by_its_numbers(parts, quantizer, kind):
    found, values = parts(quantizer)
    assert bottlenecks.recognise(found, values, next(iter(values))).kind == kind


def test_stages_of_a_residual_are_told_together(parts):
    found, values = parts("residual")
    assert bottlenecks.recognise(found, values, "code.2").layers == ("code.0", "code.1", "code.2", "code.3")


def test_two_grids_are_no_residual(parts):
    found, values = parts("ema", "vqvae2")
    assert bottlenecks.recognise(found, values, "bottom") == bottlenecks.Bottleneck("plain", ("bottom",))


def test_levels_and_projection_by_hand():
    levels, place = bottlenecks.levels(-0.3, np.array([-1, -0.5, 0, 0.5, 1, -1]))
    assert levels.tolist() == [-1, -0.5, 0, 0.5, 1] and levels[place] == -0.5
    scale, straight = bottlenecks.projected(np.array([0.9, -0.3]), np.array([1.0, -0.5]))
    assert scale == pytest.approx(0.84) and straight == pytest.approx([0.84, -0.42])
