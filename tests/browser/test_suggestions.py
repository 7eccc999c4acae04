"""Ask for a change in a real browser: what is proposed is taken onto the canvas, taken back, and left."""

from __future__ import annotations

import re

import pytest

from explorer import results
from explorer.results.subject import Subject
from explorer.results.suggestions import question

LONG = 20_000
QUERY = "checkpoint=vqvae-shapes&image=3&aim=image&towards=8&swaps=3"


@pytest.fixture(scope="module")
def proposed(workspace):
    """Three swaps towards image 8, in the cache of the app."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EXPLORER_CACHE", str(workspace / "cache"))
        patch.setattr(question, "MOST", 600)
        asked = {"image": 3, "layer": "code", "towards": 8, "swaps": 3}
        found = results.obtain("suggestions", Subject.of("vqvae-shapes", "shapes"), asked)[1]
    return [(one["cell"], one["code"]) for one in found["swaps"]]


def told(page, text):
    """Waits until the canvas has the edit."""
    from playwright.sync_api import expect

    expect(page.locator(".drawn[data-name=canvas]")).to_have_attribute("data-text", re.compile(text), timeout=LONG)


def listed(page, app_url, settle):
    page.goto(f"{app_url}/edit?{QUERY}")
    settle(page)
    page.wait_for_selector(".pp li .take:visible")
    return page.locator(".pp li")


def test_swaps_are_taken_onto_the_canvas_taken_back_and_left(page, app_url, settle, proposed):
    from playwright.sync_api import expect

    rows = listed(page, app_url, settle)
    assert rows.count() == 3
    now = page.locator(".pp .now")
    expect(now).to_have_text(re.compile(r"nearness to image 8 \d"), timeout=LONG)
    before = now.text_content()

    # a stroke by hand stays when a swap is taken after it
    board = page.locator("canvas[role=application]")
    board.scroll_into_view_if_needed()
    box = board.bounding_box()
    free = next(cell for cell in range(64) if cell not in [swap[0] for swap in proposed])
    page.locator(".palette button").nth(2).click()
    page.mouse.click(box["x"] + (free % 8 + 0.5) * box["width"] / 8, box["y"] + (free // 8 + 0.5) * box["height"] / 8)
    told(page, f"[:,]{free}=")
    cell, code = proposed[1]
    page.get_by_role("button", name="Take swap 2").click()
    told(page, f"[:,]{cell}={code}")
    told(page, f"[:,]{free}=")
    expect(rows.nth(1)).to_have_attribute("data-taken", "")
    expect(now).not_to_have_text(before, timeout=LONG)

    page.get_by_role("button", name="Take all").click()
    for cell, code in proposed:
        told(page, f"[:,]{cell}={code}")
    settle(page)
    assert "edit=" in page.url
    page.get_by_role("button", name="Take back swap 1").click()
    page.get_by_role("button", name="Leave swap 1").click()
    expect(rows).to_have_count(2)
    settle(page)
    expect(page).to_have_url(re.compile("left=0"), timeout=LONG)
    told(page, f"[:,]{proposed[1][0]}={proposed[1][1]}")
    assert not re.search(f"[:,]{proposed[0][0]}={proposed[0][1]}", page.url)
    page.keyboard.press("Control+z")

    listed(page, app_url, settle)
    page.goto(f"{app_url}/edit?{QUERY}&left=0,1")
    settle(page)
    expect(page.locator(".pp li")).to_have_count(1, timeout=LONG)
    page.get_by_role("button", name="Show what was left").click()
    expect(page.locator(".pp li")).to_have_count(3)
    assert not page.errors


@pytest.fixture
def phone(browser):
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    context.set_default_timeout(120_000)
    tab = context.new_page()
    yield tab
    context.close()


def test_a_finger_takes_a_swap_on_a_phone(phone, app_url, settle, proposed):
    rows = listed(phone, app_url, settle)
    button = rows.nth(0).get_by_role("button", name="Take swap 1")
    button.scroll_into_view_if_needed()
    box = button.bounding_box()
    phone.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    cell, code = proposed[0]
    told(phone, f"[:,]{cell}={code}")
    assert box["height"] >= 40 and phone.evaluate("document.documentElement.scrollWidth") <= 391
