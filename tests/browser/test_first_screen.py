"""What a new user sees without a click, and what happens to their own photographs."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "clothing" / "test"


@pytest.fixture(scope="session")
def filled(workspace):
    """A checkpoint to look at where none is shipped yet, encoded already."""
    import torch

    from explorer import checkpoints, results
    from explorer.models import build
    from explorer.results.subject import Subject

    if any(checkpoint.family == "vqvae" for checkpoint in checkpoints.find()):
        return
    torch.manual_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPLORER_CACHE", str(workspace / "cache"))
        path = workspace / "checkpoints" / "tiny"
        path.mkdir()
        network = build("vqvae", {"hidden": 8, "residual_blocks": 1, "residual_channels": 4, "codes": 8, "dim": 4}, 16)
        facts = {"family": "vqvae", "dataset": "digits", "training": {}, "metrics": {}, "card": "# tiny"}
        checkpoints.save(path, network.eval(), **facts)
        results.obtain("encoding", Subject.of(path, "digits"))


@pytest.fixture
def opened(page, filled, app_url, settle):
    page.goto(app_url)
    settle(page)
    return page


def loaded_images(page) -> int:
    """How many pictures of the page have arrived and have pixels."""
    return page.locator('[data-testid="stImage"] img').evaluate_all(
        "images => images.filter(image => image.complete && image.naturalWidth > 0).length"
    )


def test_reconstructions_of_held_out_images_are_there_without_a_click(opened):
    opened.get_by_role("heading", name="Reconstructions").wait_for()
    opened.locator('[data-testid="stImage"] img').nth(23).scroll_into_view_if_needed()
    opened.wait_for_function("document.querySelectorAll('[data-testid=stImage] img').length >= 24")
    opened.wait_for_timeout(500)
    assert loaded_images(opened) >= 24
    metric = opened.get_by_test_id("stMetric").filter(has_text="Mean PSNR")
    assert "dB" in metric.text_content()
    assert "checkpoint=" in opened.url and "dataset=" in opened.url
    assert opened.errors == []


def test_small_images_are_enlarged_by_whole_numbers_without_loss(opened):
    first = opened.locator('[data-testid="stImage"] img').first
    assert first.get_attribute("src").split("?")[0].endswith(".png")
    assert first.evaluate("image => image.naturalWidth") >= 256


def test_nothing_is_loaded_from_another_host(page, filled, app_url, settle):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(app_url)
    settle(page)
    assert [
        url for url in asked if not url.startswith((app_url, app_url.replace("http", "ws"), "data:", "blob:"))
    ] == []


def test_a_photograph_is_shown_and_a_text_file_named_jpg_is_one_sentence(opened, settle, tmp_path):
    if not SHARED.is_dir():
        pytest.skip(f"there are no photographs in {SHARED.parent.parent.name}/")
    photograph = next(SHARED.rglob("*.jpg"))
    broken = tmp_path / "letter.jpg"
    broken.write_text("Dear all,")
    opened.get_by_role("radio", name="Your own images").or_(
        opened.get_by_role("button", name="Your own images")
    ).first.click()
    chooser = opened.locator(".st-key-own input[type=file]")
    chooser.wait_for(state="attached")
    chooser.set_input_files([photograph, broken])
    opened.get_by_role("alert").filter(has_text="letter.jpg").wait_for()
    opened.wait_for_url("**checkpoint=vqvae-photos**")
    opened.locator(".st-key-cards").get_by_text(photograph.name[-12:]).wait_for()
    settle(opened)
    assert opened.locator('.st-key-cards [data-testid="stImage"] img').count() == 3
    assert len(opened.get_by_role("alert").all_inner_texts()) == 1, "to the network for photographs it is no stranger"
    assert opened.errors == []
