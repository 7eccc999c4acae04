"""Similar in a real browser: pointing marks cells on both pictures, a part is dragged, codes are pressed."""

from __future__ import annotations

import re

import numpy as np
import pytest

from explorer.sheets.cells import unhexed
from explorer.study import open_study


@pytest.fixture(scope="module")
def codes():
    """(355, 8, 8) codes of the shipped checkpoint."""
    return open_study("vqvae-digits").encoding.codes("code")


@pytest.fixture
def opened(app_url, settle):
    """`opened(page, image=7)` goes to the page Similar with what was found drawn."""

    def go(page, **asked):
        words = "&".join(f"{name}={value}" for name, value in asked.items())
        page.goto(f"{app_url}/similar?checkpoint=vqvae-digits&dataset=digits&{words}")
        settle(page)
        page.locator(".alike .board").wait_for()
        return page

    return go


@pytest.fixture
def phone(browser):
    """A tab on a telephone with a touch screen."""
    context = browser.new_context(has_touch=True, viewport={"width": 390, "height": 844})
    context.set_default_timeout(120_000)
    tab = context.new_page()
    tab.errors = []
    tab.on("pageerror", lambda error: tab.errors.append(str(error)))
    yield tab
    context.close()


def drawn(canvas) -> np.ndarray:
    """(s, s, 3) colours of a canvas, once it stands still."""
    read = """canvas => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
      const {data, width, height} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
      done([width, height, Array.from(data)]) })))"""
    width, height, data = canvas.evaluate(read)
    return np.array(data, np.uint8).reshape(height, width, 4)[..., :3]


def middles(pixels: np.ndarray) -> np.ndarray:
    """(8, 8) brightness in the middle of each cell: what is not marked is dimmed."""
    step = len(pixels) // 8
    return pixels[step // 2 :: step, step // 2 :: step][:8, :8].mean(-1)


def cell(page, row: int, column: int) -> tuple[float, float]:
    box = page.locator(".alike .board").bounding_box()
    return box["x"] + (column + 0.5) * box["width"] / 8, box["y"] + (row + 0.5) * box["height"] / 8


def asked(page, name: str, pattern: str) -> str:
    """Waits until the address says something, and returns what."""
    page.wait_for_url(re.compile(rf"[?&]{name}={pattern}"))
    return re.search(rf"[?&]{name}=([^&]*)", page.url)[1]


def test_pointing_at_an_image_marks_its_codes_on_both_and_a_click_asks_about_it(page, opened, settle, codes):
    opened(page, image=7)
    hits, board = page.locator(".alike .hit"), page.locator(".alike .board")
    assert hits.count() == 16
    hits.nth(2).hover()
    page.locator(".alike .hit.now").wait_for()
    row = int(page.locator(".alike").evaluate("one => one.parentElement.dataset.at"))
    assert row != 7 and f"Image {row:,}" in page.locator(".alike .why").inner_text()
    named = [int(one.replace(",", "")) for one in re.findall(r"Code ([\d,]+)", page.locator(".why").inner_text())]
    assert named and set(named) <= set(codes[7].flat) & set(codes[row].flat)
    for canvas, of in ((board, 7), (hits.nth(2).locator("canvas"), row)):
        inside = np.isin(codes[of], named)
        bright = middles(drawn(canvas))
        assert bright[~inside].max() <= 103 < bright[inside].max(), "what is no reason is dimmed to two fifths"
    hits.nth(2).click()
    assert asked(page, "image", str(row)) == str(row)
    settle(page)
    assert f"Image {row:,}" in page.locator(".alike .asked").inner_text() and not page.errors


def test_a_part_is_dragged_and_codes_are_pressed(page, opened, settle, codes):
    opened(page, image=7, search="area")
    page.mouse.move(*cell(page, 2, 3))
    page.mouse.down()
    page.mouse.move(*cell(page, 3, 4), steps=4)
    page.mouse.up()
    area = unhexed(asked(page, "area", "[0-9a-f]{16}"), (8, 8))
    assert np.argwhere(area).tolist() == [[2, 3], [2, 4], [3, 3], [3, 4]]
    settle(page)
    named = [int(one.replace(",", "")) for one in re.findall(r"Code ([\d,]+)", page.locator(".why").inner_text())]
    assert set(named) <= set(codes[7][area].tolist())
    opened(page, image=7, search="codes")
    page.mouse.click(*cell(page, 3, 4))
    code = int(codes[7, 3, 4])
    assert asked(page, "wanted", str(code)) == str(code)
    settle(page)
    assert page.locator(".alike .hit").count() == min(16, int((codes == code).any((1, 2)).sum()))
    page.mouse.click(*cell(page, 3, 4))
    assert asked(page, "wanted", "-") == f"-{code}" and not page.errors


def test_cells_are_reached_by_the_keyboard(page, opened, settle):
    opened(page, image=7, search="patch", cell="4,4")
    page.locator(".alike .board").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    assert asked(page, "cell", "3(,|%2C)4")
    settle(page)
    page.locator(".alike .hit").first.focus()
    page.keyboard.press("ArrowRight")
    pointed = page.locator(".alike .hit").evaluate_all("hits => hits.findIndex((one) => one.matches('.now'))")
    assert pointed == 1
    assert not page.errors


def test_a_tap_marks_and_a_second_tap_asks(phone, opened):
    opened(phone, image=7)
    hit = phone.locator(".alike .hit").nth(1)
    hit.scroll_into_view_if_needed()
    hit.tap()
    phone.wait_for_timeout(500)
    row = int(phone.locator(".alike").evaluate("one => one.parentElement.dataset.at"))
    assert "image=7" in phone.url and f"Image {row:,}" in phone.locator(".alike .why").inner_text()
    wide = phone.evaluate("() => document.scrollingElement.scrollWidth")
    assert wide <= 390, "nothing sticks out"
    hit.tap()
    assert asked(phone, "image", str(row)) == str(row) and not phone.errors
