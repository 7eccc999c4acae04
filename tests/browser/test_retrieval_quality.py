"""Which way to take, in a real browser: a concept and a way are chosen by clicking on the charts."""

from __future__ import annotations

import re

import pytest

ADDRESS = "{}/similar?checkpoint=vqvae2-shapes&dataset=shapes&image=3"
ROWS, COLOUR = 15, 1  # concepts of shapes in the chart, and the place of colour


def value(page, label: str) -> str:
    return page.get_by_test_id("stMetric").filter(has_text=label).get_by_test_id("stMetricValue").inner_text()


def concepts(page):
    """Where the row of the concept colour is."""
    chart = page.locator(".js-plotly-plot").filter(has_text="background hue").first
    chart.scroll_into_view_if_needed()
    box = chart.locator(".draglayer .nsewdrag").first.bounding_box()
    return box["x"] + box["width"] / 3, box["y"] + box["height"] * (COLOUR + 0.5) / ROWS


@pytest.fixture
def shown(page, app_url, settle):
    page.goto(ADDRESS.format(app_url))
    page.get_by_text("Best without training").first.wait_for()
    settle(page)
    return page


def test_a_concept_and_then_a_way_are_clicked(shown, settle):
    assert value(shown, "Best without training") == "0.14"
    shown.mouse.click(*concepts(shown))
    shown.wait_for_url(re.compile("concept=colour"))
    settle(shown)
    assert value(shown, "Best without training") == "1.00"
    chart = shown.locator(".js-plotly-plot").filter(has_text="mAP@10 by colour").first
    chart.scroll_into_view_if_needed()
    points = [one.bounding_box() for one in chart.locator(".scatterlayer .point").all()]
    top = min(points, key=lambda box: box["y"])  # colours find colours best
    shown.mouse.click(top["x"] + top["width"] / 2, top["y"] + top["height"] / 2)
    shown.wait_for_url(re.compile("way=colours"))
    settle(shown)
    assert not shown.errors


def test_a_concept_is_tapped_on_a_phone(browser, app_url, settle):
    context = browser.new_context(has_touch=True, viewport={"width": 390, "height": 844}, color_scheme="dark")
    context.set_default_timeout(120_000)
    page = context.new_page()
    page.goto(ADDRESS.format(app_url))
    page.get_by_text("Best without training").first.wait_for()
    settle(page)
    page.touchscreen.tap(*concepts(page))
    page.wait_for_url(re.compile("concept=colour"))
    settle(page)
    assert value(page, "Best without training") == "1.00"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()
