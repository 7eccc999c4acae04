"""A map of 20,000 points in a browser: a lasso is a polygon test, colours change alone, and nothing needs WebGL."""

from __future__ import annotations

import hashlib
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from explorer.analysis.regions import inside

APP = Path(__file__).parent / "scatter_app.py"
COUNT = 20_000


@pytest.fixture(scope="module")
def map_url(serve, tmp_path_factory):
    with serve(APP, tmp_path_factory.mktemp("scatter")) as address:
        yield f"{address}/?points={COUNT}"


@pytest.fixture
def drawn(page, map_url, settle):
    """`drawn("canvas")` opens the map, drawn so, and returns its stage."""

    def opened(way):
        page.fetched = []
        page.on("response", lambda answer: page.fetched.append(answer.url) if "/media/" in answer.url else None)
        page.add_init_script(f"window.explorerScatter = '{way}'")
        page.goto(map_url)
        page.wait_for_selector(f".stage[data-drawn][data-draws={way}]")
        settle(page)
        return page.locator(".stage")

    return opened


def lasso(page, stage, radius=0.25):
    """Drags an outline that crosses itself and leaves the map."""
    box = stage.bounding_box()
    x, y, reach = box["x"] + box["width"] * 0.45, box["y"] + box["height"] * 0.5, box["height"] * radius
    page.mouse.move(x + reach, y)
    page.mouse.down()
    for step in range(1, 32):
        far = reach * (1 + 0.5 * math.sin(3 * step))
        page.mouse.move(x + far * math.cos(step / 4), y + far * math.sin(step / 4))
    page.mouse.up()
    page.wait_for_function("document.body.innerText.match(/selected: [1-9]/)")


def expected(corners):
    """What a polygon test in numpy selects: number and digest of the points, as the page prints them."""
    from explorer.sheets.scatter import pack

    generator = np.random.default_rng(7)
    group = generator.integers(0, 6, COUNT)
    middle = np.stack([np.cos(group * 2.1), np.sin(group * 1.3)], 1)
    packed = pack((middle + generator.normal(0, 0.22, (COUNT, 2))).astype(np.float32))
    found = np.sort(packed.order[inside(np.array(corners).reshape(-1, 2), packed.columns)])
    return f"selected: {len(found)} {hashlib.sha256(found.astype('<i8').tobytes()).hexdigest()[:16]}", found


@pytest.mark.parametrize("way", ["canvas", "webgl"])
def test_a_lasso_selects_what_a_polygon_test_selects(drawn, page, way):
    stage = drawn(way)
    lasso(page, stage)
    text, found = expected(json.loads(stage.get_attribute("data-outline")))
    page.get_by_text(text, exact=True).wait_for()
    assert 100 < len(found) < COUNT / 2 and stage.get_attribute("data-selected") == str(len(found))
    assert page.get_by_text(f"{len(found):,} selected").is_visible()
    fetched = len(page.fetched)
    page.get_by_role("radio", name="size").or_(page.get_by_role("button", name="size", exact=True)).first.click()
    page.get_by_text("size", exact=True).nth(1).wait_for()
    page.wait_for_timeout(500)
    assert len(page.fetched) == fetched + 1, "another colour is one column, and neither places nor what is selected"
    page.get_by_text(text, exact=True).wait_for()
    page.get_by_role("button", name="Select nothing").click()
    page.get_by_text(re.compile("^selected: 0 ")).wait_for()
    page.get_by_text("shape", exact=True).first.click()
    star = page.locator(".scatter .legend button").filter(has_text="star")
    count = int(star.locator("u").text_content().replace(",", ""))
    star.click()
    page.get_by_text(re.compile(f"^selected: {count} ")).wait_for()
    assert page.errors == []


def test_a_point_tells_what_it_is_and_a_click_names_it(drawn, page):
    stage = drawn("canvas")
    box = stage.bounding_box()
    x, y = box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.5
    page.mouse.move(x, y)
    tip = page.locator(".scatter .tip")
    tip.get_by_text(re.compile(r"^shape: \w+")).wait_for()
    assert tip.locator("img").get_attribute("src").startswith("data:image/png")
    name = tip.locator("div").first.text_content()
    page.mouse.click(x, y)
    page.get_by_text(f"clicked: {name.removeprefix('image ').replace(',', '')}", exact=True).wait_for()
    for _ in range(12):
        page.mouse.wheel(0, -300)
    page.locator('.stage[data-pictures]:not([data-pictures="0"])').wait_for()
    assert 1 <= int(stage.get_attribute("data-pictures")) <= 40
    before = stage.evaluate("stage => stage.dataset.frame")
    stage.focus()
    for key in ("+", "+", "ArrowLeft", "0"):
        page.keyboard.press(key)
    page.wait_for_timeout(400)
    assert stage.evaluate("stage => stage.dataset.frame") != before and page.errors == []


def test_without_webgl_the_map_is_there_on_a_phone(page, map_url):
    page.add_init_script("""const before = HTMLCanvasElement.prototype.getContext
        HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
          return kind.startsWith("webgl") ? null : before.call(this, kind, ...more) }""")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(map_url)
    page.wait_for_selector(".stage[data-drawn]")
    assert page.locator(".stage").get_attribute("data-draws") == "canvas"
    wide = page.locator(".scatter").evaluate("box => box.scrollWidth - box.clientWidth")
    assert wide <= 0, "nothing is cut off"
    page.wait_for_timeout(300)
    painted = page.locator(".stage canvas.points").evaluate("""canvas => {
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height)
        let found = 0
        for (let i = 3; i < data.length; i += 4) if (data[i]) found++
        return found }""")
    assert painted > 5_000 and page.errors == []
