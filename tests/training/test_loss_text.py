"""Losses as they are written: `mse+0.1*perceptual`."""

from __future__ import annotations

import pytest

from explorer.errors import BadInput
from explorer.training.objectives import Summand, parse


@pytest.mark.parametrize(
    "text, summands",
    [
        ("mse", [Summand(1.0, "mse", None)]),
        (" mse + 0.1*perceptual ", [Summand(1.0, "mse", None), Summand(0.1, "perceptual", None)]),
        ("l1+2e-1*ms-ssim", [Summand(1.0, "l1", None), Summand(0.2, "ms_ssim", None)]),
        ("1e+2*l1+mse", [Summand(100.0, "l1", None), Summand(1.0, "mse", None)]),
        ("peco", [Summand(1.0, "peco", None)]),
        ("0.1*peco(mae-shapes)+l1", [Summand(0.1, "peco", "mae-shapes"), Summand(1.0, "l1", None)]),
        ("l1+.5*adversarial", [Summand(1.0, "l1", None), Summand(0.5, "adversarial", None)]),
    ],
)
def test_sums_are_read(text, summands):
    assert list(parse(text)) == summands


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "unknown term '' in loss ''; choose from mse, l1, ms_ssim, perceptual, peco, adversarial"),
        ("mse+", "unknown term '' in loss 'mse\\+'"),
        ("msee", "unknown term 'msee' in loss 'msee'; choose from mse, l1"),
        ("mse*0.1", "unknown term 'mse\\*0.1' .*as in mse\\+0.1\\*perceptual"),
        ("mse-l1", "unknown term 'mse-l1'"),
        ("0*mse", "weight 0 in loss .* is out of range; choose a number above 0"),
        ("-1*mse", "weight -1 .* above 0"),
        ("1e999*mse", "weight inf .* out of range"),
        ("1.2.3*mse", "'1.2.3' is no weight .*write a number"),
        ("mse+2*mse", "mse stands twice .*write it once"),
        ("ms_ssim+ms-ssim", "ms_ssim stands twice"),
        ("mse(4)", r"mse in loss .* takes no argument; only peco\(CHECKPOINT\) does"),
        ("peco()", r"unknown term 'peco\(\)'"),
        ("adversarial", "no term that compares with the original"),
    ],
)
def test_what_is_no_sum_is_one_sentence(text, message):
    with pytest.raises(BadInput, match=message):
        parse(text)
