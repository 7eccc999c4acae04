"""Layers and rate–distortion of the VQ-VAE-2 that ships, in a browser."""

from __future__ import annotations


def open_page(page, app_url, settle, name: str) -> None:
    page.goto(f"{app_url}/{name}?checkpoint=vqvae2-shapes")
    settle(page)


def test_what_fills_a_layer_changes_the_pictures_and_is_said(page, app_url, settle):
    open_page(page, app_url, settle, "layers")
    page.get_by_text("the mean over training stands for every layer left out").wait_for()
    pictures = page.locator("[class*=st-key-pictures-layers-] [data-testid=stImage] img")
    page.wait_for_function("document.querySelectorAll('[class*=st-key-pictures-layers-] img').length == 12")
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


def test_one_layer_leads_to_a_checkpoint_with_several(page, app_url, settle):
    page.goto(f"{app_url}/layers?checkpoint=vqvae-shapes")
    page.get_by_role("button", name="vqvae2-shapes: 2 layers, same dataset").click()
    page.get_by_text("Recombine two images").wait_for()
    settle(page)
    assert "checkpoint=vqvae2-shapes" in page.url and page.errors == []


def test_the_tools_of_a_chart_do_not_cover_its_legend_on_a_phone(page, app_url, settle):
    page.set_viewport_size({"width": 390, "height": 844})
    for name in ("layers", "rate_distortion"):
        open_page(page, app_url, settle, name)
        chart = page.locator(".js-plotly-plot").first
        chart.scroll_into_view_if_needed()
        chart.hover()
        legend, tools = (chart.locator(part).first.bounding_box() for part in (".legend", ".modebar-container"))
        axis = chart.locator(".xtitle").first.bounding_box()
        assert legend["y"] >= tools["y"] + tools["height"] or tools["height"] == 0
        assert legend["y"] >= axis["y"] + axis["height"] - 2, "below the name of the axis, not over it"
