"""Measured latents: found again whichever way the layer is named, and of one image, too."""

from __future__ import annotations

import json
import warnings

import pytest

from explorer import results
from explorer.errors import BadInput
from explorer.results.measurements import Latents
from explorer.results.subject import Subject
from explorer.study import open_study
from explorer.views import VIEWS, fields
from tests.pages.conftest import built, studio  # noqa: F401


@pytest.fixture
def subject(studio):  # noqa: F811
    return Subject(studio.checkpoints / "tiny-vae", str(studio.photos))


def test_the_first_continuous_layer_is_meant_unless_one_is_named(subject):
    assert results.key("latents", subject) == results.key("latents", subject, Latents("latent"))
    assert results.command("latents", subject, Latents("latent"))[:2] == ["measure", "latents"]


def test_layers_with_codes_are_refused_with_the_choices(subject, studio):  # noqa: F811
    with pytest.raises(BadInput, match="'code' is no continuous layer; choose from latent"):
        results.obtain("latents", subject, {"layer": "code"})
    with pytest.raises(BadInput, match="has no continuous layer"):
        results.obtain("latents", Subject(studio.checkpoints / "tiny-vqvae", str(studio.photos)))


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_few_images_are_traversed_without_a_fault(studio, limit):  # noqa: F811
    study = open_study(studio.checkpoints / "tiny-vae", str(studio.photos), limit=limit)
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        results.obtain("encoding", study.subject)
        found = results.obtain("latents", study.subject)[1]
        assert found["images"] == limit and bool(found["samples"]) == (limit > 3)
        for do in ("units", "ways", "sums", "samples"):
            options, _ = fields.settled(VIEWS["traverse"].options, study, {"do": do}, study.image(0))
            sheet = VIEWS["traverse"].sheet(study, options, study.image(0))
            json.dumps(sheet.told(), allow_nan=False)
