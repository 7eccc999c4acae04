"""Compare in a real browser, with the checkpoints that ship: B is picked, layers are clicked, sides are swapped."""

from __future__ import annotations

import re

import pytest

ADDRESS = "{}/compare?checkpoint=vqvae-shapes&dataset=shapes&against=vqvae2-shapes"


def card(page, label: str):
    return page.get_by_test_id("stMetric").filter(has_text=label)


def value(page, label: str) -> str:
    return card(page, label).get_by_test_id("stMetricValue").inner_text()


@pytest.fixture
def shown(page, app_url, settle):
    page.goto(ADDRESS.format(app_url))
    card(page, "AMI of codes").wait_for()
    page.get_by_text("All checkpoints").first.wait_for()
    settle(page)
    return page


def test_a_click_on_the_chart_of_layers_takes_that_pair(shown, settle):
    fine = value(shown, "CKA of latents")
    chart = shown.locator(".js-plotly-plot").filter(has_text=re.compile("layers of B")).first
    chart.scroll_into_view_if_needed()
    box = chart.locator(".draglayer .nsewdrag").first.bounding_box()
    shown.mouse.click(box["x"] + box["width"] / 4, box["y"] + box["height"] / 2)  # the left half is B's first layer
    shown.wait_for_url(re.compile("layer_b=top"))
    settle(shown)
    assert float(value(shown, "CKA of latents")) > float(fine) + 0.3
    assert not shown.errors


def test_another_b_is_picked_from_the_list(shown, settle):
    before = value(shown, "PSNR, A")
    shown.get_by_role("combobox", name=re.compile("Checkpoint B")).click()
    shown.get_by_role("option", name=re.compile("^vae-shapes")).click()
    shown.wait_for_url(re.compile("against=vae-shapes"))
    settle(shown)
    assert value(shown, "PSNR, A") != before and value(shown, "PSNR, A").startswith("+")
    shown.get_by_text("vae-shapes has no codes of its own there").wait_for()
    assert not shown.errors


def test_sides_are_swapped_by_touch_on_a_phone(browser, app_url, settle):
    context = browser.new_context(has_touch=True, viewport={"width": 390, "height": 844}, color_scheme="dark")
    context.set_default_timeout(120_000)
    page = context.new_page()
    page.goto(ADDRESS.format(app_url))
    card(page, "PSNR, A").wait_for()
    settle(page)
    gap = value(page, "PSNR, A")
    button = page.get_by_role("button", name="Swap A and B")
    button.scroll_into_view_if_needed()
    box = button.bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_url(re.compile("checkpoint=vqvae2-shapes"))
    settle(page)
    assert value(page, "PSNR, A") == gap.replace("+", "−")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()
