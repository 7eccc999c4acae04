"""The Compare page: picking B, swapping, layers, a wrong address, and what is missing."""

from __future__ import annotations

import pytest

from explorer import checkpoints, results
from explorer.study import open_study, pair


@pytest.fixture
def made(studio):
    """The comparisons of the tiny VQ-VAE with each other one, as the job beside the page would write them."""
    study = open_study(studio.checkpoints / "tiny-vqvae", str(studio.photos))
    for other in ("tiny-vqvae2", "tiny-vae", "tiny-mae"):
        asked = pair.options_of(study, checkpoints.describe(studio.checkpoints / other))
        results.obtain("comparison", study.subject, asked)
    return study


def metric(app, label: str):
    return next(one for one in app.metric if one.label.replace("\\", "").startswith(label))


def text(app) -> str:
    shown = [*app.markdown, *app.caption, *app.info, *app.warning]
    return "\n".join(element.value for element in shown).replace("\\", "")


def test_numbers_stand_beside_another_checkpoint_and_a_choice_is_kept_in_the_address(open_app, made):
    app = open_app("compare", against="tiny-vqvae2", method="pca")
    assert not app.error and not app.warning
    assert metric(app, "PSNR, A").value.endswith(" dB") and metric(app, "AMI of codes").value
    assert "On 12 images" in text(app)
    before = metric(app, "CKA of latents").value
    app.selectbox(key="pick-against").set_value("tiny-mae").run()
    assert app.query_params["against"] == "tiny-mae" and not app.exception and not app.error
    assert metric(app, "CKA of latents").value != before
    app.segmented_control(key="pick-metric").set_value("ssim").run()
    assert metric(app, "Images A wins (SSIM)") and app.query_params["metric"] == "ssim"


def test_swap_looks_from_the_other_side(open_app, made):
    app = open_app("compare", against="tiny-vqvae2", method="pca")
    gap = metric(app, "PSNR, A").value
    app.button(key="link-Swap A and B").click().run()
    assert app.query_params["checkpoint"] == "tiny-vqvae2" and app.query_params["against"] == "tiny-vqvae"
    turned = metric(app, "PSNR, A").value
    assert not app.warning and {gap[0], turned[0]} == {"+", "−"} and gap[1:] == turned[1:]


def test_layers_are_chosen_and_one_of_another_b_gives_way(open_app, made):
    app = open_app("compare", against="tiny-vqvae2", layer_b="top", method="pca")
    coarse = metric(app, "AMI of codes").value
    app.segmented_control(key="pick-layer_b").set_value("bottom").run()
    assert metric(app, "AMI of codes").value != coarse
    app.selectbox(key="pick-against").set_value("tiny-mae").run()
    assert not app.warning and not app.exception, "a layer that only the other one has is no mistake"


def test_a_wrong_address_is_one_sentence_and_the_page_goes_on(open_app, made):
    app = open_app("compare", against="/no/such/place", metric="beauty", measure="x", method="pca")
    assert not app.exception and not app.error
    said = " ".join(one.value for one in app.warning)
    assert "no/such/place" in said and "beauty" in said and metric(app, "PSNR, A").value


def test_a_path_opens_and_what_is_typed_in_vain_keeps_the_last(open_app, made, studio):
    app = open_app("compare", against=str(studio.checkpoints / "tiny-vae"), method="pca")
    assert not app.warning and "tiny-vae" in text(app)
    app.query_params["against"] = "/nothing/here"
    app.run()
    assert not app.exception and "tiny-vae" in text(app)


def test_what_is_missing_is_made_beside_the_page(open_app, click_on, studio, monkeypatch):
    from explorer import jobs

    started = []
    monkeypatch.setattr(jobs, "start", lambda arguments, *_, **__: started.append(arguments))
    app = open_app("compare", checkpoint="tiny-vae", against="tiny-mae", method="pca")
    assert not app.exception and metric(app, "PSNR, A").value and not started
    click_on(app)
    assert [words[0] for words in started] == ["compare"] and started[0][2].endswith("tiny-mae")


def test_another_checkpoint_is_encoded_when_it_is_asked_for(open_app, studio, monkeypatch, tmp_path):
    from explorer import jobs
    from explorer.models import build
    from tests.pages.conftest import SETTINGS

    path = tmp_path / "fresh"
    path.mkdir()
    facts = {"family": "vae", "dataset": str(studio.photos), "training": {}, "metrics": {}, "card": "# fresh"}
    checkpoints.save(path, build("vae", SETTINGS["vae"], 16).eval(), **facts)
    started = []
    monkeypatch.setattr(jobs, "start", lambda arguments, *_, **__: started.append(arguments))
    app = open_app("compare", against=str(path))
    assert not started and "Encode 12 images" in text(app) and "on this CPU" in text(app)
    next(button for button in app.button if button.label == "Encode").click().run()
    assert started[0][:2] == ["encode", str(path)] and str(studio.photos) in started[0] and not app.exception


def test_the_board_is_a_table_of_all(open_app, made):
    app = open_app("compare", against="tiny-vae", method="pca")
    board = app.dataframe[-1].value
    assert {"tiny-vqvae", "tiny-vae", "vqvae-shapes", "vqvae2-photos"} <= set(board["name"])
