"""A checkpoint of another library on every page: typed as a path, at a size of one's own, or refused in a sentence."""

from __future__ import annotations

import pytest
import torch

from explorer import jobs, results
from explorer.results.subject import Subject
from tests.foreign.test_vqvae import rithesh

PAGES = ("reconstructions", "code_maps", "steps", "codebook", "latent_map", "layers", "rate_distortion")


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    path = tmp_path_factory.mktemp("foreign") / "my-net.pt"
    torch.save(rithesh(), path)
    return path


@pytest.fixture(autouse=True)
def apart(studio, tmp_path, monkeypatch):
    """A cache of its own, and no work beside the pages: other tests look at what there is."""
    monkeypatch.setenv("EXPLORER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(jobs, "start", lambda *_, **__: None)


@pytest.fixture
def encoded(studio, network):
    """Its path at 16 pixels, with the photographs encoded."""
    place = f"{network}@16"
    for split in ("all", "test"):
        results.obtain("encoding", Subject.of(place, str(studio.photos), split=split))
    return place


@pytest.mark.parametrize("page", PAGES)
def test_every_page(page, open_app, encoded):
    app = open_app(page, checkpoint=encoded)
    assert not app.exception and not app.error
    facts = " ".join(element.value for element in app.sidebar.caption)
    assert "ritheshkumar95/pytorch\\-vqvae" in facts and "4 × 4 grid" in facts
    assert "Trained on images with RGB values from" in facts, "how images go in is said"


def test_the_image_size_is_chosen_beside_it(open_app, encoded, network):
    app = open_app("reconstructions", checkpoint=encoded)
    app.number_input(key="image-size").set_value(32).run()
    assert app.query_params["checkpoint"] in ([f"{network}@32"], f"{network}@32")
    assert "8 × 8 grid" in " ".join(element.value for element in app.sidebar.caption) and not app.exception
    app.number_input(key="image-size").set_value(30).run()
    assert "takes sizes that 4 divides, not 30" in app.warning[0].value.replace("\\", "") and not app.exception


def test_a_layer_from_inside_is_chosen_beside_it(open_app, studio, network):
    for place in (f"{network}@16", f"{network}@16,encoder.0"):
        results.obtain("encoding", Subject.of(place, str(studio.photos)))
    app = open_app("code_maps", checkpoint=f"{network}@16")
    assert "encoder.0" in app.multiselect(key="taps").options
    app.multiselect(key="taps").set_value(["encoder.0"]).run()
    assert app.query_params["checkpoint"] in ([f"{network}@16,encoder.0"], f"{network}@16,encoder.0")
    assert "encoder.0 · 8 × 8 grid · continuous" in " ".join(element.value for element in app.sidebar.caption)
    assert not app.exception and not app.error


def test_its_encoding_begins_when_asked_for(open_app, network):
    app = open_app("codebook", checkpoint=f"{network}@24")
    assert any(button.label == "Encode all 12 images" for button in app.button) and not app.exception


def test_a_path_that_is_no_checkpoint_is_said(open_app, studio, tmp_path):
    (tmp_path / "notes.pt").write_text("not weights")
    app = open_app("reconstructions", checkpoint=str(tmp_path / "notes.pt"))
    assert any("no file of torch" in warning.value for warning in app.warning) and not app.exception
    app = open_app("reconstructions", checkpoint=str(tmp_path / "nothing.pt"))
    assert (
        any("No checkpoint" in warning.value and "nothing.pt" in warning.value for warning in app.warning)
        and not app.exception
    )


def test_weights_from_the_users_own_machine(open_app, network, tmp_path):
    app = open_app("reconstructions")
    app.sidebar.file_uploader(key="checkpoint-file").upload(
        "mein netz.pt", network.read_bytes(), "application/zip"
    ).run()
    assert not app.exception and not app.error
    assert "ritheshkumar95/pytorch\\-vqvae" in " ".join(element.value for element in app.sidebar.caption)
    assert "mein-netz.pt" in str(app.query_params["checkpoint"])
