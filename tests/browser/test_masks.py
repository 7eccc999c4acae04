"""Masks in a real browser: patches are painted with mouse, touch and keys, and a pressed patch asks."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests.pages.conftest import SETTINGS


@pytest.fixture(scope="module")
def photos(app_url, workspace):
    """Twelve photographs of coloured patches, and a random masked autoencoder with 4 × 4 of them: tiny-mae."""
    import torch
    from PIL import Image

    from explorer import checkpoints
    from explorer.models import build

    folder, path = workspace / "patches", workspace / "checkpoints" / "tiny-mae"
    pixels = np.random.default_rng(0).integers(0, 256, (12, 4, 4, 3), dtype=np.uint8).repeat(4, 1).repeat(4, 2)
    for split in ("train", "test"):
        (folder / split).mkdir(parents=True)
        for number, picture in enumerate(pixels):
            Image.fromarray(picture).save(folder / split / f"{number:02d}.png")
    torch.manual_seed(0)
    network = build("mae", SETTINGS["mae"], 16).eval()
    path.mkdir(parents=True)
    checkpoints.save(path, network, family="mae", dataset=str(folder), training={}, metrics={}, card="# tiny")
    return folder


@pytest.fixture
def opened(app_url, photos, settle):
    """`opened(page)` goes to the page Masks with the two patches above on the left hidden."""

    def go(page):
        page.goto(f"{app_url}/masks?checkpoint=tiny-mae&dataset={photos}&image=3&mask=c000")
        settle(page)
        patch(page, 1, 1).wait_for()
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


def patch(page, row: int, column: int):
    return page.get_by_role("button", name=f"Patch in row {row}, column {column}")


def hidden(page) -> list[int]:
    """Patches that are striped, row by row."""
    return page.locator(".patches button").evaluate_all(
        "cells => cells.flatMap((cell, at) => cell.ariaPressed === 'true' ? [at] : [])"
    )


def counted(page, count: int) -> None:
    """Waits until the page's numbers are of so many hidden patches."""
    page.get_by_test_id("stMetric").filter(has_text="Hidden patches").get_by_text(f"{count} of 16").wait_for()


def middle(target) -> tuple[float, float]:
    target.scroll_into_view_if_needed()
    box = target.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def test_a_drag_hides_and_the_picture_comes_back_before_the_page(opened, page, settle):
    opened(page)
    assert hidden(page) == [0, 1]
    picture = page.locator(".maskboard img")
    before = picture.get_attribute("src")
    page.mouse.move(*middle(patch(page, 3, 1)))
    page.mouse.down()
    page.mouse.move(*middle(patch(page, 3, 4)), steps=2)  # faster than the patches are wide
    page.locator(".maskboard").get_by_text("6 of 16 patches hidden").wait_for()
    assert hidden(page) == [0, 1, 8, 9, 10, 11] and picture.get_attribute("src") != before
    assert "mask=c000" in page.url, "the page waits for the brush to be lifted"
    page.mouse.up()
    counted(page, 6)
    settle(page)
    assert "mask=c0f0" in page.url and hidden(page) == [0, 1, 8, 9, 10, 11]
    assert page.locator(".maskboard").get_by_text("6 of 16 patches hidden").is_visible() and page.errors == []


def test_tools_and_keys_paint_too(opened, page, settle):
    opened(page)
    page.get_by_role("button", name="Invert").click()
    counted(page, 14)
    page.get_by_role("button", name="Show all").click()
    counted(page, 0)
    settle(page)
    page.get_by_role("button", name="Random 75 %").click()
    counted(page, 12)
    settle(page)
    page.get_by_role("button", name="Show all").click()
    counted(page, 0)
    page.get_by_role("button", name="Brush 2 × 2").click()
    page.mouse.click(*middle(patch(page, 2, 2)))
    counted(page, 4)
    settle(page)
    assert hidden(page) == [5, 6, 9, 10] and "mask=0660" in page.url
    page.get_by_role("button", name="Brush 2 × 2").click()
    patch(page, 1, 1).focus()
    for key in ("ArrowRight", "Space"):
        page.keyboard.press(key)
    counted(page, 5)
    settle(page)
    assert hidden(page) == [1, 5, 6, 9, 10] and page.errors == []


def test_a_pressed_patch_asks_and_pointing_tells_weights(opened, page, settle):
    opened(page)
    large = page.locator(".attention canvas").first
    large.scroll_into_view_if_needed()
    box = large.bounding_box()

    def at(row: int, column: int) -> tuple[float, float]:
        return box["x"] + (column + 0.5) * box["width"] / 4, box["y"] + (row + 0.5) * box["height"] / 4

    page.mouse.move(*at(3, 2))
    page.get_by_text(re.compile(r"Row 3, column 2: \d+\.\d+ % of the attention")).wait_for()
    page.get_by_text(re.compile(r"Head 2 · \d+\.\d+ %")).wait_for()
    page.mouse.move(*at(0, 1))
    page.get_by_text("Row 0, column 1: hidden").wait_for()
    page.mouse.click(*at(3, 2))
    page.wait_for_url("**asks=3*2**")
    settle(page)
    page.get_by_role("img", name="attention of block 2 from row 3, column 2").first.wait_for()
    large.focus()
    for key in ("ArrowUp", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    page.wait_for_url("**asks=2*3**")
    settle(page)
    assert page.errors == []


def test_on_a_phone_a_tap_hides_and_nothing_is_wider_than_the_screen(opened, phone, settle):
    opened(phone)
    phone.touchscreen.tap(*middle(patch(phone, 2, 3)))
    counted(phone, 3)
    settle(phone)
    assert hidden(phone) == [0, 1, 6] and "mask=c200" in phone.url
    phone.touchscreen.tap(*middle(patch(phone, 1, 1)))
    counted(phone, 2)
    settle(phone)
    assert hidden(phone) == [1, 6], "what was hidden first is shown"
    wide = phone.evaluate("() => document.documentElement.scrollWidth")
    assert wide <= 390 and phone.locator(".maskboard .tools button").first.bounding_box()["height"] >= 36
    assert phone.errors == []
