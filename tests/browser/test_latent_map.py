"""The Latent map in a real browser: the shipped map, a thumbnail on hover, a lasso that tells codes, and a click."""

from __future__ import annotations

import math
import re

import pytest

# a point, within some distance of a place if that is given, with nothing else close to it: where it is, and its row
PLACE = """(chart, near) => { const layout = chart._fullLayout, box = chart.getBoundingClientRect(), all = []
for (const trace of chart._fullData) for (let i = 0; i < trace.x.length; i++) all.push({ row: trace.customdata[i],
  x: box.x + layout._size.l + layout.xaxis.d2p(trace.x[i]), y: box.y + layout._size.t + layout.yaxis.d2p(trace.y[i]) })
const gap = (a) => Math.min(...all.map((b) => b === a ? Infinity : Math.hypot(a.x - b.x, a.y - b.y)))
const allowed = all.filter((a) => !near || Math.hypot(a.x - near[0], a.y - near[1]) < near[2])
return allowed.slice(0, 400).map((a) => ({ ...a, gap: gap(a) })).sort((a, b) => b.gap - a.gap)[0] }"""


@pytest.fixture
def latent_map(page, app_url, settle):
    page.goto(f"{app_url}/latent_map?checkpoint=vqvae-shapes&dataset=shapes")
    settle(page)
    page.wait_for_selector('[class*="st-key-map-"] [data-bridged="true"]', timeout=60_000)
    page.wait_for_timeout(500)  # the chart draws itself after the run
    return page


def chart(page):
    return page.locator('[class*="st-key-map-"] .js-plotly-plot').first


def test_the_shipped_map_is_there_and_a_lasso_tells_which_codes_its_images_have_more_often(latent_map, settle):
    page = latent_map
    assert page.get_by_text("Trustworthiness").first.is_visible() and not page.get_by_text("Cancel").count()
    box = chart(page).locator(".nsewdrag").first.bounding_box()
    x, y, radius = box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.5, min(box["width"], box["height"]) / 5
    page.mouse.move(x + radius, y)
    page.mouse.down()
    for step in range(1, 19):
        page.mouse.move(x + radius * math.cos(step / 3), y + radius * math.sin(step / 3))
    page.mouse.up()
    text = page.get_by_text(re.compile(r"^[\d,]+ images selected")).text_content(timeout=30_000)
    selected = int(text.split()[0].replace(",", ""))
    assert 10 < selected < 5_000
    page.get_by_text(f"Codes over-represented in the {selected:,}").wait_for()
    settle(page)
    page.locator(".st-key-map-codes .js-plotly-plot .scatterlayer .point").first.wait_for()
    assert page.get_by_text(f"{selected:,} selected images against {5_000 - selected:,} others").count() == 1
    page.locator(".st-key-pictures-selected img").nth(23).wait_for()
    assert page.locator(".st-key-pictures-selected img").count() == 24
    inside = chart(page).evaluate(PLACE, [x, y, radius / 2])
    page.mouse.move(inside["x"] - 2, inside["y"])
    page.mouse.click(inside["x"], inside["y"])  # what is selected can still be clicked
    page.get_by_text(f"Image {inside['row']:,} ·").wait_for(timeout=30_000)
    assert page.get_by_text(text).count() == 1
    settle(page)
    box = chart(page).locator(".nsewdrag").first.bounding_box()
    page.mouse.dblclick(box["x"] + 5, box["y"] + 5)
    page.get_by_text("Draw a lasso").wait_for(timeout=30_000)
    assert page.errors == []


def test_a_point_shows_its_thumbnail_and_a_click_goes_to_its_image(latent_map, settle):
    page = latent_map
    place = chart(page).evaluate(PLACE)
    page.mouse.move(place["x"] - 3, place["y"] - 3)
    page.mouse.move(place["x"], place["y"])
    tip = page.locator(".explorer-thumbnail").first
    tip.wait_for(state="visible")
    row = int(tip.get_attribute("data-tile"))
    assert row == place["row"] and "image/jpeg" in tip.evaluate("element => element.style.backgroundImage")
    label = chart(page).locator(".hoverlayer .hovertext").first
    assert f"image {row:,}" in label.text_content() and "colour:" in label.text_content()
    assert label.bounding_box()["y"] + label.bounding_box()["height"] <= tip.bounding_box()["y"] + 1
    page.mouse.click(place["x"], place["y"])
    page.get_by_text(f"Image {row:,} ·").wait_for(timeout=30_000)
    settle(page)
    assert f"image={row}" in page.url
    page.get_by_role("link", name="Its codes").click()
    page.get_by_role("heading", name="Code maps").wait_for(timeout=30_000)
    settle(page)
    assert f"image={row}" in page.url and page.errors == []


def test_points_fill_the_chart_within_the_window_and_the_legend_lies_below(latent_map, settle):
    page = latent_map
    for width, height in ((1400, 900), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(1_000)
        settle(page)
        plot, legend = (chart(page).locator(name).first.bounding_box() for name in (".nsewdrag", ".legend"))
        assert chart(page).bounding_box()["height"] <= 0.73 * height
        assert legend["y"] > plot["y"] + plot["height"], "below, not beside"
        tools = chart(page).locator(".modebar").bounding_box()
        assert tools["y"] + tools["height"] < legend["y"]
        spread = chart(page).evaluate("""chart => { const { xaxis, yaxis } = chart._fullLayout
          const span = (axis, key) => { const all = chart._fullData.flatMap((trace) => [...trace[key]])
            return Math.abs(axis.d2p(Math.max(...all)) - axis.d2p(Math.min(...all))) }
          return [span(xaxis, "x"), span(yaxis, "y")] }""")
        assert max(spread[0] / plot["width"], spread[1] / plot["height"]) > 0.75
        assert spread[0] * spread[1] > 0.45 * plot["width"] * plot["height"], "most of the chart has points"


def test_changing_what_the_points_are_does_not_move_the_page(latent_map, settle):
    page = latent_map
    before = page.get_by_text("Trustworthiness").first.bounding_box()["y"]
    page.get_by_role("radio", name="Codes").or_(page.get_by_role("button", name="Codes")).first.click()
    page.get_by_text("of 1,024 codes").wait_for(timeout=30_000)
    settle(page)
    assert page.get_by_text("Trustworthiness").first.bounding_box()["y"] == before
