"""What is wrong with settings is one sentence that names the choices, before anything is read or allocated."""

from __future__ import annotations

import dataclasses

import pytest

from explorer.errors import BadInput
from explorer.models import MODELS
from explorer.models.vqvae import QUANTIZERS
from explorer.training import config
from explorer.training.config import TrainingConfig


def check(family, *pairs):
    """As `explorer train FAMILY --dataset shapes --set …` does."""
    model, training = config.split(family, pairs)
    config.check(family, "shapes", model, training)


BAD = [
    ("vqvae2", ["levels=4"], "unknown levels 4; choose from 2, 3"),
    ("vqvae2", ["levels=1"], "unknown levels 1; choose from 2, 3"),
    ("vqvae2", ["levels=two"], "levels must be a whole number, not 'two'"),
    ("vqvae", ["levels=2"], "unknown setting 'levels'; choose from .*quantizer"),
    ("vqvae2", ["image_size=36"], "image size 36 does not fit 2 levels .* 8; the nearest that do are 32 or 40"),
    ("vqvae2", ["levels=3", "image_size=40"], "image size 40 does not fit 3 levels .* 16; .* are 32 or 48"),
    ("vqvae2", ["levels=3", "image_size=8"], "image size 8 does not fit 3 levels .* 16; the nearest that do are 16"),
    ("vqvae", ["image_size=30"], "image size 30 does not fit downsample 4; the nearest that do are 28 or 32"),
    ("vqvae", ["downsample=6"], "downsample 6 is not a power of two; choose 2, 4, 8, 16"),
    ("vqvae", ["quantizer=frequency", "codes=64", "frequent=65"], "frequent 65 .*; choose from 0 to 64"),
    ("vqvae2", ["quantizer=hybrid", "codes=64", "frequent=512"], "frequent 512 .*; choose from 0 to 64"),
    ("vqvae", ["quantizer=vqq"], "unknown quantizer 'vqq'; choose from ema, vq, cosine, .*hybrid"),
    ("vqvae", ["backbone=resnet"], "unknown backbone 'resnet'; choose from conv, vit"),
    ("vae", ["backbone=resnet"], "unknown backbone 'resnet'; choose from conv, vit"),
    ("vqvae", ["loss=mse+0.1*lpips"], "unknown term '0.1\\*lpips' in loss .*; choose from mse, l1, .*adversarial"),
    ("vae", ["loss="], "unknown term '' in loss ''; choose from mse"),
    ("vqvae", ["loss=adversarial"], "no term that compares with the original; add one of mse"),
    ("vqvae", ["quantizer=fsq", "codes=500"], "codes 500 .* 'fsq' .*; choose from 16, 64, .*512, .*65536"),
    ("vqvae", ["quantizer=lfq", "codes=500"], "codes 500 .*power of two from 2 to 262144: try 256, 512, 1024"),
    ("vqvae", ["quantizer=lfq", "codes=524288"], "codes 524288 .*power of two from 2 to 262144: try .*262144"),
    ("vqvae", ["backbone=vit", "heads=3"], "hidden 128 is not a multiple of its 3 heads"),
    ("vae", ["backbone=vit", "hidden=66"], "hidden 66 is not a multiple of its 4 heads"),
    ("mae", ["dim=50"], "50 is not a multiple of its 6 heads"),
    ("mae", ["mask_ratio=1"], "mask_ratio 1.0 is out of range; choose from 0.0 to 0.95"),
    ("mae", ["norm_pix_loss=maybe"], "norm_pix_loss must be yes or no, not 'maybe'"),
    ("vqvae", ["layer_dropout=1.5"], "layer_dropout 1.5 is out of range; choose from 0.0 to 1.0"),
    ("vqvae", ["adversarial_from=-1"], "adversarial_from -1.0 is out of range; choose from 0.0 to 1.0"),
    ("vqvae", ["stages=0", "quantizer=residual"], "stages 0 is out of range; choose from 1 to 32"),
    ("vae", ["free_bits=nan"], "free_bits nan is out of range"),
    ("vqvea", [], "unknown family 'vqvea'; choose from mae, vae, vqvae, vqvae2"),
]


@pytest.mark.parametrize(
    "family, pairs, message", BAD, ids=lambda value: value[0] if isinstance(value, list) and value else None
)
def test_one_sentence_names_the_choices(family, pairs, message):
    with pytest.raises(BadInput, match=message) as caught:
        check(family, *pairs)
    assert "\n" not in str(caught.value) and not str(caught.value).endswith(".")


@pytest.mark.parametrize("quantizer", QUANTIZERS)
@pytest.mark.parametrize("family", ["vqvae", "vqvae2"])
def test_what_fits_passes(family, quantizer):
    for backbone in ("conv", "vit"):
        check(family, f"quantizer={quantizer}", f"backbone={backbone}", "loss=mse+0.1*perceptual", "image_size=32")


def test_every_field_says_what_it_is_for():
    for kind in (*(entry.config for entry in MODELS.values()), TrainingConfig):
        for field in dataclasses.fields(kind):
            assert field.metadata.get("help"), f"{kind.__name__}.{field.name}"
