"""Edit in a real browser: strokes by mouse, touch and keyboard change the picture, can be taken back, and are kept."""

from __future__ import annotations

import io
import re

import numpy as np
import pytest

LONG = 20_000


def opened(page, app_url, settle, query="checkpoint=vqvae-shapes&image=3"):
    page.goto(f"{app_url}/edit?{query}")
    settle(page)
    page.wait_for_selector(".cv canvas[role=application]")
    return page.locator(".cv").first


def board(page):
    return page.locator("canvas[role=application]")


def at(page, row, column, cells=8):
    """Where a cell of the large map is on the screen."""
    board(page).scroll_into_view_if_needed()
    box = board(page).bounding_box()
    return box["x"] + (column + 0.5) * box["width"] / cells, box["y"] + (row + 0.5) * box["height"] / cells


def told(page, text):
    """Waits until the answer to an edit that matches has come, and returns that edit."""
    from playwright.sync_api import expect

    drawn = page.locator(".drawn[data-name=canvas]")
    expect(drawn).to_have_attribute("data-text", re.compile(text), timeout=LONG)
    return drawn.get_attribute("data-text")


def drag(page, *cells):
    page.mouse.move(*at(page, *cells[0]))
    page.mouse.down()
    for cell in cells[1:]:
        page.mouse.move(*at(page, *cell), steps=4)
    page.mouse.up()


def picture(page, name):
    return page.get_by_role("img", name=name, exact=True).get_attribute("src")


def test_strokes_change_the_picture_and_can_be_taken_back(page, app_url, settle):
    opened(page, app_url, settle)
    before = picture(page, "Painted")
    assert before == picture(page, "Unpainted")
    page.locator(".palette button").nth(2).click()
    code = page.locator(".palette button").nth(2).get_attribute("data-code")
    drag(page, (1, 1), (1, 5))
    text = told(page, rf"^code:.*13={code}$")
    assert picture(page, "Painted") != before == picture(page, "Unpainted")
    assert page.get_by_text("Read back as painted").is_visible()
    settle(page)
    assert "edit=" in page.url
    page.keyboard.press("Control+z")
    told(page, "^$")
    page.get_by_role("button", name="Redo").click()
    assert told(page, rf"13={code}$") == text

    page.get_by_role("button", name="Rectangle").click()
    drag(page, (4, 2), (6, 4))
    assert "34-36" in told(page, rf"50-52={code}$")
    page.get_by_role("button", name="Clear").click()
    told(page, "^$")
    page.get_by_role("button", name="Fill").click()
    page.mouse.click(*at(page, 0, 0))
    assert told(page, rf"code:0[-=,].*{code}")
    assert not page.errors


def test_an_address_carries_the_edit_and_a_reload_shows_it(page, app_url, settle):
    opened(page, app_url, settle, "checkpoint=vqvae-shapes&image=3&edit=code:0-7=17,20=5")
    assert told(page, "code:0-7=17,20=5")
    assert page.get_by_text(re.compile(r"Painting with code")).is_visible()
    assert page.locator(".card summary", has_text="Painted cells").locator("b").text_content() == "9"
    opened(page, app_url, settle, "checkpoint=vqvae-shapes&image=3&edit=code:0-7=99999")
    assert page.get_by_text("paints code 99999 of code").is_visible()
    assert told(page, "^$") == ""


def test_the_keyboard_paints_and_says_where(page, app_url, settle):
    opened(page, app_url, settle)
    page.locator(".palette button").nth(1).click()
    board(page).focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight", " "):
        page.keyboard.press(key)
    assert told(page, "^code:10=")
    assert page.get_by_text(re.compile(r"Row 1, column 2: code \d+.*painted over")).is_visible()
    page.keyboard.press("e")
    page.keyboard.press(" ")
    assert told(page, "^$") == "" and not page.errors


def test_what_is_painted_goes_home_as_codes_and_as_a_picture(page, app_url, settle):
    opened(page, app_url, settle, "checkpoint=vqvae2-shapes&image=3&layer=bottom&edit=top:0=7;bottom:9=3")
    with page.expect_download() as found:
        page.get_by_role("button", name="Save codes").click()
    codes = np.load(io.BytesIO(found.value.path().read_bytes()))
    assert codes["top"].shape == (1, 4, 4) and codes["top"][0, 0, 0] == 7
    assert codes["bottom"].shape == (1, 8, 8) and codes["bottom"][0, 1, 1] == 3
    with page.expect_download() as found:
        page.get_by_role("button", name="Save picture").click()
    assert found.value.path().read_bytes().startswith(b"\x89PNG")


def test_what_is_painted_stays_from_layer_to_layer_and_from_palette_to_palette(page, app_url, settle):
    opened(page, app_url, settle, "checkpoint=vqvae2-shapes&image=3&layer=top")
    page.locator(".palette button").nth(1).click()
    page.mouse.click(*at(page, 1, 1, 4))
    top = told(page, r"^top:5=\d+$")
    page.get_by_role("radio", name="bottom").click()
    settle(page)
    page.wait_for_function("() => location.search.includes('layer=bottom')")
    page.locator(".palette button").nth(1).click()
    page.mouse.click(*at(page, 4, 4))
    both = told(page, rf"^{top};bottom:36=\d+$")
    page.get_by_role("radio", name="Near the chosen code").click()
    settle(page)
    assert told(page, "top") == both
    page.get_by_role("button", name="Undo").click()
    assert told(page, rf"^{top}$")
    settle(page)
    page.reload()
    settle(page)
    assert told(page, "top") == top
    page.get_by_role("button", name="Next image").click()
    settle(page)
    assert told(page, "^$") == "" and "edit=" not in page.url


def test_cells_of_another_image_become_a_stamp(page, app_url, settle):
    opened(page, app_url, settle, "checkpoint=vqvae-shapes&image=3&copy=true&from_image=8")
    source = page.locator(".from canvas")
    source.scroll_into_view_if_needed()
    box = source.bounding_box()
    cell = box["width"] / 8
    page.mouse.move(box["x"] + 2.5 * cell, box["y"] + 2.5 * cell)
    page.mouse.down()
    page.mouse.move(box["x"] + 3.5 * cell, box["y"] + 3.5 * cell, steps=3)
    page.mouse.up()
    page.mouse.click(*at(page, 5, 5))
    assert told(page, "code:.*4[56]|code:.*5[34]")


@pytest.fixture
def phone(browser):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    context.set_default_timeout(120_000)
    tab = context.new_page()
    yield tab
    context.close()


def test_a_finger_paints_on_a_phone(phone, app_url, settle):
    opened(phone, app_url, settle)
    phone.locator(".palette button").nth(3).tap()
    phone.touchscreen.tap(*at(phone, 2, 3))
    assert told(phone, "19=")
    assert phone.evaluate("document.documentElement.scrollWidth") <= 391


def test_a_large_map_of_a_huge_codebook_is_painted_without_a_model(page, app_url, workspace, settle):
    generator = np.random.default_rng(0)
    path = workspace / "many.npz"
    codes = generator.integers(0, 131_072, (8, 64, 64), dtype=np.int32)
    np.savez(path, codes=codes, codebook=generator.normal(size=(131_072, 4)).astype(np.float32))
    opened(page, app_url, settle, f"checkpoint={path}&dataset={path}")
    assert page.get_by_text("came without a model, so nothing can be decoded").is_visible()
    code = page.locator(".palette button").nth(1)
    code.click()
    board(page).scroll_into_view_if_needed()
    box = board(page).bounding_box()
    side = box["width"] / 64
    page.mouse.move(box["x"] + 5.5 * side, box["y"] + 10.5 * side)
    page.mouse.down()
    page.mouse.move(box["x"] + 60.5 * side, box["y"] + 10.5 * side, steps=30)
    page.mouse.up()
    assert told(page, rf"^code:645.*700={code.get_attribute('data-code')}$")  # no cell between two moves is left out
    assert not page.errors
