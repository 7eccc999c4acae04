"""What the bridge brings from the browser's charts: hover, clicks, selections."""

from __future__ import annotations

import re
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def charts_url(serve, tmp_path_factory, browser):
    with serve(Path(__file__).with_name("bridge_app.py"), tmp_path_factory.mktemp("bridge")) as address:
        yield address


@pytest.fixture
def charts(page, charts_url, settle):
    page.goto(charts_url)
    settle(page)
    page.wait_for_selector('.st-key-map [data-bridged="true"]')
    page.wait_for_selector('.st-key-grid-0 [data-bridged="true"]')
    return page


def plot_box(page, key):
    """Bounding box of the plotting area."""
    page.locator(f".st-key-{key}").scroll_into_view_if_needed()
    return page.locator(f".st-key-{key} .nsewdrag").first.bounding_box()


def drag(page, box, start, end):
    page.mouse.move(box["x"] + box["width"] * start[0], box["y"] + box["height"] * start[1])
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * end[0], box["y"] + box["height"] * end[1], steps=8)
    page.mouse.up()


def test_a_box_gives_the_points_inside_and_a_double_click_none(charts):
    box = plot_box(charts, "map")
    drag(charts, box, (0.02, 0.02), (0.4, 0.98))
    charts.get_by_text("selected 2: [0, 2]").wait_for()
    charts.mouse.dblclick(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    charts.get_by_text("selected 0: []").wait_for()
    assert charts.errors == []


def test_the_thumbnail_under_the_pointer_is_the_points_own(charts):
    box = plot_box(charts, "map")
    tip = charts.locator(".explorer-thumbnail").first
    point = charts.locator(".st-key-map").evaluate(
        """element => { const chart = element.querySelector('.js-plotly-plot'), layout = chart._fullLayout
        const box = chart.getBoundingClientRect()
        return [box.x + layout._size.l + layout.xaxis.d2p(1), box.y + layout._size.t + layout.yaxis.d2p(1)] }"""
    )
    charts.mouse.move(point[0] - 3, point[1] - 3)
    charts.mouse.move(*point)
    tip.wait_for(state="visible")
    assert tip.get_attribute("data-tile") == "3"
    assert "-32px -32px" in tip.evaluate("element => element.style.backgroundPosition")
    charts.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tip.wait_for(state="hidden")


def test_a_click_on_a_heatmap_cell_gives_column_row_and_value(charts):
    box = plot_box(charts, "grid-0")
    charts.mouse.click(box["x"] + box["width"] * 0.875, box["y"] + box["height"] * 0.875)
    charts.get_by_text("cell (3, 0, 3)").wait_for()


def test_clicks_still_arrive_after_the_chart_was_drawn_again(charts, settle):
    for _ in range(2):
        box = plot_box(charts, "grid-0")
        charts.mouse.click(box["x"] + box["width"] * 0.125, box["y"] + box["height"] * 0.125)
        charts.get_by_text("cell (0, 3, 12)").wait_for()
        charts.get_by_role("spinbutton", name="Points").press("ArrowUp")
        charts.get_by_role("spinbutton", name="Points").press("Enter")
        settle(charts)
    assert charts.errors == []


def test_twenty_thousand_points_come_back_whole(charts, settle):
    points = charts.get_by_role("spinbutton", name="Points")
    points.fill("20000")
    points.press("Enter")
    settle(charts)
    charts.wait_for_timeout(1500)  # the chart draws itself after the run
    drag(charts, plot_box(charts, "map"), (0.001, 0.001), (0.999, 0.999))
    text = charts.get_by_text(re.compile(r"selected \d{4,}")).text_content(timeout=120_000)
    assert int(re.search(r"\d+", text).group()) > 19_000
