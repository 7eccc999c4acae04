"""Edits as text: what was painted comes back, and what cannot be is one sentence."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.analysis import edits
from explorer.errors import BadInput

CODES = {"top.0": np.zeros((2, 3), int), "bottom": np.arange(12).reshape(3, 4)}
SIZES = {"top.0": 5, "bottom": 1000}


def test_runs_of_equal_codes_are_written_short():
    painted = {"top.0": np.array([[4, 4, 4], [0, 0, 2]]), "bottom": CODES["bottom"]}
    assert edits.written(painted, CODES) == "top.0:0-2=4,5=2"
    assert edits.written(CODES, CODES) == ""


@pytest.mark.parametrize("seed", range(5))
def test_whatever_is_painted_comes_back(seed):
    generator = np.random.default_rng(seed)
    painted = {
        name: np.where(generator.random(codes.shape) < 0.5, generator.integers(0, SIZES[name], codes.shape), codes)
        for name, codes in CODES.items()
    }
    back = edits.read(edits.written(painted, CODES), CODES, SIZES)
    assert all(np.array_equal(back[name], painted[name]) for name in CODES)
    assert CODES["bottom"][2, 3] == 11  # the image's own are left alone


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("middle:1=2", "layer 'middle'"), ("bottom:12=2", "cell 12 of bottom; choose from 0 to 11"),
        ("bottom:3=1000", "code 1000 of bottom; choose from 0 to 999"), ("bottom:-1=2", "no change"),
        ("bottom:5-3=2", "cell 3"), ("bottom:x=2", "no change"), ("bottom", "layer ''"), ("bottom:", "no change"),
        ("bottom:1=2;bottom:99999999999=1", "no change"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_sentence(text, said):
    with pytest.raises(BadInput, match=said):
        edits.read(text, CODES, SIZES)
