"""Layers and rate–distortion of the VQ-VAE-2 that ships, in a browser."""

from __future__ import annotations


def open_page(page, app_url, settle, name: str) -> None:
    page.goto(f"{app_url}/{name}?checkpoint=vqvae2-shapes")
    settle(page)


def test_what_fills_a_layer_changes_the_pictures_and_is_said(page, app_url, settle):
    open_page(page, app_url, settle, "layers")
    page.get_by_text("the mean over training stands for every layer left out").wait_for()
    pictures = page.locator(".st-key-layer-cards [data-testid=stImage] img")
    page.wait_for_function("document.querySelectorAll('.st-key-layer-cards img').length == 12")
    before = pictures.evaluate_all("images => images.map(image => image.src)")
    page.get_by_role("button", name="Zeros").or_(page.get_by_role("radio", name="Zeros")).first.click()
    page.get_by_text("zeros stand for every layer left out").wait_for()
    settle(page)
    after = pictures.evaluate_all("images => images.map(image => image.src)")
    changed = [one != other for one, other in zip(before, after, strict=True)]
    assert changed == [False, True, False] * 4, "only the picture without its lower layer has something to fill"
    assert page.errors == []


def test_contributions_and_rates_are_there_at_once(page, app_url, settle):
    open_page(page, app_url, settle, "layers")
    page.get_by_text("What each layer adds over the split").wait_for()
    page.locator(".js-plotly-plot").first.wait_for()
    assert page.get_by_role("button", name="Start", exact=True).count() == 0
    open_page(page, app_url, settle, "rate_distortion")
    page.get_by_text("held-out images vqvae2-shapes reaches").wait_for()
    page.locator(".js-plotly-plot").first.wait_for()
    assert page.get_by_role("button", name="Start", exact=True).count() == 0
    assert page.errors == []
