"""Every page over a file of codes: what needs a network or pixels is one sentence, all else works."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def codes(studio, tmp_path):
    found = np.random.default_rng(0).integers(0, 6, (30, 4, 4))
    np.savez(tmp_path / "mine.npz", codes=found, label=np.array(["red", "blue"])[found[:, 0, 0] % 2])
    return tmp_path / "mine.npz"


def texts(app) -> str:
    kinds = (app.markdown, app.caption, app.warning, app.info, app.header, app.subheader)
    return "\n".join(str(element.value) for kind in kinds for element in kind).replace("\\", "")


@pytest.mark.parametrize("page", ["reconstructions", "layers", "masks", "rate_distortion"])
def test_pages_that_need_a_network_say_so(open_app, codes, page):
    app = open_app(page, checkpoint=str(codes), dataset=str(codes))
    assert not app.exception and not app.error and "holds codes only" in texts(app)


@pytest.mark.parametrize("page", ["codebook", "code_maps", "edit", "latent_map", "concepts", "intruder"])
def test_pages_of_codes_open_without_a_dataset(open_app, codes, page):
    app = open_app(page, checkpoint=str(codes), dataset=str(codes))
    assert not app.exception and not app.error
    assert "No codebook was given; codes are placed by the images that they share" in texts(app)
    assert "30 images" in texts(app) and "bits per pixel" not in texts(app).lower()


def test_codes_without_a_model_are_painted_without_a_picture(open_app, codes):
    app = open_app("edit", checkpoint=str(codes), dataset=str(codes), edit="code:3=2")
    assert not app.exception and not app.error and not app.warning
    assert "came without a model, so nothing can be decoded" in texts(app)
