"""Every page over an encoder without a decoder: what must be decoded is one sentence, all else works."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from explorer import checkpoints, results
from explorer.commands import reconstruct
from explorer.errors import BadInput
from explorer.results.subject import Subject

NAME = "tiny-encoder"
SAID = "no decoder, so there are no reconstructions"


@pytest.fixture
def encoder(studio):
    """A tiny encoder of transformers, encoded already; the other tests do not see it."""
    import torch
    from transformers import ViTMAEConfig, ViTMAEModel

    torch.manual_seed(0)
    path = studio.checkpoints / NAME
    config = ViTMAEConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, image_size=16, patch_size=4
    )
    network = ViTMAEModel(config)
    for weights in network.parameters():
        weights.data += 0.2 * torch.randn_like(weights)
    network.save_pretrained(path)
    results.obtain("encoding", Subject(path, str(studio.photos)))
    yield path
    shutil.rmtree(path)


def texts(app) -> str:
    kinds = (app.markdown, app.caption, app.warning, app.info, app.header, app.subheader)
    return "\n".join(str(element.value) for kind in kinds for element in kind).replace("\\", "")


def test_its_encoding_has_codes_and_no_errors(studio, encoder):
    found = results.obtain("encoding", Subject(encoder, str(studio.photos)))[1]
    assert found.facts["errors_of"] == 0 and found.errors()["psnr"].isna().all()
    assert len(np.unique(found.codes("block2"))) > 1 and checkpoints.describe(encoder).no_decoder


@pytest.mark.parametrize("page", ["reconstructions", "layers", "rate_distortion"])
def test_pages_that_decode_say_why_there_is_nothing(open_app, encoder, page):
    app = open_app(page, checkpoint=NAME)
    assert not app.error and [SAID in info.value for info in app.info] == [True]


def test_layers_have_codes_to_compare_without_a_decoder(open_app, encoder):
    app = open_app("layers", checkpoint=NAME)
    assert app.dataframe[0].value["layer"].tolist() == ["block1", "block2"]


@pytest.mark.parametrize("order", ["number", "worst"])
def test_code_maps_show_codes_and_say_why_nothing_can_be_changed(open_app, encoder, order):
    app = open_app("code_maps", checkpoint=NAME, order=order)
    maps = [one for one in app.get("bidi_component") if one.proto.component_name == "explorer_code_map"]
    assert not app.error and len(maps) == 2, "one of each layer"
    assert any(SAID in info.value for info in app.info)
    said = texts(app)
    assert "Decoded" not in said and "Top patches" in said and "Images that have it" in said


def test_the_codebook_has_kmeans_codes(open_app, encoder):
    app = open_app("codebook", checkpoint=NAME)
    assert not app.error and app.metric and app.get("plotly_chart")


def test_the_latent_map_is_not_coloured_by_an_error_that_is_not_there(open_app, encoder):
    app = open_app("latent_map", checkpoint=NAME, method="pca")
    assert not app.error
    assert {metric.label: metric.value for metric in app.metric}["Points"] == "12"
    options = next(box.options for box in app.selectbox if box.label == "Coloured by")
    assert "Code" in options and "Error (PSNR)" not in options
    chart = json.loads(app.get("plotly_chart")[0].proto.spec)
    hover = [text for trace in chart["data"] for text in trace["hovertext"]]
    assert len(hover) == 12 and not any("PSNR" in text for text in hover)


def test_others_are_not_compared_with_it(open_app, encoder, monkeypatch):
    from explorer import jobs

    monkeypatch.setattr(jobs, "start", lambda *_, **__: None)  # nothing is measured: the cache is that of all tests
    app = open_app("rate_distortion", checkpoint="tiny-vqvae")
    assert not app.error
    (beside,) = app.multiselect
    assert beside.options and all(NAME not in option for option in beside.options)


def test_what_must_be_decoded_from_the_command_line_is_refused_in_one_sentence(encoder, studio, tmp_path):
    photo = next((studio.photos / "test" / "red").glob("*.png"))
    with pytest.raises(BadInput, match=SAID):
        reconstruct.write(encoder, [photo], tmp_path)
    for what in ("layers", "rates"):
        with pytest.raises(BadInput, match=SAID):
            results.obtain(what, Subject(encoder, str(studio.photos)))


def test_whom_patches_attend_to_is_shown_without_a_decoder(open_app, encoder):
    app = open_app("masks", checkpoint=NAME, mask="c000", image="3")
    assert not app.error and not app.warning and SAID in app.info[0].value and not app.metric
    table = next(one.value for one in app.dataframe if "entropy" in one.value)
    assert len(table) == 2 and app.slider(key="pick-block").value == 2
    assert any(button.label == "Let the class token ask" for button in app.button)
