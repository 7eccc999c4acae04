"""The page Six steps: its diagram, the numbers of a cell, and what is said where there are no steps."""

from __future__ import annotations

import numpy as np
import pytest


def captions(app) -> str:
    kinds = (app.markdown, app.caption, app.warning, app.info, app.header, app.subheader)
    return "\n".join(str(element.value) for kind in kinds for element in kind).replace("\\", "")


def pieces(app) -> list:
    return [one for one in app.get("bidi_component") if one.proto.component_name == "explorer_piece_steps"]


def metrics(app) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def test_the_page_draws_the_diagram_and_the_numbers_of_the_cell_in_the_address(open_app):
    app = open_app("steps", image="3", cell="1,2")
    assert not app.error and not app.warning and len(pieces(app)) == 1
    assert "The cell in row 1, column 2" in captions(app)
    told = metrics(app)
    assert {"Code", "Distance", "Margin", "Closer calls", "At the decoder", "At the encoder", "Cosine"} <= set(told)
    assert told["At the decoder"] == told["At the encoder"] and told["Cosine"] == "1"
    assert told["Closer calls"].endswith("of 16 cells")


def test_another_loss_is_another_gradient(open_app):
    app = open_app("steps", image="3")
    app.selectbox(key="pick-loss").set_value("commitment").run()
    assert app.query_params["loss"] == "commitment" and not app.exception
    assert metrics(app)["At the decoder"] == "0" and metrics(app)["Cosine"] == "–"


@pytest.mark.parametrize("wrong", [{"cell": "9,9"}, {"cell": "x" * 500}, {"loss": "hinge"}, {"layer": "attic"}])
def test_what_cannot_be_had_is_one_sentence_and_the_page_goes_on(open_app, wrong):
    app = open_app("steps", **wrong)
    assert len(app.warning) == 1 and not app.error and len(pieces(app)) == 1


def test_a_continuous_checkpoint_leads_to_one_with_a_vq_layer(open_app):
    app = open_app("steps", checkpoint="tiny-vae")
    assert "This network has no such layer" in captions(app) and len(pieces(app)) == 1
    assert "At the decoder" not in metrics(app)
    app.button(key="link-vqvae-shapes, whose VQ layer has all six").click().run()
    assert app.query_params["checkpoint"] == "vqvae-shapes" and not app.exception and not app.error
    assert metrics(app)["Cosine"] == "1"


def test_codes_without_a_network_are_one_sentence(open_app, tmp_path):
    np.savez(tmp_path / "mine.npz", codes=np.random.default_rng(0).integers(0, 6, (30, 4, 4)))
    app = open_app("steps", checkpoint=str(tmp_path / "mine.npz"), dataset=str(tmp_path / "mine.npz"))
    assert not app.error and not pieces(app) and "This file holds codes only" in captions(app)
